"""`flask check ...`: does the database hold together? Reads everything, as of one moment each check, and changes nothing."""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

import click
from flask import Flask
from flask.cli import AppGroup

from app import ROOMS
from app.foundation import checks as foundation_checks
from app.foundation.database import one_picture
from app.foundation.self_check import Check, Verdicts
from app.foundation.tenancy import acting_for_all

check = AppGroup("check", short_help="Self-audit: what must hold, holds.")
#: sentences printed a check; the count says how many there are
SHOWN = 20


def install(app: Flask) -> None:
    app.cli.add_command(check)


@check.command("history")
def history() -> None:
    """Verify every history chain. Ends with 1 if one does not hold."""
    _report(foundation_checks.checks())


@check.command("all")
def everything() -> None:
    """Everything that must hold: history, engagements, billing entries, months, charge lines. Ends with 1 if anything is wrong."""
    _report(every_check())


def every_check() -> list[Check]:
    """The foundation's checks, then each room's own, for rooms that have some."""
    found = foundation_checks.checks()
    for room in ROOMS:
        if find_spec(f"app.{room}.checks"):
            found += import_module(f"app.{room}.checks").checks()
    return found


def _report(checks: Iterable[Check]) -> None:
    with acting_for_all("self-audit"):
        wrong = [told for told in checks if not _holds(told)]
    if wrong:
        raise SystemExit(1)


def _holds(told: Check) -> bool:
    """Run one check and print its line, with the first sentences of what is wrong below it."""
    looked, wrong = 0, 0
    sentences: list[str] = []
    with one_picture():
        for verdict in _to_the_end(told):
            looked += 1
            if verdict:
                wrong += 1
                if len(sentences) < SHOWN:
                    sentences.append(verdict)
    if not wrong:
        click.echo(f"ok     {told.claim} ({looked:,} checked)")
        return True
    click.echo(f"WRONG  {told.claim} ({wrong:,} wrong)")
    for sentence in sentences:
        click.echo(f"       - {sentence}")
    if wrong > len(sentences):
        click.echo(f"       - and {wrong - len(sentences):,} more")
    return False


def _to_the_end(told: Check) -> Verdicts:
    """The verdicts; a row so wrong that the check cannot read it ends them with a sentence, and the next check goes on."""
    try:
        yield from told.verdicts()
    except Exception as trouble:
        yield f"cannot be checked further: {type(trouble).__name__}: {trouble}"
