"""A Microsoft line priced for a page or a file of its partner: cost, mark-up and why, sell."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.csp.customers.terms import Terms
from app.csp.invoices import pricing, rules
from app.documents import Column
from app.web.csp_amounts import as_sent, percent, period, utc_day


def _number(digits: str) -> Decimal | str | None:
    try:
        return Decimal(digits) if digits else None
    except ArithmeticError:
        return digits


#: of a line as sent
LINE_COLUMNS = (
    Column(_l("Line"), "sequence"),
    Column(_l("Microsoft's customer id"), "customer_tenant_id"),
    Column(_l("Customer"), "customer_name"),
    Column(_l("Subscription"), "subscription_id"),
    Column(_l("Product"), "product_name"),
    Column(_l("SKU"), "sku_name"),
    Column(_l("Charge type"), "charge_type"),
    Column(_l("Charge from"), "charge_start"),
    Column(_l("Charge to"), "charge_end"),
    Column(_l("Quantity"), lambda row: _number(row.quantity)),
    Column(_l("Unit"), "unit_type"),
    Column(_l("Cost"), lambda row: _number(row.cost)),
    Column(_l("Microsoft's tax"), lambda row: _number(row.tax)),
    Column(_l("Total from Microsoft"), lambda row: _number(row.total)),
    Column(_l("Currency"), "currency"),
)


@dataclass(frozen=True)
class Priced:
    """A line and its price; every column of the line is read through it."""

    line: Any
    price: rules.Price

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name)

    @property
    def cost_amount(self) -> Decimal:
        return Decimal(self.line.cost or 0)

    @property
    def period(self) -> str:
        return period(self.line.charge_start, self.line.charge_end)

    @property
    def why(self) -> str:
        """The sentence that says where the mark-up is from."""
        day = utc_day(self.price.day)
        words = {
            rules.BY_DAY: _("In force on %(day)s, when the charge begins.", day=day),
            rules.BY_ORIGINAL: _(
                "A refund takes the mark-up of the charge it gives back, which began on %(day)s.", day=day
            ),
            rules.PASSED_THROUGH: _("A credit of Microsoft's is passed through as it is."),
            rules.NOT_SET: _("No mark-up is in force on %(day)s. 0 %% counts as one.", day=day),
        }
        return words[self.price.why]

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Explain: cost, mark-up, the product unrounded, the one rounding."""
        currency = self.line.currency
        told = [(_("Cost, before Microsoft's tax"), as_sent(self.cost_amount, currency))]
        if self.price.mark_up is None or self.price.sell is None:
            return told
        exact = rules.EXACT.multiply(self.cost_amount, rules.factor_of(self.price.mark_up))
        return [
            *told,
            (_("Mark-up"), percent(self.price.mark_up)),
            (_("Cost × (1 + mark-up)"), as_sent(exact, currency)),
            (_("Rounded once, half away from zero"), as_sent(self.price.sell, currency)),
        ]


PRICED_COLUMNS = (
    *LINE_COLUMNS,
    Column(_l("Mark-up, %"), lambda row: row.price.mark_up),
    Column(_l("Sell, net"), lambda row: row.price.sell),
)


def priced(lines: Iterable[Any], terms: Terms, originals: Mapping[int, str], document: Any) -> Iterator[Priced]:
    return (Priced(line, pricing.price_of(line, terms, originals, document)) for line in lines)
