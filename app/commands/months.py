"""`flask months ...`: close a month and reopen one, for whoever runs the machine."""

from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.money import Money
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import acting_for_all
from app.months import closing, reopening, states
from app.months.checklist import NotReady, said
from app.months.model import Month
from app.months.queries import books_of, stored_totals

months = AppGroup("months", short_help="Close months, and reopen them.")


def install(app: Flask) -> None:
    app.cli.add_command(months)


class MonthWritten(click.ParamType):
    """YYYY-MM, and nothing else."""

    name = "YYYY-MM"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> BillingMonth:
        try:
            return value if isinstance(value, BillingMonth) else BillingMonth.parse(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a month written YYYY-MM", param, ctx)


_BOOK = click.option(
    "--book",
    type=click.Choice(list(CUT_OFF_POLICIES)),
    help="Only this book; without it every book that has the month.",
)


@months.command("close")
@click.argument("month", type=MonthWritten())
@_BOOK
def close(month: BillingMonth, book: str | None) -> None:
    """Store the totals and the history root hash of MONTH, written YYYY-MM. Ends with 1, and says why, if something is in the way."""
    with acting_for_all("months close, from the command line") as owner:
        refused = 0
        for row in _rows(month, book):
            try:
                closed = closing.close(row, by=owner)
            except NotReady as no:
                refused += 1
                click.echo(f"{row.month} of {row.book} cannot be closed yet:", err=True)
                for line in no.lines:
                    click.echo(f"  - {said(line)}", err=True)
            except AlreadyDone:
                click.echo(f"{row.month} of {row.book} is closed already.")
            else:
                for total in stored_totals([row.id]):
                    click.echo(_spelled(row, total))
                click.echo(
                    f"{row.month} of {row.book} closed. History root over {closed.chains} chains, {closed.events} events: {closed.root_hash}"
                )
    if refused:
        raise SystemExit(1)


@months.command("reopen")
@click.argument("month", type=MonthWritten())
@click.option("--reason", required=True, help="Why; it stays in the month's history.")
@_BOOK
def reopen(month: BillingMonth, reason: str, book: str | None) -> None:
    """Let MONTH take entries again until it is closed by hand.

    One step, where the portal asks two people: whoever runs this command owns the machine and could change the database
    itself. History says that it came from here.
    """
    with acting_for_all("months reopen, from the command line") as owner:
        rows = [row for row in _rows(month, book) if row.state in states.SHUT]
        if not rows:
            raise click.ClickException(f"{month} takes entries: there is nothing to reopen.")
        for row in rows:
            try:
                reopening.reopen_at_once(row, reason=reason, by=owner)
            except Refused as no:
                raise click.ClickException(str(no)) from no
            click.echo(f"{row.month} of {row.book} takes entries again until it is closed.")


def _rows(month: BillingMonth, book: str | None) -> list[Month]:
    rows = [row for row in books_of(month) if book in (None, row.book)]
    if not rows:
        raise click.ClickException(f"No book has {month}: nothing was sent for it, and its cut-off has not come.")
    return rows


def _spelled(row: Month, total: Any) -> str:
    sums = (total.gross_minor, total.due_minor, total.tax_minor)
    gross, due, tax = (Money.of_minor(int(minor), total.currency) for minor in sums)
    return f"{row.month} of {row.book}: {total.lines} lines, gross {gross}, due {due}, tax {tax}"
