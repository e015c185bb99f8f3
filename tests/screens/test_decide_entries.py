"""Bulk in the rating queue: ticked entries are decided one by one, each at the amount shown, and told one by one."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import select

from app.billing.model import BillingEntry
from app.charges.model import ChargeLine
from app.foundation import clock
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from tests.makers import make_engagement, make_entry, make_product, make_programme, rate
from tests.makers.testing import draft_product, make_test, make_test_entry
from tests.page import Fragment, Page
from tests.people import hidden_fields
from tests.screens.engagement_stage import HTMX, statements

QUEUE = "/reviews/rating"
HERE = f"{QUEUE}/decide"


@pytest.fixture
def entries(app, people):
    """In review, graduated 150.00 up to 25 h and 100.00 beyond: 10, 12 and 14 h of one month, 20 h elsewhere, 30 h by Olga, a test."""
    with app.app_context():
        rules = make_programme("Professional services", review_threshold_minor=100_000)
        bands = [("25", "150.00"), (None, "100.00")]
        product = make_product(rules, people.northbridge, name="Data rescue", model="graduated", bands=bands)
        engagement = make_engagement(product, people.acme, name="Archive of Acme")
        other = make_engagement(
            make_product(rules, people.contrail, name="Cloud watch"), people.globex, name="Watch of Globex"
        )
        ada = people.viewer("ada")
        olga = replace(ada, member_id=people.olga.id, member_name=people.olga.name)
        test = make_test(draft_product(people.northbridge, rules), ada, name="Drill")
        found = {
            "ten": make_entry(engagement, "10", by=ada, rated=True),
            "twelve": make_entry(engagement, "12", by=ada, rated=True),
            "fourteen": make_entry(engagement, "14", by=ada, rated=True),
            "contrail": make_entry(other, "20", by=people.viewer("cy"), rated=True),
            "own": make_entry(engagement, "30", by=olga, rated=True),
            "test": make_test_entry(test, "40", ada),
        }
        rate(found["test"])
        db.session.remove()
    assert {entry.state for entry in found.values()} == {"in_review"}
    return found


def ids(entries, *names):
    return [str(entries[name].id) for name in names]


def asked(client, entries, *names, verb="approve"):
    return client.get(HERE, query_string={"entry": ids(entries, *names), "verb": verb})


def sent(answer, entries, *names, **typed):
    fields = hidden_fields(answer.text, HERE)
    assert all(f"shown-{one}" in fields for one in ids(entries, *names))
    return {**fields, "entry": ids(entries, *names), **typed}


def states(app, entries):
    with app.app_context(), acting_for_all("a test looks"):
        rows = dict(db.session.execute(select(BillingEntry.id, BillingEntry.state)).all())
        db.session.remove()
    return {name: rows[entry.id] for name, entry in entries.items()}


def lines(app):
    with app.app_context(), acting_for_all("a test counts"):
        return len(db.session.scalars(select(ChargeLine.id)).all())


def test_only_what_one_may_decide_can_be_ticked(entries, as_):
    page = Page(as_("olga").get(QUEUE))
    page.check()
    boxes = page.soup.select("input[name=entry]")
    assert [box["value"] for box in boxes] == ids(entries, "ten", "twelve", "fourteen", "contrail", "test")
    assert not [box for box in boxes if box.has_attr("checked")]
    everything = Page(as_("olga").get(f"{QUEUE}?tick=all"))
    everything.check()
    assert len(everything.soup.select("input[name=entry][checked]")) == 5
    part = Fragment(as_("olga").get(QUEUE, headers=HTMX))
    part.check()


def test_a_test_is_marked_and_can_be_filtered(entries, as_):
    olga = as_("olga")
    for path, shown in ((QUEUE, True), (f"{QUEUE}?tests=only", True), (f"{QUEUE}?tests=none", False)):
        page = Page(olga.get(path))
        page.check()
        assert ("TEST-BE-1001" in page.text) is shown
        assert bool(page.soup.select(".k-tag .tag:-soup-contains('Test')")) is shown
    only = Page(olga.get(f"{QUEUE}?tests=only"))
    assert len(only.soup.select("tbody tr")) == 1


def test_several_are_approved_at_the_amounts_shown(app, entries, as_):
    olga = as_("olga")
    answer = asked(olga, entries, "ten", "contrail")
    page = Page(answer)
    page.check()
    assert "Approve 2 billing entries" in page.text and "USD 4,500.00" in page.text
    body = sent(answer, entries, "ten", "contrail")
    done = olga.post(HERE, data=body)
    assert done.status_code == 303 and done.headers["Location"] == QUEUE
    assert "2 rated." in olga.get(QUEUE).text
    now = states(app, entries)
    assert (now["ten"], now["contrail"], now["twelve"]) == ("rated", "rated", "in_review")
    assert lines(app) == 2
    again = olga.post(HERE, data=body)  # the same form once more
    assert again.status_code == 303 and lines(app) == 2


def test_what_changed_is_left_and_said(app, entries, as_):
    """Ten and twelve hours rated, fourteen come to less than shown: three of them lie in the cheaper tier. They are left."""
    olga = as_("olga")
    answer = asked(olga, entries, "ten", "twelve", "fourteen", "test")
    body = sent(answer, entries, "ten", "twelve", "fourteen", "test")
    told = olga.post(HERE, data=body)
    assert told.status_code == 409
    page = Page(told)
    page.check()
    assert "3 rated, 1 left" in page.text and "it now comes to 1550.00 USD" in page.text
    assert states(app, entries) == {
        "ten": "rated",
        "twelve": "rated",
        "fourteen": "in_review",
        "contrail": "in_review",
        "own": "in_review",
        "test": "rated",
    }
    again = page.soup.select_one(f"a[href^='{HERE}?verb=approve']")["href"]
    assert ids(entries, "fourteen") == [again.rpartition("entry=")[2]]
    repeated = Page(olga.post(HERE, data=body))
    assert "3 rated, 1 left" in repeated.text and lines(app) == 3
    fresh = olga.get(again)
    assert "USD 1,550.00" in Page(fresh).text
    assert olga.post(HERE, data=sent(fresh, entries, "fourteen")).status_code == 303
    assert states(app, entries)["fourteen"] == "rated"


def test_a_test_is_in_no_total(entries, as_):
    page = Page(asked(as_("olga"), entries, "ten", "test"))
    page.check()
    assert page.soup.select_one(".pairs.sums").get_text(" ", strip=True).replace("\xa0", " ") == "Together USD 1,500.00"


def test_several_are_rejected_with_one_reason(app, entries, as_):
    olga = as_("olga")
    answer = asked(olga, entries, "ten", "twelve", verb="reject")
    Page(answer).check()
    bare = olga.post(HERE, data=sent(answer, entries, "ten", "twelve", reason=" "))
    assert bare.status_code == 422
    Page(bare).check()
    assert set(states(app, entries).values()) == {"in_review"}
    long = olga.post(HERE, data=sent(answer, entries, "ten", "twelve", reason="x" * 501))
    assert long.status_code == 422 and "x" * 501 in long.text
    done = olga.post(HERE, data=sent(answer, entries, "ten", "twelve", reason="More than the quote."))
    assert done.status_code == 303 and "2 rejected." in olga.get(QUEUE).text
    with app.app_context(), acting_for_all("a test looks"):
        reasons = db.session.scalars(select(BillingEntry.reason).where(BillingEntry.state == "rejected")).all()
    assert reasons == ["More than the quote."] * 2 and lines(app) == 0


def test_ones_own_is_never_decided_even_when_it_is_sent(app, entries, as_):
    olga = as_("olga")
    answer = asked(olga, entries, "ten", "own")
    assert "1 ticked entry is not among them" in Page(answer).text
    body = {
        **sent(answer, entries, "ten"),
        "entry": ids(entries, "ten", "own"),
        f"shown-{entries['own'].id}": "4000.00 USD",
    }
    told = Page(olga.post(HERE, data=body))
    assert "1 rated, 1 left" in told.text and "You submitted this entry" in told.text
    assert states(app, entries)["own"] == "in_review"


def test_somebody_faster_and_an_amount_never_shown_are_left(app, entries, as_, people):
    olga, otto = as_("olga"), as_("otto")
    answer = asked(olga, entries, "ten", "contrail")
    other = asked(otto, entries, "ten")
    assert otto.post(HERE, data=sent(other, entries, "ten")).status_code == 303
    body = sent(answer, entries, "ten", "contrail")
    del body[f"shown-{entries['contrail'].id}"]
    told = Page(olga.post(HERE, data=body))
    told.check()
    assert "0 rated, 2 left" in told.text
    assert "Somebody else has decided it meanwhile." in told.text and "look at it by itself" in told.text
    assert states(app, entries)["contrail"] == "in_review"


def test_a_repeat_with_another_amount_is_told(app, entries, as_):
    olga = as_("olga")
    body = sent(asked(olga, entries, "ten"), entries, "ten")
    assert olga.post(HERE, data=body).status_code == 303
    body[f"shown-{entries['ten'].id}"] = "1.00 USD"
    told = Page(olga.post(HERE, data=body))
    assert "0 rated, 1 left" in told.text and "sent before" in told.text


def test_nothing_ticked_or_nothing_known(entries, as_):
    olga = as_("olga")
    for path in (HERE, f"{HERE}?entry=not-an-id&verb=approve"):
        assert olga.get(path).headers["Location"] == QUEUE
    unknown = Page(olga.get(f"{HERE}?entry={uuid4()}&verb=approve"))
    unknown.check()
    assert "Nothing of it can be decided here" in unknown.text
    body = {**hidden_fields(asked(olga, entries, "ten").text, HERE), "entry": str(uuid4())}
    told = olga.post(HERE, data=body)
    assert told.status_code == 409 and "no entry of your queue" in told.text


def test_only_a_reviewer_of_the_operator(app, entries, people, as_):
    for person, status in (("ada", 403), ("ben", 403), ("cy", 403), ("dot", 403), ("nobody", 302)):
        assert as_(person).get(HERE).status_code == status
        assert as_(person).post(HERE, data={"entry": ids(entries, "ten")}).status_code in (400, 401, 403)
    assert set(states(app, entries).values()) == {"in_review"}


def test_the_file_holds_what_is_filtered_and_no_test(app, entries, people, as_):
    olga = as_("olga")
    answer = olga.get(f"{QUEUE}.csv")
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["Entry"] for row in rows] == [
        entries[name].number for name in ("ten", "twelve", "fourteen", "contrail", "own")
    ]
    assert rows[0]["Amount now"] == "1500.00" and rows[0]["Currency"] == "USD" and rows[0]["Status"] == "In review"
    assert "TEST" not in answer.text and "Drill" not in answer.text
    only = olga.get(f"{QUEUE}.csv?partner={people.contrail.id}").text
    assert entries["contrail"].number in only and entries["ten"].number not in only
    sheet = olga.get(f"{QUEUE}.xlsx")
    assert sheet.status_code == 200 and sheet.data.startswith(b"PK")
    assert as_("ada").get(f"{QUEUE}.csv").status_code == 403


def test_overdue_is_flagged_where_it_is_decided(entries, as_):
    with time_machine.travel(clock.now() + timedelta(hours=24, minutes=1)):
        page = Page(asked(as_("otto"), entries, "ten"))
        page.check()
        assert "Overdue" in page.text


def test_the_page_costs_the_same_however_many(app, entries, as_):
    olga = as_("olga")
    with statements(app) as one:
        asked(olga, entries, "ten")
    with statements(app) as many:
        asked(olga, entries, "ten", "twelve", "fourteen", "contrail")
    assert len(many) == len(one) <= 4


def test_a_form_opened_for_another_organisation_decides_nothing(app, entries, people, as_):
    olga = as_("olga")
    body = sent(asked(olga, entries, "ten", "twelve"), entries, "ten", "twelve")
    answer = olga.post(HERE, data={**body, "rendered_for": f"{people.contrail.id}:partner"})
    assert answer.status_code == 409 and "act for another organisation" in answer.text
    assert set(states(app, entries).values()) == {"in_review"} and lines(app) == 0


def test_a_form_without_its_key_shows_the_entries_again(app, entries, as_):
    olga = as_("olga")
    body = {**sent(asked(olga, entries, "ten"), entries, "ten"), "submission_key": "short"}
    answer = olga.post(HERE, data=body)
    assert answer.status_code == 422 and entries["ten"].number in answer.text
    Page(answer).check()
    assert set(states(app, entries).values()) == {"in_review"}
