"""`flask demo load`: a large, realistic, seeded set of rows, written slice by slice, each slice in one transaction.

A killed load leaves whole slices, and the same command goes on after the last of them: a series of numbers counts them. The same
figures, seed and hour give the same rows on the same portal; people, products and organisations are made only where they lack.
"""

from collections.abc import Callable

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select, text

from app.commands.demo.load import months as calendar
from app.commands.demo.load.lives import Lives
from app.commands.demo.load.plots import Plots
from app.commands.demo.load.scale import Scale, Slice
from app.commands.demo.load.stage import NoStage, Stage, set_up
from app.commands.demo.people import NORTHBRIDGE, OPERATOR
from app.foundation import clock
from app.foundation.collecting import without_collecting
from app.foundation.database import db, transaction
from app.foundation.numbers import NumberSeries, next_number, next_numbers
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation


@click.command("load")
@click.option("--engagements", type=click.IntRange(1, 10_000_000), required=True, help="How many engagements.")
@click.option(
    "--entries", type=click.IntRange(0, 50_000_000), required=True, help="How many billing entries, over all of them."
)
@click.option("--months", type=click.IntRange(1, 120), default=12, show_default=True, help="How far back they begin.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed gives other rows.")
@click.option("--yes", is_flag=True, help="Also on a portal that is no demo.")
@with_appcontext
def load(engagements: int, entries: int, months: int, seed: int, yes: bool) -> None:
    """Write a large, realistic set of engagements and billing entries, with all that belongs to them.

    Nobody is told anything of it. Closed months are reopened for it and closed again. A load that was stopped goes on where it
    was when the same command is given again.
    """
    scale = Scale(engagements, entries, months, seed)
    with acting_for_all("demo load"):
        if not yes and not _is_a_demo():
            raise click.ClickException(
                "This portal is no demo: --yes writes the load, and people with the demo's passwords, into it for good."
            )
        try:
            refused = run(scale, lambda sentence: click.echo(sentence))
        except NoStage as reason:
            raise click.ClickException(str(reason)) from reason
    if refused:
        raise SystemExit(1)


def run(scale: Scale, told: Callable[[str], None]) -> int:
    """The whole load, or what is left of it. Returns how many months could not be closed again."""
    begun_at, done = clock.of_the_machine(), _done(scale)
    stage = set_up(scale, told)
    if done:
        told(f"{done} of {scale.slices} parts are there already.")
    if done < scale.slices:
        calendar.open_up(stage)
    plots = Plots(stage, scale.key)
    lives = Lives(stage, plots.end)
    for part in scale.cut(done):
        with without_collecting():
            written = _write(scale, part, stage, plots, lives)
        db.session.expunge_all()
        seconds = (clock.of_the_machine() - begun_at).seconds
        told(f"{part.number + 1} of {scale.slices} parts, {written:,} rows in this one, after {seconds} s")
    _look_afresh()
    refused = calendar.settle(stage, told)
    _look_afresh()  # at what the closes have written
    return refused


def _look_afresh() -> None:
    """PostgreSQL plans by what it knows of a table, and by itself would look at what is new only minutes later."""
    if db.session.get_bind().dialect.name == "postgresql":
        with transaction() as session:
            session.execute(text("ANALYZE"))


def _write(scale: Scale, part: Slice, stage: Stage, plots: Plots, lives: Lives) -> int:
    """One slice in one transaction, with its numbers and the mark that it is there. Returns how many rows it has."""
    dice, planned = plots.of_slice(part)
    with transaction():
        calendar.hold(stage)
        engagements = next_numbers("ENG", len(planned))
        entries = next_numbers("BE", sum(plot.entries for plot in planned))
        rows = lives.play(dice, planned, engagements, entries)
        rows.write()
        next_number(scale.key, first=1)
    return rows.count


def _done(scale: Scale) -> int:
    """How many slices of this load are there."""
    return db.session.scalar(select(NumberSeries.last).where(NumberSeries.prefix == scale.key)) or 0


def _is_a_demo() -> bool:
    """DEMO=1, and nobody here but the demo's own people, or nobody at all."""
    if not current_app.config["SETTINGS"].demo:
        return False
    names = set(db.session.scalars(select(Organisation.name).where(Organisation.is_operator | Organisation.is_partner)))
    return not names or {OPERATOR, NORTHBRIDGE} <= names
