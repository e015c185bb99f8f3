"""Add billing entry: open months only, the amount before Next, a question instead of a twin, nothing typed is lost."""

import uuid
from decimal import Decimal

import pytest

from app.billing import states
from app.foundation.tenancy import acting_for_all, one
from tests.page import Fragment, Page
from tests.people import hidden_fields
from tests.screens.billing_stage import HTMX, OCTOBER, add_set_up_metric, at, entries, filled, set_stage, utc
from tests.screens.engagement_stage import statements

D = Decimal
BAD_QUANTITIES = {
    "1e400": "Write a plain number",
    "NaN": "Write a plain number",
    "Infinity": "Write a plain number",
    "-1": "Enter more than zero",
    "0": "Enter more than zero",
    "0.00": "Enter more than zero",
    "1" * 40: "too large",
    "99999999999999": "too large",
    "１２": "Write a plain number",
    "12 🦉": "Write a plain number",
    "1,200": "without a comma",
    "12.2": "in steps of 0.25",
    "0.0000001": "at most 6 decimals",
    "12\u202e": "Write a plain number",
    "\x00": "Write a plain number",
    "' OR 1=1": "Write a plain number",
}


@pytest.fixture(autouse=True)
def _present():
    with at():
        yield


@pytest.fixture
def stage(app, people):
    return set_stage(app, people, threshold=500_000)


def test_the_form_offers_open_months_only(as_, stage):
    page = Page(as_("ada").get(f"{stage.path}/new"))
    page.check()
    cards = [" ".join(card.get_text(" ").split()) for card in page.soup.select(".card-choice")]
    assert cards == [
        "October 2026 closes 3 Nov 2026 00:00 UTC 1 d 4 h left",
        "November 2026 closes 3 Dec 2026 00:00 UTC 31 d 4 h left",
    ]
    assert page.form(f"{stage.path}/new")["month"] == "2026-10"
    assert "September 2026 closed 3 Oct 2026 00:00 UTC and takes no entries any more." in page.text
    assert "More than 0, in steps of 0.25" in page.text
    assert "160.00 per h to 100 h a month, then USD 148.125" in page.text
    assert page.soup.select_one("form#add-entry button[type=submit]").get_text(strip=True) == "Next"
    assert "Enter a quantity to see what it comes to." in page.text


def test_a_link_may_name_the_month(as_, stage):
    """Mark as complete links to the very month that has no entry yet; a month that is not open is not taken over."""
    for asked, chosen in (("2026-11", "2026-11"), ("2026-10", "2026-10"), ("2026-07", "2026-10"), ("x", "2026-10")):
        page = Page(as_("ada").get(f"{stage.path}/new?month={asked}"))
        assert page.soup.select_one("input[name=month][checked]")["value"] == chosen


def test_own_time_stands_beside_utc(app, people, as_, stage):
    from app.foundation.database import transaction
    from app.members.model import Member

    with app.app_context(), acting_for_all("a test's zone"), transaction():
        one(Member, people.ada.id).zone = "Europe/Prague"
    page = Page(as_("ada").get(f"{stage.path}/new"))
    assert "closes 3 Nov 2026 00:00 UTC (01:00 in Prague)" in page.text


def test_the_preview_is_the_pictures(as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity="12", notes="Another night")
    answer = ada.post(path, data=form | {"preview": "1"}, headers=HTMX)
    assert answer.status_code == 200
    part = Fragment(answer, holder=("preview",))
    part.check()
    assert "This entry will be rated at about USD 1,777.50" in part.text
    tiers = [[" ".join(cell.get_text().split()) for cell in row.select("td")] for row in part.soup.select("tbody tr")]
    assert tiers == [["0 to 100 h", "0.00", "160.0000", "0.00"], ["over 100 h", "12.00", "148.1250", "1,777.50"]]
    sums = [" ".join(pair.get_text(" ").split()) for pair in part.soup.select("dl.sums > div")]
    assert sums == ["October so far 21,147.34", "This entry + 1,777.50", "October then USD 22,924.84"]
    assert "October 2026 closes 3 Nov 2026 00:00 UTC, in 1 d 4 h." in part.text
    assert "an entry that is rejected after 3 Nov 2026 00:00 UTC cannot be sent again for it" in part.text
    assert "Above USD 5,000.00 an operator looks at an entry first." in part.text
    assert "134.75 before" in part.text


def test_a_preview_writes_nothing_and_spends_no_key(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity="3")
    before = len(entries(app, stage.engagement))
    for _ in range(3):
        ada.post(path, data=form | {"preview": "1"}, headers=HTMX)
    assert len(entries(app, stage.engagement)) == before
    assert ada.post(path, data=form).status_code == 303


def test_without_script_show_amount_does_it(as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity="12", notes="Another night")
    page = Page(ada.post(path, data=form | {"preview": "1"}))
    page.check()
    assert "This entry will be rated at about USD 1,777.50" in page.text
    assert page.form(path) | {"csrf_token": ""} == form | {
        "csrf_token": ""
    }  # everything typed is there, with the same key
    button = page.soup.select_one("button[name=preview]")
    assert (button.get_text(strip=True), button["form"]) == ("Show amount", "add-entry")


