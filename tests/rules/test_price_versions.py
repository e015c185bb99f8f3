"""Which price version counts in which month: for what is charged, approved ones alone; for a test, what the plan holds so far."""

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.catalog.rules import draft_version_for, version_for
from app.foundation.billing_month import BillingMonth


@dataclass(frozen=True)
class Version:
    number: int
    effective_from: BillingMonth
    approved_at: datetime | None


APPROVED = datetime(2026, 1, 1, tzinfo=UTC)
OCTOBER, NOVEMBER, DECEMBER = (BillingMonth(2026, month) for month in (10, 11, 12))


def test_an_approved_version_counts_from_its_month_on_and_never_reaches_back() -> None:
    first, second = Version(1, OCTOBER, APPROVED), Version(2, DECEMBER, APPROVED)
    assert version_for([first, second], OCTOBER.previous) is None
    assert [version_for([first, second], month) for month in (OCTOBER, NOVEMBER, DECEMBER)] == [first, first, second]


def test_a_draft_counts_for_tests_alone() -> None:
    approved, draft = Version(1, OCTOBER, APPROVED), Version(2, NOVEMBER, None)
    assert version_for([approved, draft], NOVEMBER) == approved
    assert draft_version_for([approved, draft], NOVEMBER) == draft
    assert draft_version_for([approved, draft], OCTOBER) == approved


def test_before_any_version_counts_a_test_takes_the_one_that_counts_first() -> None:
    soon, later = Version(1, NOVEMBER, None), Version(2, DECEMBER, None)
    assert draft_version_for([later, soon], OCTOBER) == soon
    assert draft_version_for([], OCTOBER) is None


def test_of_two_with_one_month_the_higher_number_counts() -> None:
    two = [Version(2, OCTOBER, None), Version(1, OCTOBER, None)]
    assert draft_version_for(two, OCTOBER) == two[0]


VERSIONS = st.lists(
    st.builds(
        Version,
        number=st.integers(1, 50),
        effective_from=st.integers(2020 * 12, 2030 * 12).map(lambda n: BillingMonth(n // 12, n % 12 + 1)),
        approved_at=st.sampled_from([None, APPROVED]),
    ),
    unique_by=lambda version: version.number,
)


@given(VERSIONS, st.integers(2020 * 12, 2030 * 12).map(lambda n: BillingMonth(n // 12, n % 12 + 1)))
def test_what_is_charged_never_follows_from_a_draft(versions: list[Version], month: BillingMonth) -> None:
    """Whatever drafts stand beside it: the same version counts as without them, and a test finds one whenever there is any."""
    approved = [version for version in versions if version.approved_at]
    found = version_for(versions, month)
    assert found == version_for(approved, month)
    assert found is None or (found.approved_at is not None and found.effective_from <= month)
    tried = draft_version_for(versions, month)
    assert (tried is None) == (not versions)
    assert tried is None or tried.effective_from <= month or all(v.effective_from > month for v in versions)
    if len(approved) == len(versions) and found:
        assert tried == found, "once everything is approved, a test is rated as a real engagement would be"
