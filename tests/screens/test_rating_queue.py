"""The rating queue: what waits for a person, who may decide it, and what a late decision meets."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from app.billing.model import BillingEntry
from app.charges.model import ChargeLine
from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.members.roles import OPERATOR_ADMIN
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX, statements

PATH = "/reviews/rating"


@pytest.fixture
def entries(app, people):
    """Threshold 1,000.00 at 150.00 an hour. Rated: 4 h. In review: 10 h of Northbridge, 20 h of Contrail, 30 h sent by Olga."""
    with app.app_context():
        rules = make_programme("Professional services", review_threshold_minor=100_000)
        engagement = make_engagement(
            make_product(rules, people.northbridge, name="Data rescue"), people.acme, name="Archive of Acme"
        )
        other = make_engagement(
            make_product(rules, people.contrail, name="Cloud watch"), people.globex, name="Watch of Globex"
        )
        make_entry(engagement, "4", by=people.viewer("ada"), rated=True)
        olga = replace(people.viewer("ada"), member_id=people.olga.id, member_name=people.olga.name)
        found = {
            "review": make_entry(engagement, "10", by=people.viewer("ada"), rated=True),
            "contrail": make_entry(other, "20", by=people.viewer("cy"), rated=True),
            "own": make_entry(engagement, "30", by=olga, rated=True),
            "submitted": make_entry(engagement, "1", by=people.viewer("ada")),
        }
        db.session.remove()
    assert {found[key].state for key in ("review", "contrail", "own")} == {"in_review"}
    return found


def kept(app, entry):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(select(BillingEntry).where(BillingEntry.id == entry.id)).one()


def test_what_waits_for_a_person(entries, as_):
    page = Page(as_("olga").get(PATH))
    page.check()
    assert [link.text for link in page.soup.select("td.k-ref a")] == [
        entries[key].number for key in ("review", "contrail", "own")
    ]
    assert (
        "Archive of Acme" in page.text
        and "USD 1,500.00" in page.text
        and "Ada Marsh" in page.text
        and "Overdue" not in page.text
    )
    part = Fragment(as_("olga").get(PATH, headers=HTMX))
    part.check()
    assert not part.soup.select("main")


def test_one_partner_and_the_overdue_only(app, entries, people, as_):
    olga = as_("olga")
    page = Page(olga.get(f"{PATH}?partner={people.contrail.id}"))
    page.check()
    assert "Watch of Globex" in page.text and "Archive of Acme" not in page.text
    empty = Page(olga.get(f"{PATH}?overdue=only"))
    empty.check()
    assert "No entry fits" in empty.text
    with time_machine.travel(clock.now() + timedelta(hours=24, minutes=1)):
        late = Page(as_("otto").get(f"{PATH}?overdue=only"))  # Olga's session is over by then
        late.check()
        assert late.text.count("Overdue") >= 4 and entries["submitted"].number in late.text


def test_an_overdue_entry_that_nobody_can_decide_shows_its_failure(app, entries, as_):
    with app.app_context(), acting_for_all("a test breaks the machine"), transaction() as session:
        session.execute(
            update(BillingEntry)
            .where(BillingEntry.id == entries["submitted"].id)
            .values(failure="the price table is gone")
        )
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        olga = as_("olga")
        assert "the price table is gone" in olga.get(PATH).text
        here = f"{PATH}/{entries['submitted'].id}"
        page = Page(olga.get(here))
        page.check()
        assert "the price table is gone" in page.text and not page.soup.select(".page-actions a")
        answer = olga.get(f"{here}/approve")
        assert answer.status_code == 409 and "tries again" in answer.text


def test_nothing_waits(people, as_):
    page = Page(as_("olga").get(PATH))
    page.check()
    assert "Nothing waits for a decision" in page.text


def test_three_statements_whatever_waits(app, entries, as_):
    olga = as_("olga")
    with statements(app) as asked:
        olga.get(PATH, headers=HTMX)
    assert len([one for one in asked if "FROM member" not in one]) <= 3, asked


def test_the_entry_explains_its_amount_against_the_month(entries, as_):
    page = Page(as_("olga").get(f"{PATH}/{entries['review'].id}"))
    page.check()
    assert "USD 500.00 more than the USD 1,000.00" in page.text and "1,500.00000" in page.text
    assert "USD 600.00" in page.text and "USD 2,100.00" in page.text
    assert {link["href"].rpartition("/")[2] for link in page.soup.select(".page-actions a")} == {"approve", "reject"}


def test_approve_rates_and_charges(app, entries, as_):
    here = f"{PATH}/{entries['review'].id}"
    olga = as_("olga")
    asked = Page(olga.get(f"{here}/approve"))
    asked.check()
    assert "rated at USD 1,500.00" in asked.text
    Fragment(olga.get(f"{here}/approve", headers=HTMX)).check()
    answer = fill(olga, f"{here}/approve")
    assert (answer.status_code, answer.headers["Location"]) == (303, PATH)
    row = kept(app, entries["review"])
    assert (row.state, row.amount_minor, row.rated_by_name) == ("rated", 150_000, "Olga Reyes, Operator")
    with app.app_context(), acting_for_all("a test looks"):
        assert db.session.scalars(select(ChargeLine).where(ChargeLine.source_id == row.id)).one().gross_minor == 150_000
    decided = Page(olga.get(here))
    decided.check()
    assert "Decided" in decided.text and not decided.soup.select(".page-actions a")


def test_the_amount_is_that_of_the_moment(app, people, as_):
    """Two wait in tiers: whichever is approved first takes the first tier."""
    with app.app_context():
        rules = make_programme("Tiers", review_threshold_minor=10_000)
        product = make_product(
            rules, people.northbridge, name="Tiered", model="graduated", bands=[("10", "100"), (None, "50")]
        )
        engagement = make_engagement(product, people.acme)
        first, second = (make_entry(engagement, "10", rated=True) for _ in range(2))
        db.session.remove()
    olga = as_("olga")
    assert olga.get(PATH).text.count("1,000.00") == 2
    stale = hidden_fields(as_("otto").get(f"{PATH}/{first.id}/approve").text, f"{PATH}/{first.id}/approve")
    assert fill(olga, f"{PATH}/{second.id}/approve").status_code == 303
    again = as_("otto").post(f"{PATH}/{first.id}/approve", data=stale)  # said yes to 1,000.00
    assert again.status_code == 422 and "it now comes to 500.00 USD" in again.text
    assert kept(app, first).state == "in_review"
    assert hidden_fields(again.text, f"{PATH}/{first.id}/approve")["shown"] == "500.00 USD"
    assert "rated at USD\N{NO-BREAK SPACE}500.00" in olga.get(f"{PATH}/{first.id}/approve").text
    assert fill(olga, f"{PATH}/{first.id}/approve").status_code == 303
    assert (kept(app, second).amount_minor, kept(app, first).amount_minor) == (100_000, 50_000)


def test_reject_takes_a_reason_the_partner_reads(app, entries, as_):
    here = f"{PATH}/{entries['review'].id}"
    olga = as_("olga")
    answer = fill(olga, f"{here}/reject", reason="  ")
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and "This is missing." in page.soup.select_one("#reason-error").text
    long = fill(olga, f"{here}/reject", reason="x" * 501, headers=HTMX)
    assert long.status_code == 422 and "500 fit" in long.text
    assert fill(olga, f"{here}/reject", reason="Looks like minutes.").status_code == 303
    row = kept(app, entries["review"])
    assert (row.state, row.reason, row.amount_minor) == ("rejected", "Looks like minutes.", None)
    assert "Looks like minutes." in olga.get(here).text


def test_never_ones_own_submission(app, entries, as_):
    here = f"{PATH}/{entries['own'].id}"
    olga = as_("olga")
    page = Page(olga.get(here))
    page.check()
    assert "You submitted this entry" in page.text and not page.soup.select(".page-actions a")
    assert f"{here}/approve" not in olga.get(PATH).text
    assert olga.get(f"{here}/approve").headers["Location"] == here
    foreign = f"{PATH}/{entries['contrail'].id}"
    for verb in ("approve", "reject"):
        body = hidden_fields(olga.get(f"{foreign}/{verb}").text, f"{foreign}/{verb}")
        answer = olga.post(f"{here}/{verb}", data={**body, "reason": "Mine."})
        assert answer.status_code == 422 and "somebody else has to decide it" in answer.text
    assert kept(app, entries["own"]).state == "in_review"
    assert fill(as_("otto"), f"{here}/approve").status_code == 303


@pytest.mark.parametrize("late", ["approve", "reject"])
def test_somebody_was_faster(app, entries, as_, late):
    here = f"{PATH}/{entries['review'].id}"
    otto = as_("otto")
    stale = {**hidden_fields(otto.get(f"{here}/{late}").text, f"{here}/{late}"), "reason": "Too late."}
    assert fill(as_("olga"), f"{here}/approve").status_code == 303
    answer = otto.post(f"{here}/{late}", data=stale)
    page = Page(answer)
    page.check()
    assert answer.status_code == 409 and "Somebody was faster" in page.text and "Olga Reyes" in page.text
    assert otto.post(f"{here}/{late}", data=stale, headers=HTMX).headers["HX-Retarget"] == "#content"
    assert kept(app, entries["review"]).state == "rated"


def test_the_same_form_twice_decides_once(app, entries, as_):
    here = f"{PATH}/{entries['review'].id}"
    olga = as_("olga")
    body = hidden_fields(olga.get(f"{here}/approve").text, f"{here}/approve")
    assert [olga.post(f"{here}/approve", data=body).status_code for _ in range(2)] == [303, 303]
    with app.app_context(), acting_for_all("a test looks"):
        assert (
            len(db.session.scalars(select(ChargeLine).where(ChargeLine.source_id == entries["review"].id)).all()) == 1
        )


def test_who_gets_in(app, entries, people, as_):
    here = f"{PATH}/{entries['review'].id}"
    for path in (PATH, here, f"{here}/approve", f"{here}/reject"):
        assert as_("otto").get(path).status_code == 200
        for other in ("ada", "ben", "dot"):
            assert as_(other).get(path).status_code == 403
        assert as_("nobody").get(path).status_code == 302
    assert as_("olga").get(f"{PATH}/{people.acme.id}").status_code == 404
    with app.app_context(), acting_for_all("a test takes a role away"), transaction() as session:
        people.memberships["otto"].roles = [OPERATOR_ADMIN]
        session.merge(people.memberships["otto"])
    otto = as_("otto")
    assert otto.get(here).status_code == 200 and not Page(otto.get(here)).soup.select(".page-actions a")
    assert f"{here}/approve" not in otto.get(PATH).text and otto.get(f"{here}/approve").status_code == 403
