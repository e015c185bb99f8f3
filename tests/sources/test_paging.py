"""From page to page: which link is followed, how it is completed, and where a listing ends."""

import json
from typing import Any

import pytest

from app.commands.stand_in import StandIn
from app.csp.microsoft.bases import Bases, Elsewhere, on_host
from app.csp.microsoft.paging import TOKEN, Collection, address, first, following
from app.csp.microsoft.records import Refused
from tests.sources.stage import InMemory, client_of

API = "https://api.partnercenter.microsoft.com"


def page(items: int = 1, **sent: Any) -> Collection:
    return Collection(json.dumps({"totalCount": items, "items": [{"id": at} for at in range(items)], **sent}).encode())


def link(uri: str, *headers: tuple[str, str]) -> dict[str, Any]:
    return {"links": {"next": {"uri": uri, "method": "GET", "headers": [{"key": k, "value": v} for k, v in headers]}}}


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("/v1/customers?size=2", f"{API}/v1/customers?size=2"),
        ("/invoices?size=2", f"{API}/v1/invoices?size=2"),
        ("invoices?size=2", f"{API}/v1/invoices?size=2"),
        ("/v1", f"{API}/v1"),
        ("/v10/x", f"{API}/v1/v10/x"),
        ("/a?size=2?seekOperation=Next", f"{API}/v1/a?size=2&seekOperation=Next"),
        ("/a?name=Müller 1", f"{API}/v1/a?name=M%C3%BCller%201"),
        (f"{API}/v1/invoices?offset=2", f"{API}/v1/invoices?offset=2"),
        ("https://API.partnercenter.microsoft.com:443/invoices?offset=2", f"{API}/v1/invoices?offset=2"),
    ],
)
def test_a_link_is_completed(uri: str, asked: str) -> None:
    cursor = following(first("/start"), page(**link(uri)), API)
    assert cursor is not None and address(API, cursor["uri"]) == asked


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/v1/customers",
        "//evil.example/v1/customers",
        "http://api.partnercenter.microsoft.com/v1/customers",
        "https://api.partnercenter.microsoft.com:8443/v1/customers",
        "https://api.partnercenter.microsoft.com@evil.example/v1",
        "https://user@api.partnercenter.microsoft.com/v1",
        "https://api.partnercenter.microsoft.com.evil.example/v1",
        "https:\\\\evil.example/v1",
        "javascript:alert(1)",
    ],
)
def test_no_link_leads_to_another_host(uri: str) -> None:
    with pytest.raises(Elsewhere):
        on_host(API, uri)
    with pytest.raises(Refused, match="another host"):
        following(first("/start"), page(**link(uri)), API)


def test_absent_means_the_last_page_and_nothing_else_does() -> None:
    start = first("/start", size=1)
    assert following(start, page(5), API) is None
    assert following(start, page(5, links=None), API) is None
    assert following(start, page(5, links={"self": {"uri": "/start"}, "next": None}), API) is None
    assert following(start, page(0, **link("/start?offset=1")), API) is None
    assert following(start, page(0, **link("/start", (TOKEN, "t"))), API) is not None


def test_a_token_goes_into_its_header_unchanged_with_its_query() -> None:
    token = "AAEAAP,_/+8=,1"
    cursor = following(first("/customers", size=2), page(**link("/v1/customers?size=2"), continuationToken=token), API)
    assert cursor is not None and cursor["headers"] == [[TOKEN, token]]
    assert cursor["uri"] == "/v1/customers?size=2&seekOperation=Next" and token not in cursor["uri"]
    assert json.loads(json.dumps(cursor)) == cursor


def test_a_circle_is_seen_at_once() -> None:
    start = first("/invoices", size=2, offset=0)
    with pytest.raises(Refused, match="followed before"):
        following(start, page(**link("/v1/invoices?size=2&offset=0")), API)
    second = following(start, page(**link("/customers?seekOperation=Next", (TOKEN, "a"))), API)
    assert second is not None
    third = following(second, page(**link("/customers?seekOperation=Next", (TOKEN, "b"))), API)
    assert third is not None
    with pytest.raises(Refused, match="followed before"):
        following(third, page(**link("/customers?seekOperation=Next", (TOKEN, "a"))), API)


def test_addresses_are_taken_with_and_without_a_slash() -> None:
    bases = Bases("http://127.0.0.1:1/", " http://127.0.0.1:2// ", "http://127.0.0.1:3")
    assert (bases.login, bases.api, bases.graph) == ("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
    assert on_host("http://127.0.0.1:2/partner", "http://127.0.0.1:2/partner/v1/customers") == "/v1/customers"


def test_a_cursor_outlives_its_client_and_a_lost_one_is_refused(stand_in: StandIn, memory: InMemory) -> None:
    page_ = client_of(memory).customers()
    again, twice = client_of(memory).customers(page_.next), client_of(memory).customers(page_.next)
    assert again == twice and again.records != page_.records
    with pytest.raises(Refused) as no:
        client_of(memory).customers({**(page_.next or {}), "headers": [[TOKEN, "lost"]]})
    assert no.value.status == 400 and no.value.request_id
    assert stand_in.complaints == []
