"""API keys on their screen: made once and shown once, listed for the admin, revoked; as those who may not; page and fragment."""

import re

import pytest

from tests.page import Fragment, Page
from tests.people import fill, hidden_fields

HTMX = {"HX-Request": "true"}
HERE = "/settings/api-keys"
KEY = re.compile(r"ppk_[A-Za-z0-9]{8}_[A-Za-z0-9]{40}")


def make(client, name="Nightly run", permissions=("engagement:view",), expires="90", **more):
    return fill(client, f"{HERE}/new", name=name, permissions=list(permissions), expires=expires, **more)


def key_in(answer):
    found = set(KEY.findall(answer.text))
    assert len(found) == 1, found
    return found.pop()


@pytest.mark.parametrize("person", ["ada", "dot"])
def test_an_admin_makes_a_key_that_is_shown_once_and_works(app, as_, person):
    admin = as_(person)
    Page(admin.get(HERE)).check()
    new = Page(admin.get(f"{HERE}/new"))
    new.check()
    offered = [box["value"] for box in new.soup.select("input[name=permissions]")]
    made = make(admin, permissions=offered)
    assert made.status_code == 200 and made.headers["Cache-Control"] == "no-store"
    Page(made).check()
    key = key_in(made)
    asked = app.test_client().get("/api/v1/engagements", headers={"Authorization": f"Bearer {key}"})
    assert asked.status_code == 200
    listed = admin.get(HERE)
    Page(listed).check()
    Fragment(admin.get(HERE, headers=HTMX)).check()
    assert "Nightly run" in listed.text and key[:12] in listed.text and key not in listed.text
    assert "All that the member may do" in listed.text


def test_sent_twice_it_is_made_once_and_not_shown_again(as_):
    ada = as_("ada")
    hidden = hidden_fields(ada.get(f"{HERE}/new").text, f"{HERE}/new")
    body = {**hidden, "name": "Nightly run", "permissions": ["engagement:view"], "expires": "30"}
    key = key_in(ada.post(f"{HERE}/new", data=body))
    again = ada.post(f"{HERE}/new", data=body)
    assert again.status_code == 200 and key not in again.text and "was sent before" in again.text
    Page(again).check()
    assert ada.get(HERE).text.count(f"{HERE}/") - ada.get(HERE).text.count(f"{HERE}/new") == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": ""}, "This is missing"),
        ({"name": "x" * 81}, "81 characters"),
        ({"permissions": []}, "Choose at least one"),
        ({"permissions": ["member:manage"]}, "Choose at least one"),
        ({"permissions": ["engagement:request"]}, "Choose at least one"),
        ({"expires": "100000"}, "Not a valid choice"),
        ({"expires": "1e400"}, "Not a valid choice"),
    ],
)
def test_what_is_refused_keeps_what_was_typed(as_, typed, words):
    answer = make(as_("ada"), **{"name": "Nightly 😀", **typed})
    assert answer.status_code == 422 and words in answer.text
    assert not KEY.search(answer.text)
    Page(answer).check()
    assert "name" in typed or "Nightly 😀" in answer.text


def test_revoking_asks_first_and_holds_at_once(app, as_):
    key = key_in(make(as_("ada")))
    path = re.search(rf"{HERE}/[0-9a-f-]+/revoke", as_("abe").get(HERE).text)[0]
    Page(as_("abe").get(path)).check()
    Fragment(as_("abe").get(path, headers=HTMX)).check()
    assert fill(as_("abe"), path).status_code == 303
    assert app.test_client().get("/api/v1/engagements", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    listed = as_("ada").get(HERE)
    assert "Revoked" in listed.text and "Abe Adeyemi" in listed.text
    assert as_("ada").get(path).status_code == 409
    Page(as_("ada").get(path)).check()


def test_a_made_key_and_its_end_stand_in_the_organisations_history(app, as_, people):
    from app.foundation import history
    from app.foundation.tenancy import viewing

    make(as_("ada"))
    fill(as_("ada"), re.search(rf"{HERE}/[0-9a-f-]+/revoke", as_("ada").get(HERE).text)[0])
    with app.app_context(), viewing(people.viewer("ada")):
        events = history.events_of("organisation", people.northbridge.id)
    assert [event.event for event in events[:2]] == ["api_key_revoked", "api_key_made"]
    assert not KEY.search(str([event.facts for event in events]))


def test_who_else_gets_nowhere(as_, people):
    make(as_("ada"))
    path = re.search(rf"{HERE}/[0-9a-f-]+/revoke", as_("ada").get(HERE).text)[0]
    for where in (HERE, f"{HERE}/new", path):
        assert as_("nobody").get(where).status_code == 302
        assert as_("ben").get(where).status_code == 403
        assert as_("olga").get(where).status_code == 403
    for stranger in ("cy", "dot"):
        assert as_(stranger).get(path).status_code == 404
        assert "Nightly run" not in as_(stranger).get(HERE).text
    assert HERE in as_("ada").get("/").text and HERE not in as_("ben").get("/").text


def test_the_command_line_prints_a_key_as_its_last_word(app, people):
    runner = app.test_cli_runner()
    told = runner.invoke(args=["api-key", "create", "--member", "ada@northbridge.example", "--expires-days", "7"])
    assert told.exit_code == 0, told.output
    key = told.output.split()[-1]
    assert KEY.fullmatch(key)
    asked = app.test_client().get("/api/v1/billing-entries", headers={"Authorization": f"Bearer {key}"})
    assert asked.status_code == 200
    for wrong in (["--member", "nobody@x.example"], ["--member", "olga@operator.example"],
                  ["--member", "ada@northbridge.example", "--capacity", "customer"],
                  ["--member", "ada@northbridge.example", "--organisation", "Contrail"],
                  ["--member", "ada@northbridge.example", "--expires-days", "0"]):  # fmt: skip
        told = runner.invoke(args=["api-key", "create", *wrong])
        assert told.exit_code != 0 and "ppk_" not in told.output and "Traceback" not in told.output
