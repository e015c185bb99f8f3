"""Accounts as lists and pages ask for them."""

import uuid
from typing import Any

from sqlalchemy import Select, select

from app.csp.accounts import rules
from app.csp.accounts.model import CspAccount, CspToken
from app.foundation.database import db

LIST_KEYS = (CspAccount.created_at, CspAccount.id)


def accounts(*, state: str | None = None, account: uuid.UUID | None = None) -> Select[*tuple[Any, ...]]:
    """The partner's own. `state`: one of states; None: all that stand, and those that are kept to be read. `account`: that one."""
    found: Select[*tuple[Any, ...]] = select(
        CspAccount.id, CspAccount.name, CspAccount.tenant_id, CspAccount.model, CspAccount.state, CspAccount.currency,
        CspAccount.trouble, CspAccount.consented_at, CspAccount.created_at,
    )  # fmt: skip
    if account is not None:
        found = found.where(CspAccount.id == account)
    return found.where(CspAccount.state == state) if state else found


def consent_of(account: CspAccount) -> dict[str, Any]:
    """When the consent was used last and when it lapses of not being used; empty without one."""
    refreshed_at = db.session.scalar(select(CspToken.refreshed_at).where(CspToken.account_id == account.id))
    return {} if refreshed_at is None else {"used_at": refreshed_at, "lapses_at": rules.lapses_at(refreshed_at)}
