"""The contract suite: every source, with every fault, comes to the same totals for each customer and document, to the last digit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.sources.conftest import SOURCES, Source

#: what happens three times in a row to a call of each kind
BREAKS: list[dict[str, Any]] = [
    {"what": "error", "status": 500},
    {"what": "error", "status": 502},
    {"what": "error", "status": 503},
    {"what": "error", "status": 504},
    {"what": "error", "status": 408},
    {"what": "html", "status": 502},
    {"what": "reset"},
    {"what": "short"},
    {"what": "garbage"},
]
#: a call of every kind there is
KINDS = (r"/v1/customers\?", "subscriptions", "usagesummary", r"/v1/invoices\?", "lineitems", "operations", "blobs")
HABITS: list[dict[str, Any]] = [
    {},
    {"bom": True},
    {"drifting_case": True},
    {"v1_in_links": True},
    {"second_question_mark": False},
    {"no_next_on_full_page": True},
    {"repeated_records": True},
    {"manifest_by_link": False},
    {"export_polls": 0},
    {"token_calls": 1},
    {"token_calls": 7},
    {"rotates": False},
    {"lines_page": 1},
    {"lines_page": 60, "customers_page": 12, "invoices_page": 4},
]


def check(source: Source, **how: Any) -> None:
    reading = source.read(**how)
    assert reading.totals() == source.truth()
    assert reading.differences() == {}
    assert source.stand_in.complaints == []
    if not source.is_recorded:
        world = source.stand_in.world
        counts = {key: count for key, count in world.counts().items() if count}
        assert reading.counts() == counts
        assert set(reading.customers) == {one.id for one in world.listed()}
        refused = {one.id for one in world.listed() if one.refused}
        assert set(reading.refused) == refused
        assert {no.code for no in reading.refused.values()} == {"2032"}
        assert sum(map(len, reading.subscriptions.values())) == sum(
            one.customer.id not in refused and not one.customer.is_gone for one in world.subscriptions
        )


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("habits", HABITS, ids=str)
def test_every_habit_comes_to_the_same(open_source: Callable[..., Source], name: str, habits: dict[str, Any]) -> None:
    check(open_source(name, **habits))


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("fault", BREAKS, ids=lambda fault: " ".join(map(str, fault.values())))
def test_three_failures_of_any_kind_in_a_row_are_survived(
    open_source: Callable[..., Source], name: str, fault: dict[str, Any]
) -> None:
    source = open_source(name)
    for kind in KINDS:
        source.faults.add(**fault, where=kind, times=3, after=1)
    check(source)


@pytest.mark.parametrize("name", SOURCES)
def test_throttling_pauses_for_as_long_as_was_said(open_source: Callable[..., Source], name: str) -> None:
    """The stand-in complains of every call that comes before the time is over."""
    source = open_source(name)
    source.faults.add("throttle", r"/v1/customers\?", seconds=1)
    source.faults.add("throttle", "lineitems", seconds=1, after=1, times=2)
    check(source)
    assert source.memory.pauses.count(1.0) >= 2


@pytest.mark.parametrize("name", SOURCES)
def test_a_token_may_end_at_any_call(open_source: Callable[..., Source], name: str) -> None:
    source = open_source(name)
    for kind in KINDS[:-1]:
        source.faults.add("expire", kind, after=1)
    check(source)
    assert source.memory.renewals >= 4


@pytest.mark.parametrize("name", SOURCES)
def test_a_process_may_end_after_any_page(open_source: Callable[..., Source], name: str) -> None:
    check(open_source(name), restarting=True)


@pytest.mark.parametrize("name", SOURCES)
def test_all_at_once(open_source: Callable[..., Source], name: str) -> None:
    source = open_source(name, bom=True, drifting_case=True, v1_in_links=True, repeated_records=True, token_calls=5)
    for kind in KINDS:
        source.faults.add("short", kind, after=1)
        source.faults.add("reset", kind, times=2, after=2)
        source.faults.add("error", kind, status=503, after=5)
    source.faults.add("throttle", "invoices", seconds=1, after=3)
    check(source, restarting=True)


@pytest.mark.parametrize("name", ["v1", "graph", "due"])
def test_what_grows_between_two_readings_is_found_and_nothing_else(
    open_source: Callable[..., Source], name: str
) -> None:
    source = open_source(name)
    world = source.stand_in.world
    before = source.read()
    again = source.read()
    assert set(again.refused) == set(before.refused)
    assert replace(again, refused=before.refused) == before
    document = next(one for one in world.documents if one.providers == {"onetime"} and not one.amendments)
    world.late_line(document.number)
    note = world.amend(document.number)
    arrived, gone = world.new_customer(), world.listed()[0]
    world.leave(gone.id)
    world.change_seats(next(one.id for one in world.subscriptions if one.customer is world.listed()[0]), 77)
    after = source.read()
    assert set(after.customers) - set(before.customers) == {arrived.id}
    assert set(before.customers) - set(after.customers) == {gone.id}
    changed = {number for number, one in after.documents.items() if one != before.documents.get(number)}
    assert changed == {document.number, note.number}
    assert {number for number, lines in after.lines.items() if lines != before.lines.get(number)} == changed
    check(source)


def test_an_old_customer_keeps_its_charges(open_source: Callable[..., Source]) -> None:
    source = open_source("v1")
    world = source.stand_in.world
    billed = {customer for (_number, customer, _currency) in world.totals()}
    gone = next(one for one in world.listed() if one.id in billed)
    world.leave(gone.id)
    reading = source.read()
    assert gone.id not in reading.customers
    assert any(customer == gone.id for (_number, customer, _currency) in reading.totals())
