"""When discovery runs, what it reads again, and where it goes on, at the edges."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app.csp.discovery
from app.csp.accounts import states as accounts
from app.csp.digests import LinesDigest, digest_of
from app.csp.discovery import rules, states
from app.csp.discovery.rules import COMPARE, LOAD, DocumentRead, LastRun
from app.csp.invoices.sums import Sums, difference
from app.csp.microsoft.records import Line
from app.foundation import transitions
from tests.rules.test_state_tables import arrows

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
ACCOUNT = uuid.UUID(int=720 * 1000 + 90)  # its minute is the 90th: 01:30 and 13:30


def test_the_docstring_shows_the_table() -> None:
    assert arrows(app.csp.discovery.__doc__ or "") == arrows(transitions.diagram(states.TRANSITIONS))


def test_an_ended_run_is_never_reopened() -> None:
    assert set(transitions.final_states(states.TRANSITIONS)) == {states.COMPLETED, states.STOPPED, states.ERROR}


def test_only_a_connected_account_runs() -> None:
    every = {state for arrow in accounts.TRANSITIONS.items() for state in (arrow[0][0], arrow[1])}
    assert {state for state in every if rules.why_no_run(state) is None} == {accounts.CONNECTED}


def test_twice_a_day_at_the_accounts_own_minute() -> None:
    assert rules.offset_of(ACCOUNT) == timedelta(minutes=90)
    assert rules.last_slot(ACCOUNT, NOON) == NOON.replace(hour=1, minute=30)
    assert rules.next_slot(ACCOUNT, NOON) == NOON.replace(hour=13, minute=30)
    assert rules.last_slot(ACCOUNT, NOON.replace(hour=13, minute=30)) == NOON.replace(hour=13, minute=30)
    assert rules.last_slot(ACCOUNT, NOON.replace(hour=13, minute=29, second=59)) == NOON.replace(hour=1, minute=30)


@given(st.uuids(), st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_slots_tile_the_day(account_id: uuid.UUID, now: datetime) -> None:
    last = rules.last_slot(account_id, now)
    assert last <= now < rules.next_slot(account_id, now) == last + timedelta(hours=12)


def test_a_run_is_due_once_each_twelve_hours() -> None:
    slot, second = rules.last_slot(ACCOUNT, NOON), timedelta(seconds=1)
    long_ago = slot - timedelta(days=9)
    assert rules.is_due(ACCOUNT, NOON, connected_at=long_ago, asked_at=None)
    assert rules.is_due(ACCOUNT, NOON, connected_at=long_ago, asked_at=slot - second)
    assert not rules.is_due(ACCOUNT, NOON, connected_at=long_ago, asked_at=slot)
    assert not rules.is_due(ACCOUNT, NOON, connected_at=slot, asked_at=None), "Later means later"


def test_a_worker_is_given_up_after_fifteen_seconds() -> None:
    assert not rules.is_silent(NOON - timedelta(seconds=15), NOON)
    assert rules.is_silent(NOON - timedelta(seconds=15, microseconds=1), NOON)
    assert rules.is_silent(None, NOON)


def test_details_are_read_about_once_a_week() -> None:
    due = [
        number for number in range(140) if rules.details_are_due("a tenant", number, has_details=True, is_refused=False)
    ]
    assert len(due) == 10
    assert rules.details_are_due("a tenant", 1, has_details=False, is_refused=False)
    assert rules.details_are_due("a tenant", 1, has_details=True, is_refused=True)


SETTLED = DocumentRead(NOON - timedelta(days=400), True, True, Decimal("0.00"), NOON - timedelta(days=300))


@pytest.mark.parametrize(
    ("document", "plan"),
    [
        (SETTLED, None),
        (SETTLED._replace(has_lines=False), LOAD),
        (SETTLED._replace(is_compared=False), LOAD),
        (SETTLED._replace(difference=Decimal("0.000000000000000001")), COMPARE),
        (SETTLED._replace(invoice_date=NOON - timedelta(days=62)), COMPARE),
        (SETTLED._replace(invoice_date=NOON - timedelta(days=62, seconds=1)), None),
    ],
)
def test_whose_lines_are_due(document: DocumentRead, plan: str | None) -> None:
    assert rules.lines_due(document, newest=NOON, goes_on_from=None) == plan


def test_old_documents_are_compared_about_once_a_month() -> None:
    turns = [number for number in range(1, 181) if rules.is_its_turn("G048201937", number)]
    assert len(turns) == 3 and turns[1] - turns[0] == turns[2] - turns[1] == 60
    assert rules.lines_due(SETTLED, newest=NOON, goes_on_from=None, is_its_turn=True) == COMPARE
    assert rules.lines_due(SETTLED, newest=NOON, goes_on_from=SETTLED.read_at, is_its_turn=True) is None


def test_what_the_run_before_has_just_read_is_not_compared() -> None:
    recent = SETTLED._replace(invoice_date=NOON, read_at=NOON)
    assert rules.lines_due(recent, newest=NOON, goes_on_from=NOON) is None
    assert rules.lines_due(recent, newest=NOON, goes_on_from=NOON + timedelta(seconds=1)) == COMPARE
    assert rules.lines_due(recent._replace(is_compared=False), newest=NOON, goes_on_from=NOON) == LOAD


def test_a_run_goes_on_from_one_that_was_cut_short_lately() -> None:
    ended = NOON - timedelta(hours=12)
    cut = LastRun(states.STOPPED, ended - timedelta(hours=1), ended)
    assert rules.goes_on_from(cut, NOON) == cut.begun_at
    assert rules.goes_on_from(cut._replace(state=states.ERROR), NOON) == cut.begun_at
    assert rules.goes_on_from(cut._replace(state=states.COMPLETED), NOON) is None
    assert rules.goes_on_from(cut, NOON + timedelta(seconds=1)) is None
    assert rules.goes_on_from(None, NOON) is None


def test_a_reading_that_was_cut_short_is_gone_on_with_while_the_listing_says_the_same() -> None:
    assert rules.may_go_on_with("a", "a", NOON, NOON + timedelta(hours=11, minutes=59))
    assert not rules.may_go_on_with("a", "b", NOON, NOON)
    assert not rules.may_go_on_with("a", "a", NOON, NOON + timedelta(hours=12))
    assert not rules.may_go_on_with(None, "a", NOON, NOON)


@given(st.sets(st.text("abc", min_size=1, max_size=3)), st.text("abc", max_size=3), st.data())
def test_whoever_goes_on_misses_nobody(ids: set[str], begun_after: str, data: st.DataObject) -> None:
    whole = rules.still_to_read(ids, begun_after, None)
    assert sorted(whole) == sorted(ids)
    if whole:
        place = data.draw(st.integers(0, len(whole) - 1))
        assert rules.still_to_read(ids, begun_after, whole[place]) == whole[place + 1 :]


def line(
    cost: str, tax: str = "", total: str = "", tenant: str = "t", currency: str = "EUR", kind: str = "billing"
) -> Line:
    words = dict.fromkeys(Line._fields, "")
    return Line(
        **{
            **words,
            "line_type": kind,
            "customer_tenant_id": tenant,
            "cost": cost,
            "tax": tax,
            "total": total,
            "currency": currency,
        }
    )


AMOUNTS = st.decimals(-(10**20), 10**20, places=20).map(lambda value: f"{value:f}")
LINES = st.lists(
    st.builds(line, AMOUNTS, AMOUNTS, tenant=st.sampled_from(["", "t", "u"]), currency=st.sampled_from(["EUR", "JPY"]))
)


@given(LINES, st.integers(0, 50))
def test_sums_are_exact_however_the_lines_are_cut(lines: list[Line], at: int) -> None:
    whole, parts = Sums(), Sums()
    whole.add(lines)
    parts.add(lines[:at])
    parts.add(lines[at:])
    assert list(whole.customers()) == list(parts.customers())
    for currency in ("EUR", "JPY"):
        scaled = sum(
            int(Decimal(one.cost).scaleb(20)) + int(Decimal(one.tax).scaleb(20))
            for one in lines
            if one.currency == currency
        )
        assert whole.total_in(currency) == Decimal(scaled).scaleb(-20)


def test_usage_lines_are_never_added_to_a_total() -> None:
    sums = Sums()
    sums.add([line("10", "2", "12"), line("7", kind="usage")])
    assert sums.total_in("EUR") == 12
    assert [one.lines for one in sums.customers()] == [1]


def test_one_digit_in_thirty_is_a_difference() -> None:
    assert difference(Decimal("28.82860766744404945074"), Decimal("28.82860766744404945073")) == Decimal("1E-20")


@given(LINES, st.randoms())
def test_a_digest_of_lines_counts_them_and_forgets_their_order(lines: list[Line], chance: object) -> None:
    whole, shuffled = LinesDigest(), list(lines)
    whole.add(lines)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    cut = LinesDigest()
    cut.add(shuffled[: len(lines) // 2])
    again = LinesDigest(cut.hexdigest())
    again.add(shuffled[len(lines) // 2 :])
    assert whole.hexdigest() == again.hexdigest()
    if lines:
        twice = LinesDigest(whole.hexdigest())
        twice.add(lines[:1])
        assert twice.hexdigest() != whole.hexdigest()


def test_a_digest_tells_values_apart() -> None:
    assert digest_of(("a", "b")) != digest_of(("ab", ""))
    assert digest_of((None,)) != digest_of(("",))
    assert digest_of((Decimal("1.0"),)) == digest_of((Decimal("1"),))
