"""What a job is given and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.foundation.shares import Share
from app.foundation.tenancy import Viewer

#: shares that one process works on at a time; more processes rate more, more threads in one of them hardly do
SHARES_AT_ONCE = 2
#: True once the process is about to end: a job looks between two rows and leaves the rest for later
Stopped = Callable[[], bool]


def never() -> bool:
    return False


@dataclass(frozen=True)
class Done:
    """What one run came to: rows dealt with, rows that failed and are tried again, and a sentence if there is one to say."""

    rows: int = 0
    failed: int = 0
    message: str = ""


class Handler(Protocol):
    """Runs in an app context as the system. Its actions commit, row by row; the handler never does."""

    def __call__(self, *, by: Viewer, stopped: Stopped) -> Done: ...


class ShareHandler(Protocol):
    """The same for one share of the rows; several run at once."""

    def __call__(self, *, by: Viewer, stopped: Stopped, share: Share) -> Done: ...
