"""Every mail that rooms post has its text, and the text can be written with what they post."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.catalog import price_changes, requests, reviews
from app.engagements import actions as engagements
from app.engagements.price_notices import announce_prices
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members import actions as members
from app.members import sign_ins
from app.members.roles import CUSTOMER_ADMIN
from app.notices.bodies import FOLDER, SUBJECT_MOST, one_line, quoted, render
from app.parties.model import Organisation
from tests.makers import (
    as_customer,
    as_operator,
    as_partner,
    make_engagement,
    make_member,
    make_organisation,
    make_product,
)
from tests.makers.listing import as_it_stands, make_listing, open_review, price_draft

#: which argument of which call names a template
_CALLS = {"Notice": 2, "_tell_client": 0, "_tell_partner": 0, "_tell_of_price_change": 0, "post_link": 1}


def named_in(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            position = _CALLS.get(name)
            if position is not None and len(node.args) > position:
                argument = node.args[position]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def test_every_template_that_code_names_exists(repository: Path) -> None:
    named = {name for source in (repository / "app").rglob("*.py") for name in named_in(source)}
    assert named == {file.stem for file in FOLDER.glob("*.txt")}


def listing_is_told(customer: Organisation) -> None:
    """A product is approved, returned and published; its price changes, and its client is told."""
    listed = make_listing(make_organisation("Watchers", partner=True), "published", name="Backup & restore <plus>")
    make_engagement(listed, customer, at=clock.now())
    with acting_for_all("the partner and the operator"):
        ada, olga = as_partner(one(Organisation, listed.partner_id)), as_operator()
    for price, answer in (("160", "reject"), ("175", "approve")):
        plan = listed.plans[0]
        with viewing(ada):
            if answer == "reject":
                price_changes.start_price_change(listed, version=as_it_stands(listed).version, plan_id=plan.id, by=ada)
            price_changes.change_prices(
                listed, version=as_it_stands(listed).version, plan_id=plan.id, metric_id=plan.metrics[0].id,
                prices=price_draft((None, price)), by=ada,
            )  # fmt: skip
            requests.request_price_change(
                listed, version=as_it_stands(listed).version, plan_id=plan.id, effective_from=None, by=ada
            )
        with viewing(olga):
            if answer == "reject":
                reviews.reject(open_review(listed).id, reason="Too much.\nSay why.", by=olga)
            else:
                reviews.approve(open_review(listed).id, by=olga)
    with acting_for_all("the notices") as system, clock.pinned(BillingMonth.at(clock.now()).next.starts_at):
        for version_id in price_changes.changes_to_announce():
            announce_prices(version_id, by=system)


@pytest.fixture
def posted(app: Flask) -> Iterator[list[OutboxRow]]:
    """What the outbox holds after every action that tells somebody."""
    with app.app_context():
        product = make_product(name="Backup & restore <plus>")
        acme = make_organisation("Acme", customer=True)
        for state in ("rejected", "withdrawn", "complete", "deleted"):
            make_engagement(product, acme, state=state)
        dot = as_customer(acme)
        with viewing(dot):
            engagements.withdraw_completion_request(
                make_engagement(product, acme, state="completion_requested"), by=dot
            )
        kept = make_engagement(product, acme, state="completion_requested")
        with acting_for_all("the partner"):
            ada = as_partner(one(Organisation, product.partner_id))
        with viewing(ada):
            engagements.reject_completion(
                kept, outcome="keep-active", reason="Not yet.\nOne server is missing.", by=ada
            )
        eve = make_member(acme, "eve@acme.example", capacity="customer")
        with acting_for_all("make a password") as system:
            members.add_member("Ivo", "ivo@acme.example", password="a long one 4711", by=system)
        with viewing(dot):
            members.take_in("Ned", "ned@acme.example", [CUSTOMER_ADMIN], by=dot)
            members.take_in("Ivo", "ivo@acme.example", [CUSTOMER_ADMIN], by=dot)
        sign_ins.ask_for_link(eve.email, source="127.0.0.1")
        listing_is_told(acme)
        with acting_for_all("a test looks"):
            yield list(db.session.scalars(select(OutboxRow)))


def test_every_template_is_written_with_real_facts(posted: list[OutboxRow]) -> None:
    written = {}
    for row in posted:
        body = render(row.template, row.facts, portal_name="Partner Portal", portal_url="https://portal.example")
        assert body.subject == body.subject.strip()
        assert "\n" not in body.subject
        assert "https://portal.example/" in body.text
        assert "{" not in body.text + body.subject
        assert "\n\n\n" not in body.text
        assert "&amp;" not in body.text + body.subject
        written[row.template] = body
    assert set(written) == {file.stem for file in FOLDER.glob("*.txt")}
    assert "    Not yet.\n    One server is missing." in written["completion_declined"].text
    assert written["engagement_requested"].subject.startswith("Acme requests Backup & restore <plus>")


def test_a_subject_is_one_short_line() -> None:
    assert one_line("a\r\nBcc: b\x00\u2028c") == "a Bcc: b c"
    assert len(one_line("x" * 500)) == SUBJECT_MOST


def test_quoted_sets_every_line_in() -> None:
    assert quoted(" one\n\ntwo\n") == "    one\n\n    two"
    assert quoted("") == "    —"
