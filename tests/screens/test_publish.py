"""The checklist: what is missing, who has the ball, evidence as files, and the verbs that each state has."""

import io
from typing import Any

import pytest

from app.catalog import reviews, states
from app.catalog.model import Product
from app.foundation.database import db
from app.foundation.tenancy import viewing
from tests.makers import as_operator
from tests.makers.listing import as_it_stands, make_listing, open_review, png_of
from tests.makers.testing import draft_product
from tests.page import Page
from tests.people import fill, hidden_fields

PDF = b"%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"


def multipart(fields: dict[str, str], name: str, content: bytes) -> dict[str, Any]:
    """A form with a file as a browser sends it, in memory: the test client's own leaves a temporary file behind."""
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()
    ]
    head = (
        f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/html\r\n\r\n'
    )
    body = "".join(parts).encode() + head.encode() + content + b"\r\n--edge--\r\n"
    return {"data": body, "content_type": "multipart/form-data; boundary=edge"}


def listed(app: Any, people: Any, state: str, name: str = "Log watch") -> Product:
    with app.app_context():
        return make_listing(people.northbridge, state, name=name)


def stands(app: Any, product: Product) -> Product:
    with app.app_context():
        return as_it_stands(product)


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        (states.DRAFT, ["Request pricing approval"]),
        (states.PRICING_REQUESTED, []),
        (states.PRICING_APPROVED, ["Submit evidence"]),
        (states.EVIDENCE_SUBMITTED, []),
        (states.EVIDENCE_APPROVED, ["Request publication"]),
        (states.PUBLICATION_REQUESTED, []),
        (states.PUBLISHED, ["Withdraw from the catalog"]),
        (states.WITHDRAWN, ["Request publication"]),
        (states.REPUBLICATION_REQUESTED, []),
    ],
)
def test_each_state_has_its_verbs_and_its_ball(app, people, as_, state, verbs):
    product = listed(app, people, state)
    page = Page(as_("ada").get(f"/products/{product.id}/publish"))
    page.check()
    assert [" ".join(a.text.split()) for a in page.soup.select(".page-actions a, .page-actions button")] == verbs
    assert ("The operator decides now" in page.text) is (state.endswith(("requested", "submitted")))
    for path in ("request-pricing", "submit-evidence", "request-publication", "withdraw"):
        offered = any(path.split("-")[0] in verb.lower() and path.rpartition("-")[2] in verb.lower() for verb in verbs)
        status = as_("ada").get(f"/products/{product.id}/publish/{path}").status_code
        assert status == (200 if offered or (path == "request-pricing" and state == states.DRAFT) else 303), path


def test_a_product_goes_all_the_way_through_the_screens(app, people, as_):
    product = listed(app, people, states.DRAFT)
    ada, olga, here = as_("ada"), as_("olga"), f"/products/{product.id}"
    assert fill(ada, f"{here}/publish/request-pricing").status_code == 303
    _approve(app, olga, product, "pricing")
    slot = f"{here}/evidence/slots/estimator"
    assert fill(ada, f"{here}/publish", action=slot, file=(io.BytesIO(PDF), "estimate.pdf")).status_code == 303
    assert fill(ada, f"{here}/publish/submit-evidence").status_code == 303
    _approve(app, olga, product, "evidence")
    assert fill(ada, f"{here}/publish/request-publication").status_code == 303
    _approve(app, olga, product, "publication")
    assert stands(app, product).state == states.PUBLISHED
    assert "Log watch" in as_("dot").get("/catalog").text
    page = Page(ada.get(f"{here}/publish"))
    page.check()
    assert "It is in the catalog" in page.text and "7 of 7 done" in page.text
    assert fill(ada, f"{here}/publish/withdraw").status_code == 303
    assert "Log watch" not in as_("dot").get("/catalog").text


def _approve(app: Any, olga: Any, product: Product, queue: str) -> None:
    with app.app_context():
        review = open_review(product)
    assert fill(olga, f"/reviews/{queue}/{review.id}/approve").status_code == 303


