"""Secrets of an account at rest: sealed under TOKEN_ENCRYPTION_KEYS and bound to the account they belong to.

The first key seals, all of them open: put a new key in front, run `flask csp seal-again`, take the old one away.
"""

import uuid
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_keys: MultiFernet | None = None


class Unreadable(ValueError):
    """Sealed under a key that is gone, or for another account."""


def follow(keys: Sequence[str]) -> None:
    """Said once, where the portal starts. Newest first, at least one."""
    global _keys
    _keys = MultiFernet([Fernet(key) for key in keys])


def _present() -> MultiFernet:
    if _keys is None:
        raise RuntimeError("sealing.follow(keys) comes first")
    return _keys


def seal(text: str, *, account_id: uuid.UUID) -> str:
    return _present().encrypt(f"{account_id.hex}:{text}".encode()).decode()


def unseal(sealed: str, *, account_id: uuid.UUID) -> str:
    try:
        owner, _, text = _present().decrypt(sealed.encode()).decode().partition(":")
    except InvalidToken as wrong:
        raise Unreadable from wrong
    if owner != account_id.hex:
        raise Unreadable
    return text


def sealed_again(sealed: str, *, account_id: uuid.UUID) -> str:
    """The same secret under the first key."""
    return seal(unseal(sealed, account_id=account_id), account_id=account_id)
