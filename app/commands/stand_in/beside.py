"""The stand-in beside a demo portal: in a thread of its process, on a port of its own, and the same after a restart.

What outlives the process is one small file: when the world began, and the consents behind the refresh tokens it gave, so that a
connected account stays connected.
"""

import json
import os
import threading
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.commands.stand_in.faults import Faults, Habits
from app.commands.stand_in.login import Consent
from app.commands.stand_in.server import StandIn, serve
from app.commands.stand_in.world import World


def play_beside(portal_url: str, folder: Path, *, today: date, port: int = 0, seed: int = 1) -> StandIn:
    """Starts it and comes back. The portal's bases are its `url`, the portal's application its `world.registration`."""
    file = folder / "stand-in.json"
    kept = _kept(file)
    world = World(seed, today=date.fromisoformat(kept.get("today", today.isoformat())))
    world.registration.redirect_uris = (f"{portal_url}/csp/callback",)
    _make_interesting(world)
    playing = StandIn(world, Faults(Habits(slow_ms=40, lines_page=200, customers_page=20, judges_repeats=False)))
    playing.faults.add("throttle", "lineitems", after=4, seconds=3)
    playing.faults.add("error", "subscriptions", after=9, times=2)
    for token, consent in kept.get("consents", {}).items():
        playing.login.refresh_tokens[token] = Consent(**consent)
    playing.login.changed = lambda: _keep(file, playing)
    playing.login.changed()
    server = serve(playing, port)
    threading.Thread(target=server.serve_forever, name="stand-in", daemon=True).start()
    return playing


def _make_interesting(world: World) -> None:
    """One document that does not come to its total, so that somebody can see what happens then; not the newest ones."""
    modern = sorted((one for one in world.documents if one.providers == {"onetime"}), key=lambda one: one.day)
    modern[-4].off_by = Decimal("0.03")


def _kept(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(file: Path, playing: StandIn) -> None:
    consents = {token: asdict(consent) for token, consent in list(playing.login.refresh_tokens.items())}
    fresh = file.with_suffix(".new")
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump({"today": playing.world.today.isoformat(), "consents": consents}, out)
    fresh.replace(file)
