"""Correction after close on the screens: seen before it is sent, decided by a second person, read by the client at gross."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.billing.model import BillingEntry, Correction
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from tests.makers import ask_correction, correct, freeze_month
from tests.page import Fragment, Page
from tests.people import People, fill
from tests.screens.billing_stage import HTMX, OCTOBER, at, rate_now, set_stage, utc

#: October is frozen since the 3rd
TODAY = utc(2026, 11, 20, 9)


@dataclass
class Scene:
    engagement: Any
    #: 38.25 h, the third rated entry of October
    drill: BillingEntry

    @property
    def here(self) -> str:
        return f"/engagements/{self.engagement.id}"

    @property
    def entries(self) -> str:
        return f"{self.here}/billing-entries"

    @property
    def correct(self) -> str:
        return f"{self.entries}/{self.drill.id}/correct"

    def page_of(self, correction: Any) -> str:
        return f"{self.here}/corrections/{correction.id}"


@pytest.fixture
def today() -> Iterator[None]:
    with at(TODAY):
        yield


@pytest.fixture
def scene(app: Flask, people: People, today: None) -> Scene:
    stage = set_stage(app, people)
    rate_now(app, stage.night)
    with app.app_context():
        freeze_month(OCTOBER)
        db.session.remove()
    return Scene(stage.engagement, stage.drill)


@pytest.fixture
def asked(app: Flask, people: People, scene: Scene) -> Correction:
    """Ada asked for 30 h."""
    with app.app_context():
        correction = ask_correction(scene.drill, "30", by=people.viewer("ada"), reason="The drill ended at noon.")
        db.session.remove()
    return correction


def corrections(app: Flask) -> list[Any]:
    with app.app_context(), acting_for_all("a test looks"):
        return [
            (row.state, row.quantity, row.reversal_minor, row.rebill_minor)
            for row in db.session.scalars(select(Correction).order_by(Correction.number))
        ]


As = Callable[[str], FlaskClient]


def test_both_lines_are_seen_before_anything_is_sent(app: Flask, scene: Scene, as_: As) -> None:
    ada = as_("ada")
    form = Page(ada.get(scene.correct)).form(scene.correct)
    part = Fragment(ada.post(scene.correct, data={**form, "quantity": "30", "preview": "1"}, headers=HTMX))
    part.check()
    assert "Reversal of" in part.text and "−38.25" in part.text and "−5,707.34" in part.text
    assert "30.00" in part.text and "4,485.31" in part.text and "−1,222.03" in part.text
    assert "Booked in November 2026, for work of October 2026" in part.text
    assert corrections(app) == []


def test_the_months_figure_says_that_it_was_corrected(app: Flask, scene: Scene, as_: As) -> None:
    def october() -> str:
        cells = Page(as_("ada").get(scene.entries)).soup.select("#totals .strip > div")
        return " ".join(next(cell.get_text(" ") for cell in cells if "October" in cell.text).split())

    assert october().endswith("rated, frozen 3 Nov 2026")
    with app.app_context():
        correct(scene.drill, "30")
        db.session.remove()
    assert october().endswith("frozen 3 Nov 2026, corrected since")


def test_what_was_not_shown_is_shown_first(app: Flask, scene: Scene, as_: As) -> None:
    """Without script the first send shows the lines, the second one sends them."""
    ada = as_("ada")
    typed: dict[str, Any] = {"quantity": "30", "reason": "The drill ended at noon."}
    answer = fill(ada, scene.correct, **typed)
    assert answer.status_code == 422
    page = Page(answer)
    page.check()
    assert "−1,222.03" in page.text and corrections(app) == []
    sent = ada.post(scene.correct, data={**page.form(scene.correct), **typed})
    assert sent.status_code == 303
    assert [(state, str(quantity.normalize())) for state, quantity, *_ in corrections(app)] == [("requested", "3E+1")]


def test_sent_twice_it_is_asked_once(app: Flask, scene: Scene, as_: As) -> None:
    ada = as_("ada")
    form = Page(fill(ada, scene.correct, quantity="30", reason="Noon.")).form(scene.correct)
    answers = [ada.post(scene.correct, data={**form, "quantity": "30", "reason": "Noon."}) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 303]
    assert len(corrections(app)) == 1


@pytest.mark.parametrize(
    "typed",
    ["", "0x10", "-3", "1e400", "NaN", "３０", "38.25", "0.1", "9" * 30, "\x00", "1,000", "🙂"],
)
def test_hostile_quantities_are_refused_on_the_field(app: Flask, scene: Scene, as_: As, typed: str) -> None:
    answer = fill(as_("ada"), scene.correct, quantity=typed, reason="x" * 400)
    assert answer.status_code == 422
    page = Page(answer)
    page.check()
    assert corrections(app) == []
    assert page.soup.select_one("#reason").text.strip() == "x" * 400


def test_a_megabyte_of_reason_is_refused(app: Flask, scene: Scene, as_: As) -> None:
    ada = as_("ada")
    form = Page(fill(ada, scene.correct, quantity="30", reason="Noon.")).form(scene.correct)
    answer = ada.post(scene.correct, data={**form, "quantity": "30", "reason": "x" * 1_000_000})
    assert answer.status_code == 422 and corrections(app) == []


def test_the_list_offers_it_for_what_is_closed_and_rated(app: Flask, scene: Scene, as_: As, asked: Correction) -> None:
    page = Page(as_("ada").get(scene.entries))
    page.check()
    offered = [link["href"] for link in page.soup.select("#results .menu a")]
    assert f"{scene.page_of(asked)}" in offered and scene.correct not in offered
    assert sum(path.endswith("/correct") for path in offered) == 3  # the two before it, and the night shift
    assert "waits for a second person" in page.text
    ben = Page(as_("ben").get(scene.entries))
    assert not ben.soup.select("#results .menu a[href$='/correct']")


def test_who_may_ask(scene: Scene, as_: As) -> None:
    assert as_("ben").get(scene.correct).status_code == 403
    assert as_("cy").get(scene.correct).status_code == 404
    assert as_("dot").get(scene.correct).status_code == 403
    assert as_("nobody").get(scene.correct).status_code == 302
    assert as_("olga").get(scene.correct).status_code == 200


def test_an_open_month_has_nothing_to_correct(app: Flask, people: People, as_: As) -> None:
    with at():
        stage = set_stage(app, people)
        path = f"{stage.path}/{stage.drill.id}/correct"
        answer = as_("ada").get(path)
        assert answer.status_code == 409
        page = Page(answer)
        page.check()
        assert "October 2026 is not closed yet" in page.text
        assert "/correct" not in as_("ada").get(stage.path).text


def test_a_second_person_approves_what_the_page_shows(app: Flask, scene: Scene, as_: As, asked: Correction) -> None:
    path = scene.page_of(asked)
    mine = Page(as_("ada").get(path))
    mine.check()
    assert [link["href"].rpartition("/")[2] for link in mine.soup.select(".page-actions a")] == ["withdraw"]
    assert "somebody else has to decide it" in mine.text
    abe = as_("abe")
    theirs = Page(abe.get(path))
    theirs.check()
    assert {link["href"].rpartition("/")[2] for link in theirs.soup.select(".page-actions a")} == {"reject", "approve"}
    assert "The drill ended at noon." in theirs.text
    question = Page(abe.get(f"{path}/approve"))
    question.check()
    assert "USD −5,707.34 is taken back and USD 4,485.31 billed anew, both booked in November 2026" in question.text
    Fragment(abe.get(f"{path}/approve", headers=HTMX)).check()
    assert fill(abe, f"{path}/approve").status_code == 303
    page = Page(abe.get(path))
    page.check()
    assert "What it has booked" in page.text and "−1,222.03" in page.text
    assert corrections(app)[0][0] == "approved"


def test_ada_cannot_approve_her_own_by_hand(app: Flask, scene: Scene, as_: As, asked: Correction) -> None:
    ada, path = as_("ada"), scene.page_of(asked)
    assert ada.get(f"{path}/approve").status_code == 303  # the page says why
    form = Page(as_("abe").get(f"{path}/approve")).form(f"{path}/approve")
    own = Page(ada.get(f"{path}/withdraw")).form(f"{path}/withdraw")
    answer = ada.post(f"{path}/approve", data={**own, "shown": form["shown"]})
    assert answer.status_code == 422 and "somebody else has to decide it" in answer.text
    assert corrections(app)[0][0] == "requested"


def test_an_old_page_is_asked_again(app: Flask, people: People, scene: Scene, as_: As, asked: Correction) -> None:
    """Another correction of October was booked between the question and the yes."""
    abe, path = as_("abe"), scene.page_of(asked)
    old = Page(abe.get(f"{path}/approve")).form(f"{path}/approve")
    other = rated_of(app, "40")
    with app.app_context():
        second = ask_correction(other, "0", by=people.viewer("ada"))
        db.session.remove()
    assert fill(as_("olga"), f"{scene.here}/corrections/{second.id}/approve").status_code == 303
    answer = abe.post(f"{path}/approve", data=old)
    assert answer.status_code == 422
    again = Page(answer)
    again.check()
    assert "It has changed meanwhile" in again.text
    changed = Page(abe.get(path))
    assert "It comes to other amounts" in changed.text
    assert abe.post(f"{path}/approve", data=again.form(f"{path}/approve")).status_code == 303


def rated_of(app: Flask, quantity: str) -> BillingEntry:
    with app.app_context(), acting_for_all("a test looks"):
        rows = db.session.scalars(select(BillingEntry).where(BillingEntry.state == "rated")).all()
        return next(row for row in rows if f"{row.quantity.normalize():f}" == quantity)


def test_the_late_one_sees_how_it_stands(app: Flask, scene: Scene, as_: As, asked: Correction) -> None:
    path = scene.page_of(asked)
    old = Page(as_("olga").get(f"{path}/approve")).form(f"{path}/approve")
    assert fill(as_("abe"), f"{path}/reject", reason="The log says 38.25.").status_code == 303
    answer = as_("olga").post(f"{path}/approve", data=old)
    assert answer.status_code == 409
    page = Page(answer)
    page.check()
    assert "Somebody was faster" in page.text and "The log says 38.25." in page.text


def test_who_may_see_and_decide_one(scene: Scene, as_: As, asked: Correction) -> None:
    path = scene.page_of(asked)
    for verb in ("approve", "reject", "withdraw"):
        assert as_("ben").get(f"{path}/{verb}").status_code == 403
        assert as_("cy").get(f"{path}/{verb}").status_code == 404
        assert as_("nobody").get(f"{path}/{verb}").status_code == 302
    assert as_("ben").get(path).status_code == 200  # Viewer reads billing
    assert as_("cy").get(path).status_code == 404
    assert as_("dot").get(path).status_code == 403
    assert fill(as_("ada"), f"{path}/withdraw").status_code == 303


def test_the_rating_queue_names_what_waits(scene: Scene, as_: As, asked: Correction) -> None:
    page = Page(as_("olga").get("/reviews/rating"))
    page.check()
    assert page.soup.select(f"a[href='{scene.page_of(asked)}']")
    assert asked.number not in as_("olga").get("/reviews/rating", headers=HTMX).text


def test_explain_says_what_corrects_what_and_the_client_reads_gross(
    app: Flask, scene: Scene, as_: As, asked: Correction
) -> None:
    assert fill(as_("abe"), f"{scene.page_of(asked)}/approve").status_code == 303
    with app.app_context(), acting_for_all("a test looks"):
        back, again = db.session.scalars(
            select(BillingEntry).where(BillingEntry.corrects_id.is_not(None)).order_by(BillingEntry.rated_sequence)
        ).all()
    ada, dot, number = as_("ada"), as_("dot"), scene.drill.number
    for row in (back, again, scene.drill):
        page = Page(ada.get(f"{scene.entries}/{row.id}"))
        page.check()
        assert "Correction" in page.text
        Fragment(ada.get(f"{scene.entries}/{row.id}", headers=HTMX)).check()
    told = Page(ada.get(f"{scene.entries}/{back.id}")).text
    assert number in told and "The drill ended at noon." in told and "taken back: " in told
    mine = f"/my/engagements/{scene.engagement.id}/billing-entries"
    for row in (back, again, scene.drill):
        page = Page(dot.get(f"{mine}/{row.id}"))
        page.check()
        assert "The drill ended at noon." not in page.text and "COR-" not in page.text
    assert f"This takes back {number}" in Page(dot.get(f"{mine}/{back.id}")).text
    assert f"This is billed in place of {number}" in Page(dot.get(f"{mine}/{again.id}")).text
    charges = Page(dot.get("/my/charges?month=2026-11"))
    charges.check()
    assert "−5,707.34" in charges.text and "4,485.31" in charges.text
    history = Page(dot.get(f"/my/engagements/{scene.engagement.id}/history"))
    assert "corrected: 38.25 to 30 h" in history.text and "noon" not in history.text
    for path in (scene.entries, mine):
        exported = (ada if path == scene.entries else dot).get(f"{path}.csv").text
        assert number in exported and "-38.25" in exported.replace("−", "-")


def test_a_correction_expires_with_nobodys_session(app: Flask, scene: Scene, asked: Correction, as_: As) -> None:
    """Weeks later it still waits, and comes to the month that is open then."""
    with at(TODAY + timedelta(days=20)):
        page = Page(as_("abe").get(scene.page_of(asked)))
        page.check()
        assert "falls into another month" in page.text and "Booked in December 2026" in page.text
