"""Where Microsoft answers: three addresses, each of them a setting, and what lies on the same host as one of them.

Scopes and audiences keep their real spelling even where the addresses point elsewhere.
"""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

LOGIN = "https://login.microsoftonline.com"
API = "https://api.partnercenter.microsoft.com"
GRAPH = "https://graph.microsoft.com"

#: what a token is asked for, by its audience
SCOPES = {
    "api": "https://api.partnercenter.microsoft.com/user_impersonation",
    "graph": "https://graph.microsoft.com/PartnerBilling.Read.All",
}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Bases:
    """The addresses without a slash at their end; plain http:// is for a loopback alone, which settings see to."""

    login: str = LOGIN
    api: str = API
    graph: str = GRAPH

    def __post_init__(self) -> None:
        for name in ("login", "api", "graph"):
            object.__setattr__(self, name, getattr(self, name).strip().rstrip("/"))


class Elsewhere(ValueError):
    """A link that leads off the configured host: a token is never sent there."""


def on_host(base: str, link: str) -> str:
    """The path and query of a link, relative to its base; Elsewhere when it names another host, port or scheme."""
    link = link.strip()
    if "\\" in link or any(ord(letter) < 0x20 for letter in link):
        raise Elsewhere(link)
    try:
        parts, home = urlsplit(link), urlsplit(base)
        foreign = bool(parts.scheme or parts.netloc) and _place(parts) != _place(home)
    except ValueError as wrong:
        raise Elsewhere(link) from wrong
    if foreign or "@" in parts.netloc:
        raise Elsewhere(link)
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    if (parts.scheme or parts.netloc) and home.path and path.startswith(f"{home.path}/"):
        path = path[len(home.path) :]
    return f"{path}?{parts.query}" if parts.query else path


def _place(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
