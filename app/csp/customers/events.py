"""What the history of a CSP customer may say of its terms, its subscriptions' monitoring, its budget and its link."""

from app.foundation.history import Event, declare
from app.foundation.text import N_


def _event(name: str, sentence: str, icon: str, *facts: str) -> str:
    return declare(Event(name, sentence, fields=frozenset(facts), icon=icon))


MARK_UP_SET = _event(
    "csp_mark_up_set", N_("Mark-up set to %(percent)s %% from %(valid_from)s"), "edit", "percent", "valid_from"
)
MARK_UP_REMOVED = _event(
    "csp_mark_up_removed",
    N_("Mark-up of %(percent)s %% from %(valid_from)s removed"),
    "subtract",
    "percent",
    "valid_from",
)
TAX_SET = _event(
    "csp_tax_rate_set", N_("Tax rate set to %(percent)s %% from %(valid_from)s"), "edit", "percent", "valid_from"
)
TAX_REMOVED = _event(
    "csp_tax_rate_removed",
    N_("Tax rate of %(percent)s %% from %(valid_from)s removed"),
    "subtract",
    "percent",
    "valid_from",
)
BUDGET_SET = _event(
    "csp_budget_set", N_("Monthly budget set to %(amount)s %(currency)s"), "wallet", "amount", "currency"
)
BUDGET_REMOVED = _event(
    "csp_budget_removed", N_("Monthly budget of %(amount)s %(currency)s removed"), "subtract", "amount", "currency"
)
BUDGET_TOLD = _event(
    "csp_budget_told",
    N_("Told that %(estimate)s %(currency)s of the budget of %(amount)s is used, an estimate"),
    "notification",
    "estimate",
    "currency",
    "amount",
    "level",
    "month",
)
MONITORED = _event(
    "csp_subscription_monitored", N_("Monitoring of %(subscription)s switched on"), "view", "subscription"
)
NOT_MONITORED = _event(
    "csp_subscription_not_monitored", N_("Monitoring of %(subscription)s switched off"), "subtract", "subscription"
)
ALL_MONITORED = _event("csp_subscriptions_monitored", N_("Monitoring of all subscriptions switched on"), "view")
NONE_MONITORED = _event(
    "csp_subscriptions_not_monitored", N_("Monitoring of all subscriptions switched off"), "subtract"
)
LINKED = _event("csp_customer_linked", N_("Linked to %(organisation)s"), "partnership", "organisation")
UNLINKED = _event("csp_customer_unlinked", N_("Link to %(organisation)s ended"), "subtract", "organisation")
