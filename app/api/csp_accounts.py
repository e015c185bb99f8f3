"""CSP accounts: register one, sign in to it, look at it."""

import uuid
from typing import Any

from app.api import csp_account_schemas as shapes
from app.api import schemas
from app.api.csp_runs import last_run_of
from app.api.operations import Operations, once
from app.api.shapes import listed
from app.csp.accounts import actions, application, login, queries
from app.csp.accounts.model import CspAccount
from app.foundation import tenancy
from app.foundation.refusals import Refused
from app.foundation.tenancy import one
from app.foundation.text import N_

operations = Operations("CSP accounts", __name__, description="A partner's own Microsoft partner tenants.")

MANAGE = {"partner": "csp-account:manage"}


@operations.get("/csp/accounts", query=shapes.Accounts, gives=schemas.page_of(shapes.Account), needs=MANAGE)
def list_csp_accounts(query: dict[str, Any]) -> Any:
    """Newest first."""
    found = queries.accounts(state=query.get("state"), account=query.get("account"))
    return listed(found, queries.LIST_KEYS, query, lambda rows: [_shape(row) for row in rows])


@operations.post("/csp/accounts", takes=shapes.NewAccount, gives=shapes.AccountDetails, status=201, needs=MANAGE)
def register_csp_account(body: dict[str, Any]) -> Any:
    """A draft, until somebody of the tenant has signed in."""
    percentages = {name: body[name] for name in actions.PERCENTAGES}
    account_id = once(
        body,
        lambda: actions.register(
            body["name"], body["account_id"], body["model"], mpn_id=body["mpn_id"], percentages=percentages, by=tenancy.current()
        ),
    )  # fmt: skip
    return _details(one(CspAccount, account_id))


@operations.get("/csp/accounts/<uuid:account_id>", gives=shapes.AccountDetails, needs=MANAGE)
def get_csp_account(account_id: uuid.UUID) -> Any:
    """One account, and what its discovery came to last."""
    return _details(one(CspAccount, account_id))


@operations.get("/csp/accounts/<uuid:account_id>/sign-in", gives=shapes.SignIn, needs=MANAGE)
def sign_in_to_csp_account(account_id: uuid.UUID) -> Any:
    """Where the key's member goes to sign in with Microsoft: each call begins another sign-in, of which one comes back."""
    if not application.is_set_up():
        raise Refused("account_id", N_("Login with Microsoft is not set up in this portal."))
    return {"url": login.begin(account_id, by=tenancy.current())}


def _shape(row: Any) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "account_id": row.tenant_id, "model": row.model, "state": row.state,
        "currency": row.currency, "trouble": row.trouble, "consented_at": row.consented_at,
    }  # fmt: skip


def _details(account: CspAccount) -> dict[str, Any]:
    own = {name: getattr(account, name) for name in ("mpn_id", "signed_in_as", "company_name", *actions.PERCENTAGES)}
    return {**_shape(account), **own, "last_run": last_run_of(account.id)}
