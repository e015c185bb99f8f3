"""The Inbox's pages: who sees what, that asking decides nothing, that deciding tells each result, and passing on."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.catalog.states import PRICING_REQUESTED
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all, one
from app.foundation.waiting import KINDS
from app.notices.model import Delegation
from tests.makers import make_engagement, make_product, make_programme
from tests.makers.listing import make_listing, open_review
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens import billing_stage
from tests.screens.engagement_stage import HTMX

REQUEST = "engagement-request"


def states_of(app, *engagements):
    with app.app_context(), acting_for_all("a test looks"):
        found = [one(Engagement, e.id).state for e in engagements]
        db.session.remove()
    return found


@pytest.fixture
def requests(app, people):
    """Three of Acme, the first of them 40 hours old, and one that waits for Contrail."""
    with app.app_context():
        programme = make_programme()
        product = make_product(programme, people.northbridge)
        made = [
            make_engagement(
                product, people.acme, state="pending", name=f"Archive {hours}", at=clock.now() - timedelta(hours=hours)
            )
            for hours in (40, 5, 1)
        ]
        foreign = make_engagement(
            make_product(programme, people.contrail, name="Watch"), people.globex, state="pending", name="Globex watch"
        )
        db.session.remove()
    return [*made, foreign]


def key(engagement):
    return f"{REQUEST}:{engagement.id}"


def tick(client, rows, verb, path="/inbox", **typed):
    """Tick rows in the list and send them; the page that asks."""
    return client.post(
        "/inbox/ask", data={**hidden_fields(client.get(path).text, "/inbox/ask"), "row": rows, "do": verb}
    )


def confirm(client, page, **typed):
    """Send the page that asks, with its rows."""
    soup = Page(page).soup
    rows = [str(tag["value"]) for tag in soup.select("input[name=row]")]
    return client.post("/inbox/decide", data={**hidden_fields(page.text, "/inbox/decide"), "row": rows, **typed})


@pytest.mark.parametrize("person", ["ada", "ben", "cy", "dot", "olga"])
def test_empty_it_says_what_would_be_there(people, as_, person):
    page = Page(as_(person).get("/inbox"))
    page.check()
    assert "Nothing waits for you" in page.text and not page.soup.select("#ticked")


def test_it_asks_to_sign_in_and_comes_back(people, as_):
    answer = as_("nobody").get("/inbox")
    assert answer.status_code == 302 and "next=/inbox" in answer.headers["Location"].replace("%2F", "/")


def test_lines_stand_oldest_first_with_age_and_count(app, people, as_, requests):
    page = Page(as_("ada").get("/inbox"))
    page.check()
    rows = page.soup.select("#results tbody tr")
    assert [f"Archive {hours}" in row.text for row, hours in zip(rows, (40, 5, 1), strict=True)] == [True] * 3
    assert [bool(row.select(".bad")) for row in rows] == [True, False, False]
    side = page.soup.select_one("nav.side a[href='/inbox'] .count")
    assert side.text == "3" and "Inbox, 3 waiting" in page.soup.select_one("a.top-icon[href='/inbox']")["aria-label"]
    assert "Globex watch" not in page.text
    for person in ("ben", "dot", "olga"):
        assert "Archive" not in as_(person).get("/inbox").text
    assert "Globex watch" in as_("cy").get("/inbox").text


def test_filters_and_order(app, people, as_, requests):
    ada = as_("ada")
    late = Page(ada.get("/inbox?age=overdue"))
    late.check()
    assert "Archive 40" in late.text and "Archive 5" not in late.text
    assert "Archive 1" in Page(ada.get(f"/inbox?kind={REQUEST}&sort=value")).text
    hidden = Page(ada.get("/inbox?passed=to-me"))
    hidden.check()
    assert "hide all 3 decisions" in hidden.text
    fragment = Fragment(ada.get("/inbox", headers=HTMX))
    assert fragment.soup.select_one("#results") and not fragment.soup.select("nav.side")
    assert ada.get("/inbox?kind=csv&sort=drop&age=x&passed=" + "9" * 5000).status_code == 200


def test_all_are_ticked_without_script(app, people, as_, requests):
    page = Page(as_("ada").get("/inbox?tick=all"))
    page.check()
    assert len(page.soup.select("input[name=row][checked]")) == 3
    assert all(tick["form"] == "ticked" for tick in page.soup.select("input[name=row]"))


def test_asking_decides_nothing_and_says_how_many(app, people, as_, requests):
    mine = requests[:3]
    asked = tick(as_("ada"), [key(e) for e in mine], "approve")
    page = Page(asked)
    page.check()
    assert asked.status_code == 200 and page.soup.select_one(".halves button").text.strip() == "Approve 3"
    assert "3 lines are approved" in page.text and "becomes Active" in page.text
    assert states_of(app, *mine) == ["pending"] * 3


def test_several_are_approved_and_each_is_told(app, people, as_, requests):
    ada, mine = as_("ada"), requests[:3]
    page = tick(ada, [key(e) for e in mine], "approve")
    answer = confirm(ada, page)
    assert answer.status_code == 303 and states_of(app, *mine) == ["active"] * 3
    again = confirm(ada, page)
    assert again.headers["Location"] == answer.headers["Location"]
    told = Page(ada.get(answer.headers["Location"]))
    told.check()
    assert told.soup.select_one("h1").text == "3 lines decided" and all(e.name in told.text for e in mine)
    assert as_("abe").get(answer.headers["Location"]).status_code == 404
    assert as_("cy").get(answer.headers["Location"]).status_code == 404


def test_a_rejection_needs_one_reason_and_keeps_it(app, people, as_, requests):
    ada, mine = as_("ada"), requests[:2]
    page = tick(ada, [key(e) for e in mine], "reject")
    refused = confirm(ada, page, reason=" ")
    assert refused.status_code == 422 and "Give a reason" in refused.text
    Page(refused).check()
    assert states_of(app, *mine) == ["pending"] * 2
    long = confirm(ada, refused, reason="x" * 501)
    assert long.status_code == 422 and "x" * 501 in long.text
    done = confirm(ada, refused, reason="We are booked out.")
    assert done.status_code == 303 and states_of(app, *mine) == ["rejected"] * 2
    assert "We are booked out." in ada.get(done.headers["Location"]).text


def test_what_went_meanwhile_is_told_by_itself(app, people, as_, requests):
    ada, mine = as_("ada"), requests[:2]
    page = tick(ada, [key(e) for e in mine], "approve")
    fill(as_("abe"), f"/engagements/{mine[0].id}/reject", reason="No.")
    told = Page(ada.get(confirm(ada, page).headers["Location"]))
    told.check()
    assert "1 line was not decided" in told.text and "waits for you no more" in told.text
    assert states_of(app, *mine) == ["rejected", "active"]


def test_foreign_rows_are_never_decided(app, people, as_, requests):
    ada, (mine, *_, foreign) = as_("ada"), requests
    asked = tick(ada, [key(mine), key(foreign)], "approve")
    assert "Globex" not in asked.text
    form = hidden_fields(asked.text, "/inbox/decide")
    answer = ada.post("/inbox/decide", data={**form, "row": [key(foreign), "x", f"{REQUEST}:1", "a|b\x00"]})
    told = ada.get(answer.headers["Location"])
    assert "Globex" not in told.text and states_of(app, foreign) == ["pending"]
    assert as_("ben").get(f"/inbox/decide?do=approve&row={key(mine)}").status_code == 404


@pytest.mark.parametrize("verb", ["approve", "reject", "delete", "", "\x00"])
def test_nothing_ticked_goes_back(people, as_, verb):
    ada = as_("ada")
    page = ada.get("/inbox")
    token = Page(page).soup.select_one("input[name=csrf_token]")["value"]
    answer = ada.post("/inbox/ask", data={"csrf_token": token, "do": verb})
    assert answer.status_code == 303 and answer.headers["Location"] == "/inbox"
    said = Page(ada.get("/inbox")).soup.select_one(".flash")
    assert (
        (said["data-kind"] == "blocked" and "Tick at least one" in said.text)
        if verb in ("approve", "reject")
        else not said
    )


def test_a_mails_link_needs_a_sign_in_and_only_asks(app, people, as_, requests):
    link = f"/inbox/decide?row={key(requests[0])}&do=reject"
    nobody = as_("nobody")
    answer = nobody.get(link)
    assert answer.status_code == 302 and "/sign-in?next=" in answer.headers["Location"]
    entered = fill(
        nobody, answer.headers["Location"], action="/sign-in", email=people.ada.email, password="portal-demo"
    )
    assert entered.status_code == 303
    page = nobody.get(entered.headers["Location"])
    assert page.status_code == 200 and "Archive 40" in page.text and "Reject 1" in page.text
    Page(page).check()
    assert states_of(app, requests[0]) == ["pending"]
    assert confirm(nobody, page, reason="No.").status_code == 303
    gone = nobody.get(link)
    assert gone.status_code == 404 and "Somebody decided it" in gone.text
    Page(gone).check()


def test_a_link_for_another_organisation_offers_to_act_for_it(app, people, as_, requests):
    from app.foundation.database import transaction
    from app.members.model import Membership
    from app.members.roles import INSTANCE_EDITOR

    with app.app_context(), acting_for_all("Ada works elsewhere too"), transaction() as session:
        session.add(
            Membership(
                member_id=people.ada.id,
                organisation_id=people.contrail.id,
                capacity="partner",
                roles=[INSTANCE_EDITOR],
                created_at=clock.now(),
            )
        )
    page = Page(as_("ada").get(f"/inbox/decide?row={key(requests[3])}&do=approve"))
    page.check()
    assert "Act for Contrail" in page.text and "Globex watch" not in page.text


def test_a_form_of_another_organisation_decides_nothing(app, people, as_, requests):
    ada = as_("ada")
    page = tick(ada, [key(requests[0])], "approve")
    form = {**hidden_fields(page.text, "/inbox/decide"), "rendered_for": f"{people.contrail.id}:partner"}
    assert ada.post("/inbox/decide", data={**form, "row": [key(requests[0])]}).status_code == 409
    assert states_of(app, requests[0]) == ["pending"]


def test_the_operator_decides_at_the_amount_on_the_page(app, people, as_):
    stage = billing_stage.set_stage(app, people, threshold=1_000_00)
    with billing_stage.at():
        billing_stage.rate_now(app, stage.night)
        olga = as_("olga")
        page = Page(olga.get("/inbox"))
        page.check()
        assert "USD 1,920.00" in page.text.replace("\xa0", " ")
        line = f"billing-entry-review:{stage.night.id}"
        asked = tick(olga, [line], "approve")
        assert "together USD 1,920.00" in Page(asked).text.replace("\xa0", " ")
        form = hidden_fields(asked.text, "/inbox/decide")
        wrong = olga.post("/inbox/decide", data={**form, "row": [f"{line}|1.00 USD"]})
        assert "not decided" in olga.get(wrong.headers["Location"]).text
        told = olga.get(confirm(olga, tick(olga, [line], "approve")).headers["Location"])
        assert "1 line decided" in told.text
        assert "USD 1,920.00" not in as_("ada").get("/inbox").text


def test_a_no_is_told_for_each_kind_and_returns_what_can_be_mended(app, people, as_):
    stage = billing_stage.set_stage(app, people, threshold=1_000_00)
    with billing_stage.at():
        billing_stage.rate_now(app, stage.night)
        with app.app_context():
            product = make_listing(people.northbridge, PRICING_REQUESTED, name="Log watch", by=people.viewer("ada"))
            pricing = f"product-pricing:{open_review(product).id}"
            db.session.remove()
        olga, entry = as_("olga"), f"billing-entry-review:{stage.night.id}"
        both = Page(tick(olga, [pricing, entry], "reject"))
        both.check()
        assert "Reject or return 2 lines" in both.text and "1 line is rejected and 1 line is returned" in both.text
        said = [line.text for line in both.soup.select(".outcomes li")]
        assert any("Approve pricing: each goes back to the partner" in line for line in said) and len(said) == 2
        alone = tick(olga, [pricing], "reject")
        assert "Return 1 line" in Page(alone).text and "goes back to the partner" in Page(alone).text
        told = Page(olga.get(confirm(olga, alone, reason="The unit is missing.").headers["Location"]))
        told.check()
        assert "Returned" in told.text and "Rejected" not in told.text
    for kind in KINDS.values():
        assert bool(kind.reject) == bool(kind.rejected), kind.name


def test_a_line_is_passed_to_a_colleague(app, people, as_, requests):
    ada = as_("ada")
    path = f"/inbox/{REQUEST}/{requests[0].id}/delegate"
    page = Page(ada.get(path))
    page.check()
    assert "Abe Adeyemi" in page.text and "Ben" not in page.text
    assert fill(ada, path, note="Yours.").status_code == 422
    assert fill(ada, path, to=str(people.ben.id), note="Yours.").status_code == 422
    form = {**hidden_fields(ada.get(path).text, path), "to": str(people.abe.id), "note": "Yours, please."}
    assert ada.post(path, data=form).status_code == 303
    assert ada.post(path, data=form).status_code == 303
    with app.app_context(), acting_for_all("a test looks"):
        assert len(db.session.scalars(select(Delegation)).all()) == 1
    mine, theirs = Page(ada.get("/inbox")), Page(as_("abe").get("/inbox?passed=to-me"))
    for shown in (mine, theirs):
        shown.check()
        assert "Yours, please." in shown.text
    assert "passed to you by Ada Marsh" in theirs.text and "Archive 5" not in theirs.text
    for person, status in (("cy", 404), ("ben", 404), ("dot", 404)):
        assert as_(person).get(path).status_code == status


def test_decisions_open_as_dialogs_too(app, people, as_, requests):
    ada = as_("ada")
    for path in (
        f"/inbox/{REQUEST}/{requests[0].id}/delegate",
        f"/inbox/decide?do=approve&row={key(requests[0])}",
        f"/inbox/decide?do=reject&row={key(requests[0])}",
    ):
        part = Fragment(ada.get(path, headers=HTMX))
        part.check()
        assert part.soup.select_one("form.decision") and not part.soup.select_one("nav.side")
    form = hidden_fields(ada.get(f"/inbox/decide?do=approve&row={key(requests[0])}").text, "/inbox/decide")
    answer = ada.post("/inbox/decide", data=form, headers=HTMX)
    assert answer.headers["HX-Redirect"].startswith("/inbox/decided/") and states_of(app, requests[0]) == ["active"]


def test_alone_one_is_told_so(app, people, as_, requests):
    page = Page(as_("cy").get(f"/inbox/{REQUEST}/{requests[3].id}/delegate"))
    page.check()
    assert "Nobody else of Contrail may decide this" in page.text
