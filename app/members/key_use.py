"""An API key at its use: whom it lets in, worked out afresh at each request, and when it was last seen."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import or_, select, update

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import Capacity, Viewer, acting_for_all
from app.members import keys
from app.members.api_keys import PREFIX, PURPOSE, ApiKey
from app.members.model import Member, Membership
from app.members.roles import permissions_of
from app.parties.model import Organisation

#: The last use is written down this often at most: a busy key must not write with each request.
USE_NOTED_EVERY = timedelta(minutes=1)
#: Longer texts were not made by us.
LONGEST = 100


@dataclass(frozen=True)
class Use:
    """A key that was shown and counts: who acts by it."""

    key_id: uuid.UUID
    viewer: Viewer


def viewer_of(shown: str) -> Use | None:
    """Who acts by this key now; None when it is not ours, expired or revoked, or its member could not act by hand either.

    So when the member has left, the organisation is deactivated, or it requires a second factor that the member has not
    got. Notes the use.
    """
    if not shown.startswith(PREFIX) or len(shown) > LONGEST:
        return None
    found = (
        select(
            ApiKey,
            Membership.roles,
            Member.name.label("member_name"),
            Member.zone,
            Member.totp_confirmed_at,
            Organisation,
        )
        .join(Membership, Membership.id == ApiKey.membership_id)
        .join(Member, Member.id == ApiKey.member_id)
        .join(Organisation, Organisation.id == ApiKey.organisation_id)
        .where(ApiKey.digest == keys.fingerprint(PURPOSE, shown), ApiKey.revoked_at.is_(None), Member.active)
    )
    now = clock.now()
    with acting_for_all("whose key this is, before there is a viewer"):
        row = db.session.execute(found).one_or_none()
        if row is None or not (row.ApiKey.expires_at is None or now < row.ApiKey.expires_at):
            return None
        key, organisation = row.ApiKey, row.Organisation
        if not {"partner": organisation.is_partner, "customer": organisation.is_customer}.get(key.capacity):
            return None
        if organisation.deactivated_at is not None:
            return None
        if organisation.second_factor_since is not None and row.totp_confirmed_at is None:
            return None
        _note_use(key, now)
    capacity = cast(Capacity, key.capacity)
    viewer = Viewer(
        capacity,
        organisation_id=organisation.id,
        organisation_name=organisation.name,
        member_id=key.member_id,
        member_name=row.member_name,
        permissions=permissions_of(frozenset(row.roles), capacity) & frozenset(key.permissions),
        zone=row.zone,
    )
    return Use(key.id, viewer)


def _note_use(key: ApiKey, now: datetime) -> None:
    """One conditional write, once a minute; a demo's clock that was moved back does not hold it up."""
    noted = key.last_used_at
    if noted is not None and now - USE_NOTED_EVERY < noted <= now:
        return
    with transaction() as session:
        session.execute(
            update(ApiKey)
            .where(
                ApiKey.id == key.id,
                or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - USE_NOTED_EVERY, ApiKey.last_used_at > now),
            )
            .values(last_used_at=now)
            .execution_options(synchronize_session=False)
        )  # fmt: skip
