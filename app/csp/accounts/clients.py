"""An account's own way to Microsoft: its tokens, and the pause that all its workers share."""

import uuid
from collections.abc import Callable

from app.csp.accounts import application
from app.csp.accounts.pausing import Pause
from app.csp.accounts.vault import Tokens
from app.csp.microsoft.client import Client

#: somebody looks at a page and waits for it
PATIENCE_SECONDS = 5.0


def client_of(
    account_id: uuid.UUID,
    *,
    willing_seconds: float = PATIENCE_SECONDS,
    counted: Callable[[float], None] = lambda throttled: None,
) -> Client:
    """In an app context; usable from any thread afterwards. `willing_seconds`: throttled for longer, it raises Paused.

    NotSetUp where the portal has no application at Microsoft.
    """
    pause = Pause(account_id, willing_seconds=willing_seconds)
    return Client(application.present().bases, Tokens(account_id), pause, counted=counted)
