"""What a client is given besides addresses: a source of tokens, and a pause that all workers of the account share."""

from typing import Protocol

#: who a token is for: "api" or "graph" (bases.SCOPES)
Audience = str


class Tokens(Protocol):
    def get(self, audience: Audience) -> str:
        """A token that is good now: refreshed when the present one is about to end. SignInNeeded when there is none."""

    def renew(self, audience: Audience, refused: str) -> str:
        """Another one: a call answered 401 to `refused`, which a worker beside us may have renewed already."""


class Pause(Protocol):
    def wait(self) -> float:
        """Waits while the account is paused and says for how many seconds; Paused when that is longer than a worker waits."""

    def begin(self, seconds: float) -> None:
        """From now on nobody calls for this account for so long: Microsoft said so."""
