"""The operator changes an organisation, adds and ends relations, deactivates it, and reads its history."""

import pytest

from app.foundation.database import db
from tests.makers import make_engagement, make_product, make_programme
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX


@pytest.fixture
def here(app, people):
    return f"/organisations/{people.globex.id}"


@pytest.fixture
def working(app, people):
    """Northbridge works for Acme and has worked for Globex."""
    with app.app_context():
        product = make_product(make_programme(), people.northbridge)
        make_engagement(product, people.acme, state="active")
        make_engagement(product, people.globex, state="complete")
        db.session.remove()
    return people


def changed(**typed):
    return {"name": "Globex", "capacities": ["customer"], "zone": "UTC", **typed}


def relation_paths(page):
    return [str(link["href"]) for link in page.soup.select('a[href*="/relations/"][href$="/end"]')]


def test_name_capacities_and_zone(people, as_, here):
    olga = as_("olga")
    Page(olga.get(f"{here}/edit")).check()
    Fragment(olga.get(f"{here}/edit", headers=HTMX)).check()
    typed = changed(name="Globex Group", capacities=["partner", "customer"], zone="Europe/Prague")
    assert fill(olga, f"{here}/edit", **typed).status_code == 303
    page = Page(olga.get(here))
    page.check()
    assert "Globex Group" in page.text and "Partner, Customer" in page.text and "Europe/Prague" in page.text
    history = Page(olga.get(f"{here}/history"))
    history.check()
    assert "Name changed from Globex to Globex Group" in history.text
    assert "Partner changed from no to yes" in history.text
    assert "Olga Reyes, Operator" in history.text
    assert "Name changed from Globex to Globex Group" in as_("eve").get("/members/history").text
    assert "Globex Group" not in as_("dot").get("/members/history").text
    csv = olga.get(f"{here}/history.csv").text
    assert "Name changed from Globex to Globex Group" in csv
    assert olga.get(f"{here}/history.xlsx").data[:2] == b"PK"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Acme"}, "name"),
        ({"name": "100%(x)s"}, None),
        ({"capacities": []}, "capacities"),
        ({"capacities": ["operator"]}, "capacities"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "\0"}, None),
        ({"name": "🙂" * 100_000}, "name"),
    ],
)
def test_what_it_cannot_become(as_, here, typed, field):
    answer = fill(as_("olga"), f"{here}/edit", **changed(**typed))
    if typed.get("name") == "100%(x)s":  # a name like a sentence with places stays a name
        assert answer.status_code == 303
        assert "Name changed from Globex to 100%(x)s" in as_("olga").get(f"{here}/history").text
        return
    assert answer.status_code == 422
    Page(answer).check()
    assert field is None or Page(answer).soup.select_one(f"#{field}-error")


def test_a_change_in_between_is_409_and_keeps_what_was_typed(people, as_, here):
    olga, otto = as_("olga"), as_("otto")
    open_form = hidden_fields(otto.get(f"{here}/edit").text, f"{here}/edit")
    fill(olga, f"{here}/edit", **changed(name="Globex Group"))
    late = otto.post(f"{here}/edit", data={**open_form, **changed(name="Globex Retail")})
    page = Page(late)
    page.check()
    assert late.status_code == 409
    assert "Somebody changed this organisation" in page.text and "Globex Group" in page.text
    assert 'value="Globex Retail"' in late.text
    again = {**hidden_fields(late.text, f"{here}/edit"), **changed(name="Globex Retail")}
    assert otto.post(f"{here}/edit", data=again).status_code == 303


def test_relations_are_added_and_ended(working, as_):
    olga = as_("olga")
    here = f"/organisations/{working.northbridge.id}"
    page = Page(olga.get(here))
    page.check()
    assert "Acme" in page.text and "Globex" in page.text
    paths = relation_paths(page)
    assert len(paths) == 2
    for path in paths:
        Page(olga.get(path)).check()
    answers = sorted(fill(olga, path).status_code for path in paths)
    assert answers == [303, 422]  # Acme has an active engagement
    page = Page(olga.get(here))
    page.check()
    assert "ended" in page.text and len(relation_paths(page)) == 1
    new = Page(olga.get(f"{here}/relations/new-customer"))
    new.check()
    assert [option.text for option in new.soup.select("select[name=other] option")] == ["Globex"]
    assert fill(olga, f"{here}/relations/new-customer", other=str(working.globex.id)).status_code == 303
    for other in (str(working.globex.id), str(working.contrail.id), str(working.northbridge.id), "x", "", "\0"):
        answer = fill(olga, f"{here}/relations/new-customer", other=other)
        assert answer.status_code == 422, other
        Page(answer).check()
    assert olga.get(f"/organisations/{working.contrail.id}{paths[0].partition(here)[2]}").status_code == 404
    history = Page(olga.get(f"{here}/history")).text
    assert "No longer works for Globex" in history and history.count("Works for Globex, a customer") == 2


def test_an_organisation_goes_and_comes_back(working, as_):
    olga, eve = as_("olga"), as_("eve")
    here = f"/organisations/{working.globex.id}"
    Page(olga.get(f"{here}/deactivate")).check()
    assert fill(olga, f"{here}/deactivate", reason="").status_code == 422
    assert fill(olga, f"{here}/deactivate", reason="It was a trial.").status_code == 303
    page = Page(olga.get(here))
    page.check()
    assert "Deactivated" in page.text
    listed = Page(olga.get("/organisations"))
    listed.check()
    assert "deactivated" in listed.text
    assert "You belong to no organisation" in eve.get("/my/engagements").text
    Page(olga.get(f"{here}/reactivate")).check()
    assert fill(olga, f"{here}/reactivate").status_code == 303
    assert eve.get("/my/engagements").status_code == 200
    for organisation in (working.acme, working.northbridge, working.operator):
        path = f"/organisations/{organisation.id}/deactivate"
        answer = fill(olga, path, reason="Enough.")
        assert answer.status_code == 422
        Page(answer).check()


def test_nobody_but_the_operators_admin(people, as_, here):
    for path in (
        f"{here}/edit",
        f"{here}/deactivate",
        f"{here}/reactivate",
        f"{here}/relations/new-customer",
        f"{here}/history",
    ):
        for name in ("ada", "dot"):
            assert as_(name).get(path).status_code == 403
        assert as_("nobody").get(path).status_code == 302
        assert as_("olga").get(path.replace(str(people.globex.id), str(people.ada.id))).status_code == 404
