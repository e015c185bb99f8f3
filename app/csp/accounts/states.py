"""An account's machine. Pure."""

DRAFT = "draft"
CONSENT_PENDING = "consent_pending"
CONNECTED = "connected"
RECONSENT_NEEDED = "reconsent_needed"
DISABLED = "disabled"
DISCONNECTED = "disconnected"

BEGIN_LOGIN = "begin_login"
CONNECT = "connect"
FAIL_LOGIN = "fail_login"
LOSE_CONSENT = "lose_consent"
DISABLE = "disable"
ENABLE = "enable"
DISCONNECT = "disconnect"

TRANSITIONS = {
    (DRAFT, BEGIN_LOGIN): CONSENT_PENDING,
    (CONSENT_PENDING, BEGIN_LOGIN): CONSENT_PENDING,
    (CONSENT_PENDING, FAIL_LOGIN): DRAFT,
    (CONSENT_PENDING, CONNECT): CONNECTED,
    # two sign-ins in two tabs, of which the first was cancelled
    (DRAFT, CONNECT): CONNECTED,
    # a sign-in that comes to nothing leaves a connected account as it was, with its old tokens
    (CONNECTED, CONNECT): CONNECTED,
    (CONNECTED, LOSE_CONSENT): RECONSENT_NEEDED,
    (RECONSENT_NEEDED, CONNECT): CONNECTED,
    (CONNECTED, DISABLE): DISABLED,
    (RECONSENT_NEEDED, DISABLE): DISABLED,
    (DISABLED, ENABLE): CONNECTED,
    (DRAFT, DISCONNECT): DISCONNECTED,
    (CONSENT_PENDING, DISCONNECT): DISCONNECTED,
    (CONNECTED, DISCONNECT): DISCONNECTED,
    (RECONSENT_NEEDED, DISCONNECT): DISCONNECTED,
    (DISABLED, DISCONNECT): DISCONNECTED,
}

EVENTS = {
    BEGIN_LOGIN: "csp_login_begun",
    CONNECT: "csp_account_connected",
    FAIL_LOGIN: "csp_login_failed",
    LOSE_CONSENT: "csp_consent_lost",
    DISABLE: "csp_account_disabled",
    ENABLE: "csp_account_enabled",
    DISCONNECT: "csp_account_disconnected",
}

#: How the partner buys. An indirect reseller is billed by its provider, so Microsoft has no invoices for it.
DIRECT, INDIRECT_PROVIDER, INDIRECT_RESELLER = "direct", "indirect_provider", "indirect_reseller"
#: Where a Login with Microsoft may begin.
MAY_LOG_IN = (DRAFT, CONSENT_PENDING, CONNECTED, RECONSENT_NEEDED)
MODELS = (DIRECT, INDIRECT_PROVIDER, INDIRECT_RESELLER)