def test_what_is_missing_is_said_and_refused(app, people, as_):
    product = listed(app, people, states.DRAFT)
    ada, here = as_("ada"), f"/products/{product.id}"
    fill(ada, f"{here}/pricing/plans/new", name="Empty", code="empty", description="")
    page = Page(ada.get(f"{here}/publish"))
    page.check()
    assert "missing: a metric in plan Empty" in page.text
    answer = fill(ada, f"{here}/publish/request-pricing")
    assert answer.status_code == 422 and "There is still missing: a metric in plan Empty" in answer.text


def test_feedback_is_shown_until_it_is_sent_again(app, people, as_):
    product = listed(app, people, states.PRICING_REQUESTED)
    with app.app_context():
        olga = as_operator()
        with viewing(olga):
            reviews.reject(open_review(product).id, reason="The night shift has no price.\n<b>Really.</b>", by=olga)
    path = f"/products/{product.id}/publish"
    page = Page(as_("ada").get(path))
    page.check()
    assert "It came back with feedback" in page.text and "<b>Really.</b>" in page.text
    assert page.soup.select_one(f'.notice--blocked .aside a[href="/products/{product.id}/pricing"]')
    assert fill(as_("ada"), f"{path}/request-pricing").status_code == 303
    assert "It came back with feedback" not in as_("ada").get(path).text


def test_a_stale_tab_is_answered_with_how_it_stands(app, people, as_):
    product = listed(app, people, states.DRAFT)
    path = f"/products/{product.id}/publish/request-pricing"
    old = hidden_fields(as_("ada").get(path).text, path)
    assert fill(as_("abe"), path).status_code == 303
    answer = as_("ada").post(path, data=old)
    page = Page(answer)
    page.check()
    assert answer.status_code == 409 and "Somebody was faster" in page.text and "Pricing in review" in page.text


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"<html><script>alert(1)</script>", "scan.pdf", "no PDF, PNG or JPEG"),
        (b"", "empty.png", "Choose a file"),
        (b"MZ" + b"\0" * 100, "scan.png", "no PDF, PNG or JPEG"),
        (b"%PDF-1.7 " + b"x" * (5 * 2**20), "large.pdf", "larger than 5 MB"),
    ],
)
def test_a_bad_file_is_refused_beside_its_slot(app, people, as_, content, name, words):
    product = listed(app, people, states.PRICING_APPROVED)
    here = f"/products/{product.id}"
    slot = f"{here}/evidence/slots/estimator"
    hidden = hidden_fields(as_("ada").get(f"{here}/publish").text, slot)
    answer = as_("ada").post(slot, **multipart(hidden, name, content))
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and words in page.soup.select_one("#error-estimator").text


def test_a_file_beyond_every_bound_is_413_and_other_forms_keep_theirs(app, people, as_):
    product = listed(app, people, states.PRICING_APPROVED)
    here = f"/products/{product.id}"
    slot = f"{here}/evidence/slots/estimator"
    answer = as_("ada").post(slot, **multipart({}, "big.png", b"x" * (6 * 2**20)))
    page = Page(answer)
    page.check()
    assert answer.status_code == 413 and "larger than 5 MB" in page.soup.select_one("#error-estimator").text
    assert as_("cy").post(slot, **multipart({}, "big.png", b"x" * (6 * 2**20))).status_code == 404
    for who in ("ben", "nobody"):
        assert as_(who).post(slot, **multipart({}, "big.png", b"x" * (5 * 2**20))).status_code in (401, 403, 413)
    assert as_("ada").post(f"{here}/support", data={"support": "x" * (5 * 2**20)}).status_code == 413


