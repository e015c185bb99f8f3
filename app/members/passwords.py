"""Passwords: argon2id, checked in the same time whether there is a member or not."""

import unicodedata
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: 64 MiB, three passes, four lanes: what RFC 9106 recommends where memory is scarce
hasher = PasswordHasher()

#: Longer ones are wrong without being hashed; nobody can have set one.
_LONGEST = 1024


def hash_password(password: str) -> str:
    """An argon2id hash with its own salt and parameters, about 0.1 s."""
    return hasher.hash(_one_spelling(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed. None: no, after the same work as for a wrong one."""
    try:
        return (
            hasher.verify(stored or _nobodys(), _one_spelling(password[:_LONGEST]))
            and stored is not None
            and len(password) <= _LONGEST
        )
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return hasher.check_needs_rehash(stored)


def _one_spelling(password: str) -> str:
    """Two keyboards may send the same letters as different code points."""
    return unicodedata.normalize("NFKC", password)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return hasher.hash("the password of nobody")
