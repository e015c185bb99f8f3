"""Failed rows: work of the machine that failed and waits, of every room, with its reason; tried again at once, or given up."""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.exceptions import NotFound
from wtforms import SelectMultipleField

from app.documents import Column
from app.foundation import failed_rows, tenancy
from app.foundation.database import db, streamed
from app.foundation.failed_rows import RETRY, VIEW, FailedKind
from app.foundation.pages import page_of
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.web.exports import download
from app.web.fields import Carried, PortalForm
from app.web.filters import Choice
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.listing import Listing, ListOf
from app.web.operations_tabs import HERE, tabs
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("operations_failed_rows", __name__)

PATH = f"{HERE}/failed-rows"
#: rows that one press of Retry all takes along, oldest first; what is left is said
AT_ONCE = 200
LIST = ListOf(
    Choice("kind", _l("Kind"), lambda: {name: translate(kind.label) for name, kind in failed_rows.KINDS.items()})
)
COLUMNS = (
    Column(_l("What"), "about"),
    Column(_l("Whom it concerns"), "party"),
    Column(_l("Waiting since (UTC)"), "since"),
    Column(_l("Reason"), "reason"),
    Column(_l("Tries"), "tries"),
    Column(_l("Tried again at (UTC)"), "next_try_at"),
    Column(_l("Id"), "id"),
)


class Retry(PortalForm):
    chosen = SelectMultipleField(choices=[], validate_choice=False)
    #: the button that was pressed: 'chosen', 'all', or the one row's id
    which = Carried(default="")


class GiveUp(PortalForm):
    """Nothing to enter."""


@screen.get(PATH)
@screen.get(f"{PATH}.<any(csv, xlsx):kind>")
@needs(VIEW, capacity="operator")
def show_list(kind: str = "") -> Response:
    listing = LIST.read()
    asked = _asked(listing)
    if kind:
        return download(kind, f"failed-{asked.name}", COLUMNS, _every_row(asked))
    return show("operator/failed_rows.html", block="list", **_listed(listing, asked))


@screen.post(f"{PATH}/<string:failed_kind>/retry")
@needs(RETRY, capacity="operator")
def retry(failed_kind: str) -> Response:
    kind, form = _named(failed_kind), Retry()
    here = f"{PATH}?kind={kind.name}"
    if form.validate_on_submit():
        tried: dict[str, Any] = {"done": 0, "why": ""}
        try:
            submit_once(form, lambda: _retry_each(kind, _wanted(kind, form), tried), action="retry-failed-rows")
            return go_to(here, toast=_retried_words(**tried))
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return show_fresh(here, "operator/failed_rows.html", stale=True, **_listed(_plain_listing(), kind))
    return show("operator/failed_rows.html", block="list", status=form.status, **_listed(_plain_listing(), kind, form))


@screen.get(f"{PATH}/<string:failed_kind>/<uuid:row_id>/give-up", endpoint="ask_give_up")
@screen.post(f"{PATH}/<string:failed_kind>/<uuid:row_id>/give-up")
@needs(RETRY, capacity="operator")
def give_up(failed_kind: str, row_id: uuid.UUID) -> Response:
    kind, form = _named(failed_kind), GiveUp()
    verb = kind.give_up
    here = f"{PATH}?kind={kind.name}"
    row = _row(kind, row_id)
    if verb is None:
        raise NotFound
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: verb(row_id, by=tenancy.current()), action="give-up-failed-row")
            return go_to(here, toast=_("Given up. It is not tried again."))
        except AlreadyDone:
            return show_fresh(here, "operator/failed_rows.html", stale=True, **_listed(_plain_listing(), kind))
    decision = {
        "title": _("Give up"),
        "eyebrow": row.about,
        "action": f"{PATH}/{kind.name}/{row_id}/give-up",
        "submit": _("Give it up"),
        "sentence": translate(kind.give_up_words),
        "kind": "danger",
        "cancel": here,
        "form": form,
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=decision)


def _named(name: str) -> FailedKind:
    if name not in failed_rows.KINDS:
        raise NotFound
    return failed_rows.KINDS[name]


def _asked(listing: Listing) -> FailedKind:
    """The kind in the address; else the first of which something waits, else the first."""
    kinds = list(failed_rows.KINDS.values())
    if listing.values["kind"]:
        return failed_rows.KINDS[listing.values["kind"]]
    return next((kind for kind in kinds if failed_rows.count_of(kind)[0]), kinds[0])


def _plain_listing() -> Listing:
    return LIST.read(PATH)


def _listed(listing: Listing, kind: FailedKind, form: Retry | None = None) -> dict[str, Any]:
    with kind.looking():
        page = page_of(kind.rows(), kind.keys, after=listing.after, before=listing.before, oldest_first=True)
    counts = {name: failed_rows.count_of(each)[0] for name, each in failed_rows.KINDS.items()}
    return {
        "listing": listing.with_page(page),
        "rows": page.rows,
        "kind": kind,
        "kinds": [
            {
                "label": translate(each.label),
                "path": f"{PATH}?kind={name}",
                "count": counts[name],
                "current": each is kind,
            }
            for name, each in failed_rows.KINDS.items()
        ],
        "label": translate(kind.label),
        "at_once": AT_ONCE,
        "form": form or Retry(),
        "tabs": tabs("failed-rows", failed=sum(counts.values())),
        "csv": f"{PATH}.csv?kind={kind.name}",
        "xlsx": f"{PATH}.xlsx?kind={kind.name}",
    }


def _every_row(kind: FailedKind) -> Iterator[Any]:
    with kind.looking():
        return streamed(kind.rows().order_by(*kind.keys))


def _row(kind: FailedKind, row_id: uuid.UUID) -> Any:
    """The failed row itself, or NotVisible: a page asks about it before anything is done."""
    id_column = next(key for key in kind.keys if key.key == "id")
    with kind.looking():
        row = db.session.execute(kind.rows().where(id_column == row_id)).one_or_none()
    if row is None:
        raise NotVisible
    return row


def _wanted(kind: FailedKind, form: Retry) -> list[uuid.UUID]:
    """The rows meant; AlreadyDone when none of this kind waits any more, Refused when none was chosen."""
    if form.which.data == "all":
        with kind.looking():
            waiting = [row.id for row in db.session.execute(kind.rows().order_by(*kind.keys).limit(AT_ONCE))]
        if not waiting:
            raise AlreadyDone("done", "retry")
        return waiting
    texts: Iterable[str] = form.chosen.data or [] if form.which.data in ("", "chosen") else [form.which.data]
    ids = [found for text in list(texts)[:AT_ONCE] if (found := _uuid(text))]
    if not ids:
        raise Refused("rows", _("Choose the rows to try again."))
    return ids


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if len(text) == 36 else None
    except ValueError:
        return None


def _retry_each(kind: FailedKind, ids: list[uuid.UUID], tried: dict[str, Any]) -> Any:
    """Each that still waits is tried again; the reason of one that cannot be is kept. AlreadyDone when not one could."""
    last: Any = None
    for row_id in ids:
        try:
            last = kind.retry(row_id, by=tenancy.current())
            tried["done"] += 1
        except Refused as no:
            tried["why"] = translate(no)
        except AlreadyDone:
            continue
    if last is None:
        raise Refused("rows", tried["why"]) if tried["why"] else AlreadyDone("done", "retry")
    return last


def _retried_words(done: int, why: str) -> str:
    if not done:  # the very same form was sent before
        return _("These are tried again already.")
    words = ngettext("%(num)s row is tried again now.", "%(num)s rows are tried again now.", done)
    return f"{words} {why}" if why else words
