"""Every mail that rooms post has its text, and the text can be written with what they post."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from app.billing import corrections
from app.billing.model import Correction
from app.catalog import price_changes, requests, reviews
from app.catalog.model import Product
from app.csp.accounts.actions import lose_consent
from app.csp.customers.budgets import set_budget
from app.csp.discovery import actions as discovery
from app.engagements import actions as engagements
from app.engagements.price_notices import announce_prices
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.jobs import remind_of_months
from app.jobs.work import never
from app.members import actions as members
from app.members import enforcement, invitations, sign_ins, sign_ups
from app.members.model import Member, Membership
from app.members.roles import CUSTOMER_ADMIN
from app.notices import digests, webhooks
from app.notices.addresses import ask_to_confirm, note_refused
from app.notices.bodies import FOLDER, SUBJECT_MOST, one_line, quoted, render, render_together
from app.notices.delegations import pass_on
from app.notices.delivery import facts_of
from app.notices.webhook_post import Outcome
from app.notices.webhook_sending import disable
from app.parties.model import Organisation
from tests.makers import (
    as_customer,
    as_operator,
    as_partner,
    ask_correction,
    correct,
    freeze_month,
    make_engagement,
    make_entry,
    make_member,
    make_organisation,
    make_product,
)
from tests.makers.csp_accounts import connected
from tests.makers.csp_customers import make_account, make_customer, make_usage
from tests.makers.csp_documents import csp_ids
from tests.makers.listing import as_it_stands, make_listing, open_review, price_draft

#: no row names it: it tells several rows of one batch in one mail
WRITTEN_TOGETHER = {"several"}
#: which argument of which call names a template
_CALLS = {
    "Notice": 2,
    "_tell_client": 0,
    "_tell_partner": 0,
    "_tell_who_asked": 0,
    "_tell_of_price_change": 0,
    "post_link": 1,
}


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
    assert named | WRITTEN_TOGETHER == {file.stem for file in FOLDER.glob("*.txt")}


def one_of(organisation_id: UUID) -> Organisation:
    with acting_for_all("a test's partner"):
        return one(Organisation, organisation_id)


def invited() -> list[OutboxRow]:
    return list(db.session.scalars(select(OutboxRow).where(OutboxRow.template == "invitation")))


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
            for email in ("ned@acme.example", "ivo@acme.example"):
                invitations.invite(email, [CUSTOMER_ADMIN], by=replace(dot, member_id=eve.id))
        with acting_for_all("a test answers"):
            tokens = {row.address: facts_of(row)["path"].rpartition("/")[2] for row in invited()}
            ivo = db.session.scalars(select(Member).where(Member.email == "ivo@acme.example")).one()
        invitations.accept(tokens["ivo@acme.example"], by=replace(dot, member_id=ivo.id))
        invitations.decline(tokens["ned@acme.example"])
        with acting_for_all("Ivo has a second factor, and loses it"), transaction():
            one(Member, ivo.id).totp_confirmed_at = clock.now()
        with viewing(dot):
            joined = db.session.scalars(select(Membership).where(Membership.member_id == ivo.id)).one()
            enforcement.reset_second_factor(joined.id, reason="The telephone\nwas stolen.", by=dot)
        for email in ("kim@harbour.example", "eve@acme.example"):
            sign_ups.ask("Harbour & Sons", "Kim Okafor", email, "calm herons wade", source="127.0.0.1")
        correct_and_remind(product, acme)
        sign_ins.ask_for_link(eve.email, source="127.0.0.1")
        waits = make_engagement(product, acme, state="pending")
        abe = make_member(one_of(product.partner_id), "abe@northbridge.example")
        with acting_for_all("the digest's reader has a password"), transaction():
            one(Member, abe.id).password = "x"
        with viewing(
            as_partner(
                one_of(product.partner_id), member=make_member(one_of(product.partner_id), "ada@northbridge.example")
            )
        ) as ada:
            pass_on("engagement-request", waits.id, abe.id, note="Yours.\nI am away.", by=ada)
        with clock.pinned(clock.now().replace(hour=8)):
            digests.send_due()
        with transaction(), acting_for_all("a refused address"):
            note_refused(abe.email, "550 gone")
        with viewing(as_partner(one_of(product.partner_id), member=abe)) as viewer:
            ask_to_confirm(by=viewer)
        with viewing(ada), transaction():
            endpoint, _secret = webhooks.add(
                "https://n.example/hook", ["engagement.requested"], private_allowed=False, by=ada
            )
            disable(endpoint, Outcome(410, 12, "gone", "answered 410"))
        listing_is_told(acme)
        a_budget_is_reached(one_of(product.partner_id))
        csp_ids(one_of(product.partner_id), acme, "G048201937")
        a_discovery_fails_for_good(ada)
        with acting_for_all("a test looks"):
            yield list(db.session.scalars(select(OutboxRow)))


def a_discovery_fails_for_good(by: Viewer) -> None:
    """One run ends in an error, the next finds that the consent is gone."""
    with viewing(by), transaction():
        account = connected(by, "Northbridge CSP & <Sons>")
        discovery.fail(discovery.trigger(account.id, by=by), "Microsoft answers 503.", by=by)
        lose_consent(account.id, "AADSTS50173: the grant was revoked.", by=by)


def a_budget_is_reached(partner: Organisation) -> None:
    customer = make_customer(make_account(partner), "Fabrikam & <Sons>")
    make_usage(customer, "90")
    with viewing(as_partner(partner)) as ada:
        set_budget(customer.id, amount=Decimal(100), currency="EUR", recipients=[], by=ada)


def correct_and_remind(product: Product, acme: Organisation) -> None:
    """A correction approved, one rejected, and the reminder of a month's last day."""
    last = BillingMonth.at(clock.now()).previous
    kept = make_engagement(product, acme, at=last.starts_at)
    entries = [make_entry(kept, "3", month=last, at=last.starts_at + timedelta(days=9), rated=True) for _ in range(2)]
    freeze_month(last)
    correct(entries[0], "2")
    asked = ask_correction(entries[1], "1")
    with viewing(as_operator()) as olga:
        corrections.reject(one(Correction, asked.id), reason="The log says otherwise.", by=olga)
    month = last.next
    with clock.pinned(month.next.starts_at - timedelta(hours=1)), acting_for_all("a test's job") as job:
        assert remind_of_months.run(by=job, stopped=never).rows == 1


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
    together = [row.facts for row in posted if row.template == "request_approved"]
    written["several"] = render_together(
        "request_approved", together, portal_name="Partner Portal", portal_url="https://portal.example"
    )
    assert set(written) == {file.stem for file in FOLDER.glob("*.txt")}
    assert written["several"].text.count("https://portal.example/my/engagements/") == len(together)
    assert "\n\n\n" not in written["several"].text
    assert "do=approve" in written["digest"].text
    assert "    Yours.\n    I am away." in written["delegated"].text
    assert "    Not yet.\n    One server is missing." in written["completion_declined"].text
    assert written["engagement_requested"].subject.startswith("Acme requests Backup & restore <plus>")


