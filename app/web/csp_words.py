"""How reselling's own things are written: amounts as Microsoft sent them, days, and what is missing of a customer."""

from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.csp.customers import rules
from app.foundation.money import Money, exponent
from app.web.csp_amounts import in_minor_text
from app.web.figures import DASH

RELATIONSHIPS = {rules.RESELLER: _l("Reseller"), rules.FORMER: _l("Relationship ended")}
MISSING = {
    rules.REFUSED: _l("Microsoft refuses"),
    rules.NO_SUBSCRIPTION: _l("No subscription"),
    rules.NOT_LINKED: _l("Not linked"),
    rules.NO_MARK_UP: _l("No mark-up"),
    rules.NONE_MONITORED: _l("Nothing monitored"),
}
#: as Microsoft names them; words it may add later are shown as sent
STATUSES = {
    "none": _l("None"),
    "active": _l("Active"),
    "pending": _l("Pending"),
    "suspended": _l("Suspended"),
    "expired": _l("Expired"),
    "disabled": _l("Disabled"),
    "deleted": _l("Deleted"),
}
TERMS = {"P1M": _l("1 month"), "P1Y": _l("1 year"), "P3Y": _l("3 years")}
CYCLES = {
    "monthly": _l("monthly"),
    "annual": _l("yearly"),
    "triennial": _l("every three years"),
    "one_time": _l("one time"),
    "onetime": _l("one time"),
}
#: commitments that "end" in this year never do
NEVER = 9999


def amount(value: Decimal | None, currency: str) -> str:
    """As a page shows it, to the currency's minor unit; of a currency that nobody knows, two decimals."""
    return DASH if value is None else in_minor_text(value, currency)


def known(currency: str) -> bool:
    try:
        exponent(currency)
    except ValueError:
        return False
    return True


def day(value: date | None) -> str:
    """'3 Nov 2026', of a day that has no zone."""
    from babel.dates import format_date

    from app.web.languages import locale_name

    return DASH if value is None else str(format_date(value, "d MMM y", locale=locale_name()))


def status(word: str) -> str:
    return str(STATUSES.get(word, word or DASH))


def term(row: Any) -> str:
    """'1 year, billed monthly'."""
    length, cycle = TERMS.get(row.term, row.term), CYCLES.get(row.billing_cycle, row.billing_cycle)
    if length and cycle:
        return _("%(length)s, billed %(cycle)s", length=length, cycle=cycle)
    return str(length or cycle or DASH)


def contact(row: Any) -> list[str]:
    """Name and e-mail as the billing profile has them."""
    kept = row.contact or {}
    name = " ".join(str(kept[part]) for part in ("first_name", "last_name") if kept.get(part))
    return [text for text in (name, str(kept.get("email") or "")) if text]


def budget(row: Any) -> Money | None:
    """Of a row of the customers' list."""
    return None if row.budget_minor is None else Money.of_minor(row.budget_minor, row.budget_currency)


def what_to_do(reason: str) -> str:
    """One sentence for each reason why a customer is incomplete."""
    said = {
        rules.REFUSED: _("Microsoft refuses to name its subscriptions; they may be out of date. The next discovery asks again."),
        rules.NO_SUBSCRIPTION: _("No subscription was found yet. It appears here with the next discovery."),
        rules.NOT_LINKED: _("Nobody sees its statements. Link it to a customer organisation, or create one."),
        rules.NO_MARK_UP: _("Neither it nor its account has a mark-up. Set one under Budget settings; 0 % is a choice as well."),
        rules.NONE_MONITORED: _("Its people see no subscription. Switch monitoring on for at least one."),
    }  # fmt: skip
    return said[reason]
