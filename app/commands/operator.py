"""`flask operator create`: starts a real installation, with the operator's organisation and its first member."""

import sys

import click
from email_validator import EmailNotValidError, validate_email
from flask import Flask, current_app
from flask.cli import AppGroup

from app.catalog.model import Programme
from app.catalog.programmes import DEFAULT, create_programme
from app.foundation.database import transaction
from app.foundation.refusals import Refused
from app.foundation.tenancy import acting_for_all
from app.members import actions, sign_ins
from app.parties import actions as parties

operator = AppGroup("operator", short_help="The organisation that runs this installation.")


def install(app: Flask) -> None:
    app.cli.add_command(operator)


@operator.command("create")
@click.option("--organisation", required=True, help="Name of the operator's organisation.")
@click.option("--name", required=True, help="Name of its first member.")
@click.option("--email", required=True, help="What that member signs in with.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from standard input; without it a link to set one is printed.",
)
def create(organisation: str, name: str, email: str, password_stdin: bool) -> None:
    """Make the operator's organisation, its first member, who holds every operator role, and a programme to list services under."""
    try:
        address = validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError as wrong:
        raise click.ClickException(f"{email!r} is no e-mail address; write it as name@example.com.") from wrong
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    try:
        with transaction(), acting_for_all("start an installation") as system:
            member = actions.start_installation(organisation, name, address, password=password)
            programme = create_programme(DEFAULT, seller_id=parties.operator().id, by=system)
    except Refused as no:
        raise click.ClickException(str(no)) from no
    click.echo(f"{organisation} runs this installation; {member.name} signs in with {member.email}.")
    click.echo(
        f"Services are listed under the programme {programme.name}: {_terms(programme)}; another at /programmes/new."
    )
    if password is None:
        hours = int(sign_ins.FIRST_LINK_FOR.total_seconds() // 3600)
        click.echo(
            f"Set the password within {hours} hours: {current_app.config['SETTINGS'].portal_url}{sign_ins.first_link(member)}"
        )


def _terms(programme: Programme) -> str:
    """'USD, 80 % revenue share, a month closes when day 2 of the next one ends'."""
    grace = "late entries are refused" if programme.cut_off == "reject-after-grace" else "late entries roll forward"
    return f"{programme.currency}, {programme.remuneration_percent.normalize():f} % revenue share, {grace}"
