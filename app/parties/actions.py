"""What is done with organisations: added, changed, secured, deactivated."""

import unicodedata
import uuid
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.history import Event
from app.foundation.permissions import declare
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_, folded
from app.parties.model import Organisation

MANAGE = declare("organisation:manage", N_("Add organisations and change what they are"))
SECURE = declare("organisation:secure", N_("Require a second factor of everybody who acts for the organisation"))
VIEW = declare("organisation:view", N_("See every organisation and its members"))

ORGANISATION_ADDED = history.declare(
    Event("organisation_added", N_("Organisation %(name)s added"), fields=frozenset({"name"}), icon="add")
)


ORGANISATION_CHANGED = history.declare(
    Event(
        "organisation_changed",
        N_("%(setting)s changed from %(old)s to %(new)s"),
        fields=frozenset({"setting", "old", "new"}),
        icon="edit",
    )
)
DEACTIVATED = history.declare(
    Event("organisation_deactivated", N_("Deactivated: %(reason)s"), fields=frozenset({"reason"}), icon="locked")
)
REACTIVATED = history.declare(Event("organisation_reactivated", N_("Active again"), icon="unlocked"))
FACTOR_REQUIRED = history.declare(
    Event("second_factor_required", N_("Second factor required of everybody who acts for it"), icon="security")
)
FACTOR_FREE = history.declare(
    Event("second_factor_not_required", N_("Second factor no longer required"), icon="security")
)
_STANDS = N_("There is an organisation of this name already.")
#: what may be changed, and how History names it
SETTINGS = {
    "name": N_("Name"),
    "is_partner": N_("Partner"),
    "is_customer": N_("Customer"),
    "zone": N_("Time zone"),
}


def add_organisation(
    name: str, *, by: Viewer, partner: bool = False, customer: bool = False, operator: bool = False, zone: str = "UTC"
) -> Organisation:
    """A new organisation, in at least one capacity. Refuses a name that stands already."""
    by.must(MANAGE)
    name = checked_name(name)
    if not (partner or customer or operator):
        raise Refused("capacities", N_("Choose at least one: partner or customer."))
    return _add(name, by=by, is_partner=partner, is_customer=customer, is_operator=operator, zone=zone)


def found_customer(name: str, *, by: Viewer, field: str = "name") -> Organisation:
    """A customer that signs itself up. Whoever calls has proven who asks; a name that stands is refused on `field`."""
    return _add(checked_name(name, field=field), by=by, field=field, is_customer=True)


def change_organisation(
    organisation_id: uuid.UUID, *, version: int, name: str, partner: bool, customer: bool, zone: str, by: Viewer
) -> Organisation:
    """Another name, zone or capacity, one History row each. AlreadyDone when somebody changed it since `version`.

    Whether a capacity may be taken away is asked before (engagements.farewells): this room knows no engagement.
    """
    by.must(MANAGE)
    wanted: dict[str, Any] = {"name": checked_name(name), "is_partner": partner, "is_customer": customer, "zone": zone}
    if zone not in available_timezones():
        raise Refused("zone", N_("There is no time zone of this name. Choose one from the list."))
    with transaction():
        organisation = one(Organisation, organisation_id, lock=True)
        if organisation.version != version:
            raise AlreadyDone("changed", "change_organisation")
        if not (partner or customer or organisation.is_operator):
            raise Refused("capacities", N_("Choose at least one: partner or customer."))
        if wanted["name"] != organisation.name:
            _refuse_standing(wanted["name"], "name", but=organisation.id)
        _change_settings(organisation, wanted, by)
        organisation.version += 1
    return organisation


def _change_settings(organisation: Organisation, wanted: dict[str, Any], by: Viewer) -> None:
    changed = {setting: getattr(organisation, setting) for setting in wanted}
    for setting, new in wanted.items():
        setattr(organisation, setting, new)
    _flush_name("name")
    for setting, old in changed.items():
        if old != wanted[setting]:
            said: dict[str, Any] = {"setting": SETTINGS[setting], "old": _text(old), "new": _text(wanted[setting])}
            history.record(organisation, ORGANISATION_CHANGED, by=by, **said)


