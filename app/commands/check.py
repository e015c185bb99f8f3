"""`flask check ...`: does the database hold together? Reads everything, as of one moment each check, and changes nothing.

But for `seal-anew`, which makes the hourly check of history forget what it knows.
"""

from collections.abc import Iterable

import click
from flask import Flask
from flask.cli import AppGroup

from app.foundation import checks as foundation_checks
from app.foundation import history_stretches
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


@check.command("seal-anew")
@click.confirmation_option(prompt="Forget what the hourly check knows of history, and verify and seal all of it anew?")
def seal_anew() -> None:
    """Let the hourly check begin anew, after a fault in history has been looked into and mended.

    History itself is not touched. Until the next runs have read it, a change to it is found by `check history` alone.
    """
    with acting_for_all("history is sealed anew"):
        click.echo(
            f"{history_stretches.forget():,} stretches forgotten; the next run of check_history seals them anew."
        )


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
