"""Which six digits fit, when, and how often; and that what is stored opens only for its member."""

import uuid
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from app.members import keys
from app.members.second_factor import matching_step

#: RFC 6238, appendix B: the secret "12345678901234567890"; its eight digits' last six
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture(autouse=True)
def _keys():
    before = keys._secret_key
    keys.follow("a test's secret key, long enough")
    yield
    keys.follow(before)


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_the_standards_vectors(seconds, code):
    assert matching_step(SECRET, code, datetime.fromtimestamp(seconds, UTC), None) == seconds // 30


def test_one_step_before_and_one_after_fit_two_do_not():
    now = datetime(2026, 11, 2, 12, 0, 10, tzinfo=UTC)
    for steps, fits in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = pyotp.TOTP(SECRET).at(now + timedelta(seconds=30 * steps))
        assert (matching_step(SECRET, code, now, None) is not None) is fits, steps


def test_a_code_counts_once_and_none_before_it():
    now = datetime(2026, 11, 2, 12, 0, 10, tzinfo=UTC)
    step = matching_step(SECRET, pyotp.TOTP(SECRET).at(now), now, None)
    assert step is not None
    assert matching_step(SECRET, pyotp.TOTP(SECRET).at(now), now, step) is None
    assert matching_step(SECRET, pyotp.TOTP(SECRET).at(now - timedelta(seconds=30)), now, step) is None
    assert matching_step(SECRET, pyotp.TOTP(SECRET).at(now + timedelta(seconds=30)), now, step) == step + 1


@pytest.mark.parametrize("code", ["", "28708", "2870822", "٢٨٧٠٨٢", "287o82", "🙂", "1e400"])
def test_what_is_no_code(code):
    assert matching_step(SECRET, code, datetime.fromtimestamp(59, UTC), None) is None


def test_spaces_in_a_code_do_not_matter():
    assert matching_step(SECRET, "287 082", datetime.fromtimestamp(59, UTC), None) == 1


def test_a_sealed_secret_opens_for_its_own_row_and_key_only():
    ada, ben = uuid.uuid4(), uuid.uuid4()
    sealed = keys.seal(SECRET, bound_to=ada)
    assert SECRET not in sealed
    assert keys.unseal(sealed, bound_to=ada) == SECRET
    with pytest.raises(keys.Unreadable):
        keys.unseal(sealed, bound_to=ben)
    keys.follow("another secret key, long enough too")
    with pytest.raises(keys.Unreadable):
        keys.unseal(sealed, bound_to=ada)


@pytest.mark.parametrize("token", ["", "x", "a.b", "🙂", "e30.AAAA", "\x00", "a" * 5000])
def test_a_token_that_we_did_not_sign(token):
    with pytest.raises(keys.Unreadable):
        keys.unsign("password link", token)


def test_a_token_for_one_purpose_is_none_for_another():
    token = keys.sign("password link", {"m": "1"})
    assert keys.unsign("password link", token) == {"m": "1"}
    with pytest.raises(keys.Unreadable):
        keys.unsign("something else", token)
