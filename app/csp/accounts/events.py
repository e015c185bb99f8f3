"""What can happen to an account, and who is told."""

from collections.abc import Iterable
from typing import Any

from app.csp.accounts.model import CspAccount
from app.csp.permissions import MANAGE_ACCOUNTS
from app.foundation.history import Event, declare
from app.foundation.outbox import Notice
from app.foundation.text import N_


def _tell_admins(account: CspAccount, facts: dict[str, Any]) -> Iterable[Notice]:
    about = {"name": account.name, "cause": facts["cause"], "account_id": str(account.id)}
    yield Notice("organisation", str(account.partner_id), "csp_consent_lost", about, MANAGE_ACCOUNTS)


_NAMED = frozenset({"name"})
REGISTERED = declare(
    Event("csp_account_registered", N_("Registered as %(name)s, tenant %(tenant)s"), fields=_NAMED | {"tenant"}, icon="add")
)  # fmt: skip
EDITED = declare(Event("csp_account_edited", N_("Changed: %(changes)s"), fields=frozenset({"changes"}), icon="edit"))
declare(Event("csp_login_begun", N_("Login with Microsoft begun"), icon="launch"))
declare(
    Event("csp_login_failed", N_("Login with Microsoft came to nothing: %(cause)s"), fields=frozenset({"cause"}), icon="error--filled")
)  # fmt: skip
declare(
    Event("csp_account_connected", N_("Connected: %(signed_in_as)s consented for %(company)s"), fields=frozenset({"signed_in_as", "company"}), icon="checkmark")
)  # fmt: skip
declare(
    Event(
        "csp_consent_lost",
        N_("Microsoft takes the consent no more: %(cause)s"),
        fields=frozenset({"cause"}),
        icon="warning--alt--filled",
        tells=_tell_admins,
    )
)
LOGIN_REFUSED = declare(
    Event(
        "csp_login_refused",
        N_("Consent again came to nothing, the consent before stays: %(cause)s"),
        fields=frozenset({"cause"}),
        icon="error--filled",
    )
)
declare(Event("csp_account_disabled", N_("Disabled: no discovery until it is enabled"), icon="stop--filled--alt"))
declare(Event("csp_account_enabled", N_("Enabled"), icon="play"))
declare(
    Event("csp_account_disconnected", N_("Disconnected: the tokens are destroyed, what was discovered stays"), icon="subtract")
)  # fmt: skip
