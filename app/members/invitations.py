"""Invitations: an admin asks somebody by mail to act for the organisation, and who is asked says yes or no.

The mailed link proves who holds the mailbox. With an account of that e-mail one signs in and accepts; without one, a name
and a password are set with the acceptance. Nobody learns from an invitation whether there is an account, but its holder.
"""

import uuid
from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, history, outbox
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.history import Event
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Capacity, Viewer, acting_for_all, one
from app.foundation.text import N_
from app.members import actions, keys, passwords, rules, states, tries
from app.members.model import Invitation, Member, Membership, new_mark
from app.members.roles import CUSTOMER_ADMIN, CUSTOMER_MEMBER
from app.members.sign_ins import Passed
from app.parties.actions import operator
from app.parties.model import Organisation, PartnerCustomer

_LINK = "invitation link"
#: what standing_of() says besides the states: open, but nobody may answer it any more
EXPIRED = "expired"

_SAID = frozenset({"email"})
INVITED = history.declare(
    Event(
        "invitation_sent",
        N_("%(email)s invited as %(capacity)s, with the roles: %(roles)s"),
        fields=frozenset({"email", "capacity", "roles"}),
        icon="email",
    )
)
RESENT = history.declare(
    Event("invitation_resent", N_("Invitation of %(email)s sent again"), fields=_SAID, icon="send")
)
for _action, _sentence, _icon in (
    (states.ACCEPT, N_("Invitation accepted by %(email)s"), "checkmark"),
    (states.DECLINE, N_("Invitation declined by %(email)s"), "close"),
    (states.WITHDRAW, N_("Invitation of %(email)s withdrawn"), "undo"),
    (states.REPLACE, N_("Invitation of %(email)s had expired unanswered"), "time"),
):
    history.declare(Event(states.EVENTS[_action], _sentence, fields=_SAID, icon=_icon))


def invite(
    email: str,
    roles: Iterable[str],
    *,
    by: Viewer,
    organisation_id: uuid.UUID | None = None,
    capacity: Capacity | None = None,
) -> Invitation:
    """Ask by mail. Refuses who is a member here, or is invited already. Only the operator names another organisation."""
    by.must(actions.MANAGE)
    organisation_id, capacity = organisation_id or cast(uuid.UUID, by.organisation_id), capacity or by.capacity
    if by.capacity not in ("system", "operator") and (by.organisation_id, by.capacity) != (organisation_id, capacity):
        raise NotVisible
    return _invite(organisation_id, capacity, email, roles, by=by)


def invite_first_admin(organisation: Organisation, email: str, *, name: str, by: Viewer) -> Invitation:
    """Ask by mail whoever is to begin a customer that has just been founded, who may then invite others.

    Whoever calls has asked whether `by` may found it. `name` is what the person is asked to confirm as theirs.
    """
    return _invite(organisation.id, "customer", email, (CUSTOMER_ADMIN, CUSTOMER_MEMBER), by=by, name=name)


def _invite(
    organisation_id: uuid.UUID, capacity: Capacity, email: str, roles: Iterable[str], *, by: Viewer, name: str = ""
) -> Invitation:
    email = rules.normal_email(email)
    with transaction(), acting_for_all("who is invited need not be visible to who invites"):
        organisation = one(Organisation, organisation_id)
        if not organisation.acts_as(capacity):
            raise Refused("capacity", N_("%(name)s does not act in this capacity."), name=organisation.name)
        invitation = Invitation(
            organisation_id=organisation.id,
            capacity=capacity,
            email=email,
            name=name,
            roles=rules.check_roles(roles, capacity),
            invited_by_id=by.member_id,
            invited_by_label=by.label,
            created_at=clock.now(),
            sent_at=clock.now(),
        )
        _make_way(invitation, by)
        _add(invitation)
        said: dict[str, Any] = {"email": email, "capacity": capacity, "roles": ", ".join(invitation.roles)}
        history.record(invitation, INVITED, by=by, **said)
        _mail(invitation, organisation)
    return invitation


def resend(invitation_id: uuid.UUID, *, by: Viewer, organisation_id: uuid.UUID | None = None) -> Invitation:
    """Mail it again; its week begins anew, even after it had expired. The first mail's link works as long as this one."""
    by.must(actions.MANAGE)
    with transaction():
        invitation = one_here(invitation_id, by=by, organisation_id=organisation_id, lock=True)
        mail_again(invitation, by=by)
    return invitation


def mail_again(invitation: Invitation, *, by: Viewer, field: str = "invitation") -> None:
    """Of one that is locked and that `by` may send: whoever calls has seen to both."""
    if invitation.state != states.OPEN:
        raise AlreadyDone(invitation.state, "resend")
    rules.check_resend(invitation.sent_at, clock.now(), field=field)
    invitation.sent_at, invitation.version = clock.now(), invitation.version + 1
    db.session.flush()
    history.record(invitation, RESENT, by=by, email=invitation.email)
    with acting_for_all("the mail names the organisation"):
        _mail(invitation, one(Organisation, invitation.organisation_id))


