"""What a batch is asked about is what a single entry is asked about: twins and earlier set-ups that still count."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.billing import actions
from app.billing.batch import Line, preview_batch, submit_batch
from app.billing.lookalikes import lookalikes
from app.billing.model import BillingEntry
from app.catalog.model import Metric
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import transaction
from app.foundation.tenancy import acting_for_all, one, viewing
from app.parties.model import Organisation
from tests.makers import as_partner, correct, freeze_month, make_engagement, make_entry, make_product, make_programme

OCT, NOV = BillingMonth(2026, 10), BillingMonth(2026, 11)
SUBMITTED, LATER = datetime(2026, 10, 12, 9, tzinfo=UTC), datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.fixture
def engagement() -> Engagement:
    with clock.pinned(datetime(2026, 9, 1, tzinfo=UTC)):
        product = make_product(make_programme())
        with acting_for_all("a set-up is agreed once"), transaction():
            one(Metric, product.plans[0].metrics[0].id).kind = "Implementation"
        return make_engagement(product, at=datetime(2026, 9, 2, tzinfo=UTC))


def asked_about(engagement: Engagement, draft: actions.Draft) -> tuple[set[str], set[str]]:
    """The numbers that one by one, and as a batch, are asked about."""
    with acting_for_all("a test's partner"):
        ada = as_partner(one(Organisation, engagement.partner_id))
    with clock.pinned(LATER), viewing(ada):
        twin, set_up = actions.twin_of(engagement.id, draft), actions.set_up_before(engagement.id, draft.metric_id)
        (bulk,) = lookalikes(preview_batch([Line("k", engagement.id, draft)], by=ada))
        alone = twin or set_up
        return {alone.number} if alone else set(), {bulk.row.number} if bulk else set()


def draft_of(entry: BillingEntry, month: BillingMonth, quantity: str) -> actions.Draft:
    return actions.Draft(entry.metric_id, month, Decimal(quantity))


def test_a_set_up_that_stands_is_asked_about_both_ways(engagement: Engagement) -> None:
    entry = make_entry(engagement, "1", month=OCT, at=SUBMITTED, rated=True)
    assert asked_about(engagement, draft_of(entry, NOV, "2")) == ({entry.number}, {entry.number})


def test_a_set_up_that_was_taken_back_is_asked_about_neither_way(engagement: Engagement) -> None:
    entry = make_entry(engagement, "1", month=OCT, at=SUBMITTED, rated=True)
    draft = draft_of(entry, NOV, "1")
    freeze_month(OCT)
    correct(entry, "0", at=LATER)
    assert asked_about(engagement, draft) == (set(), set())


def test_a_set_up_that_was_billed_anew_is_asked_about_as_it_is_now(engagement: Engagement) -> None:
    entry = make_entry(engagement, "2", month=OCT, at=SUBMITTED, rated=True)
    draft, before = draft_of(entry, NOV, "1"), entry.number
    freeze_month(OCT)
    correct(entry, "1", at=LATER)
    alone, bulk = asked_about(engagement, draft)
    assert alone == bulk != {before} and alone


def test_a_line_is_not_asked_about_what_its_own_double_click_made(engagement: Engagement) -> None:
    """The second click has looked before the first one wrote, and asks what its lines look like after."""
    earlier = make_entry(engagement, "1", month=OCT, at=SUBMITTED, rated=True)
    with acting_for_all("a test's partner"):
        ada = as_partner(one(Organisation, engagement.partner_id))
    with clock.pinned(LATER), viewing(ada):
        lines = [Line("grid:a", engagement.id, draft_of(earlier, NOV, "3"))]
        second = preview_batch(lines, by=ada)
        (first,) = submit_batch(lines, by=ada)
        (found,) = lookalikes(second)
        assert first.result == "created"
        assert found is not None and found.row.number == earlier.number, "but about what was there before"
        assert [again.number for again in submit_batch(lines, by=ada)] == [first.number]