def test_the_address_of_a_refused_upload_leads_back_to_the_slots(app, people, as_):
    product = listed(app, people, states.PRICING_APPROVED)
    slots = f"/products/{product.id}/evidence/slots"
    answer = as_("ada").get(f"{slots}/estimator")
    assert answer.status_code == 303 and answer.location == f"/products/{product.id}/publish#evidence"
    assert as_("ada").get(f"{slots}/nothing").status_code == as_("cy").get(f"{slots}/estimator").status_code == 404


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("meter.png", "meter.png"),
        ("m" * 300 + ".png", "m" * 95 + "….png"),
        ("m" * 300, "m" * 99 + "…"),
        ("m." + "n" * 300, "m." + "n" * 97 + "…"),
    ],
)
def test_a_long_file_name_keeps_its_beginning_and_its_ending(app, people, as_, name, kept):
    product = listed(app, people, states.PRICING_APPROVED)
    here = f"/products/{product.id}"
    slot = f"{here}/evidence/slots/estimator"
    hidden = hidden_fields(as_("ada").get(f"{here}/publish").text, slot)
    assert as_("ada").post(slot, **multipart(hidden, name, png_of("a"))).status_code == 303
    assert Page(as_("ada").get(f"{here}/publish")).soup.select_one(".slots .small a").text == kept


def test_files_leave_as_attachments_and_for_few(app, people, as_):
    product = listed(app, people, states.PRICING_APPROVED)
    ada, here = as_("ada"), f"/products/{product.id}"
    for slot, content, name in (
        ("estimator", png_of("a"), "<script>alert(1).png"),
        ("rated-usage", PDF, "ünïcode\N{PILE OF POO}.pdf"),
    ):
        answer = fill(ada, f"{here}/publish", action=f"{here}/evidence/slots/{slot}", file=(io.BytesIO(content), name))
        assert answer.status_code == 303
    page = Page(ada.get(f"{here}/publish"))
    page.check()
    links = [a["href"] for a in page.soup.select(".slots .small a")]
    answer = ada.get(links[0])
    assert answer.data == png_of("a") and answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="log-watch-estimator.png"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and "no-store" in answer.headers["Cache-Control"]
    for who, status in (("cy", 404), ("ben", 403), ("dot", 403), ("nobody", 302)):
        assert as_(who).get(links[0]).status_code == status
    assert fill(ada, f"{here}/publish/submit-evidence").status_code == 303
    with app.app_context():
        review = open_review(product)
    reviewed = Page(as_("olga").get(f"/reviews/evidence/{review.id}"))
    reviewed.check()
    downloads = [a["href"] for a in reviewed.soup.select('a[href*="/files/"]')]
    assert len(downloads) == 2 and as_("otto").get(downloads[1]).data == PDF
    assert as_("ada").get(downloads[0]).status_code == 403


def test_the_same_upload_twice_is_one_file(app, people, as_):
    product = listed(app, people, states.PRICING_APPROVED)
    ada, here = as_("ada"), f"/products/{product.id}"
    slot = f"{here}/evidence/slots/estimator"
    hidden = hidden_fields(ada.get(f"{here}/publish").text, slot)
    for content, status in ((png_of("a"), 303), (png_of("a"), 303), (png_of("b"), 409)):
        assert ada.post(slot, data=hidden | {"file": (io.BytesIO(content), "a.png")}).status_code == status
    page = Page(ada.get(f"{here}/publish"))
    link = page.soup.select_one(".slots .small a")["href"]
    assert fill(ada, f"{link}/remove").status_code == 303
    assert not Page(ada.get(f"{here}/publish")).soup.select(".slots .small a")


def test_what_cannot_be_asked_for_yet_is_no_live_button_and_says_what_is_missing(app, people, as_):
    with app.app_context():
        product = draft_product(people.northbridge, bands=())
        db.session.remove()
    page = Page(as_("ada").get(f"/products/{product.id}/publish"))
    page.check()
    button = page.soup.select_one(".page-actions button[disabled]")
    assert "Request pricing approval" in button.text and not page.soup.select(".page-actions a")
    assert "missing: a price for" in page.soup.select_one(f"#{button['aria-describedby']}").text
    asked = Page(as_("ada").get(f"/products/{product.id}/publish/request-pricing"))
    asked.check()
    assert "There is still missing: a price for" in asked.text
