"""What each member wants to be told, and where. No row: in the portal and by mail."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from app.foundation.database import db, transaction
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, acting_for_all
from app.notices.model import NoticePreference
from app.notices.types import TYPES, NoticeType


@dataclass(frozen=True)
class Wish:
    in_portal: bool = True
    by_mail: bool = True


def types_for(viewer: Viewer) -> list[NoticeType]:
    """The types that somebody in this capacity is told of."""
    return [one for one in TYPES.values() if viewer.capacity in one.capacities]


def own_wishes(viewer: Viewer) -> dict[str, Wish]:
    """Type -> wish, for every type this viewer is offered."""
    rows = db.session.scalars(select(NoticePreference).where(NoticePreference.member_id == viewer.member_id))
    kept = {row.type: Wish(row.in_portal, row.by_mail) for row in rows}
    return {one.key: kept.get(one.key, Wish()) for one in types_for(viewer)}


def wishes_of(member_ids: Iterable[uuid.UUID], type_: str) -> dict[uuid.UUID, Wish]:
    """Member -> wish about one type, for those who said something."""
    wanted = list(member_ids)
    if not wanted:
        return {}
    with acting_for_all("what the readers of a notice want"):
        rows = db.session.scalars(
            select(NoticePreference).where(NoticePreference.member_id.in_(wanted), NoticePreference.type == type_)
        )
        return {row.member_id: Wish(row.in_portal, row.by_mail) for row in rows}


def change(wishes: Mapping[str, Wish], *, by: Viewer) -> None:
    """Keep what the member wants of these types; a type that this capacity is not offered is left as it is."""
    if by.member_id is None:
        raise NotVisible
    offered = {one.key for one in types_for(by)}
    with transaction() as session:
        kept = {
            row.type: row
            for row in session.scalars(
                select(NoticePreference).where(NoticePreference.member_id == by.member_id).with_for_update()
            )
        }
        for key, wish in wishes.items():
            if key not in offered:
                continue
            row = kept.get(key)
            if row is None:
                session.add(
                    NoticePreference(member_id=by.member_id, type=key, in_portal=wish.in_portal, by_mail=wish.by_mail)
                )
            else:
                row.in_portal, row.by_mail = wish.in_portal, wish.by_mail
