"""Passwords, roles, the last admin, and how long one waits after failures."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation.refusals import Refused
from app.members import rules
from app.members.roles import GRANTS, PARTNER_ADMIN, PRICING_SUBMITTER, PRICING_VIEWER, ROLES, permissions_of
from app.members.rules import TRIES_PER_EMAIL

TEN = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)


def test_the_fifth_failure_waits_until_the_first_is_fifteen_minutes_old():
    failed = [TEN - timedelta(minutes=minutes) for minutes in (0, 2, 4, 6, 10)]
    assert rules.seconds_to_wait(failed, TEN, TRIES_PER_EMAIL) == 5 * 60
    assert rules.seconds_to_wait(failed, TEN + timedelta(minutes=4, seconds=59.5), TRIES_PER_EMAIL) == 1
    assert rules.seconds_to_wait(failed, TEN + timedelta(minutes=5), TRIES_PER_EMAIL) == 0


def test_four_failures_wait_for_nothing():
    assert rules.seconds_to_wait([TEN] * 4, TEN, TRIES_PER_EMAIL) == 0


@pytest.mark.parametrize(
    "password",
    ["short", "123456789", "ada@northbridge.example", "  Ada Marsh ", "aaaaaaaaaaaa", "abababababab", "x1y2z3" * 30],
)
def test_passwords_that_are_refused(password):
    with pytest.raises(Refused) as no:
        rules.check_password(password, email="ada@northbridge.example", name="Ada Marsh")
    assert no.value.field == "password"


@pytest.mark.parametrize("password", ["portal-demo", "four words go far", "ěščřžýáíé-ů", "a" * 60 + "bcd" * 20])
def test_passwords_that_are_taken(password):
    rules.check_password(password, email="ada@northbridge.example", name="Ada Marsh")


def test_roles_come_in_the_tables_order_and_of_one_capacity():
    assert rules.check_roles([PARTNER_ADMIN, PRICING_VIEWER, PRICING_VIEWER], "partner") == [
        PRICING_VIEWER,
        PARTNER_ADMIN,
    ]
    for wrong in (["operator-admin"], ["no-such-role"], [PRICING_VIEWER, ""]):
        with pytest.raises(Refused):
            rules.check_roles(wrong, "partner")


def test_the_last_admin_stays():
    with pytest.raises(Refused):
        rules.check_admin_left(1, 0)
    rules.check_admin_left(2, 1)
    rules.check_admin_left(0, 0)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
        (None, "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_whose_tries_count_together(address, source):
    assert rules.source_of(address) == source


def test_one_spelling_for_an_email():
    assert rules.normal_email("  ADA@Northbridge.Example\0 ") == "ada@northbridge.example"
    assert rules.normal_email("jose\u0301@x.example") == rules.normal_email("jos\u00e9@x.example")


def test_every_role_that_is_asked_for_exists_in_its_capacity():
    for (permission, capacity), needed in GRANTS.items():
        assert all(ROLES[key].capacity == capacity for key in needed), permission


def test_adding_billing_entries_takes_all_three_roles():
    assert "billing-entry:submit" not in permissions_of(frozenset({PRICING_VIEWER, PRICING_SUBMITTER}), "partner")
    assert "billing-entry:submit" in permissions_of(
        frozenset({PRICING_VIEWER, PRICING_SUBMITTER, "software-instance-editor"}), "partner"
    )
    assert "member:manage" not in permissions_of(frozenset({PARTNER_ADMIN}), "customer")


def test_an_invitation_is_open_for_a_week_to_the_second():
    sent = datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert not rules.has_expired(sent, sent + timedelta(days=7, seconds=-1))
    assert rules.has_expired(sent, sent + timedelta(days=7))


def test_it_is_not_mailed_again_within_ten_minutes():
    sent = datetime(2026, 3, 2, 10, tzinfo=UTC)
    with pytest.raises(Refused):
        rules.check_resend(sent, sent + timedelta(minutes=10, microseconds=-1))
    rules.check_resend(sent, sent + timedelta(minutes=10))


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("has_one", [True, False])
@pytest.mark.parametrize("acts_elsewhere", [True, False])
@pytest.mark.parametrize("by_operator", [True, False])
def test_whose_second_factor_may_be_reset(own, has_one, acts_elsewhere, by_operator):
    facts = {"own": own, "has_one": has_one, "acts_elsewhere": acts_elsewhere, "by_operator": by_operator}
    if not own and has_one and (by_operator or not acts_elsewhere):
        rules.check_reset(**facts)
    else:
        with pytest.raises(Refused) as no:
            rules.check_reset(**facts)
        assert no.value.field == "reason"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.9", "curl"),
        ("", "Unknown device"),
        (None, "Unknown device"),
        ("<script>alert(1)</script>", "Unknown device"),
    ],
)  # fmt: skip
def test_a_browser_in_our_words(said, words):
    assert rules.device_of(said) == words


@given(st.text(max_size=3000))
def test_nothing_of_a_browsers_own_text_is_kept(said):
    words = rules.device_of(said)
    assert len(words) <= 60
    assert words.isascii()
    assert words.isprintable()


@given(st.sampled_from(["partner", "customer", "operator"]), st.sets(st.sampled_from(sorted(ROLES))))
def test_more_roles_never_allow_less(capacity, held):
    fewer = permissions_of(frozenset(sorted(held)[1:]), capacity)
    assert fewer <= permissions_of(frozenset(held), capacity)
