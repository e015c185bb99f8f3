"""CSP accounts as tests need them: registered, or connected without asking Microsoft."""

import uuid
from typing import Any

from app.csp.accounts import actions, sealing, states
from app.csp.accounts.model import CspAccount, CspToken
from app.foundation import clock
from app.foundation.change_state import change_state
from app.foundation.database import transaction
from app.foundation.tenancy import Viewer, acting_for_all, one

TENANT = "a478f132-3bd7-496d-9b4f-337e88c68c7e"


def register(by: Viewer, name: str = "Northbridge CSP (EU)", tenant: str = TENANT, **more: Any) -> CspAccount:
    return actions.register(name, tenant, more.pop("model", states.DIRECT), by=by, **more)


def connected(
    by: Viewer,
    name: str = "Northbridge CSP (EU)",
    tenant: str = TENANT,
    *,
    refresh_token: str = "a refresh token",
    **more: Any,
) -> CspAccount:
    """As if somebody of the tenant had just signed in; nothing was asked of Microsoft."""
    account_id = register(by, name, tenant, **more).id
    now = clock.now()
    with transaction() as session:
        account = one(CspAccount, account_id, lock=True)
        change_state(
            account,
            states.CONNECT,
            by=by,
            columns={
                "signed_in_as": "admin@partner.example",
                "company_name": "Northbridge",
                "currency": "EUR",
                "consented_at": now,
                "consented_by_name": by.member_name,
            },
            signed_in_as="admin@partner.example",
            company="Northbridge",
        )
        session.add(
            CspToken(
                account_id=account.id,
                partner_id=account.partner_id,
                refreshed_at=now,
                refresh_token=sealing.seal(refresh_token, account_id=account.id),
            )
        )
    return account


def stored_token(account_id: uuid.UUID) -> CspToken | None:
    with acting_for_all("a test's look at the vault"), transaction() as session:
        return session.get(CspToken, account_id, populate_existing=True)
