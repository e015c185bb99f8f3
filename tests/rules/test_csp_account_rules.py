"""Accounts: what a tenant's id is, what a percentage may be, when a sign-in counts, and who it was."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.csp.accounts import rules, states
from app.foundation.refusals import Refused

TENANT = "a478f132-3bd7-496d-9b4f-337e88c68c7e"
NOW = datetime(2026, 11, 1, 20, tzinfo=UTC)


@pytest.mark.parametrize("typed", [TENANT, TENANT.upper(), f"  {TENANT} ", "{" + TENANT + "}"])
def test_a_tenants_id_has_one_spelling(typed: str) -> None:
    assert rules.check_tenant_id(typed) == TENANT


@pytest.mark.parametrize(
    "typed", ["", "contoso.onmicrosoft.com", TENANT[:-1], TENANT + "0", TENANT.replace("a", "g"), "0" * 36, "00000000-0000-0000-0000-000000000000", "ａ478f132-3bd7-496d-9b4f-337e88c68c7e"]
)  # fmt: skip
def test_what_is_no_guid_is_refused(typed: str) -> None:
    with pytest.raises(Refused) as no:
        rules.check_tenant_id(typed)
    assert no.value.field == "account_id"


@pytest.mark.parametrize("value", ["0", "0.00", "12.5", "999.99"])
def test_percentages_from_nothing_to_999_99(value: str) -> None:
    assert rules.check_percent("tax_rate", Decimal(value)) == Decimal(value)


@pytest.mark.parametrize("value", ["-0.01", "1000", "12.345"])
def test_other_percentages_are_refused(value: str) -> None:
    with pytest.raises(Refused):
        rules.check_percent("tax_rate", Decimal(value))


def test_not_set_is_not_nothing() -> None:
    assert rules.check_percent("tax_rate", None) is None


def test_a_partner_id_is_digits() -> None:
    assert rules.check_mpn_id(" 4847383 ") == "4847383"
    assert rules.check_mpn_id("") is None
    with pytest.raises(Refused):
        rules.check_mpn_id("４847383")


def test_a_sign_in_counts_once_and_for_half_an_hour() -> None:
    assert rules.login_counts(NOW, None, NOW + timedelta(minutes=30) - timedelta(microseconds=1))
    assert not rules.login_counts(NOW, None, NOW + timedelta(minutes=30))
    assert not rules.login_counts(NOW, NOW, NOW)


def test_a_consent_lapses_90_days_after_its_last_use() -> None:
    assert rules.lapses_at(NOW) == datetime(2027, 1, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "another"),
    [
        ({"tenantId": TENANT.upper()}, None),
        ({"id": TENANT}, None),
        ({"TenantID": TENANT, "id": "something else"}, None),
        ({"tenantId": TENANT.replace("a", "b")}, TENANT.replace("a", "b")),
        ({}, "?"),
        ({"tenantId": None, "id": None}, "?"),
    ],
)
def test_the_organisation_must_be_the_registered_tenant(answer: dict[str, str], another: str | None) -> None:
    assert rules.why_another(TENANT, answer) == another


@pytest.mark.parametrize(
    ("answer", "vetted"),
    [({"vettingStatus": "authorized"}, True), ({"VettingStatus": "Authorized"}, True), ({"vettingStatus": "pending"}, False), ({}, True)],
)  # fmt: skip
def test_what_microsoft_does_not_say_is_no_warning(answer: dict[str, str], vetted: bool) -> None:
    assert rules.is_vetted(answer) is vetted


def test_nothing_leads_out_of_disconnected() -> None:
    assert not [action for (state, action) in states.TRANSITIONS if state == states.DISCONNECTED]
    assert {state for state, _ in states.TRANSITIONS} | {states.DISCONNECTED} == {
        *states.TRANSITIONS.values(),
        states.DRAFT,
    }
    for action in {action for _, action in states.TRANSITIONS}:
        assert action in states.EVENTS
