"""CSP accounts on their screens: for Cloud Admins alone; register, edit, disable, disconnect, History."""

import re
from typing import Any

import pytest

from app.foundation.tenancy import viewing
from tests.makers.csp_accounts import TENANT, connected
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields

HTMX = {"HX-Request": "true"}
PATHS = ("/csp/accounts", "/csp/accounts/new", "/csp/accounts/{id}", "/csp/accounts/{id}/history", "/csp/accounts/{id}/edit", "/csp/accounts/{id}/disconnect")  # fmt: skip


@pytest.fixture
def account(app: Any, people: Any) -> str:
    ada = people.viewer("ada")
    with app.app_context(), viewing(ada):
        return str(connected(ada).id)


@pytest.mark.parametrize("path", PATHS)
def test_who_may_look(as_: Any, account: str, path: str) -> None:
    path = path.format(id=account)
    Page(as_("ada").get(path)).check()
    assert as_("ben").get(path).status_code == 403
    assert as_("cy").get(path).status_code == (404 if account in path else 200)
    for other in ("dot", "olga"):
        assert as_(other).get(path).status_code == 403
    assert as_("nobody").get(path).headers["Location"].startswith("/sign-in?next=")


def test_the_empty_list_says_what_it_takes(as_: Any) -> None:
    page = Page(as_("ada").get("/csp/accounts"))
    page.check()
    assert "Admin Agent role" in page.text
    assert "Add account" in page.text


def test_registered_without_an_application_it_waits_to_be_connected(as_: Any) -> None:
    ada = as_("ada")
    new = Page(ada.get("/csp/accounts/new"))
    assert "Login with Microsoft is not set up" in new.text
    made = fill(ada, "/csp/accounts/new", name="Contoso CSP (US)", account_id=TENANT.upper(), model="direct", managed_mark_up="18", tax_rate="0")  # fmt: skip
    assert made.status_code == 303
    page = Page(ada.get(made.headers["Location"]))
    page.check()
    assert TENANT in page.text
    assert "18 %" in page.text
    assert "0 %" in page.text
    assert "not set" in page.text
    listed = Page(ada.get("/csp/accounts"))
    listed.check()
    assert "Contoso CSP (US)" in listed.text
    assert "Not Started" in listed.text
    assert TENANT in ada.get("/csp/accounts.csv").text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"account_id": "contoso.com"}, "Write the tenant's id"),
        ({"name": ""}, "This is missing"),
        ({"model": "other"}, "Choose how you buy"),
        ({"managed_mark_up": "-1"}, "never negative"),
        ({"managed_mark_up": "1000"}, "below"),
        ({"tax_rate": "1e3"}, "plain number"),
        ({"mpn_id": "x"}, "digits alone"),
    ],
)
def test_what_is_wrong_stands_on_its_field(as_: Any, wrong: dict[str, str], words: str) -> None:
    ada = as_("ada")
    sent: dict[str, Any] = {"name": "<b>Contoso</b> & Söhne", "account_id": TENANT, "model": "direct", **wrong}
    answer = fill(ada, "/csp/accounts/new", **sent)
    assert answer.status_code == 422
    page = Page(answer)
    page.check()
    assert words in page.text
    if "name" not in wrong:
        assert page.form("/csp/accounts/new")["name"] == "<b>Contoso</b> & Söhne"


def test_the_same_tenant_twice_is_refused(as_: Any, account: str) -> None:
    answer = fill(as_("ada"), "/csp/accounts/new", name="Again", account_id=TENANT, model="direct")
    assert answer.status_code == 422
    assert "registered already" in answer.text


def test_edit_changes_what_was_typed_and_never_the_tenant(as_: Any, account: str) -> None:
    ada = as_("ada")
    done = fill(
        ada,
        f"/csp/accounts/{account}/edit",
        name="Renamed",
        model="indirect_provider",
        account_id="x",
        managed_mark_up="7.5",
    )
    assert done.status_code == 303
    page = Page(ada.get(f"/csp/accounts/{account}"))
    assert "Renamed" in page.text
    assert "7.5 %" in page.text
    assert TENANT in page.text
    assert "name: Northbridge CSP (EU) → Renamed" in Page(ada.get(f"/csp/accounts/{account}/history")).text


def test_disable_enable_disconnect_as_dialogs_and_once(as_: Any, account: str) -> None:
    ada = as_("ada")
    here = f"/csp/accounts/{account}"
    Fragment(ada.get(f"{here}/disable", headers=HTMX)).check()
    assert fill(ada, f"{here}/disable").status_code == 303
    assert "Disabled" in Page(ada.get(here)).text
    again = fill(ada, f"{here}/disable")
    assert again.status_code == 409
    Page(again).check()
    assert fill(ada, f"{here}/enable").status_code == 303
    assert fill(ada, f"{here}/disconnect").status_code == 303
    page = Page(ada.get(here))
    page.check()
    assert "Disconnected" in page.text
    assert not re.search(r'href="[^"]*/(edit|disconnect|disable)"', page.html)


def test_a_strangers_sign_in_changes_nothing(as_: Any, account: str) -> None:
    for query in ("", "?state=x&code=y", "?error=access_denied"):
        answer = as_("ada").get(f"/csp/callback{query}")
        assert answer.status_code == 409
        Page(answer).check()
    assert as_("ben").get("/csp/callback?state=x").status_code == 403


def test_a_login_that_is_not_set_up_is_told_and_no_fault(as_: Any, account: str) -> None:
    ada, here = as_("ada"), f"/csp/accounts/{account}"
    hidden = hidden_fields(ada.get(f"{here}/disable").text, f"{here}/disable")
    answer = ada.post(f"{here}/login", data=hidden)
    assert answer.status_code == 303
    assert "Login with Microsoft is not set up" in Page(ada.get(answer.headers["Location"])).text
