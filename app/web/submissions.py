"""Writes that happen once: a form sent twice acts once, and only for the organisation, and in the capacity, it was opened for.

    entry_id, first = submit_once(form, lambda: add_billing_entry(engagement, ..., by=tenancy.current()), action="add-billing-entry")

`do` is one action of a room and returns its row. `first` is False when this very form was sent before: say the same as then.
What comes out of here needs no catching, but for Refused, which goes on the form with form.refuse(no):
WrongOrganisation and KeyReused become 409 pages, AlreadyDone the fresh panel or a 409 page, NotVisible 404, MissingRole 403.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from flask import request

from app.foundation import idempotency, tenancy
from app.foundation.refusals import AlreadyDone, KeyReused, MissingRole, NotVisible, Refused
from app.foundation.tenancy import Viewer
from app.web.fields import PortalForm, acting_as, new_key

__all__ = ["WrongOrganisation", "new_key", "sender", "submit_each", "submit_once"]

#: How one row of a form over many says no.
No = Refused | AlreadyDone | NotVisible | MissingRole | KeyReused


class WrongOrganisation(Exception):
    """The form was rendered for another organisation, or in another capacity, than is acted in now: 409, nothing was written."""

    def __init__(self, rendered_for: str) -> None:
        self.rendered_for = rendered_for
        super().__init__(rendered_for)


def submit_once(form: PortalForm, do: Callable[[], Any], *, action: str) -> tuple[uuid.UUID, bool]:
    """Do it unless this form already has. Returns (id of the resulting row, whether it was done just now).

    `form` has been validated. The body compared on a repeat is the action, the address and what was entered.
    """
    by = sender(form)
    body = {"action": action, "path": request.path, **form.own_fields()}
    return idempotency.once(form.submission_key.data, body, do, by=by)


def submit_each(
    form: PortalForm, rows: Iterable[tuple[uuid.UUID, str]], do: Callable[[uuid.UUID, str], Any], *, action: str
) -> dict[uuid.UUID, No | None]:
    """Do it to each row, each in a transaction of its own and each once, however often this form is sent.

    `rows`: (id, what the form carries about this row alone, such as the amount that was shown); `do` takes both. Returns
    how each row said no, None where it is done. One row's no never holds up the others.
    """
    by = sender(form)
    found: dict[uuid.UUID, No | None] = {}
    for row_id, carried in dict(rows).items():
        key = hashlib.sha256(f"{form.submission_key.data} {row_id}".encode()).hexdigest()
        body = {"action": action, "path": request.path, "row": str(row_id), "carried": carried, **form.own_fields()}
        try:
            idempotency.once(key, body, lambda row_id=row_id, carried=carried: do(row_id, carried), by=by)  # type: ignore[misc]
            found[row_id] = None
        except (Refused, AlreadyDone, NotVisible, MissingRole, KeyReused) as no:
            found[row_id] = no
    return found


def sender(form: PortalForm) -> Viewer:
    """Who sends the form, for the organisation and in the capacity it was opened for; WrongOrganisation after a switch in another tab.

    For forms whose rows carry keys of their own (bulk entry); all others go through submit_once.
    """
    by = tenancy.current()
    if form.rendered_for.data != acting_as(by):
        raise WrongOrganisation(form.rendered_for.data)
    return by
