"""Notices: what the key's member was told on behalf of the key's organisation. What concerns the account stays with the person."""

import uuid
from typing import Any

from flask import current_app

from app.api import inbox_schemas as schemas
from app.api.operations import Operations, once, once_answered
from app.api.schemas import Nothing, page_of
from app.api.shapes import listed
from app.foundation import tenancy
from app.foundation.database import db
from app.foundation.refusals import NotVisible
from app.notices import portal
from app.notices.model import PortalNotice

operations = Operations("notices", __name__, description="What the key's member was told for the organisation.")

MAY = {"partner": "inbox:view", "customer": "inbox:view"}


@operations.get("/notices", query=schemas.NoticeFilters, gives=page_of(schemas.Notice), needs=MAY)
def list_notices(query: dict[str, Any]) -> Any:
    """Notices, newest first."""
    found = portal.notices(unread_only="status" in query, type_=query.get("type"))
    return listed(found.where(_here()), portal.LIST_KEYS, query, lambda rows: [_shape(row) for row in rows])


@operations.post("/notices/<uuid:notice_id>/read", takes=Nothing, gives=schemas.Notice, needs=MAY)
def read_notice(body: dict[str, Any], notice_id: uuid.UUID) -> Any:
    """The notice is read from now on."""
    _own(notice_id)

    def do() -> Any:
        portal.mark_read([notice_id], by=tenancy.current(), here_only=True)
        return _own(notice_id)

    return _shape(_own(once(body, do)))


@operations.post("/notices/read", takes=schemas.NoticesRead, gives=schemas.Marked, needs=MAY)
def read_notices(body: dict[str, Any]) -> Any:
    """These notices are read from now on, or all of them."""
    by = tenancy.current()
    return once_answered(
        body, schemas.Marked, lambda: {"marked": portal.mark_read(body.get("ids"), by=by, here_only=True)}
    )


def _here() -> Any:
    return PortalNotice.organisation_id == tenancy.current().organisation_id


def _own(notice_id: uuid.UUID) -> Any:
    row = db.session.execute(portal.notices().where(PortalNotice.id == notice_id, _here())).one_or_none()
    if row is None:
        raise NotVisible
    return row


def _shape(row: Any) -> dict[str, Any]:
    said = portal.said(row, current_app.config["SETTINGS"])
    return {
        "id": row.id,
        "at": row.at,
        "type": row.type,
        "text": said.subject,
        "more": row.more,
        "path": said.path,
        "read_at": row.read_at,
    }
