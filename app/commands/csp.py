"""`flask csp new-key` and `flask csp seal-again`: the keys that seal Microsoft's tokens, and their rotation."""

import click
from cryptography.fernet import Fernet
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from app.csp.accounts import sealing
from app.csp.accounts.model import CspToken
from app.foundation.database import transaction
from app.foundation.tenancy import acting_for_all

csp = AppGroup("csp", short_help="Cloud reselling: the keys that seal Microsoft's tokens.")

SECRETS = ("refresh_token", "api_token", "graph_token")


def install(app: Flask) -> None:
    app.cli.add_command(csp)


@csp.command("new-key")
def new_key() -> None:
    """Print a key for TOKEN_ENCRYPTION_KEYS. Put it in front of those that are there, restart, then `flask csp seal-again`."""
    click.echo(Fernet.generate_key().decode())


@csp.command("seal-again")
def seal_again() -> None:
    """Seal every stored token under the first key. Afterwards the other keys can be taken away."""
    sealed = unreadable = 0
    with acting_for_all("sealing tokens under the newest key"), transaction() as session:
        for token in session.scalars(select(CspToken).order_by(CspToken.account_id).with_for_update()):
            try:
                for name in SECRETS:
                    if kept := getattr(token, name):
                        setattr(token, name, sealing.sealed_again(kept, account_id=token.account_id))
                sealed += 1
            except sealing.Unreadable:
                unreadable += 1
    click.echo(f"{sealed} sealed under the first key.")
    if unreadable:
        raise click.ClickException(
            f"{unreadable} cannot be opened with the present keys: bring their key back, or let their admins consent again."
        )