def deactivate(organisation_id: uuid.UUID, *, reason: str, by: Viewer) -> Organisation:
    """Nobody acts for it and nobody is told anything for it from now on. Safe to say again.

    Whether it is free to go is asked before (engagements.farewells). The operator cannot go.
    """
    by.must(MANAGE)
    reason = reason.strip()
    if not reason:
        raise Refused("reason", N_("Say why; it stands in the organisation's history."))
    with transaction():
        organisation = one(Organisation, organisation_id, lock=True)
        if organisation.is_operator:
            raise Refused("reason", N_("%(name)s runs this installation."), name=organisation.name)
        if organisation.deactivated_at is None:
            organisation.deactivated_at, organisation.version = clock.now(), organisation.version + 1
            history.record(organisation, DEACTIVATED, by=by, reason=reason)
    return organisation


def reactivate(organisation_id: uuid.UUID, *, by: Viewer) -> Organisation:
    """Its members act for it again, with the roles they had. Safe to say again."""
    by.must(MANAGE)
    with transaction():
        organisation = one(Organisation, organisation_id, lock=True)
        if organisation.deactivated_at is not None:
            organisation.deactivated_at, organisation.version = None, organisation.version + 1
            history.record(organisation, REACTIVATED, by=by)
    return organisation


def require_second_factor(organisation_id: uuid.UUID, *, required: bool, by: Viewer) -> Organisation:
    """Whether members need a second factor to act for it: one's own organisation, or for the operator any. Safe to say again."""
    by.must(SECURE)
    if by.capacity not in ("system", "operator") and organisation_id != by.organisation_id:
        raise NotVisible
    with transaction():
        organisation = one(Organisation, organisation_id, lock=True)
        if required != (organisation.second_factor_since is not None):
            organisation.second_factor_since = clock.now() if required else None
            organisation.version += 1
            history.record(organisation, FACTOR_REQUIRED if required else FACTOR_FREE, by=by)
    return organisation


def operator() -> Organisation:
    """The one organisation that runs this installation."""
    return db.session.scalars(select(Organisation).where(Organisation.is_operator)).one()


def checked_name(name: str, *, field: str = "name") -> str:
    name = unicodedata.normalize("NFC", " ".join(name.split()))  # one spelling, or two names that look alike are two
    if not name:
        raise Refused(field, N_("Enter the organisation's name."))
    if len(name) > 200 or not name.isprintable():
        raise Refused(field, N_("A name has at most 200 characters and no control characters."))
    return name


def _add(name: str, *, by: Viewer, field: str = "name", **facts: Any) -> Organisation:
    with transaction() as session:
        _refuse_standing(name, field)
        organisation = Organisation(name=name, created_at=clock.now(), **facts)
        session.add(organisation)
        _flush_name(field)
        history.record(organisation, ORGANISATION_ADDED, by=by, name=name)
    return organisation


def _flush_name(field: str) -> None:
    try:
        db.session.flush()
    except IntegrityError as meanwhile:  # somebody took the name in the same moment; the transaction is rolled back
        raise Refused(field, _STANDS) from meanwhile


def _refuse_standing(name: str, field: str, but: uuid.UUID | None = None) -> None:
    """No two organisations share a name, however it is written: ACME and Acme would be taken for one another.

    What a search takes for the same is compared letter by letter: SQLite knows small letters of English only.
    """
    with acting_for_all("a name is compared with every organisation's"):
        alike = select(Organisation.name).where(Organisation.search_name == folded(name)[:400])
        if but is not None:
            alike = alike.where(Organisation.id != but)
        if any(_spoken(standing) == _spoken(name) for standing in db.session.scalars(alike)):
            raise Refused(field, _STANDS)


def _spoken(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _text(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
