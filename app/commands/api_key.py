"""`flask api-key create`: a key for a program, made where the portal runs."""

import click
from flask import Flask
from flask.cli import AppGroup

from app.foundation.refusals import Refused
from app.foundation.tenancy import system
from app.members import api_keys
from app.members.api_keys import LONGEST_DAYS, OFFERED

api_key = AppGroup("api-key", short_help="Keys with which programs use the API.")


def install(app: Flask) -> None:
    app.cli.add_command(api_key)


@api_key.command("create")
@click.option("--member", "email", required=True, help="E-mail of the member whom the key acts for.")
@click.option("--expires-days", type=click.IntRange(1, LONGEST_DAYS), help="Refused after so many days; else it lasts.")
@click.option("--organisation", help="Name of the organisation, where the member acts for several.")
@click.option("--capacity", type=click.Choice(tuple(OFFERED)), help="Where the member acts for it in both.")
def create(email: str, expires_days: int | None, organisation: str | None, capacity: str | None) -> None:
    """Make a key that may do what the member may, and print it as the last word. It is shown this once."""
    try:
        key, whole = api_keys.make_for(
            email,
            organisation=organisation,
            capacity=capacity,
            expires_in_days=expires_days,
            by=system("a key made on the command line"),
        )
    except Refused as no:
        raise click.ClickException(str(no)) from no
    until = f" until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""
    click.echo(f"{email} may use the API as {key.capacity}{until}; revoke it under API keys. The key: {whole}")
