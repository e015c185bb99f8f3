"""One call and its tries: ids, headers, waits, tokens, and when it gives up."""

import base64
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from urllib3 import HTTPHeaderDict

from app.commands.stand_in import StandIn
from app.commands.stand_in.exchange import Request
from app.csp.microsoft import calls
from app.csp.microsoft.answers import retry_after
from app.csp.microsoft.connections import Answer, Broken, Connections
from app.csp.microsoft.records import Paused, Refused, SignInNeeded, Unreachable
from app.foundation import clock
from tests.sources.stage import InMemory, client_of


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, HTTPHeaderDict({name.replace("_", "-"): value for name, value in headers.items()}), body)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (answer(429, Retry_After="57"), 57.0),
        (answer(503, Retry_After="0"), 0.0),
        (answer(429, Retry_After="1.5"), 2.0),
        (answer(429, b'{"statusCode": 429, "message": "Rate limit is exceeded. Try again in 57 seconds."}'), 57.0),
        (answer(429, b"<html>"), None),
        (answer(500, b'{"message": "Try again in 5 seconds."}'), None),
        (answer(503, Retry_After="soon"), None),
        (answer(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), 0.0),
    ],
)
def test_how_long_to_wait(given: Answer, seconds: float | None) -> None:
    assert retry_after(given) == seconds


def test_a_date_to_wait_for() -> None:
    from datetime import timedelta
    from email.utils import format_datetime

    until = format_datetime(clock.of_the_machine() + timedelta(seconds=90), usegmt=False)
    assert 80 < (retry_after(answer(503, Retry_After=until)) or 0) <= 90


def test_failures_are_backed_off_and_given_up_in_the_end(stand_in: StandIn, memory: InMemory) -> None:
    stand_in.faults.add("error", "organization", times=None)
    with pytest.raises(Unreachable, match="HTTP 503"):
        client_of(memory).organisation()
    assert len(stand_in.calls) - 1 == calls.ATTEMPTS >= 5
    assert len(memory.naps) == calls.ATTEMPTS - 1
    for number, nap in enumerate(memory.naps):
        wait = calls.FIRST_WAIT * 2**number
        assert wait / 2 <= nap <= wait
    assert stand_in.complaints == []


def test_who_gives_up_says_by_which_id_microsoft_finds_the_call(stand_in: StandIn, memory: InMemory) -> None:
    stand_in.faults.add("garbage", "organization", times=None)
    with pytest.raises(Unreachable, match=r"MS-RequestId [0-9a-f-]{36}"):
        client_of(memory).organisation()
    stand_in.faults.clear()
    stand_in.faults.add("html", "organization", status=403)
    with pytest.raises(Refused) as no:
        client_of(memory).organisation()
    assert len(no.value.request_id) == 36 and (no.value.status, no.value.code) == (403, "")


def test_retry_after_is_honoured_on_a_server_error_too(stand_in: StandIn, memory: InMemory) -> None:
    stand_in.faults.add("error", "organization", seconds=1)
    begun = time.monotonic()
    client_of(memory).organisation()
    assert time.monotonic() - begun >= 1 and memory.pauses == [1.0]


def test_being_throttled_uses_up_no_try_and_grows(stand_in: StandIn, memory: InMemory) -> None:
    stand_in.faults.add("throttle", "organization", times=2, seconds=0)
    stand_in.faults.add("error", "organization", times=calls.ATTEMPTS - 1)
    assert client_of(memory).organisation().get("tenantId") == stand_in.world.tenant_id
    assert memory.pauses == [0.0, 2.0]


def test_a_long_pause_sends_the_worker_away(stand_in: StandIn, memory: InMemory) -> None:
    stand_in.faults.add("throttle", "organization", times=None, seconds=3600)
    with pytest.raises(Paused) as paused:
        client_of(memory).organisation()
    assert 3590 < paused.value.seconds <= 3600
    assert [call for call in stand_in.calls if "organization" in call] == ["GET /v1/profiles/organization"]
    assert stand_in.complaints == []


def test_one_throttled_worker_pauses_all_of_them(stand_in: StandIn, memory: InMemory) -> None:
    """Whoever calls before the time is over is noted by the stand-in."""
    client = client_of(memory)
    client.organisation()
    stand_in.faults.add("throttle", "customers/", times=1, seconds=1)
    tenants = [one.id for one in stand_in.world.listed() if not one.refused]
    for tenant in tenants[:1]:
        client.subscriptions(tenant)
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(client.subscriptions, tenants))
    assert memory.pauses == [1.0] and stand_in.complaints == []


def test_a_refused_token_is_renewed_once_and_then_a_sign_in_is_needed(stand_in: StandIn, memory: InMemory) -> None:
    stand_in.faults.add("expire", "organization", times=None)
    with pytest.raises(SignInNeeded, match="fresh token"):
        client_of(memory).organisation()
    assert memory.renewals == 1
    assert len([call for call in stand_in.calls if "organization" in call]) == 2
    assert stand_in.complaints == []


def test_without_mfa_no_token_is_renewed(stand_in: StandIn, memory: InMemory) -> None:
    stand_in.faults.add("no_mfa", "organization")
    with pytest.raises(SignInNeeded) as needed:
        client_of(memory).organisation()
    assert needed.value.code == "900421" and memory.renewals == 0


