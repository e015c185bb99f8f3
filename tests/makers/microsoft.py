"""Microsoft as a stand-in on loopback, and a portal that signs in there."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx

from app.commands.stand_in import Faults, StandIn, World, standing_in
from app.csp.accounts import application
from app.csp.accounts.application import Application
from app.csp.microsoft.bases import Bases

REDIRECT_URI = "http://127.0.0.1:8000/csp/callback"
#: what its consent page offers
AS_ADMIN, WITHOUT_MFA, AS_ANOTHER, CANCEL = ("yes", "partner"), ("no", "partner"), ("yes", "foreign"), ("", "cancel")


@contextmanager
def microsoft(world: World | None = None, faults: Faults | None = None) -> Iterator[StandIn]:
    """The stand-in answers, and the portal knows where."""
    world = world or World()
    world.registration.redirect_uris = (REDIRECT_URI,)
    before = application._present
    with standing_in(world, faults) as playing:
        application.follow(
            Application(
                Bases(playing.url, playing.url, playing.url),
                world.registration.client_id,
                world.registration.client_secret,
                REDIRECT_URI,
            )
        )
        try:
            yield playing
        finally:
            application.follow(before)


def consent(url: str, choice: tuple[str, str] = AS_ADMIN) -> dict[str, str]:
    """What a browser does at Microsoft: opens the page, follows one of its links, and is sent back. Returns the query it brings."""
    page = httpx.get(url)
    page.raise_for_status()
    assert "Permissions requested" in page.text
    parts = urlsplit(url)
    chosen = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('authorize')}consent?{parts.query}"
    answer = httpx.get(f"{chosen}&stand_in_mfa={choice[0]}&stand_in_who={choice[1]}")
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(REDIRECT_URI)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
