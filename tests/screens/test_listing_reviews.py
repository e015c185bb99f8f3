"""The three review queues: what waits, how old, the page to judge by, one decision or many, never one's own."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import select

from app.catalog import price_changes, requests, states
from app.catalog.model import ListingReview, Product
from app.foundation.database import db, transaction
from app.foundation.tenancy import Viewer, acting_for_all, viewing
from app.foundation.waiting import KINDS
from app.members.model import Membership
from app.members.roles import OPERATOR_RATER
from tests.makers.listing import as_it_stands, make_listing, open_review, price_draft
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX, statements

QUEUES = {
    "pricing": states.PRICING_REQUESTED,
    "evidence": states.EVIDENCE_SUBMITTED,
    "publication": states.PUBLICATION_REQUESTED,
}
AT = datetime(2026, 11, 10, 9, tzinfo=UTC)


def waiting(
    app: Any, people: Any, state: str, name: str = "Log watch", by: Viewer | None = None
) -> tuple[Product, ListingReview]:
    with app.app_context():
        product = make_listing(people.northbridge, state, name=name, by=by or people.viewer("ada"))
        return product, open_review(product)


@pytest.mark.parametrize("queue", QUEUES)
def test_what_waits_with_who_and_how_old(app, people, as_, queue):
    with time_machine.travel(AT - timedelta(hours=30), tick=False):
        _product, review = waiting(app, people, QUEUES[queue])
    with time_machine.travel(AT, tick=False):
        waiting(app, people, QUEUES[queue], "Fresh watch")
        page = Page(as_("olga").get(f"/reviews/{queue}"))
        page.check()
        rows = page.soup.select("#results tbody tr")
        assert [row.select_one(".k-name a").text for row in rows] == ["Log watch", "Fresh watch"]
        assert "Overdue" in rows[0].text and "1 d 6 h" in rows[0].text and "Overdue" not in rows[1].text
        assert "Northbridge" in rows[0].text and "Ada Marsh" in rows[0].text
        line = page.soup.select_one(f'.side a[href="/reviews/{queue}"]')
        assert line.select_one(".count").text == "2"
        file = as_("olga").get(f"/reviews/{queue}.csv?overdue=only").text.splitlines()
        assert len(file) == 2 and file[1].startswith("Log watch,Northbridge,Ada Marsh,")
        assert as_("olga").get(f"/reviews/{queue}.xlsx").data[:2] == b"PK"
        late = Page(as_("olga").get(f"/reviews/{queue}?overdue=only"))
        assert len(late.soup.select("#results tbody tr")) == 1
        Fragment(as_("olga").get(f"/reviews/{queue}", headers=HTMX)).check()
        one = Page(as_("otto").get(f"/reviews/{queue}/{review.id}"))
        one.check()
        assert "Overdue" in one.text and "asked 1 d 6 h ago by Ada Marsh" in one.text


@pytest.mark.parametrize("queue", QUEUES)
def test_who_may_look_and_who_may_decide(app, people, as_, queue):
    _product, review = waiting(app, people, QUEUES[queue])
    with app.app_context(), acting_for_all("a test's roles"), transaction():
        membership = db.session.scalars(select(Membership).where(Membership.member_id == people.otto.id)).one()
        membership.roles = [OPERATOR_RATER]
    here = f"/reviews/{queue}/{review.id}"
    for path in (f"/reviews/{queue}", here):
        for who, status in (("olga", 200), ("otto", 200), ("ada", 403), ("dot", 403), ("nobody", 302)):
            assert as_(who).get(path).status_code == status
    page = Page(as_("otto").get(here))
    page.check()
    assert not page.soup.select(".page-actions a")
    for verb in ("approve", "reject"):
        assert as_("otto").get(f"{here}/{verb}").status_code == 403
        hidden = hidden_fields(as_("olga").get(f"{here}/{verb}").text, f"{here}/{verb}")
        assert as_("otto").post(f"{here}/{verb}", data=hidden | {"reason": "No."}).status_code in (400, 403, 409)
    assert as_("otto").get(f"/reviews/{queue}/decide?review={review.id}").status_code == 403
    other = next(name for name in QUEUES if name != queue)
    assert as_("olga").get(f"/reviews/{other}/{review.id}").status_code == 404
    assert as_("olga").get(f"/reviews/{queue}/{UUID(int=9)}").status_code == 404


def test_the_pricing_page_shows_all_there_is_to_judge(app, people, as_):
    with app.app_context():
        product = make_listing(
            people.northbridge,
            states.PRICING_REQUESTED,
            prices=price_draft(("1000", "1"), (None, "0.90"), model="graduated"),
        )
        review = open_review(product)
    page = Page(as_("olga").get(f"/reviews/pricing/{review.id}"))
    page.check()
    assert "1,180.00" in page.text and "over 1,000 h" in page.text and "View as table" in page.text
    other = Page(as_("olga").get(f"/reviews/pricing/{review.id}?quantity=500"))
    assert "A month of 500.00 h costs" in other.text and "500.00" in other.text
    for hostile in ("1e400", "-1", "NaN", "x" * 5000, "\N{PILE OF POO}", "0"):
        assert as_("olga").get(f"/reviews/pricing/{review.id}", query_string={"quantity": hostile}).status_code == 200
    Fragment(as_("olga").get(f"/reviews/pricing/{review.id}?quantity=10", headers=HTMX)).check()


def test_a_price_change_stands_beside_what_it_changes(app, people, as_):
    ada = people.viewer("ada")
    with app.app_context():
        product = make_listing(people.northbridge, states.PUBLISHED, by=ada)
        plan = product.plans[0]
        with viewing(ada):
            price_changes.start_price_change(product, version=as_it_stands(product).version, plan_id=plan.id, by=ada)
            price_changes.change_prices(
                product, version=as_it_stands(product).version, plan_id=plan.id, metric_id=plan.metrics[0].id,
                prices=price_draft((None, "175")), by=ada,
            )  # fmt: skip
            requests.request_price_change(
                product, version=as_it_stands(product).version, plan_id=plan.id, effective_from=None, by=ada
            )
        review = open_review(product)
    page = Page(as_("olga").get(f"/reviews/pricing/{review.id}"))
    page.check()
    assert "price change of plan Standard" in page.text and "175.0000" in page.text
    assert "Approved before: USD 150.00 per h" in page.text
    assert [cell.text for cell in page.soup.select("td .changed + .small")] == ["was 150.0000"]
    asked = Page(as_("olga").get(f"/reviews/pricing/{review.id}/approve"))
    asked.check()
    assert "Plan Standard, version 2: its prices count from " in asked.text
    assert fill(as_("olga"), f"/reviews/pricing/{review.id}/approve").status_code == 303
    decided = Page(as_("olga").get(f"/reviews/pricing/{review.id}"))
    decided.check()
    assert "Approved by Olga Reyes" in decided.text and not decided.soup.select(".page-actions a")


def test_the_publication_page_is_what_clients_will_read(app, people, as_):
    _product, review = waiting(app, people, states.PUBLICATION_REQUESTED)
    page = Page(as_("olga").get(f"/reviews/publication/{review.id}"))
    page.check()
    assert "We read them, you sleep." in page.text and "150.0000" in page.text and "The request form" in page.text
    assert "no test was run; none is asked for" in page.text  # a fact for who publishes, no condition


@pytest.mark.parametrize("queue", QUEUES)
def test_reject_with_a_reason_that_the_partner_reads(app, people, as_, queue):
    product, review = waiting(app, people, QUEUES[queue])
    path = f"/reviews/{queue}/{review.id}/reject"
    Page(as_("olga").get(path)).check()
    for reason in ("", " ", "\0", "x" * 1001):
        answer = fill(as_("olga"), path, reason=reason)
        Page(answer).check()
        assert answer.status_code == 422
    assert fill(as_("olga"), path, reason="Say what the night shift costs.").status_code == 303
    page = Page(as_("ada").get(f"/products/{product.id}/publish"))
    page.check()
    assert "Say what the night shift costs." in page.text and "Olga Reyes" in page.text


def test_a_stale_tab_is_answered_with_the_decision(app, people, as_):
    _product, review = waiting(app, people, states.PRICING_REQUESTED)
    path = f"/reviews/pricing/{review.id}/approve"
    old = hidden_fields(as_("otto").get(path).text, path)
    assert fill(as_("olga"), path).status_code == 303
    answer = as_("otto").post(path, data=old)
    page = Page(answer)
    page.check()
    assert answer.status_code == 409 and "Somebody was faster" in page.text and "Approved by Olga Reyes" in page.text
    part = as_("otto").post(path, data=old | {"submission_key": "f" * 32}, headers=HTMX)
    assert part.status_code == 409 and part.headers["HX-Push-Url"] == f"/reviews/pricing/{review.id}"


def test_never_ones_own_request(app, people, as_):
    """Olga also works for the partner: what she asked for there, she does not decide here."""
    with app.app_context():
        own = people.viewer("ada")
    own = Viewer(**{**own.__dict__, "member_id": people.olga.id, "member_name": "Olga Reyes"})
    _product, review = waiting(app, people, states.PRICING_REQUESTED, by=own)
    page = Page(as_("olga").get("/reviews/pricing"))
    page.check()
    assert "asked for by you" in page.text and not page.soup.select("input[type=checkbox]")
    here = f"/reviews/pricing/{review.id}"
    assert "Somebody else has to decide it" in Page(as_("olga").get(here)).text
    assert as_("olga").get(f"{here}/approve").status_code == 303
    hidden = hidden_fields(as_("otto").get(f"{here}/approve").text, f"{here}/approve")
    mine = hidden_fields(as_("olga").get("/programmes").text, "/sign-out")
    answer = as_("olga").post(f"{here}/approve", data=hidden | {"csrf_token": mine["csrf_token"]})
    assert answer.status_code == 422 and "You asked for this yourself" in answer.text
    bulk = hidden | {
        "csrf_token": mine["csrf_token"],
        "submission_key": "e" * 32,
        "decision": "approve",
        "review": str(review.id),
    }
    assert as_("olga").post("/reviews/pricing/decide", data=bulk).status_code == 303
    with app.app_context():
        assert open_review(_product).id == review.id
        with viewing(people.viewer("olga")) as olga:
            assert KINDS["product-pricing"].waiting_for(olga, 10) == []
        with viewing(people.viewer("otto")) as otto:
            assert [one.about for one in KINDS["product-pricing"].waiting_for(otto, 10)] == ["Log watch"]


def test_many_at_once_with_one_reason(app, people, as_):
    found = [waiting(app, people, states.PRICING_REQUESTED, name) for name in ("One", "Two", "Three")]
    ids = [str(review.id) for _product, review in found]
    olga = as_("olga")
    assert olga.get("/reviews/pricing/decide?decision=reject").status_code == 303  # nothing ticked
    ask = "/reviews/pricing/decide?decision=reject&review=" + "&review=".join(ids[:2])
    page = Page(olga.get(ask))
    page.check()
    assert page.soup.h1.text == "Return 2 requests" and "Three" not in page.soup.select_one("main").text
    hidden: dict[str, Any] = hidden_fields(page.html, "/reviews/pricing/decide") | {
        "decision": "reject",
        "review": ids[:2],
    }
    refused = olga.post("/reviews/pricing/decide", data=hidden | {"reason": ""})
    Page(refused).check()
    assert refused.status_code == 422 and "One" in refused.text
    assert fill(as_("otto"), f"/reviews/pricing/{ids[0]}/approve").status_code == 303  # meanwhile
    for _ in range(2):
        assert olga.post("/reviews/pricing/decide", data=hidden | {"reason": "State the currency."}).status_code == 303
    with app.app_context():
        states_now = [as_it_stands(product).state for product, _review in found]
    assert states_now == [states.PRICING_APPROVED, states.DRAFT, states.PRICING_REQUESTED]
    assert "1 decided." in olga.get("/reviews/pricing").text
    approve = Page(olga.get(f"/reviews/pricing/decide?decision=approve&review={ids[2]}&review=nonsense"))
    approve.check()
    typed = hidden_fields(approve.html, "/reviews/pricing/decide") | {"decision": "approve", "review": ids[2]}
    assert olga.post("/reviews/pricing/decide", data=typed).status_code == 303
    page = Page(olga.get("/reviews/pricing"))
    page.check()
    assert "Nothing waits for a decision" in page.text


def test_a_queue_takes_three_statements_of_its_own(app, people, as_):
    for name in ("One", "Two"):
        waiting(app, people, states.PRICING_REQUESTED, name)
    olga = as_("olga")
    olga.get("/reviews/pricing")
    with statements(app) as seen:
        olga.get("/reviews/pricing", headers=HTMX)
    assert len([one for one in seen if "FROM member" not in one]) <= 3, seen