def test_threads_that_meet_an_ended_token_refresh_it_once(stand_in: StandIn, memory: InMemory) -> None:
    client = client_of(memory)
    client.organisation()
    for token in stand_in.login.access_tokens.values():
        token.until = 0
    tenants = [one.id for one in stand_in.world.listed() if not one.refused]
    with ThreadPoolExecutor(4) as workers:
        found = list(workers.map(client.subscriptions, tenants))
    assert len(found) == len(tenants) and memory.renewals == 1
    assert stand_in.login.refreshes == 2 and stand_in.complaints == []


def test_a_fresh_token_that_calls_beside_have_used_up_costs_no_consent(
    stand_in: StandIn, memory: InMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.faults.habits.token_calls = 1
    client, renew = client_of(memory), memory.renew
    client.organisation()

    def renewed_and_used_up(audience: str, refused: str) -> str:
        fresh = renew(audience, refused)
        if memory.renewals == 1:
            client.billing_profile()
        return fresh

    monkeypatch.setattr(memory, "renew", renewed_and_used_up)
    assert client.organisation()
    assert memory.renewals == 2 and stand_in.complaints == []


@pytest.mark.parametrize(("status", "code"), [(400, "3000"), (403, "900150"), (404, "20003"), (409, "x"), (405, "y")])
def test_a_refusal_is_final_and_can_be_found_again(stand_in: StandIn, memory: InMemory, status: int, code: str) -> None:
    stand_in.faults.add("refuse", "organization", status=status, code=code, times=None)
    with pytest.raises(Refused) as no:
        client_of(memory).organisation()
    assert (no.value.status, no.value.code, no.value.description) == (status, code, "Access denied.")
    assert no.value.request_id and no.value.correlation_id
    assert len([call for call in stand_in.calls if "organization" in call]) == 1


def test_who_is_refused_does_not_stop_the_rest(stand_in: StandIn, memory: InMemory) -> None:
    client, world = client_of(memory), stand_in.world
    for tenant, code in (
        (next(one.id for one in world.customers if one.refused), "2032"),
        (next(one.id for one in world.customers if one.is_gone), "20002"),
        ("11111111-2222-4333-8444-555555555555", "60003"),
        ("nobody/../x", "900118"),
    ):
        for ask in (client.subscriptions, client.customer, client.usage):
            with pytest.raises(Refused) as no:
                ask(tenant)
            assert no.value.code == code
    assert client.usage(next(one.id for one in world.listed() if one.usage is None and not one.refused)) is None
    measured = next(one.id for one in world.listed() if one.usage is not None and not one.refused)
    stand_in.faults.add("refuse", f"{measured}/usagesummary", status=400, code="3000")
    assert client.usage(measured) is None, "of seats there is nothing to measure"
    with pytest.raises(Refused) as unknown:
        client.mpn("1")
    assert (unknown.value.status, unknown.value.code) == (404, "3000")


def test_every_request_is_counted_with_what_it_waited(stand_in: StandIn, memory: InMemory) -> None:
    counted: list[float] = []
    client = client_of(memory, counted=counted.append)
    stand_in.faults.add("throttle", "organization", seconds=1)
    client.organisation()
    client.export(next(one.number for one in stand_in.world.documents if one.providers == {"onetime"}))
    asked = [call for call in stand_in.calls if "/token" not in call]
    assert len(counted) == len(asked) and 0.5 < sum(counted) < 2


def test_ids_are_new_for_every_call(stand_in: StandIn, memory: InMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in holds that a repeated call repeats its MS-RequestId and that no two calls share one."""
    sent: list[Any] = []
    ask = stand_in.answer

    def noted(request: Request) -> Any:
        sent.append(request.headers)
        return ask(request)

    monkeypatch.setattr(stand_in, "answer", noted)
    client = client_of(memory)
    stand_in.faults.add("reset", "organization")
    client.organisation()
    client.organisation()
    api = [headers for headers in sent if headers.get("MS-RequestId")]
    assert sorted(Counter(headers["MS-RequestId"] for headers in api).values()) == [1, 2]
    assert all(headers["Accept"] == "application/json" and headers["MS-CorrelationId"] for headers in api)
    assert all("Cookie" not in headers and headers["Authorization"].startswith("Bearer ") for headers in api)


def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(stand_in: StandIn) -> None:
    connections = Connections()
    place = f"{stand_in.url}/v1/profiles/organization"
    for _each in range(2):
        assert connections.exchange("GET", place, {"Connection": "keep-alive"}).status == 400
        for key in list(connections._straight.pools.keys()):
            pool = connections._straight.pools[key]
            kept = pool.pool.get_nowait()
            kept.sock.shutdown(2)
            pool.pool.put(kept)
    connections.close()
    with pytest.raises(Broken):
        connections.exchange("GET", "http://127.0.0.1:1/", {})
    with pytest.raises(Broken):
        connections.exchange("GET", "ftp://127.0.0.1/x", {})


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_machines_proxy_is_asked_for_a_tunnel(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}me:p%40ss@127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("https_proxy", raising=False)
        monkeypatch.setenv("NO_PROXY", "login.example")
        heard: list[bytes] = []

        def refuse() -> None:
            connection, _who = proxy.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(Broken, match="403"):
            Connections().exchange("GET", "https://graph.example/v1.0", {})
        thread.join(5)
    assert heard[0].startswith(b"CONNECT graph.example:443 ")
    assert base64.b64encode(b"me:p@ss") in heard[0]
