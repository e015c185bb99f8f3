"""`flask demo ...`: the demo's data and its clock."""

from datetime import timedelta
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import select

from app.commands.demo import notices, programs
from app.commands.demo.bookmarks import keep_views
from app.commands.demo.catalog import stock
from app.commands.demo.end_to_end import run_a_test
from app.commands.demo.invitations import invite_some
from app.commands.demo.listing import list_products, publish_shelf
from app.commands.demo.load import load
from app.commands.demo.people import PASSWORD, SIGN_IN_SENTENCES, move_in
from app.commands.demo.year import Year
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation

demo = AppGroup("demo", help="Demo data and the demo's clock (DEMO=1 only).")


@demo.command("clock")
@click.argument("instant")
def move_clock(instant: str) -> None:
    """Let the demo's clock show INSTANT now, as 2026-11-02T23:59:50Z, and run on; `real` for the real time."""
    if not current_app.config["SETTINGS"].demo:
        raise click.ClickException("The clock can be moved in demo mode only (DEMO=1).")
    if instant == "real":
        clock.stop_moving()
    else:
        try:
            clock.move(clock.parse_instant(instant))
        except (ValueError, OverflowError) as wrong:
            raise click.ClickException("Write a UTC instant such as 2026-11-02T23:59:50Z, or: real") from wrong
    click.echo(f"The demo's clock shows {clock.now():%Y-%m-%dT%H:%M:%SZ}.")


@demo.command("seed")
def seed() -> None:
    """Fill an empty database with the demo's year."""
    click.echo("The demo is ready." if seed_if_empty(current_app._get_current_object()) else "There is data already.")  # type: ignore[attr-defined]


def seed_if_empty(app: Flask) -> bool:
    """Fill the database if it holds no organisation; all of it or nothing. Returns whether it did."""
    with app.app_context(), acting_for_all("demo data"):
        if db.session.scalar(select(Organisation.id).limit(1)) is not None:
            db.session.rollback()
            return False
        now = clock.now()
        long_ago = BillingMonth.at(now).shifted(-13).starts_at + timedelta(hours=9)
        with transaction():
            with clock.pinned(long_ago):
                cast = move_in()
                shelf = stock(cast)
            publish_shelf(cast, shelf, long_ago)
            Year(cast, shelf, now).live()
            list_products(cast, shelf, now)
            run_a_test(cast, shelf, now)
            notices.live(cast, now)
            invite_some(cast, now)
            keep_views(cast)
            programs.connect(cast)
        db.session.remove()
    return True


def sign_ins() -> list[tuple[str, str]]:
    """What the terminal and the sign-in page say: (e-mail, who it is). The password is the same for all."""
    return list(SIGN_IN_SENTENCES)


def install(app: Flask) -> None:
    demo.add_command(load)
    app.cli.add_command(demo)
    if app.config["SETTINGS"].demo:
        app.config["DEMO_SIGN_INS"] = sign_ins()
        app.config["DEMO_PASSWORD"] = PASSWORD


__all__: list[Any] = ["install", "seed_if_empty", "sign_ins"]