def test_above_the_threshold_it_says_who_looks_first(as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    text = Fragment(ada.post(path, data=filled(ada, path, quantity="60") | {"preview": "1"}, headers=HTMX)).text
    assert "Above USD 5,000.00 an operator looks at an entry first; this one waits for it." in text


def test_no_grace_in_the_month_itself(as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    text = Fragment(
        ada.post(path, data=filled(ada, path, quantity="1", month="2026-11") | {"preview": "1"}, headers=HTMX)
    ).text
    assert "cannot be sent again" not in text
    assert "November so far 0.00" in text


@pytest.mark.parametrize(("quantity", "words"), BAD_QUANTITIES.items(), ids=[ascii(q)[:20] for q in BAD_QUANTITIES])
def test_bad_quantities_are_422_with_a_sentence(app, as_, stage, quantity, words):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity=quantity, notes="Kept as typed")
    before = len(entries(app, stage.engagement))
    sent = ada.post(path, data=form)
    page = Page(sent)
    page.check()
    assert sent.status_code == 422
    assert words in page.soup.select_one("#quantity-error").get_text()
    assert page.form(path)["notes"] == "Kept as typed"
    if quantity.isprintable():
        assert page.form(path)["quantity"] == quantity
    shown = ada.post(path, data=form | {"preview": "1"}, headers=HTMX)
    assert shown.status_code == 422
    assert words in Fragment(shown).text
    no_script = ada.post(path, data=form | {"preview": "1"})
    assert (no_script.status_code, words in Page(no_script).text) == (422, True)
    assert len(entries(app, stage.engagement)) == before


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"month": ""}, "month"),
        ({"month": "2026-13"}, "month"),
        ({"month": "２０２６-１０"}, "month"),
        ({"metric": "not-a-uuid"}, "metric"),
        ({"metric": str(uuid.uuid4())}, "metric"),
        ({"notes": "x" * 501}, "notes"),
        ({"notes": "a\x00b"}, "notes"),
        ({"quantity": ""}, "quantity"),
    ],
)
def test_other_bad_input_names_its_field(as_, stage, typed, field):
    ada, path = as_("ada"), f"{stage.path}/new"
    answer = ada.post(path, data=filled(ada, path, quantity="1") | typed)
    assert answer.status_code == 422
    page = Page(answer)
    page.check()
    assert page.soup.select(f".errors a[href='#{field}']"), page.text[:600]