def withdraw(invitation_id: uuid.UUID, *, by: Viewer, organisation_id: uuid.UUID | None = None) -> Invitation:
    """Its links stop working. AlreadyDone when it was answered meanwhile."""
    by.must(actions.MANAGE)
    with transaction():
        invitation = one_here(invitation_id, by=by, organisation_id=organisation_id, lock=True)
        change_state(invitation, states.WITHDRAW, by=by, email=invitation.email)
    return invitation


def accept(token: str, *, by: Viewer) -> Membership:
    """Signed in with the invited e-mail: join. NotVisible for anybody else; AlreadyDone when it can no longer be answered."""
    assert by.member_id is not None, "only somebody signed in accepts this way"
    with transaction(), acting_for_all("an invitation proves who holds it"):
        invitation, organisation = _answerable(token)
        member = one(Member, by.member_id, lock=True)
        if member.email != invitation.email or not member.active:
            raise NotVisible
        membership = _accepted(invitation, organisation, member)
        facts = {"name": member.name, "organisation": organisation.name}
        told = outbox.Notice("member", str(member.id), "joined_organisation", facts)
        outbox.post(told, subject_kind="member", subject_id=member.id)
    return membership


def accept_as_new(token: str, name: str, password: str, *, source: str) -> Passed:
    """Without an account: make it and join, both or neither. Returns what a session is opened with."""
    invitation, organisation = holder_of(token)
    name = actions.checked_name(name)
    rules.check_password(password, email=invitation.email, name=name)
    hashed = passwords.hash_password(password)
    with transaction(), acting_for_all("an invitation proves who holds it"):
        invitation, organisation = _answerable(token)
        member = db.session.scalar(select(Member).where(Member.email == invitation.email).with_for_update())
        if member is None:
            by = Viewer("public", organisation_name=organisation.name, member_name=name)
            member = actions.add_account(name, invitation.email, hashed, zone=organisation.zone, by=by)
        elif member.password is not None or not member.active:
            raise Refused("password", N_("There is an account of this e-mail already. Sign in with it to answer."))
        else:  # made by `operator create`, or before there were invitations, and never used
            member.name, member.password, member.session_mark = name, hashed, new_mark()
        member.last_sign_in_at = clock.now()
        _accepted(invitation, organisation, member)
        tries.link_used(member.email, source)  # after the joining, whose admin may see it
    return Passed(member.id, member.session_mark, False)


def decline(token: str) -> Invitation:
    """Say no; the link alone is enough, since it gives nothing away. AlreadyDone when it can no longer be answered."""
    with transaction(), acting_for_all("an invitation proves who holds it"):
        invitation, organisation = _answerable(token)
        by = Viewer("public", organisation_name="by a mailed link", member_name=invitation.email)
        change_state(invitation, states.DECLINE, by=by, email=invitation.email)
        _tell_inviter(invitation, organisation, "invitation_declined", invitation.email)
    return invitation


def holder_of(token: str) -> tuple[Invitation, Organisation]:
    """The invitation of this link, whatever became of it. NotVisible: none of ours."""
    with acting_for_all("an invitation proves who holds it"):
        invitation = _named_by(token)
        return invitation, one(Organisation, invitation.organisation_id)


def standing_of(invitation: Invitation, organisation: Organisation) -> str:
    """Its state as its holder meets it: open only while it may be answered."""
    if invitation.state != states.OPEN:
        return invitation.state
    if not organisation.acts_as(invitation.capacity):
        return states.WITHDRAWN
    return EXPIRED if rules.has_expired(invitation.sent_at, clock.now()) else states.OPEN


def account_stands(email: str) -> bool:
    """Whether somebody signs in with this e-mail; asked for the holder of a link to it, nobody else."""
    with acting_for_all("the holder of a mailed link is told how to go on"):
        found = select(Member.id).where(Member.email == email, Member.password.is_not(None))
        return db.session.scalar(found) is not None


def one_here(
    invitation_id: uuid.UUID, *, by: Viewer, organisation_id: uuid.UUID | None = None, lock: bool = False
) -> Invitation:
    """An invitation of the organisation and capacity acted for, or for the operator of `organisation_id`. Else NotVisible."""
    invitation = one(Invitation, invitation_id, lock=lock)
    if organisation_id is None:
        fits = (invitation.organisation_id, invitation.capacity) == (by.organisation_id, by.capacity)
    else:
        fits = by.capacity == "operator" and invitation.organisation_id == organisation_id
    if not fits:
        raise NotVisible
    return invitation


def link_token(invitation: Invitation) -> str:
    return keys.sign(_LINK, {"i": invitation.id.hex})


