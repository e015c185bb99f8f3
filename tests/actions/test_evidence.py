"""Metering evidence: what is taken, what is kept, and what is refused."""

import pytest
from sqlalchemy import func, select

from app.catalog import evidence, requests, reviews, states
from app.catalog.evidence import add_evidence
from app.catalog.listing_queries import evidence_now
from app.catalog.model import Evidence, Product
from app.foundation.database import db
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, viewing
from app.members.roles import PRODUCT_EDITOR
from app.parties.model import Organisation
from tests.makers import as_operator, as_partner, make_member, make_membership, make_organisation, the_operator
from tests.makers.listing import as_it_stands, make_listing, open_review, png_of


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


def test_evidence_is_what_its_content_says(northbridge: Organisation, ada: Viewer) -> None:
    product = make_listing(northbridge, states.PRICING_APPROVED)
    with viewing(ada):
        for content in (
            b"",
            b"<html>",
            b"%PDF-1.7 without an end",
            b"GIF89a...",
            b"\x89PNG\r\n\x1a\nno header",
            b"x" * (5 * 2**20 + 1),
        ):
            with pytest.raises(Refused) as no:
                evidence.add_evidence(product, slot="estimator", file_name="scan.png", content=content, by=ada)
            assert no.value.field == "file"
        with pytest.raises(Refused):
            evidence.add_evidence(product, slot="elsewhere", file_name="scan.png", content=png_of(), by=ada)
        kept = evidence.add_evidence(
            product, slot="estimator", file_name="..\\..\\C:/\0scan\u202e.exe", content=png_of(), by=ada
        )
        assert kept.content_type == "image/png" and "/" not in kept.file_name and "\0" not in kept.file_name
        pdf = b"%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"
        assert (
            evidence.add_evidence(product, slot="rated-usage", file_name="", content=pdf, by=ada).file_name
            == "rated-usage.pdf"
        )
        assert len(evidence_now(product.id)) == 2


def test_evidence_that_was_sent_is_kept_when_it_is_replaced(
    northbridge: Organisation, ada: Viewer, olga: Viewer
) -> None:
    product = make_listing(northbridge, states.PRICING_APPROVED)
    with viewing(ada):
        for words in ("first", "second"):  # never sent: replaced for good
            evidence.add_evidence(product, slot="estimator", file_name=f"{words}.png", content=png_of(words), by=ada)
        assert db.session.scalar(select(func.count(Evidence.id))) == 1
        requests.submit_evidence(product, version=version_of(product), by=ada)
        with pytest.raises(Refused):
            evidence.add_evidence(product, slot="estimator", file_name="late.png", content=png_of("late"), by=ada)
    with viewing(olga):
        reviews.reject(open_review(product).id, reason="The totals are cut off.", by=olga)
    with viewing(ada):
        evidence.add_evidence(product, slot="estimator", file_name="third.png", content=png_of("third"), by=ada)
        assert [file.file_name for file in evidence_now(product.id)] == ["third.png"]
        assert db.session.scalar(select(func.count(Evidence.id))) == 2
        evidence.remove_evidence(product, evidence_id=evidence_now(product.id)[0].id, by=ada)
        with pytest.raises(Refused):
            requests.submit_evidence(product, version=version_of(product), by=ada)


def test_who_uploaded_the_evidence_does_not_decide_on_it_though_a_colleague_sent_it(
    northbridge: Organisation, ada: Viewer
) -> None:
    olga = make_member(the_operator(), "olga@operator.example", capacity="operator")
    make_membership(olga, northbridge, "partner", [PRODUCT_EDITOR])
    as_editor, as_reviewer = as_partner(northbridge, member=olga), as_operator(member=olga)
    product = make_listing(northbridge, states.PRICING_APPROVED)
    with viewing(as_editor):
        add_evidence(as_it_stands(product), slot="estimator", file_name="a.png", content=png_of(), by=as_editor)
    with viewing(ada):
        requests.submit_evidence(product, version=as_it_stands(product).version, by=ada)
    with viewing(as_reviewer):
        with pytest.raises(Refused, match="uploaded some of these files"):
            reviews.approve(open_review(product).id, by=as_reviewer)
        with pytest.raises(Refused, match="uploaded some of these files"):
            reviews.reject(open_review(product).id, reason="No.", by=as_reviewer)
    with viewing(as_operator()) as otto:
        reviews.reject(open_review(product).id, reason="Show the rated usage.", by=otto)
    with viewing(ada):
        add_evidence(as_it_stands(product), slot="estimator", file_name="b.png", content=png_of("b"), by=ada)
        requests.submit_evidence(product, version=as_it_stands(product).version, by=ada)
    with viewing(as_reviewer):  # another one's file took its place
        reviews.approve(open_review(product).id, by=as_reviewer)
