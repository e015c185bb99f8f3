"""Graph's export: ordered, waited for, checked to be ours, and streamed whatever breaks on the way."""

import tracemalloc
from typing import Any

import pytest

from app.commands.stand_in import Scale, StandIn, World, standing_in
from app.commands.stand_in.exchange import Answer, Request
from app.commands.stand_in.ledger import Document
from app.csp.microsoft.records import Line, Refused, Unreachable
from tests.sources.stage import InMemory, client_of, faults


def exported(stand_in: StandIn) -> Document:
    return next(one for one in stand_in.world.documents if one.providers == {"onetime"})


def read(export: Any) -> list[Line]:
    return [line for at in range(len(export.blobs)) for piece in export.lines(at) for line in piece]


def test_it_waits_as_long_as_it_is_told(stand_in: StandIn, memory: InMemory) -> None:
    stand_in.habits.export_polls = 3
    export = client_of(memory).export(exported(stand_in).number)
    assert memory.naps == [0.1, 0.1, 0.1] and export.etag
    assert len(read(export)) == stand_in.world.counts()[exported(stand_in).number, "billing"]
    assert stand_in.complaints == []


def test_links_that_end_are_ordered_again(stand_in: StandIn, memory: InMemory) -> None:
    document = exported(stand_in)
    stand_in.graph.ends_links = 2
    export = client_of(memory).export(document.number)
    pieces = export.lines(0)
    stand_in.graph.signatures.clear()
    assert sum(map(len, pieces)) == min(stand_in.habits.blob_lines, stand_in.world.counts()[document.number, "billing"])
    stand_in.graph.signatures.clear()
    document.edition += 1
    with pytest.raises(Unreachable, match="changed while it was read"):
        next(export.lines(1))
    stand_in.graph.ends_links = 99
    with pytest.raises(Unreachable, match="ended 3 times"):
        client_of(memory).export(document.number)


def test_no_export_of_legacy_or_unknown_invoices(stand_in: StandIn, memory: InMemory) -> None:
    legacy = next(one.number for one in stand_in.world.documents if one.providers != {"onetime"})
    for number in (legacy, "G000000000"):
        with pytest.raises(Refused) as no:
            client_of(memory).export(number)
        assert (no.value.code, no.value.description) == ("5000", "No data available.")


def test_a_manifest_of_another_tenant_is_refused(stand_in: StandIn, memory: InMemory) -> None:
    with pytest.raises(Refused, match="another partner tenant"):
        client_of(memory, tenant_id="7c1f4b1e-1f0a-4f0e-8a2b-0d4d7b9d9a11").export(exported(stand_in).number)
    assert client_of(memory, tenant_id=stand_in.world.tenant_id.upper()).export(exported(stand_in).number)


@pytest.mark.parametrize("place", ["Location", "resourceLocation@odata.navigationLink", "rootDirectory"])
def test_no_link_takes_a_token_elsewhere(
    stand_in: StandIn, memory: InMemory, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    ask = stand_in.graph.answer

    def misled(request: Request) -> Answer:
        answer = ask(request)
        here = f"http://{request.headers.get('Host')}/"
        wrong = "ftp://localhost/" if place == "rootDirectory" else here.replace("127.0.0.1", "localhost")
        if place in answer.headers:
            answer.headers[place] = answer.headers[place].replace(here, wrong)
        elif place.encode() in answer.body:
            answer.body = answer.body.replace(here.encode(), wrong.encode())
        return answer

    monkeypatch.setattr(stand_in.graph, "answer", misled)
    with pytest.raises(Refused) as no:
        read(client_of(memory).export(exported(stand_in).number))
    assert no.value.code == "foreign_link"


def test_a_blob_is_asked_for_with_its_signature_alone(
    stand_in: StandIn, memory: InMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Request] = []
    give = stand_in.graph.blob

    def noted(request: Request) -> Answer:
        asked.append(request)
        return give(request)

    monkeypatch.setattr(stand_in.graph, "blob", noted)
    read(client_of(memory).export(exported(stand_in).number))
    assert asked and all("sig=" in request.target for request in asked)
    assert {name.lower() for request in asked for name in request.headers} == {"host", "accept-encoding"}


def test_large_blobs_are_streamed_and_gone_on_with_where_they_broke() -> None:
    """A blob of 12,000 lines that breaks off in its middle; what is held at once is a part of it."""
    world = World(5, Scale(customers=8, subscriptions=20, invoices=1, lines=16_000))
    switched = faults(blob_lines=100_000, keeps_pages=True)
    with standing_in(world, switched) as stand_in:
        memory = InMemory(stand_in)
        number = exported(stand_in).number
        export = client_of(memory).export(number)
        whole = read(export)
        assert len(whole) == world.counts()[number, "billing"] > 11_000
        for what in ("short", "reset", "short"):
            switched.add(what, "blobs")
        assert read(export) == whole
        assert [line for piece in export.lines(0, skip=4321) for line in piece] == whole[4321:]
        del whole
        most = {lines: streamed_in(stand_in, memory, number, lines) for lines in (4_000, 11_000)}
        memory.close()
    assert most[11_000] < 1.2 * most[4_000]


def streamed_in(stand_in: StandIn, memory: InMemory, number: str, lines: int) -> int:
    """Bytes that are held at the most while a blob of so many lines is streamed."""
    stand_in.habits.blob_lines = lines
    stand_in.graph.forget()
    export = client_of(memory).export(number)
    sum(len(piece) for piece in export.lines(0))  # the stand-in makes the blob once and keeps it
    tracemalloc.start()
    assert sum(len(piece) for piece in export.lines(0)) == lines
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most