def _make_way(invitation: Invitation, by: Viewer) -> None:
    """Nobody is asked twice at once. One that expired unanswered gives way, and History says so."""
    mine = (Invitation.organisation_id == invitation.organisation_id) & (Invitation.capacity == invitation.capacity)
    if actions.is_member(invitation.email, invitation.organisation_id, cast(Capacity, invitation.capacity)):
        raise Refused("email", N_("%(name)s is a member here already."), name=invitation.email)
    standing = db.session.scalar(
        select(Invitation)
        .where(mine, Invitation.email == invitation.email, Invitation.state == states.OPEN)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if standing is not None and not rules.has_expired(standing.sent_at, clock.now()):
        raise _invited_already(invitation.email)
    if standing is not None:
        change_state(standing, states.REPLACE, by=by, email=standing.email)
    newest = (
        select(Invitation.sent_at)
        .where(mine, Invitation.email == invitation.email, Invitation.state == states.WITHDRAWN)
        .order_by(Invitation.sent_at.desc())
    )
    if (mailed_at := db.session.scalar(newest.limit(1))) is not None:  # withdrawn: the mail was sent all the same
        rules.check_resend(mailed_at, clock.now(), field="email")
    few = select(Invitation.id).where(mine, Invitation.state == states.OPEN).limit(rules.MOST_INVITATIONS).subquery()
    if (db.session.scalar(select(func.count()).select_from(few)) or 0) >= rules.MOST_INVITATIONS:
        raise Refused(
            "email",
            N_("%(most)s invitations are open already. Withdraw some, or wait for answers."),
            most=rules.MOST_INVITATIONS,
        )


def _add(invitation: Invitation) -> None:
    try:
        with db.session.begin_nested():
            db.session.add(invitation)
    except IntegrityError as meanwhile:  # another admin, in the same moment
        raise _invited_already(invitation.email) from meanwhile


def _invited_already(email: str) -> Refused:
    return Refused("email", N_("%(email)s is invited already. Send that invitation again instead."), email=email)


def _named_by(token: str, *, lock: bool = False) -> Invitation:
    try:
        return one(Invitation, uuid.UUID(hex=keys.unsign(_LINK, token)["i"]), lock=lock)
    except (keys.Unreadable, KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise NotVisible from wrong


def _answerable(token: str) -> tuple[Invitation, Organisation]:
    """Locked, so that of two answers the second finds what the first has made of it."""
    invitation = _named_by(token, lock=True)
    organisation = one(Organisation, invitation.organisation_id)
    standing = standing_of(invitation, organisation)
    if standing != states.OPEN:
        raise AlreadyDone(standing, "answer")
    return invitation, organisation


def _accepted(invitation: Invitation, organisation: Organisation, member: Member) -> Membership:
    by = Viewer("public", organisation_name=organisation.name, member_id=member.id, member_name=member.name)
    change_state(invitation, states.ACCEPT, by=by, email=invitation.email)
    capacity = cast(Capacity, invitation.capacity)
    membership = actions.admit(member, organisation, capacity, invitation.roles, by=by)
    _tell_inviter(invitation, organisation, "invitation_accepted", member.name)
    return membership


def _tell_inviter(invitation: Invitation, organisation: Organisation, template: str, name: str) -> None:
    if invitation.invited_by_id is None:
        return
    facts = {"name": name, "email": invitation.email, "organisation": organisation.name}
    inviter, behalf = str(invitation.invited_by_id), _inviter_acts_for(invitation)
    # written out, so that a test finds the name of every mail
    accepted = outbox.Notice("member", inviter, "invitation_accepted", facts, organisation_id=behalf)
    declined = outbox.Notice("member", inviter, "invitation_declined", facts, organisation_id=behalf)
    told = accepted if template == "invitation_accepted" else declined
    outbox.post(told, subject_kind="organisation", subject_id=organisation.id)


def _inviter_acts_for(invitation: Invitation) -> uuid.UUID:
    """The organisation that invites, the partner that founded a customer, or the operator that did it for them: who has left it is
    not told who joined."""
    of_their_own = select(Membership.id).where(
        Membership.member_id == invitation.invited_by_id, Membership.organisation_id == invitation.organisation_id
    )
    if db.session.scalar(of_their_own.limit(1)):
        return invitation.organisation_id
    founder = (
        select(PartnerCustomer.partner_id)
        .join(Membership, Membership.organisation_id == PartnerCustomer.partner_id)
        .where(
            Membership.member_id == invitation.invited_by_id,
            PartnerCustomer.customer_id == invitation.organisation_id,
        )
    )
    return db.session.scalar(founder.order_by(PartnerCustomer.since).limit(1)) or operator().id


def _mail(invitation: Invitation, organisation: Organisation) -> None:
    facts = {
        "organisation": organisation.name,
        "by": "" if invitation.invited_by_id is None else invitation.invited_by_label,
        "path": keys.seal_link(f"/invitations/{link_token(invitation)}", bound_to=organisation.id),
        "days": rules.INVITED_FOR.days,
    }
    outbox.post(
        outbox.Notice("address", invitation.email, "invitation", facts),
        subject_kind="organisation",
        subject_id=organisation.id,
    )
