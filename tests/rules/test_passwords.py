"""Passwords as the portal hashes them: the other tests hash with less work, so its strength is said here."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from app.members import passwords
from tests.people import PASSWORD_HASH


@pytest.fixture(autouse=True)
def as_the_portal_does(quick_passwords: PasswordHasher) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", quick_passwords)
        passwords._nobodys.cache_clear()
        yield
    passwords._nobodys.cache_clear()


def test_argon2id_with_the_work_that_is_recommended() -> None:
    found = extract_parameters(passwords.hash_password("correct horse battery"))
    assert found == RFC_9106_LOW_MEMORY
    assert (found.type, found.memory_cost, found.time_cost) == (Type.ID, 64 * 1024, 3)


def test_each_hash_has_a_salt_of_its_own_and_lets_in_its_password_alone() -> None:
    first, second = (passwords.hash_password("correct horse battery") for _ in range(2))
    assert first != second
    assert passwords.matches(first, "correct horse battery") and passwords.matches(second, "correct horse battery")
    assert not passwords.matches(first, "correct horse batterY")


def test_nobody_takes_the_same_work_and_is_never_let_in() -> None:
    assert not passwords.matches(None, "the password of nobody")
    assert extract_parameters(passwords._nobodys()) == RFC_9106_LOW_MEMORY


def test_a_hash_of_less_work_still_lets_in_and_is_outdated() -> None:
    assert passwords.matches(PASSWORD_HASH, "portal-demo")
    assert passwords.is_outdated(PASSWORD_HASH)
    assert not passwords.is_outdated(passwords.hash_password("portal-demo"))
