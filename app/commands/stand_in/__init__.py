"""`flask stand-in`: a loopback stand-in of Microsoft's sign-in, Partner Center API, Graph export and blob store.

    world.py    one partner tenant, the same for the same seed, that may grow; says what is true
    server.py   the server; `standing_in(world, faults)` for tests, the demo and the bench
    beside.py   `play_beside(...)`: the one that comes with a demo portal
    faults.py   what goes wrong, and the habits of spelling and paging

Written from Microsoft's public documents; nothing in it is Microsoft's and nobody's account is involved.
"""

import click
from flask import Flask

from app.commands.stand_in.beside import play_beside
from app.commands.stand_in.faults import Faults, Habits
from app.commands.stand_in.ledger import Registration, Scale
from app.commands.stand_in.server import StandIn, serve, serving, standing_in
from app.commands.stand_in.world import World
from app.foundation import clock

__all__ = [
    "Faults",
    "Habits",
    "Registration",
    "Scale",
    "StandIn",
    "World",
    "install",
    "play_beside",
    "serve",
    "serving",
    "standing_in",
]


def install(app: Flask) -> None:
    app.cli.add_command(stand_in)


@click.command("stand-in", short_help="Play Microsoft on loopback: sign-in, Partner Center, Graph.")
@click.option("--port", type=click.IntRange(1, 65535), default=8090, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--customers", default=Scale.customers, show_default=True)
@click.option("--subscriptions", default=Scale.subscriptions, show_default=True)
@click.option("--invoices", default=Scale.invoices, show_default=True)
@click.option("--lines", default=Scale.lines, show_default=True)
@click.option("--slow-ms", default=0, show_default=True, help="How long every answer takes.")
@click.option("--redirect-uri", multiple=True, help="Where sign-ins may lead back to; the portal's own by default.")
def stand_in(
    port: int,
    seed: int,
    customers: int,
    subscriptions: int,
    invoices: int,
    lines: int,
    slow_ms: int,
    redirect_uri: tuple[str, ...],
) -> None:
    """Answer on 127.0.0.1 until interrupted. The printed settings let a portal sign in here."""
    from flask import current_app

    world = World(seed, Scale(customers, subscriptions, invoices, lines), today=clock.now().date())
    world.registration.redirect_uris = redirect_uri or (f"{current_app.config['SETTINGS'].portal_url}/csp/callback",)
    playing = StandIn(world, Faults(Habits(slow_ms=slow_ms, keeps_pages=True)))
    server = serve(playing, port)
    for name in ("MICROSOFT_LOGIN_BASE", "PARTNER_CENTER_API_BASE", "MICROSOFT_GRAPH_BASE"):
        click.echo(f"{name}={playing.url}")
    click.echo(f"MICROSOFT_CLIENT_ID={world.registration.client_id}")
    click.echo(f"MICROSOFT_CLIENT_SECRET={world.registration.client_secret}")
    click.echo(f"Account Id {world.tenant_id}, PartnerID {world.mpn_id}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("Stopped.")
    finally:
        server.server_close()
