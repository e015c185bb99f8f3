"""Many entries in one go: like one by one, each record once for ever, and no bad line stops the others."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from app.billing import actions, batch, rating
from app.billing.actions import Draft
from app.billing.batch import Line, Outcome
from app.billing.model import BillingEntry
from app.billing.provisional import provisional_ratings
from app.catalog.queries import prices_of
from app.engagements import states as engagement_states
from app.engagements.model import Engagement
from app.foundation import history
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.refusals import AlreadyDone, MissingRole, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.members.roles import PRICING_VIEWER
from tests.actions.submitting import active_since, ada_of, draft_for, entries, freeze, utc
from tests.makers import as_partner, make_engagement, make_entry, make_organisation, make_product, rate

D = Decimal
HERE = "2026-03"
TIERS: Any = [("10", "3.00"), ("20", "2.00"), (None, "1.00")]


@pytest.fixture(autouse=True)
def mid_march() -> Iterator[None]:
    with time_machine.travel(utc("2026-03-15T10:00:00"), tick=False):
        yield


def line(key: str, engagement: Engagement, quantity: str = "1", month: str = HERE, notes: str = "") -> Line:
    return Line(key, engagement.id, draft_for(engagement, month, quantity, notes))


def send(*lines: Line, by: Viewer) -> list[Outcome]:
    with viewing(by):
        return batch.submit_batch(lines, by=by)


def engagement_with(**product: Any) -> Engagement:
    return active_since("2026-01-10T00:00:00", **product)


def test_one_outcome_a_line_in_the_same_order() -> None:
    engagement = engagement_with()
    ada = ada_of(engagement)
    found = send(line("a", engagement), line("b", engagement, "0"), line("c", engagement, "2", notes=" night "), by=ada)
    assert [(o.key, o.result) for o in found] == [("a", "created"), ("b", "refused"), ("c", "created")]
    assert (found[1].field, found[1].sentence) == ("quantity", "Enter a quantity greater than 0.")
    with acting_for_all("a test reads"):
        rows = db.session.scalars(select(BillingEntry).order_by(BillingEntry.id)).all()
    assert [(r.number, r.record_key, r.notes) for r in rows] == [
        (found[0].number, "a", ""),
        (found[2].number, "c", "night"),
    ]
    assert int(rows[1].number[3:]) == int(rows[0].number[3:]) + 1, "a refused line takes no number"


def test_the_same_record_again_is_a_duplicate_months_later_too() -> None:
    engagement = engagement_with()
    ada = ada_of(engagement)
    (first,) = send(line("INV-7", engagement, "12.5", notes="Night"), by=ada)
    (again,) = send(line("INV-7", engagement, "12.500", notes=" Night "), by=ada)
    assert (again.result, again.entry_id, again.number) == ("duplicate", first.entry_id, first.number)
    with time_machine.travel(utc("2026-09-01T00:00:00"), tick=False):
        freeze(HERE)
        (later,) = send(line("INV-7", engagement, "12.5", notes="Night"), by=ada)
        assert (later.result, later.number) == ("duplicate", first.number)
    assert entries() == 1


def test_the_same_key_for_something_else_is_refused() -> None:
    engagement = engagement_with()
    ada = ada_of(engagement)
    found = send(line("k", engagement), line("k", engagement), line("k", engagement, "2"), by=ada)
    assert [o.result for o in found] == ["created", "duplicate", "refused"]
    assert found[1].number == found[0].number
    assert found[2].field == "key"
    assert send(line("k", engagement, "2"), by=ada)[0].field == "key"
    assert entries() == 1


def test_a_refused_record_may_be_corrected_under_its_key() -> None:
    engagement = engagement_with(step="0.25")
    ada = ada_of(engagement)
    assert send(line("k", engagement, "1.1"), by=ada)[0].result == "refused"
    assert send(line("k", engagement, "1.25"), by=ada)[0].result == "created"


def test_two_partners_may_use_the_same_key() -> None:
    one_, other = engagement_with(), engagement_with(name="Other service")
    assert send(line("k", one_), by=ada_of(one_))[0].result == "created"
    assert send(line("k", other), by=ada_of(other))[0].result == "created"


@pytest.mark.parametrize("key", ["", "x" * 201, "a\0b", "a\nb", "\ud800"])
def test_a_key_is_short_and_printable(key: str) -> None:
    engagement = engagement_with()
    found = send(line(key, engagement), line("good", engagement), by=ada_of(engagement))
    assert [(o.result, o.field) for o in found] == [("refused", "key"), ("created", "")]


@pytest.mark.parametrize("quantity", ["NaN", "Infinity", "-Infinity", "1E+400", "1E-30", "0", "-1", "100000000000"])
@pytest.mark.parametrize("notes", ["", "a\0b", "\udfff", "x" * 501])
def test_hostile_lines_are_refused_and_the_good_one_stands(quantity: str, notes: str) -> None:
    engagement = engagement_with()
    bad = Line("bad", engagement.id, replace(draft_for(engagement, HERE), quantity=D(quantity), notes=notes))
    found = send(bad, line("good", engagement), by=ada_of(engagement))
    assert [o.result for o in found] == ["refused", "created"]
    assert found[0].field in ("quantity", "notes")


def test_foreign_and_missing_engagements_say_the_same() -> None:
    engagement = engagement_with()
    cy = as_partner(make_organisation("Contrail", partner=True))
    theirs, nowhere = line("a", engagement), replace(line("b", engagement), engagement_id=uuid.uuid4())
    found = send(theirs, nowhere, by=cy)
    assert [replace(o, key="") for o in found] == [
        Outcome("", "refused", field="engagement", sentence="There is no such engagement.")
    ] * 2
    assert entries() == 0


def test_who_may_not_and_what_is_too_much() -> None:
    engagement = engagement_with()
    with pytest.raises(MissingRole):
        send(line("a", engagement), by=ada_of(engagement, PRICING_VIEWER))
    with pytest.raises(Refused):
        send(*[line("a", engagement)] * 1001, by=ada_of(engagement))
    assert send(by=ada_of(engagement)) == []


def test_an_engagement_that_is_over_and_a_month_that_is_frozen() -> None:
    over = make_engagement(make_product(), state=engagement_states.COMPLETE)
    closed = engagement_with(name="Other service")
    freeze(HERE)
    assert send(line("a", over), by=ada_of(over))[0].field == "engagement"
    (no,) = send(line("a", closed), by=ada_of(closed))
    assert (no.field, no.sentence) == ("month", "%(month)s is frozen.")


def test_a_preview_says_what_a_batch_does_and_writes_nothing() -> None:
    engagement = engagement_with(bands=TIERS, model="graduated")
    ada = ada_of(engagement)
    lines = [line("a", engagement, "8"), line("b", engagement, "8"), line("c", engagement, "0")]
    with viewing(ada):
        judged = batch.preview_batch(lines, by=ada)
    assert [str(j.rated.amount) if j.rated else j.outcome.field for j in judged] == [
        "24.00 USD",
        "18.00 USD",
        "quantity",
    ]
    assert entries() == 0
    with counted() as statements, viewing(ada):
        batch.preview_batch(lines, by=ada)
    assert not [s for s in statements if not s.startswith(("SELECT", "BEGIN"))]


@pytest.mark.parametrize("size", [3, 300])
def test_the_statements_do_not_grow_with_the_lines(size: int) -> None:
    engagement = engagement_with()
    others = [make_engagement_like(engagement) for _ in range(3)]
    ada = ada_of(engagement)
    lines = [line(f"k{n}", others[n % 3], str(n + 1)) for n in range(size)]
    with counted() as statements:
        assert {o.result for o in send(*lines, by=ada)} == {"created"}
    assert len(statements) <= 27, "\n".join(statements)


def test_chains_hold_while_others_write_to_them(app: Flask) -> None:
    """Batches, single submits and ratings on the same engagements at once: nothing lost, every chain whole, no ring of waits."""
    first = engagement_with()
    engagements = [first, *(make_engagement_like(first) for _ in range(3))]
    ada, troubles = ada_of(first), []
    waiting = [make_entry(e, "3").id for e in engagements for _ in range(4)]

    def send_batch(name: str) -> None:
        turn = engagements if name < "b" else engagements[::-1]
        for n in range(5):
            lines = [line(f"{name}-{n}-{e.id}", e, "1") for e in turn]
            assert {o.result for o in send(*lines, by=ada)} == {"created"}

    def submit_singly() -> None:
        for e in engagements * 3:
            with viewing(ada):
                actions.submit(one(Engagement, e.id), draft_for(e, HERE), by=ada)

    def rate_some() -> None:
        for entry_id in waiting:
            with acting_for_all("a test's rating job") as job:
                rating.rate_entry(entry_id, by=job)

    def guarded(do: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            with app.app_context():
                try:
                    do()
                except Exception as trouble:
                    troubles.append(trouble)
                finally:
                    db.session.remove()

        return run

    db.session.remove()
    tasks = [lambda: send_batch("a"), lambda: send_batch("b"), submit_singly, rate_some]
    threads = [threading.Thread(target=guarded(task)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert troubles == []
    assert entries() == 16 + 40 + 12
    assert list(history.verify()) == []


def test_the_same_file_twice_at_once_makes_it_once(app: Flask) -> None:
    """Same keys from two hands, on the same engagements and on different ones: the database decides, nobody fails."""
    first = engagement_with()
    second, ada = make_engagement_like(first), ada_of(first)
    begun, found = threading.Barrier(2), {}

    def run(name: str, target: Engagement) -> None:
        with app.app_context():
            lines = [line(f"same-{n}", first) for n in range(20)] + [line(f"clash-{n}", target) for n in range(20)]
            begun.wait(10)
            try:
                found[name] = [o.result for o in send(*lines, by=ada)]
            finally:
                db.session.remove()

    db.session.remove()
    threads = [threading.Thread(target=run, args=pair) for pair in (("a", first), ("b", second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(sorted(set(results[:20])) for results in found.values()) == [["created"], ["duplicate"]]
    assert sorted(sorted(set(results[20:])) for results in found.values()) == [["created"], ["refused"]]
    assert entries() == 40


DRAFTS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from([HERE, HERE, "2026-02", "2026-04"]),
        st.decimals(D("-1"), D("30"), places=2),
        st.sampled_from(["", "", " night ", "x" * 501]),
    ),
    max_size=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drafts=DRAFTS, shape=st.sampled_from(["graduated", "simple", "per_unit"]))
def test_a_batch_agrees_with_one_by_one(drafts: list[Any], shape: str) -> None:
    """Two pairs of equal engagements; one pair gets the lines singly, the other as a batch. Nobody can tell them apart."""
    with time_machine.travel(utc("2026-03-15T10:00:00"), tick=True):
        _agree(drafts, shape)


def _agree(drafts: list[Any], shape: str) -> None:
    product = make_product(
        name=f"Service {uuid.uuid4()}",
        model=shape,  # type: ignore[arg-type]
        bands=TIERS if shape != "per_unit" else [(None, "1.10")],
        step="0.25",
        month_limit="60",
    )
    customer = make_organisation(f"Customer {uuid.uuid4()}", customer=True)
    singly, together = (
        [make_engagement(product, customer, at=utc("2026-02-10T00:00:00")) for _ in range(2)] for _ in range(2)
    )
    ada = ada_of(singly[0])
    ids, targets, of_this = [e.id for e in singly], [e.id for e in together], str(product.id)
    metric = prices_of(singly[0].plan_id).metrics[0].id
    written = [(i, Draft(metric, BillingMonth.parse(m), q, n)) for i, m, q, n in drafts]
    for pair in (singly, together):  # something rated and something waiting is there before
        rate(make_entry(pair[0], "7.25", by=ada))
        make_entry(pair[0], "2", by=ada)
    one_by_one = [_submit(ids[i], draft, ada) for i, draft in written]
    found = send(*[Line(f"{n}-{of_this}", targets[i], draft) for n, (i, draft) in enumerate(written)], by=ada)
    assert [_said(o) for o in found] == one_by_one
    for left, right in zip(ids, targets, strict=True):
        assert _picture(left, ada) == _picture(right, ada)
    assert all(list(history.verify("engagement", each)) == [] for each in targets)


def _submit(engagement_id: uuid.UUID, draft: Draft, ada: Viewer) -> Any:
    try:
        with viewing(ada):
            actions.submit(one(Engagement, engagement_id), draft, by=ada)
    except Refused as no:
        return no.field, no.sentence, no.facts
    except AlreadyDone:
        return ("engagement",)
    return "created"


def _said(outcome: Outcome) -> Any:
    return (outcome.field, outcome.sentence, outcome.facts) if outcome.result == "refused" else outcome.result


def _picture(engagement_id: uuid.UUID, ada: Viewer) -> Any:
    """Rows, provisional amounts and history of an engagement, without what must differ: ids, numbers, instants, record keys."""
    own = {"id", "number", "engagement_id", "record_key", "record_digest", "submitted_at", "rated_at"}
    kept = [c.key for c in BillingEntry.__mapper__.columns if c.key not in own]
    of_it = select(BillingEntry).where(BillingEntry.engagement_id == engagement_id)
    told = select(History).where(History.subject_id == engagement_id).order_by(History.sequence)
    with viewing(ada):
        rows = db.session.scalars(of_it.order_by(BillingEntry.submitted_at, BillingEntry.id)).all()
        events = db.session.scalars(told).all()
        provisional = provisional_ratings(one(Engagement, engagement_id))
    numbers = {row.number: f"#{n}" for n, row in enumerate(rows)}
    return (
        [[getattr(row, name) for name in kept] for row in rows],
        [(p.quantity, p.rated) for p in provisional.values()],
        [(e.sequence, e.event, e.by_label, e.to_state, _renamed(e.facts, numbers)) for e in events],
    )


def _renamed(facts: str, numbers: dict[str, str]) -> str:
    for number, alias in numbers.items():
        facts = facts.replace(f'"{number}"', f'"{alias}"')
    return facts if "ENG-" not in facts else "of the engagement"


def make_engagement_like(engagement: Engagement) -> Engagement:
    """Another one of the same plan and customer, active as long."""
    from app.catalog.queries import product_with_plans
    from app.parties.model import Organisation

    with acting_for_all("a test's product"):
        product, customer = product_with_plans(engagement.product_id), one(Organisation, engagement.customer_id)
    return make_engagement(product, customer, at=utc("2026-01-10T00:00:00"))


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements sent meanwhile, each execution once, however many rows it carries."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(" ".join(statement.split())[:120])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
