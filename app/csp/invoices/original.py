"""Microsoft's own PDF of a document, fetched when somebody asks and kept nowhere.

Who opens a client for an account (its tokens, the pause all workers share) is told at the start: `open_with(client_of)`.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from app.csp.accounts.application import NotSetUp
from app.csp.invoices.model import CspDocument

#: account id -> a client for it; the wire's, with pdf(number) and close()
Opens = Callable[[uuid.UUID], Any]

_opens: list[Opens] = []


class NotConnected(Exception):
    """Nobody can ask Microsoft for this account."""


def open_with(client_of: Opens) -> None:
    _opens[:] = [client_of]


def pdf_of(document: CspDocument) -> Iterator[bytes]:
    """The file in pieces; the client is closed with the last of them. Raises what the wire raises."""
    if not _opens:
        raise NotConnected
    try:
        client = _opens[0](document.account_id)
    except NotSetUp as nobody:
        raise NotConnected from nobody
    try:
        yield from client.pdf(document.number)
    finally:
        client.close()
