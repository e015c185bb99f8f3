"""A statement as files: PDF, CSV, XLSX and FOCUS, sell side only. The same for the partner and for its customer."""

from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.csp.statements import queries
from app.csp.statements.model import CspStatement
from app.documents import Column, Minor, rows_of
from app.documents.statement_pdf import MOST_LINES, statement_pdf
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.refusals import NotVisible
from app.web.csp_amounts import percent, period, quantity, utc_day
from app.web.csp_focus import statement_focus
from app.web.exports import download
from app.web.figures import money, money_with_currency
from app.web.languages import locale_name

FILES = ("statement.pdf", "lines.csv", "lines.xlsx", "focus.csv")
COLUMNS = (
    Column(_l("Line"), "sequence"),
    Column(_l("Invoice"), "document_number"),
    Column(_l("Subscription"), "subscription_id"),
    Column(_l("Product"), "product_name"),
    Column(_l("SKU"), "sku_name"),
    Column(_l("Charge type"), "charge_type"),
    Column(_l("Charge from"), "charge_start"),
    Column(_l("Charge to"), "charge_end"),
    Column(_l("Quantity"), "quantity"),
    Column(_l("Unit"), "unit_type"),
    Column(_l("Amount without tax"), Minor("sell_minor")),
    Column(_l("Currency"), "currency"),
)
COST_COLUMNS = (*COLUMNS, Column(_l("Cost"), "cost"), Column(_l("Mark-up, %"), "mark_up"))


def statement_file(statement: CspStatement, name: str) -> Response:
    """`name`: one of FILES; another is nowhere."""
    if name not in FILES:
        raise NotVisible
    file = f"{statement.number}-v{statement.version}"
    if name == "statement.pdf":
        response = Response(statement_pdf(content_of(statement), statement.issued_at), content_type="application/pdf")
        response.headers["Content-Disposition"] = f'attachment; filename="{file}.pdf"'
        return response
    if name == "focus.csv":
        columns, charges = statement_focus(statement)
        return download("csv", f"{file}-focus", columns, charges)
    lines = rows_of(queries.lines_of(statement.id).order_by(*queries.LINE_KEYS))
    return download(name.rpartition(".")[2], file, COLUMNS, lines)


def content_of(statement: CspStatement) -> dict[str, Any]:
    """What the PDF says, in the viewer's language."""
    currency = statement.currency
    return {
        "language": locale_name().partition("_")[0],
        "title": _("Statement %(number)s, version %(n)s", number=statement.number, n=statement.version),
        "partner": statement.partner_name,
        "facts": [[str(label), text] for label, text in facts_of(statement)],
        "totals_title": _("Amount"),
        "totals": [[str(label), text] for label, text in totals_of(statement)],
        "shares_title": _("By subscription"),
        "share_heads": [_("Product"), _("Lines"), _("Amount without tax (%(currency)s)", currency=currency)],
        "shares": [
            [one.product_name or _("Other charges"), str(one.lines), money(Money.of_minor(one.sell_minor, currency))]
            for one in queries.shares_of(statement.id)
        ],
        "lines_title": _("Lines"),
        "line_heads": [
            _("Product"),
            _("Charge"),
            _("Period"),
            _("Quantity"),
            _("Amount without tax (%(currency)s)", currency=currency),
        ],
        "lines": _lines(statement) if statement.lines <= MOST_LINES else [],
        "notes": _notes(statement),
        "footer": f"{statement.partner_name} · {statement.number}, {_('version %(n)s', n=statement.version)}",
    }


def facts_of(statement: Any) -> list[tuple[str, str]]:
    told = [
        (_("For"), statement.customer_name),
        (_("From"), statement.partner_name),
        (_("Issued"), utc_day(statement.issued_at)),
        (_("Microsoft's invoice"), f"{statement.document_number}, {utc_day(statement.invoice_date)}"),
    ]
    if statement.period_start and statement.period_end:
        told.append((_("Period"), f"{utc_day(statement.period_start)} – {utc_day(statement.period_end)}"))
    return told


def totals_of(statement: Any) -> list[tuple[str, str]]:
    def amount(minor: int) -> str:
        return money_with_currency(Money.of_minor(minor, statement.currency))

    lines = ngettext("Sum of %(num)s line", "Sum of %(num)s lines", statement.lines)
    tax = _("Tax, %(rate)s", rate=percent(statement.tax_rate)) if statement.tax_rate is not None else _("Tax, none set")
    return [
        (lines, amount(statement.subtotal_minor)),
        (tax, amount(statement.tax_minor)),
        (_("Total"), amount(statement.total_minor)),
    ]


def _lines(statement: CspStatement) -> list[list[str]]:
    found = db.session.execute(queries.lines_of(statement.id).order_by(*queries.LINE_KEYS)).all()
    return [
        [
            line.product_name or line.sku_name or "–",
            line.charge_type,
            period(line.charge_start, line.charge_end),
            quantity(line.quantity),
            money(Money.of_minor(line.sell_minor, statement.currency)),
        ]
        for line in found
    ]


def _notes(statement: CspStatement) -> list[str]:
    told = [_("Each line is rounded once; the total is the sum of the lines, and tax is taken once on it.")]
    if statement.lines > MOST_LINES:
        told.append(_("The lines themselves, %(n)s of them, are in the CSV and XLSX files.", n=statement.lines))
    if statement.version > 1:
        told.append(_("It takes the place of version %(n)s.", n=statement.version - 1))
    return told
