"""Where Microsoft is: three addresses, each to be pointed elsewhere on its own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bases:
    """Without a slash at the end. Scopes and audiences keep Microsoft's real names wherever these point."""

    login: str
    api: str
    graph: str