def test_next_submits_and_the_list_shows_it(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    answer = ada.post(path, data=filled(ada, path, quantity="7.5", notes="Line one\r\nLine two"))
    assert (answer.status_code, answer.headers["Location"]) == (303, stage.path)
    entry = entries(app, stage.engagement)[-1]
    assert (entry.quantity, entry.notes, entry.state, entry.service_month) == (
        D("7.5"),
        "Line one\nLine two",
        states.SUBMITTED,
        OCTOBER,
    )
    assert entry.submitted_by_name == "Ada Marsh"
    page = Page(ada.get(stage.path))
    assert f"{entry.number} submitted, rating takes seconds" in page.text
    assert "Line one" in page.text


def test_next_says_when_a_person_looks_first(app, as_, stage):
    """Above the threshold of 5,000.00 the machine does not rate it within seconds, and nobody is told so."""
    ada, path = as_("ada"), f"{stage.path}/new"
    assert ada.post(path, data=filled(ada, path, quantity="1000")).status_code == 303
    said = Page(ada.get(stage.path)).text.replace("\N{NO-BREAK SPACE}", " ")
    assert (
        "It is above USD 5,000.00, so it waits for the operator's review." in said
        and "rating takes seconds" not in said
    )


def test_a_double_click_submits_once(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity="7.5", notes="Once")
    before = len(entries(app, stage.engagement))
    answers = [ada.post(path, data=form) for _ in range(3)]
    assert [a.status_code for a in answers] == [303, 303, 303]
    assert len(entries(app, stage.engagement)) == before + 1
    assert ada.post(path, data=form | {"quantity": "8"}).status_code == 409  # the key was spent on 7.5


def test_a_twin_is_asked_about_and_the_second_next_goes_through(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity="12", notes="Night shift, storage controller failover")
    before = len(entries(app, stage.engagement))
    asked = ada.post(path, data=form)
    page = Page(asked)
    page.check()
    assert asked.status_code == 422
    assert len(entries(app, stage.engagement)) == before
    notice = page.soup.select_one("#asked .notice")
    assert "This looks like an entry you already sent" in notice.get_text()
    assert "BE-1005: October 2026, 12.00 h, the same notes, sent 31 Oct 2026 18:02 by you." in " ".join(
        notice.get_text().split()
    )
    assert notice.select_one("a")["href"] == f"{stage.path}/{stage.night.id}"
    again = page.form(path)
    assert again["warned"] == str(stage.night.id)
    assert "different" not in again
    assert ada.post(path, data=again).status_code == 303
    assert len(entries(app, stage.engagement)) == before + 1


def test_a_twin_goes_through_with_the_tick_at_once(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity="12.00", notes="Night shift, storage controller failover")
    assert ada.post(path, data=form | {"different": "y"}).status_code == 303


def test_the_preview_asks_before_next_does(as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity="12", notes="Night shift, storage controller failover")
    part = Fragment(ada.post(path, data=form | {"preview": "1"}, headers=HTMX))
    region = part.soup.select_one("#asked[hx-swap-oob]")
    assert region.select_one("input[name=warned]")["value"] == str(stage.night.id)
    other = Fragment(ada.post(path, data=form | {"preview": "1", "quantity": "13"}, headers=HTMX))
    assert other.soup.select_one("#asked[hx-swap-oob]").get_text(strip=True) == ""


def test_a_set_up_is_asked_about_the_second_time(app, as_, stage):
    metric = add_set_up_metric(app, stage)
    ada, path = as_("ada"), f"{stage.path}/new"
    page = Page(ada.get(path))
    page.check()
    assert [option.get_text() for option in page.soup.select("select[name=metric] option")] == ["Hours", "Set-up"]
    form = filled(ada, path, quantity="1", metric=str(metric.id), notes="Agreed")
    part = Fragment(ada.post(path, data=form | {"preview": "1"}, headers=HTMX))
    assert part.soup.select_one("#entry-unit").get_text() == "set-ups"
    assert part.soup.select_one("#entry-step").get_text() == "More than 0, in steps of 1"
    assert ada.post(path, data=form).status_code == 303
    second = ada.post(
        path, data=filled(ada, path, quantity="2", metric=str(metric.id), notes="Something else", month="2026-11")
    )
    assert second.status_code == 422
    asked = Page(second)
    assert "A set-up was billed here before" in asked.text
    assert "It was agreed again, submit it as well" in asked.text
    assert ada.post(path, data=asked.form(path)).status_code == 303


def test_a_form_opened_at_2350_and_sent_at_0005(app, as_, stage):
    """The month closed meanwhile: said on the month, the open months are fresh, everything typed is kept."""
    path = f"{stage.path}/new"
    with at(utc(2026, 11, 2, 23, 50)) as machine:
        ada = as_("ada")
        form = filled(ada, path, quantity="12.5", notes="Written before midnight")
        machine.move_to(utc(2026, 11, 3, 0, 5))
        shown = ada.post(path, data=form | {"preview": "1"}, headers=HTMX)
        answer = ada.post(path, data=form)
    assert (shown.status_code, "October 2026 closed on 3 Nov 2026 00:00 UTC." in shown.text) == (422, True)
    assert answer.status_code == 422
    page = Page(answer)
    page.check()
    assert "October 2026 closed on 3 Nov 2026 00:00 UTC." in page.soup.select_one("#month-error").get_text()
    assert [name.get_text() for name in page.soup.select(".card-choice .name")] == ["November 2026"]
    kept = page.form(path)
    assert (kept["quantity"], kept["notes"], kept["submission_key"]) == (
        "12.5",
        "Written before midnight",
        form["submission_key"],
    )
    with at(utc(2026, 11, 3, 0, 6)):
        assert ada.post(path, data=kept | {"month": "2026-11"}).status_code == 303
    assert str(entries(app, stage.engagement)[-1].service_month) == "2026-11"


def test_a_closed_month_comes_before_the_question(as_, stage):
    path = f"{stage.path}/new"
    with at(utc(2026, 11, 2, 23, 59)) as machine:
        ada = as_("ada")
        form = filled(ada, path, quantity="12", notes="Night shift, storage controller failover")
        machine.move_to(utc(2026, 11, 3))
        page = Page(ada.post(path, data=form))
    assert "closed on" in page.text
    assert not page.soup.select("#asked .notice")


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_who_gets_in(as_, stage, headers):
    path = f"{stage.path}/new"
    assert as_("abe").get(path, headers=headers).status_code == 200
    assert as_("nobody").get(path, headers=headers).status_code in (302, 401)
    for first_name, status in (("ben", 403), ("olga", 403), ("dot", 403), ("eve", 403), ("cy", 404)):
        client = as_(first_name)
        assert client.get(path, headers=headers).status_code == status, first_name
        form = hidden_fields(client.get("/account").text, "/account") | {
            "month": "2026-10",
            "quantity": "1",
            "preview": "1",
        }
        assert client.post(path, data=form, headers=headers).status_code == status, first_name


def test_a_form_of_another_organisation_submits_nothing(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    before = len(entries(app, stage.engagement))
    assert ada.post(path, data=filled(ada, path, quantity="1") | {"rendered_for": str(uuid.uuid4())}).status_code == 409
    assert len(entries(app, stage.engagement)) == before


def test_statements_are_few(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity="12")
    with statements(app) as opened:
        ada.get(path)
    assert len(opened) <= 12, "\n".join(opened)
    with statements(app) as previewed:
        ada.post(path, data=form | {"preview": "1"}, headers=HTMX)
    assert len(previewed) <= 17, "\n".join(previewed)
