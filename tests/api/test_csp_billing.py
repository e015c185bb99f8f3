"""CSP invoices, what they come to for each customer, and statements by API; every amount as money, with all its digits."""

import pytest

from app.foundation.database import db
from tests.makers.csp_documents import line, make_account, make_csp_customer, make_document
from tests.screens import csp_billing_stage as csp_stage


@pytest.fixture
def stage(app, people):
    return csp_stage.set_stage(app, people)


def test_invoices_are_listed_newest_first_and_filtered(stage, ask):
    items = ask("ada").get("/csp/invoices").json["items"]
    assert [one["number"] for one in items] == ["G048377102", "G048201937"]
    assert items[0]["amends"] == "G048201937" and items[1]["total"] == {"amount": "5617.79", "currency": "EUR"}
    assert (
        ask("ada")
        .get(f"/csp/invoices?account={stage.account.id}&status=reconciled&month=2026-10&limit=1")
        .json["items"]
    )
    assert ask("ada").get("/csp/invoices?status=unread").json["items"] == []
    assert ask("ben").get("/csp/invoices").status_code == 403
    assert [one["number"] for one in ask("cy").get("/csp/invoices").json["items"]] == ["G048201937"]


def test_one_invoice_and_its_amendment_under_its_own_number(stage, ask):
    invoice = ask("ada").get("/csp/invoices/G048201937").json
    assert invoice["reconciled"] is True and invoice["difference"] == {"amount": "0.00", "currency": "EUR"}
    credit = ask("ada").get("/csp/invoices/G048377102").json
    assert credit["total"]["amount"] == "-34.57" and credit["document_type"] == "adjustment_note"
    for nowhere in ("G000", "G048201937%00", "%F0%9F%98%80"):
        assert ask("ada").get(f"/csp/invoices/{nowhere}").status_code == 404


def test_one_row_a_customer_and_currency(app, stage, ask):
    rows = ask("ada").get("/csp/invoices/G048201937/customers").json["items"]
    by_name = {row["customer"]["name"]: row for row in rows}
    assert by_name["Aldgate Insurance"]["cost_total"] == {"amount": "119.61", "currency": "EUR"}
    assert by_name["Aldgate Insurance"]["sell_total"] == {"amount": "137.55", "currency": "EUR"}
    assert by_name["Vela Pharma"]["sell_total"]["amount"] == "1399.63"  # this document alone, without its credit note
    assert by_name["Pinecrest Health"]["sell_total"] is None
    assert ask("cy").get("/csp/invoices/G048377102/customers").status_code == 404


def test_a_difference_is_told_to_the_last_digit(app, stage, ask):
    with app.app_context():
        make_document(stage.account, "G1", [line(None, "0.10000000000000000001")], total="0.1")
        db.session.remove()
    found = ask("ada").get("/csp/invoices/G1").json
    assert found["reconciled"] is False and found["difference"]["amount"] == "-0.00000000000000000001"
    (row,) = ask("ada").get("/csp/invoices/G1/customers").json["items"]
    assert row["customer"] is None and row["tenant_id"] == "" and row["sell_total"] is None


def test_the_same_number_in_two_accounts_needs_the_account(app, people, stage, ask):
    with app.app_context():
        second = make_account(people.northbridge, "Harborline CSP (US)")
        make_document(second, "G048201937", [line(make_csp_customer(second, mark_up="1"), "1.00")])
        db.session.remove()
    for path in ("/csp/invoices/G048201937", "/csp/invoices/G048201937/customers"):
        assert ask("ada").get(path).status_code == 422
        assert ask("ada").get(f"{path}?account={second.id}").status_code == 200
    assert ask("ada").post("/csp/invoices/G048201937/statements", {}).status_code == 422
    assert ask("ada").get(f"/csp/invoices/G048201937?account={second.id}").json["total"]["amount"] == "1.00"


def test_issuing_by_api_once(stage, ask):
    ada, path = ask("ada"), "/csp/invoices/G048201937/statements"
    first = ada.post(path, {"customer": str(stage.vela.id)}, once="k1")
    assert [one["outcome"] for one in first.json["items"]] == ["issued"]
    assert ada.post(path, {"customer": str(stage.vela.id)}, once="k1").json == first.json
    assert ada.post(path, {}, once="k1").status_code == 409
    assert [one["outcome"] for one in ada.post(path, {"customer": str(stage.vela.id)}).json["items"]] == ["unchanged"]
    refused = ada.post(path, {"customer": str(stage.pinecrest.id)}).json["items"]
    assert refused[0]["outcome"] == "refused" and "no mark-up" in refused[0]["message"]
    rest = ada.post(path, {}).json["items"]
    assert {one["customer"]["name"] for one in rest} == {"Aldgate Insurance", "Marlow & Finch Retail"}
    assert ada.post(path, {"customer": str(stage.globex.id)}).status_code == 404
    assert ask("ben").post(path, {}).status_code == 403


def test_statements_for_partner_and_customer(app, people, stage, ask):
    csp_stage.issue(app, people, stage.invoice, stage.aldgate)
    csp_stage.issue(app, people, stage.invoice, stage.vela)
    items = ask("ada").get("/csp/statements").json["items"]
    assert {one["customer"]: one["total"]["amount"] for one in items} == {
        "Aldgate Insurance": "165.06",
        "Vela Pharma": "1618.92",
    }
    answer = ask("dot").get("/csp/statements")
    (own,) = answer.json["items"]
    assert own["customer"] == "Aldgate Insurance" and own["subtotal"]["amount"] == "137.55" and "customer_id" not in own
    assert not [figure for figure in csp_stage.PLANTED if figure in answer.text]
    assert ask("dot").get(f"/csp/statements/{own['id']}").json["tax"]["amount"] == "27.51"
    foreign = next(one["id"] for one in items if one["customer"] == "Vela Pharma")
    assert ask("dot").get(f"/csp/statements/{foreign}").status_code == 404
    assert ask("eve").get("/csp/statements").json["items"] == []
    for path in ("/csp/invoices", "/csp/invoices/G048201937", "/csp/invoices/G048201937/customers"):
        assert ask("dot").get(path).status_code == 403
