"""A correction's two lines as its pages show them: what is taken back, what is billed anew, and what both come to."""

from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _

from app.billing.corrections_outlook import Outlook
from app.billing.model import BillingEntry
from app.foundation.money import Money
from app.web.figures import quantity as written


@dataclass(frozen=True)
class ShownLine:
    """`before` and `after`: what the service month holds without and with the line."""

    label: str
    icon: str
    quantity: Decimal
    before: Decimal
    after: Decimal
    amount: Money


def lines_of(entry: BillingEntry, right: Decimal | None, found: Outlook) -> list[ShownLine]:
    """One line where nothing is billed anew."""
    back, again = found.corrected.reversal, found.corrected.rebill
    lines = [
        ShownLine(
            _("Reversal of %(number)s", number=entry.number),
            "undo",
            -entry.quantity,
            back.before,
            back.after,
            back.amount,
        )
    ]
    if again is not None and right is not None:
        lines.append(ShownLine(_("Billed anew"), "receipt", right, again.before, again.after, again.amount))
    return lines


def in_words(was: Decimal, right: Decimal, unit: str) -> str:
    """'12.00 h to 10.00 h', or that nothing is billed."""
    if not right:
        return str(_("%(was)s %(unit)s to nothing", was=written(was), unit=unit))
    return str(_("%(was)s %(unit)s to %(right)s %(unit)s", was=written(was), right=written(right), unit=unit))
