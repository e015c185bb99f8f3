"""Lines decoded by a process beside: the same as here, whatever was sent, and nothing is lost or left behind where it dies."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.csp.digests import LinesDigest
from app.csp.microsoft import line_decoder
from app.csp.microsoft.decoding import Garbled
from app.csp.microsoft.line_decoder import Kind, LineDecoder, page_of, rows_of
from app.csp.microsoft.records import Line, Refused
from app.csp.microsoft.spelling import Unreadable

API = "https://api.example"
KIND = Kind("billing", "onetime", "EUR")
ITEMS = [
    {"customerId": "ORG:AB-1", "subtotal": "12.30", "taxTotal": 1, "productName": "Łódź 😀", "chargeStartDate": "2026-10-01T00:00:00Z", "tags": {"a": [1]}},
    {"customerId": None, "subtotal": -0.000000001, "totalForCustomer": "1e3", "productName": " x "},
]  # fmt: skip


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[LineDecoder]:
    """From the first byte on, whatever this machine has."""
    monkeypatch.setattr(line_decoder, "_cores", lambda: 2)
    decoder = LineDecoder(at_first=0)
    yield decoder
    decoder.close()


def page(**more: object) -> bytes:
    return json.dumps({"totalCount": 2, "items": ITEMS, **more}).encode()


def cursor() -> dict[str, object]:
    return {"uri": "/invoices/G1/lineitems?size=2", "headers": [], "seen": []}


def test_it_says_what_is_said_here(decoder: LineDecoder) -> None:
    following = {"links": {"next": {"uri": "/v1/invoices/G1/lineitems?size=2", "headers": [{"key": "MS-ContinuationToken", "value": "t"}]}}}  # fmt: skip
    for body in (page(), page(**following), page(items=None)):
        assert decoder.page(body, cursor(), API, KIND) == page_of(body, cursor(), API, KIND)
    rows = "\n".join(map(json.dumps, ITEMS)).encode()
    told = decoder.rows(rows, KIND)
    here = rows_of(rows, KIND)
    assert told == here and all(type(line) is Line for line in told)
    assert told.digest.hexdigest() == here.digest.hexdigest() == LinesDigest.of(here).hexdigest()
    assert decoder._process is not None


def test_its_refusals_are_ours(decoder: LineDecoder) -> None:
    with pytest.raises(Garbled):
        decoder.page(b"<html>", cursor(), API, KIND)
    with pytest.raises(Unreadable):
        decoder.rows(b'{"subtotal": "many"}', KIND)
    elsewhere = page(links={"next": {"uri": "https://evil.example/v1/invoices"}})
    with pytest.raises(Refused) as no:
        decoder.page(elsewhere, cursor(), API, KIND)
    assert no.value.code == "foreign_link"
    assert decoder.rows(json.dumps(ITEMS[0]).encode(), KIND)[0].cost == "12.30"  # and it goes on


def test_where_it_dies_everything_is_decoded_here(decoder: LineDecoder) -> None:
    decoder.page(page(), cursor(), API, KIND)
    process = decoder._process
    assert process is not None
    process.kill()
    process.wait()
    assert decoder.page(page(), cursor(), API, KIND) == page_of(page(), cursor(), API, KIND)
    assert decoder._process is None and decoder._is_over


def test_nobody_is_left_behind(decoder: LineDecoder) -> None:
    """Whoever is killed closes its pipes: that ends the other process."""
    decoder.page(page(), cursor(), API, KIND)
    process = decoder._process
    assert process is not None and process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0


def test_a_few_documents_begin_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = LineDecoder()
    assert decoder.page(page(), cursor(), API, KIND) == page_of(page(), cursor(), API, KIND)
    assert decoder._process is None
    monkeypatch.setattr(line_decoder, "_cores", lambda: 1)
    alone = LineDecoder(at_first=0)
    assert alone.page(page(), cursor(), API, KIND) and alone._process is None


def test_it_is_told_no_secret(decoder: LineDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "s" * 40)
    decoder.page(page(), cursor(), API, KIND)
    assert decoder._process is not None
    environment = Path(f"/proc/{decoder._process.pid}/environ")
    if environment.exists():
        assert b"SECRET_KEY" not in environment.read_bytes()
