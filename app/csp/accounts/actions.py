"""What a Cloud Admin does with accounts: register, edit, disable, enable, disconnect; and what happens to one when its consent dies.

Login with Microsoft stands in login.py.
"""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from app.csp.accounts import events, rules, states
from app.csp.accounts.model import CspAccount, CspSignIn, CspToken
from app.csp.permissions import MANAGE_ACCOUNTS
from app.foundation import clock, history
from app.foundation.change_state import change_state
from app.foundation.database import transaction
from app.foundation.identity import new_id
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_

#: why an account needs a new consent that has none
GONE = N_("There is no consent of this account any more.")
PERCENTAGES = ("microsoft_discount", "managed_mark_up", "not_managed_mark_up", "tax_rate")
#: hooks that run inside the transaction in which an account's default terms changed
_terms_changed: list[Any] = []


def when_terms_change(hook: Any) -> None:
    """`hook(account_id)` runs in the transaction that changed the account's default mark-up or tax."""
    if hook not in _terms_changed:
        _terms_changed.append(hook)


def register(
    name: str,
    account_id: str,
    model: str,
    *,
    mpn_id: str | None = None,
    percentages: Mapping[str, Decimal | None] | None = None,
    by: Viewer,
) -> CspAccount:
    """A draft, until somebody of that tenant has logged in. `account_id`: the partner tenant's GUID.

    Refuses a name without text, what is no GUID, a tenant that stands already, a percentage out of range.
    """
    by.must(MANAGE_ACCOUNTS)
    tenant_id = rules.check_tenant_id(account_id)
    account = CspAccount(
        id=new_id(),
        partner_id=by.organisation_id,
        name=_named(name),
        tenant_id=tenant_id,
        model=rules.check_model(model),
        mpn_id=rules.check_mpn_id(mpn_id),
        created_at=clock.now(),
        created_by_name=by.member_name,
        **_percents(percentages or {}),
    )
    with transaction() as session:
        try:
            with session.begin_nested():
                session.add(account)
        except IntegrityError:  # the database refuses the second
            raise Refused("account_id", N_("This tenant is registered already.")) from None
        history.record(account, events.REGISTERED, by=by, name=account.name, tenant=tenant_id)
    return account


def edit(
    account_id: uuid.UUID,
    *,
    name: str,
    model: str,
    mpn_id: str | None,
    percentages: Mapping[str, Decimal | None],
    by: Viewer,
) -> CspAccount:
    """Change what people typed; the tenant stays. What is told in History are the names of what changed, with old and new."""
    by.must(MANAGE_ACCOUNTS)
    wanted = {
        "name": _named(name),
        "model": rules.check_model(model),
        "mpn_id": rules.check_mpn_id(mpn_id),
        **_percents(percentages),
    }
    with transaction() as session:
        account = one(CspAccount, account_id, lock=True)
        if account.state == states.DISCONNECTED:
            raise AlreadyDone(account.state, "edit")
        changed = {
            key: (getattr(account, key), value) for key, value in wanted.items() if getattr(account, key) != value
        }
        if not changed:
            return account
        for key, (_before, value) in changed.items():
            setattr(account, key, value)
        account.version += 1
        session.flush()
        told = "; ".join(f"{key}: {_said(before)} → {_said(after)}" for key, (before, after) in sorted(changed.items()))
        history.record(account, events.EDITED, by=by, changes=told[:2000])
        if set(changed) & {"managed_mark_up", "not_managed_mark_up", "tax_rate"}:
            for hook in _terms_changed:
                hook(account.id)
    return account


def disable(account_id: uuid.UUID, *, by: Viewer) -> CspAccount:
    """No runs until it is enabled; the consent stays."""
    return _moved(account_id, states.DISABLE, by=by)


def enable(account_id: uuid.UUID, *, by: Viewer) -> CspAccount:
    """As it was: connected, or in need of a new consent where the one before had died."""
    with transaction() as session:
        account = _moved(account_id, states.ENABLE, by=by)
        if session.get(CspToken, account_id) is None:
            lose_consent(account_id, GONE, by=by)
    return account


def disconnect(account_id: uuid.UUID, *, by: Viewer) -> CspAccount:
    """Tokens are destroyed; customers, invoices and statements are kept to be read."""
    by.must(MANAGE_ACCOUNTS)
    with transaction() as session:
        account = one(CspAccount, account_id, lock=True)
        change_state(account, states.DISCONNECT, by=by, columns={"trouble": None, "paused_until": None})
        for secrets in (CspToken, CspSignIn):
            session.execute(delete(secrets).where(secrets.account_id == account.id))
    return account


def lose_consent(account_id: uuid.UUID, cause: str, *, by: Viewer) -> None:
    """Microsoft takes the tokens no more: the account waits for a new consent, its Cloud Admins are told why. Safe to say again."""
    with transaction() as session:
        account = one(CspAccount, account_id, lock=True)
        if account.state != states.CONNECTED:
            return
        change_state(account, states.LOSE_CONSENT, by=by, columns={"trouble": cause}, cause=cause)
        session.execute(delete(CspToken).where(CspToken.account_id == account.id))


def _moved(account_id: uuid.UUID, action: str, *, by: Viewer) -> CspAccount:
    by.must(MANAGE_ACCOUNTS)
    with transaction():
        account = one(CspAccount, account_id, lock=True)
        change_state(account, action, by=by)
    return account


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Refused("name", N_("Give the account a name."))
    return name[:200]


def _percents(given: Mapping[str, Decimal | None]) -> dict[str, Decimal | None]:
    return {key: rules.check_percent(key, given.get(key)) for key in PERCENTAGES}


def _said(value: Any) -> str:
    if value is None:
        return "–"
    return _plain(value) if isinstance(value, Decimal) else str(value)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
