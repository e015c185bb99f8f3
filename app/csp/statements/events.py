"""What History says of statements, on the chain of the document they were drawn from, and whom it tells."""

from collections.abc import Iterable
from typing import Any

from app.csp.permissions import VIEW_OWN_CLOUD
from app.csp.statements.model import CspStatement
from app.foundation.history import Event, declare
from app.foundation.outbox import Notice
from app.foundation.text import N_


def _tell_customer(statement: CspStatement, facts: dict[str, Any]) -> Iterable[Notice]:
    """The linked organisation's people. Nothing of cost is among the facts."""
    if statement.customer_organisation_id:
        told = {**facts, "statement_id": str(statement.id), "partner": statement.partner_name}
        yield Notice(
            "organisation", str(statement.customer_organisation_id), "cloud_statement", told, VIEW_OWN_CLOUD
        )  # fmt: skip


ISSUED = declare(
    Event(
        "csp_statement_issued",
        N_("Statement %(number)s version %(version)s issued to %(customer)s: %(total)s"),
        fields=frozenset({"number", "version", "customer", "total", "invoice"}),
        icon="document",
        tells=_tell_customer,
    )
)
