"""Keys derived from SECRET_KEY, one a purpose: secrets at rest, fingerprints, signed links.

Another SECRET_KEY makes sealed secrets unreadable and links invalid: members then set up their second factor again.
"""

import hmac
import json
import uuid
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadSignature, URLSafeSerializer

_secret_key = ""


class Unreadable(ValueError):
    """Not made by us, made for another row, or made under another SECRET_KEY."""


def follow(secret_key: str) -> None:
    """Derive every key from this one from now on; said once, where the application starts."""
    global _secret_key
    _secret_key = secret_key


def seal(text: str, *, bound_to: uuid.UUID) -> str:
    """Encrypt for the row `bound_to`: moved to another row, it cannot be opened."""
    return Fernet(_fernet_key()).encrypt(f"{bound_to.hex}:{text}".encode()).decode()


def unseal(sealed: str, *, bound_to: uuid.UUID) -> str:
    try:
        owner, _, text = Fernet(_fernet_key()).decrypt(sealed.encode()).decode().partition(":")
    except InvalidToken as wrong:
        raise Unreadable from wrong
    if owner != bound_to.hex:
        raise Unreadable
    return text


def seal_link(path: str, *, bound_to: uuid.UUID) -> str:
    """A link that acts for its reader, as it waits in the outbox and stands in a backup; `bound_to`: the notice's subject."""
    return seal(path, bound_to=bound_to)


def opened_link(kept: str, *, bound_to: uuid.UUID | None) -> str:
    """The link to be mailed. One that an earlier portal kept as it is begins with /."""
    return kept if bound_to is None or kept.startswith("/") else unseal(kept, bound_to=bound_to)


def fingerprint(purpose: str, text: str) -> str:
    """64 hex digits that only this installation can compute: for comparing what must not be stored."""
    return hmac.digest(_derived(purpose), text.encode(), "sha256").hex()


def sign(purpose: str, content: dict[str, Any]) -> str:
    """A token for a link: readable by its holder, made by nobody else."""
    return str(URLSafeSerializer(_derived(purpose), salt=purpose).dumps(content))


def unsign(purpose: str, token: str) -> dict[str, Any]:
    try:
        content = URLSafeSerializer(_derived(purpose), salt=purpose).loads(token)
    except (BadSignature, UnicodeError, json.JSONDecodeError) as wrong:
        raise Unreadable from wrong
    if not isinstance(content, dict):
        raise Unreadable
    return content


def _fernet_key() -> bytes:
    return urlsafe_b64encode(_derived("second factor at rest"))


def _derived(purpose: str) -> bytes:
    if not _secret_key:
        raise RuntimeError("keys.follow(SECRET_KEY) comes first")
    return _derive(_secret_key, purpose)


@lru_cache
def _derive(secret_key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=f"partner-portal {purpose}".encode()).derive(secret_key.encode())
