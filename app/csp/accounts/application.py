"""This installation's own application in Microsoft's directory, as it was told where the portal starts.

One for all partners of the installation: each partner consents to it in its own tenant.
"""

from dataclasses import dataclass, field

from app.csp.microsoft.bases import Bases


class NotSetUp(RuntimeError):
    """Nobody gave the portal an application at Microsoft: MICROSOFT_CLIENT_ID, MICROSOFT_CLIENT_SECRET."""


@dataclass(frozen=True)
class Application:
    bases: Bases
    client_id: str
    client_secret: str = field(repr=False)
    #: <PORTAL_URL>/csp/callback, exactly as it is registered with Microsoft
    redirect_uri: str


_present: Application | None = None


def follow(application: Application | None) -> None:
    """Said once, where the portal starts; again by the demo, whose Microsoft is a stand-in."""
    global _present
    _present = application


def is_set_up() -> bool:
    return _present is not None


def present() -> Application:
    if _present is None:
        raise NotSetUp
    return _present
