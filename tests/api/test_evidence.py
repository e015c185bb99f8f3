"""Metering evidence by API: base64 in, base64 out, a file is what stands in it, and no more than 5 MB of it."""

import base64
import hashlib

import pytest

from app.catalog import states
from app.catalog.file_kinds import MOST_BYTES
from tests.api.listing_stage import FILE, PICTURE, UPLOADED, Listed
from tests.makers.listing import png_of

PDF = b"%PDF-1.7\n" + b"x" * 100 + b"\n%%EOF\n"


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def stage(app, people):
    return Listed.in_state(app, people, states.PRICING_APPROVED)


def test_a_file_comes_back_as_it_was_sent(ask, stage):
    ada, path = ask("ada"), stage.path("/evidence")
    sent = ada.post(path, {**FILE, "file_name": "C:\\metering\\rated usage.pdf"})
    assert sent.status_code == 201
    told = sent.json
    assert (told["slot"], told["file_name"], told["content_type"]) == ("rated-usage", "rated usage.pdf", "image/png")
    assert told["sha256"] == hashlib.sha256(base64.b64decode(PICTURE)).hexdigest()
    assert (
        told["size"] == len(base64.b64decode(PICTURE)) and told["uploaded_by"] == "Ada Marsh" and "content" not in told
    )
    assert ada.get(path).json == {"items": [told], "next_cursor": None}
    whole = ada.get(f"{path}/{told['id']}").json
    assert whole == {**told, "content": PICTURE}
    for person, status in (("ben", 403), ("dot", 403), ("cy", 404), ("nobody", 401)):
        assert ask(person).get(path).status_code == ask(person).get(f"{path}/{told['id']}").status_code == status
    replaced = ada.post(path, {"slot": "rated-usage", "content": coded(PDF)}).json
    assert (replaced["file_name"], replaced["content_type"]) == ("rated-usage.pdf", "application/pdf")
    assert [file["id"] for file in ada.get(path).json["items"]] == [replaced["id"]]
    assert ada.get(f"{path}/{told['id']}").status_code == 404, "never sent for review, so it is gone"
    assert ada.post(f"{path}/{replaced['id']}/remove").json["items"] == []


def test_what_was_sent_for_review_can_still_be_read(app, people, ask):
    stage = Listed.in_state(app, people, UPLOADED)
    ada, path = ask("ada"), stage.path("/evidence")
    (first,) = ada.get(path).json["items"]
    ada.post(stage.path("/submit-evidence"))
    stage.decide(app, people, reason="The numbers are cut off.")
    ada.post(path, {**FILE, "slot": first["slot"]})
    old = ada.get(f"{path}/{first['id']}").json
    assert old["replaced_at"] and base64.b64decode(old["content"]) == png_of("estimate")
    assert ada.post(f"{path}/{first['id']}/remove").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"content": coded(b"GIF89a" + b"x" * 50)}, "content"),
        ({"content": coded(b"<script>alert(1)</script>"), "file_name": "a.pdf"}, "content"),
        ({"content": coded(b"%PDF-1.7 without an end")}, "content"),
        ({"content": ""}, "content"),
        ({"content": "no base64!"}, "content"),
        ({"content": PICTURE[:40] + "\n" + PICTURE[40:]}, "content"),
        ({"content": "ＱＱ＝＝"}, "content"),
        ({"content": PICTURE + "="}, "content"),
        ({"content": None}, "content"),
        ({"content": 7}, "content"),
        ({"slot": "invoice"}, "slot"),
        ({"file_name": "a\u0000b"}, "file_name"),
        ({"file_name": "x" * 201}, "file_name"),
        ({"content_type": "image/png"}, "content_type"),
    ],
)
def test_what_is_no_evidence(app, ask, stage, wrong, field):
    before = stage.events(app)
    answer = ask("ada").post(stage.path("/evidence"), {**FILE, **wrong})
    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])
    assert stage.events(app) == before and ask("ada").get(stage.path("/evidence")).json["items"] == []


def test_how_large_a_file_may_be(ask, stage):
    """Five megabytes to the byte; one byte more is refused, and what is far more is not read to its end."""
    whole = PDF[:-6] + b"x" * (MOST_BYTES - len(PDF)) + PDF[-6:]
    assert len(whole) == MOST_BYTES
    sent = ask("ada").post(stage.path("/evidence"), {**FILE, "content": coded(whole)})
    assert (sent.status_code, sent.json["size"]) == (201, MOST_BYTES)
    more = ask("ada").post(stage.path("/evidence"), {**FILE, "content": coded(b"x" + whole)})
    assert more.status_code == 422 and more.json["errors"][0]["field"] == "content"
    assert ask("ada").post(stage.path("/evidence"), {**FILE, "content": "A" * 8_000_000}).status_code == 413
    for person in ("ben", "dot"):
        assert ask(person).post(stage.path("/evidence"), {**FILE, "content": "A" * 5_000_000}).status_code == 403
    assert ask("ada").post(stage.path("/support"), {"support": "A" * 5_000_000}).status_code == 413, "files only"


@pytest.mark.parametrize("state", [states.DRAFT, states.PRICING_REQUESTED, states.EVIDENCE_SUBMITTED, states.PUBLISHED])
def test_evidence_in_its_own_time(app, people, ask, state):
    stage = Listed.in_state(app, people, state)
    answer = ask("ada").post(stage.path("/evidence"), FILE)
    assert answer.status_code == 422 and "Evidence is uploaded between" in answer.json["detail"]
