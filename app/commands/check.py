"""`flask check ...`: does the database hold together? Reads everything, as of one moment each check, and changes nothing."""

from collections.abc import Iterable

import click
from flask import Flask
from flask.cli import AppGroup

from app.foundation import checks as foundation_checks
from app.foundation.database import one_picture
from app.foundation.self_check import Check, Verdict, every_check, examine
from app.foundation.tenancy import acting_for_all

check = AppGroup("check", short_help="Self-audit: what must hold, holds.")


def install(app: Flask) -> None:
    app.cli.add_command(check)


@check.command("history")
def history() -> None:
    """Verify every history chain. Ends with 1 if one does not hold."""
    report(foundation_checks.checks())


@check.command("all")
def everything() -> None:
    """Everything that must hold: history, engagements, billing entries, months, charge lines. Ends with 1 if anything is wrong."""
    report(every_check())


def report(checks: Iterable[Check]) -> None:
    """A line a check. SystemExit(1) if one of them does not hold."""
    with acting_for_all("self-audit"):
        verdicts = [_told(check) for check in checks]
    if not all(verdict.holds for verdict in verdicts):
        raise SystemExit(1)


def _told(check: Check) -> Verdict:
    """Run one check and print its line, with the first sentences of what is wrong below it."""
    with one_picture():
        verdict = examine(check)
    if verdict.holds:
        click.echo(f"ok     {verdict.claim} ({verdict.looked:,} checked)")
        return verdict
    click.echo(f"WRONG  {verdict.claim} ({verdict.wrong:,} wrong)")
    for sentence in verdict.sentences:
        click.echo(f"       - {sentence}")
    if verdict.unsaid:
        click.echo(f"       - and {verdict.unsaid:,} more")
    return verdict
