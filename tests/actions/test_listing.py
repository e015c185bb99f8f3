"""A product from draft to published, back with feedback and on again; who may write what, and when not."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.catalog import entries, evidence, plans, requests, reviews, states
from app.catalog.actions import EDIT_PRODUCT
from app.catalog.checklist import checklist
from app.catalog.listing_queries import evidence_now, own_listing
from app.catalog.listing_rules import ParameterDraft
from app.catalog.model import Evidence, ListingReview, Product
from app.catalog.price_list import gross_prices
from app.catalog.queries import is_priced
from app.commands.check import every_check
from app.foundation import clock, history
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible, Refused
from app.foundation.tenancy import PUBLIC, Viewer, acting_for_all, one, viewing
from app.members.roles import PRICING_VIEWER
from app.parties.model import Organisation
from tests.makers import as_customer, as_operator, as_partner, make_organisation, make_programme
from tests.makers.listing import (
    add_metric,
    add_plan,
    as_it_stands,
    make_listing,
    metric_draft,
    open_review,
    png_of,
    price_draft,
    write_entry,
)


@pytest.fixture
def northbridge() -> Organisation:
    partner = make_organisation("Northbridge", partner=True)
    db.session.expunge(partner)  # else a refused action, which rolls back, would make it forget its name
    return partner


@pytest.fixture
def ada(northbridge: Organisation) -> Viewer:
    return as_partner(northbridge)


@pytest.fixture
def olga() -> Viewer:
    return as_operator()


def version_of(product: Product) -> int:
    return as_it_stands(product).version


def events(product: Product) -> list[str]:
    with acting_for_all("a test reads history"):
        return [event.event for event in history.events_of("product", product.id, newest_first=False)]


def everything_holds() -> None:
    with acting_for_all("a test audits"):
        assert [f"{check.claim}: {said}" for check in every_check() for said in check.verdicts() if said] == []


def test_from_draft_to_published(northbridge: Organisation, ada: Viewer, olga: Viewer) -> None:
    product = make_listing(northbridge, states.PUBLISHED)
    assert product.state == states.PUBLISHED and product.edition == 1
    month = BillingMonth.at(clock.now())
    with viewing(PUBLIC):
        assert is_priced(product.plans[0].id, month)
        assert [price.metric_name for price in gross_prices(product, month)] == ["Hours"]
    version = product.plans[0].price_versions[0]
    assert version.approved_at and version.effective_from == month and product.plans[0].metrics[0].approved
    story = events(product)
    assert story[0] == "product_created" and [name for name in story if name in states.EVENTS.values()] == [
        "pricing_requested", "pricing_approved", "evidence_submitted", "evidence_approved", "publication_requested",
        "product_published",
    ]  # fmt: skip
    assert "prices_approved" in story
    everything_holds()


def test_nothing_of_a_draft_is_seen_by_others(northbridge: Organisation, olga: Viewer) -> None:
    product = make_listing(northbridge, states.EVIDENCE_APPROVED)
    file = evidence_of(product)
    for viewer in (
        as_partner(make_organisation("Contrail", partner=True)),
        as_customer(make_organisation("Acme", customer=True)),
        PUBLIC,
    ):
        with viewing(viewer):
            with pytest.raises(NotVisible):
                one(Product, product.id)
            with pytest.raises(NotVisible):
                evidence.evidence_file(product.id, file.id)
            assert db.session.scalars(select(ListingReview)).all() == []
    with viewing(olga):
        assert evidence.evidence_file(product.id, file.id).content == png_of(product.name)


def evidence_of(product: Product) -> Evidence:
    with acting_for_all("a test looks for evidence"):
        return evidence_now(product.id)[0]


@pytest.mark.parametrize(
    ("state", "back"),
    [
        (states.PRICING_REQUESTED, states.DRAFT),
        (states.EVIDENCE_SUBMITTED, states.PRICING_APPROVED),
        (states.PUBLICATION_REQUESTED, states.EVIDENCE_APPROVED),
        (states.REPUBLICATION_REQUESTED, states.WITHDRAWN),
    ],
)
def test_what_comes_back_is_mended_and_sent_again(
    northbridge: Organisation, ada: Viewer, olga: Viewer, state: str, back: str
) -> None:
    product = make_listing(northbridge, state)
    first = open_review(product)
    with viewing(olga):
        reviews.reject(first.id, reason="Say more about the night shift.", by=olga)
    product = as_it_stands(product)
    assert product.state == back
    with acting_for_all("a test reads the outbox"):
        mail = db.session.scalars(select(OutboxRow).order_by(OutboxRow.created_at.desc())).first()
    assert mail is not None and mail.template == "listing_returned" and mail.audience == "organisation"
    assert (mail.address, mail.permission) == (str(northbridge.id), EDIT_PRODUCT)
    assert mail.facts["reason"] == "Say more about the night shift."
    again: Any = {
        states.DRAFT: requests.request_pricing,
        states.PRICING_APPROVED: requests.submit_evidence,
    }.get(back, requests.request_publication)
    with viewing(ada):
        again(product, version=product.version, by=ada)
    second = open_review(product)
    assert second.id != first.id and as_it_stands(product).state == state
    with viewing(olga):
        reviews.approve(second.id, by=olga)
        with pytest.raises(AlreadyDone):
            reviews.approve(first.id, by=olga)
    everything_holds()


def test_a_decision_falls_once(northbridge: Organisation, olga: Viewer) -> None:
    product = make_listing(northbridge, states.PRICING_REQUESTED)
    review = open_review(product)
    with viewing(olga):
        reviews.approve(review.id, by=olga)
        for again in (
            lambda: reviews.approve(review.id, by=olga),
            lambda: reviews.reject(review.id, reason="No.", by=olga),
        ):
            with pytest.raises(AlreadyDone):
                again()
    assert events(product).count("pricing_approved") == 1


def test_never_ones_own_request(northbridge: Organisation) -> None:
    """A person who is a member of both sides asks for the partner and may not answer for the operator."""
    ada = as_partner(northbridge)
    product = make_listing(northbridge, states.PRICING_REQUESTED, by=ada)
    same = as_operator()
    same = Viewer(**{**same.__dict__, "member_id": ada.member_id})
    with viewing(same):
        for decide in (
            lambda: reviews.approve(open_review(product).id, by=same),
            lambda: reviews.reject(open_review(product).id, reason="No.", by=same),
        ):
            with pytest.raises(Refused) as no:
                decide()
            assert no.value.field == "decision"
    assert as_it_stands(product).state == states.PRICING_REQUESTED


def test_roles_decide_who_writes_and_who_answers(northbridge: Organisation, olga: Viewer) -> None:
    product = make_listing(northbridge, states.PRICING_REQUESTED)
    ben = as_partner(northbridge, PRICING_VIEWER)
    with viewing(ben):
        for write in (
            lambda: entries.change_support(product, version=product.version, support="x", by=ben),
            lambda: requests.withdraw_product(product, version=product.version, by=ben),
            lambda: plans.add_plan(product, version=product.version, name="P", code="p", description="", by=ben),
            lambda: evidence.add_evidence(product, slot="estimator", file_name="a", content=png_of(), by=ben),
            lambda: reviews.approve(open_review(product).id, by=ben),
        ):
            with pytest.raises(MissingRole):
                write()
    rater = as_operator(None, "rating-reviewer")
    with viewing(rater), pytest.raises(MissingRole):
        reviews.approve(open_review(product).id, by=rater)


def test_another_partners_published_product_is_nobodys_to_edit(northbridge: Organisation) -> None:
    product = make_listing(northbridge, states.PUBLISHED)
    cy = as_partner(make_organisation("Contrail", partner=True))
    with viewing(cy):
        assert one(Product, product.id)  # it is in the catalog
        with pytest.raises(NotVisible):
            own_listing(product.id, by=cy)
        with pytest.raises(NotVisible):
            write_entry(product, cy)
        with pytest.raises(NotVisible):
            requests.withdraw_product(product, version=product.version, by=cy)


def test_a_programmatic_name_is_taken_once(northbridge: Organisation, ada: Viewer) -> None:
    make_listing(northbridge, name="Log watch")
    cy = as_partner(make_organisation("Contrail", partner=True))
    programme = make_programme("Another")
    with viewing(cy):
        with pytest.raises(Refused) as no:
            entries.create_product(name="Log watch", slug="log-watch", programme_id=programme.id, by=cy)
        assert no.value.field == "slug"
        with pytest.raises(Refused) as no:
            entries.create_product(name="Log watch", slug="log-watch-2", programme_id=uuid4(), by=cy)
        assert no.value.field == "programme"


def test_what_is_under_review_or_approved_is_not_edited(northbridge: Organisation, ada: Viewer) -> None:
    product = make_listing(northbridge, states.PRICING_REQUESTED)
    plan = product.plans[0]
    with viewing(ada):
        for write in (
            lambda v: plans.add_plan(product, version=v, name="Other", code="other", description="", by=ada),
            lambda v: plans.change_plan(
                product, version=v, plan_id=plan.id, name="X", code="x", description="", by=ada
            ),
            lambda v: plans.remove_plan(product, version=v, plan_id=plan.id, by=ada),
            lambda v: plans.add_metric(
                product, version=v, plan_id=plan.id, draft=metric_draft(name="B"), prices=price_draft(), by=ada
            ),
        ):
            with pytest.raises(Refused) as no:
                write(version_of(product))
            assert no.value.field == "pricing"
        # the catalog entry is not what is under review
        write_entry(as_it_stands(product), ada, summary="Still my words.")
    approved = make_listing(northbridge, states.PRICING_APPROVED, name="Second watch")
    plan = approved.plans[0]
    with viewing(ada):
        for write in (
            lambda v: plans.change_plan(
                approved, version=v, plan_id=plan.id, name="X", code="x", description="", by=ada
            ),
            lambda v: plans.remove_metric(approved, version=v, plan_id=plan.id, metric_id=plan.metrics[0].id, by=ada),
        ):
            with pytest.raises(Refused) as no:
                write(version_of(approved))
            assert no.value.field == "pricing"
    waiting = make_listing(northbridge, states.PUBLICATION_REQUESTED, name="Third watch")
    with viewing(ada), pytest.raises(Refused) as no:
        write_entry(waiting, ada, summary="Too late.")
    assert no.value.field == "entry"


def test_a_stale_tab_writes_nothing(northbridge: Organisation, ada: Viewer) -> None:
    product = make_listing(northbridge)
    seen = product.version
    with viewing(ada):
        entries.change_support(product, version=seen, support="By telephone.", by=ada)
        with pytest.raises(AlreadyDone):
            entries.change_support(product, version=seen, support="By pigeon.", by=ada)
        with pytest.raises(AlreadyDone):
            requests.request_pricing(product, version=seen, by=ada)
    assert as_it_stands(product).support == "By telephone."


def test_pricing_is_asked_for_when_it_is_whole(northbridge: Organisation, ada: Viewer) -> None:
    product = make_listing(northbridge)
    with viewing(ada):
        add_plan(product, ada, "Empty")
        with pytest.raises(Refused, match="a metric in plan Empty"):
            requests.request_pricing(product, version=version_of(product), by=ada)
        lines = {line.key: line for line in checklist(own_listing(product.id, by=ada), [])}
    assert not lines["pricing"].done and lines["pricing"].ball == "partner" and lines["entry"].done


def test_parameters_keep_their_order_and_their_keys(northbridge: Organisation, ada: Viewer) -> None:
    product = make_listing(northbridge)
    with viewing(ada):
        made = [
            entries.add_parameter(product, version=version_of(product), draft=draft, by=ada)
            for draft in (
                ParameterDraft("Region", "selection", ("Prague", "Frankfurt"), True),
                ParameterDraft("Systems", "paragraph"),
                ParameterDraft("Keys held by us", "checkbox"),
            )
        ]
        entries.move_parameter(product, version=version_of(product), parameter_id=made[2].id, upwards=True, by=ada)
        entries.move_parameter(product, version=version_of(product), parameter_id=made[0].id, upwards=True, by=ada)
        assert [p.key for p in as_it_stands(product).parameters] == ["region", "keys-held-by-us", "systems"]
        changed = entries.change_parameter(
            product, version=version_of(product), parameter_id=made[1].id,
            draft=ParameterDraft("Systems in scope", "short_text", ("ignored",)), by=ada,
        )  # fmt: skip
        assert (changed.key, changed.label, changed.options) == ("systems", "Systems in scope", [])
        with pytest.raises(Refused) as no:
            entries.add_parameter(
                product, version=version_of(product), draft=ParameterDraft(" REGION ", "checkbox"), by=ada
            )
        assert no.value.field == "label"
        entries.remove_parameter(product, version=version_of(product), parameter_id=made[0].id, by=ada)
    assert [p.label for p in as_it_stands(product).parameters] == ["Keys held by us", "Systems in scope"]


def test_a_published_entry_is_edited_as_a_new_edition(northbridge: Organisation, ada: Viewer) -> None:
    product = make_listing(northbridge, states.PUBLISHED)
    with viewing(ada):
        write_entry(product, ada, summary="Eyes on every log.")
        assert as_it_stands(product).edition == 2  # the support was the same
        write_entry(product, ada, summary="Eyes on every log.")
        assert as_it_stands(product).edition == 2
        entries.add_parameter(
            product, version=version_of(product), draft=ParameterDraft("Region", "short_text"), by=ada
        )
    assert as_it_stands(product).edition == 3 and as_it_stands(product).state == states.PUBLISHED


def test_block_only_where_the_programme_allows_it(northbridge: Organisation, ada: Viewer) -> None:
    block = price_draft(("10", "500"), (None, "900"), model="block")
    with pytest.raises(Refused) as no:
        make_listing(northbridge, prices=block)
    assert no.value.field == "model"
    allowing = make_programme("With blocks", allows_block=True)
    product = make_listing(northbridge, states.PUBLISHED, name="Block watch", programme=allowing, prices=block)
    assert product.plans[0].price_versions[0].prices[0].model == "block"


def test_a_withdrawn_product_stays_readable_and_comes_back(
    northbridge: Organisation, ada: Viewer, olga: Viewer
) -> None:
    product = make_listing(northbridge, states.REPUBLICATION_REQUESTED)
    with viewing(as_customer(make_organisation("Acme", customer=True))):
        assert one(Product, product.id).state == states.REPUBLICATION_REQUESTED  # engagements name it
    with viewing(olga):
        reviews.approve(open_review(product).id, by=olga)
    assert as_it_stands(product).state == states.PUBLISHED


def test_a_second_plan_joins_a_published_product(northbridge: Organisation, ada: Viewer, olga: Viewer) -> None:
    product = make_listing(northbridge, states.PUBLISHED)
    month = BillingMonth.at(clock.now())
    with viewing(ada):
        plan = add_plan(product, ada, "Premium")
        add_metric(product, plan, ada, prices=price_draft((None, "220")))
        assert not is_priced(plan.id, month)
        requests.request_price_change(
            product, version=version_of(product), plan_id=plan.id, effective_from=None, by=ada
        )
    with viewing(olga):
        reviews.approve(open_review(product).id, by=olga)
    assert is_priced(plan.id, month)
    assert as_it_stands(product).plans[1].metrics[0].step == Decimal("0.25")
