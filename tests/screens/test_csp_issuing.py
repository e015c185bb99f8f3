"""Issuing all statements of an invoice in bites: how far it is, going on, what could not be issued, and whatever an address says."""

import pytest

from app.csp.statements.model import CspStatement
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.screens.csp import invoice_issuing
from tests.page import Page
from tests.screens import csp_billing_stage as csp_stage

PATH = "/csp/invoices"


@pytest.fixture
def stage(app, people):
    return csp_stage.set_stage(app, people)


@pytest.fixture
def one_by_one(monkeypatch):
    """Bites of one statement: a thousand customers in small."""
    monkeypatch.setattr(invoice_issuing, "BITE_STATEMENTS", 1)


def issued(app):
    with app.app_context(), acting_for_all("a test counts"):
        return db.session.query(CspStatement).count()


def test_bite_by_bite_to_the_end(app, stage, as_, one_by_one):
    ada, here = as_("ada"), f"{PATH}/{stage.invoice.id}"
    answer = ada.post(f"{here}/issue", data=Page(ada.get(f"{here}/issue")).form(f"{here}/issue"))
    for done in (1, 2):
        assert answer.status_code == 303 and answer.location.startswith(f"{here}/issuing?after=")
        page = Page(ada.get(answer.location))
        page.check()
        assert f"{done} of 3 issued" in page.text and "Stop here" in page.text
        assert page.soup.select_one("#issuing .big").text and page.soup.select_one("#issuing time")["title"].endswith(
            "UTC"
        )
        assert page.soup.select_one("progress")["value"] == str(done)
        assert page.soup.select_one(f'form[hx-post="{here}/issue"]')["hx-trigger"].startswith("load")
        assert issued(app) == done
        answer = ada.post(f"{here}/issue", data=page.form(f"{here}/issue"))
    assert answer.location == here
    assert "3 statements issued." in Page(ada.get(here)).text and issued(app) == 3


def test_a_bite_sent_twice_and_a_way_back(app, stage, as_, one_by_one):
    ada, here = as_("ada"), f"{PATH}/{stage.invoice.id}"
    sent = Page(ada.get(f"{here}/issue")).form(f"{here}/issue")
    progress = ada.post(f"{here}/issue", data=sent).location
    with app.app_context(), acting_for_all("a test looks"):
        first = db.session.query(CspStatement).one().csp_customer_id
    bite = Page(ada.get(progress)).form(f"{here}/issue")
    ada.post(f"{here}/issue", data=bite)
    ada.post(f"{here}/issue", data=bite)
    ada.post(f"{here}/issue", data=bite)
    with app.app_context(), acting_for_all("a test counts"):
        keys = [(one.csp_customer_id, one.version) for one in db.session.query(CspStatement)]
    assert len(set(keys)) == len(keys) and (first, 1) in keys
    # whoever left goes on from the invoice's page
    if len(keys) < 3:
        assert "Issue 1 statement" in Page(ada.get(here)).text


def test_one_that_is_refused_holds_up_nobody(app, stage, as_, one_by_one, monkeypatch):
    from app.csp.statements import actions

    monkeypatch.setattr(actions, "MOST_MINOR", 140_000)  # Vela and Marlow come to more than a statement may hold
    ada, here = as_("ada"), f"{PATH}/{stage.invoice.id}"
    answer = ada.post(f"{here}/issue", data=Page(ada.get(f"{here}/issue")).form(f"{here}/issue"))
    answer = ada.post(f"{here}/issue", data=Page(ada.get(answer.location)).form(f"{here}/issue"))
    page = Page(ada.get(answer.location))
    page.check()
    assert "1 of 3 issued" in page.text and "Not issued" in page.text and "larger than a statement holds" in page.text
    answer = ada.post(f"{here}/issue", data=page.form(f"{here}/issue"))
    after = Page(ada.get(answer.location))
    assert (answer.location == here and "2 statements issued." in after.text) or "1 statement issued." in after.text
    assert "Issue" in after.soup.select_one(".page-actions").text


@pytest.mark.parametrize("who", ["ben", "dot", "olga", "cy", "nobody"])
def test_who_gets_in(stage, as_, who):
    answer = as_(who).get(f"{PATH}/{stage.invoice.id}/issuing")
    assert answer.status_code == {"cy": 404, "nobody": 302}.get(who, 403)


@pytest.mark.parametrize(
    "asked",
    ["", "after=-&of=-1&begun=NaN", "of=99999999999999999999&begun=1e400", "of=%EF%BC%91&begun=9999999999", "after=" + "x" * 5000],
)  # fmt: skip
def test_any_address_tells_the_truth(app, stage, as_, asked):
    page = Page(as_("ada").get(f"{PATH}/{stage.invoice.id}/issuing?{asked}"))
    page.check()
    assert page.soup.select_one("#issuing h2").text in ("0 of 3 issued", "1 of 4 issued")
    assert "hx-trigger" not in str(page.soup.select_one("#issuing")), (
        "an address alone issues nothing: somebody presses Go on"
    )
    assert issued(app) == 0