def test_a_subject_is_one_short_line() -> None:
    assert one_line("a\r\nBcc: b\x00\u2028c") == "a Bcc: b c"
    assert len(one_line("x" * 500)) == SUBJECT_MOST


def test_quoted_sets_every_line_in() -> None:
    assert quoted(" one\n\ntwo\n") == "    one\n\n    two"
    assert quoted("") == "    —"


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("2026-11-03T00:00:00+00:00", "UTC", "3 Nov 2026 00:00 UTC"),
        ("2026-11-03T00:00:00+00:00", "Europe/Prague", "3 Nov 2026 01:00 in Prague (00:00 UTC)"),
        ("2026-11-03T00:00:00+00:00", "America/Los_Angeles", "2 Nov 2026 16:00 in Los Angeles (3 Nov 2026 00:00 UTC)"),
        ("2026-12-31T23:30:00+00:00", "Pacific/Auckland", "1 Jan 2027 12:30 in Auckland (31 Dec 2026 23:30 UTC)"),
        ("2026-11-03T01:00:00+01:00", "Europe/Prague", "3 Nov 2026 01:00 in Prague (00:00 UTC)"),
        ("2026-11-03T00:00:00+00:00", "No/Where", "3 Nov 2026 00:00 UTC"),
        ("3 Nov 2026 00:00 UTC", "Europe/Prague", "3 Nov 2026 00:00 UTC"),  # from before facts held instants
    ],
)
def test_an_instant_is_read_where_the_reader_is(text: str, zone: str, said: str) -> None:
    facts = {"month": "October 2026", "closes_at": text, "count": 1, "engagements": ["ENG-1"]}
    body = render("month_reminder", facts, portal_name="Portal", portal_url="https://portal.example", zone=zone)
    assert body.subject == f"October 2026 closes {said}: 1 without a billing entry"
    assert f"October 2026 closes {said}. What is not" in body.text
    together = render_together(
        "month_reminder", [facts, facts], portal_name="Portal", portal_url="https://portal.example", zone=zone
    )
    assert said in together.subject and together.text.count(said) == 2
