"""The stand-in's own world: the same for the same seed, as large as is asked for, and strict."""

import urllib.error
import urllib.request
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask

from app.commands.stand_in import Scale, StandIn, World, play_beside
from tests.sources.stage import InMemory, client_of


def test_the_same_seed_is_the_same_world() -> None:
    one, two, other = World(7), World(7), World(8)
    assert one.totals() == two.totals() and one.customers == two.customers
    assert one.totals() != other.totals()


def test_what_is_in_it() -> None:
    world = World()
    charges = [charge for document in world.everything() for charge in document.billed()]
    assert {document.currency for document in world.documents} == {"EUR", "USD", "JPY"}
    assert {document.document_type for document in world.everything()} == {"invoice", "adjustment_note", "VoidNote"}
    kinds = {(lines.provider, lines.kind) for document in world.documents for lines in document.sets}
    assert len(kinds) == 5
    assert any(charge.customer is None for charge in charges)
    assert any(charge.customer and charge.customer.is_unlisted for charge in charges)
    assert any(Decimal(charge.total) == 0 for charge in charges) and len({one[1:] for one in charges}) < len(charges)
    assert {"0001-01-01T00:00:00", "9999-12-31T00:00:00Z"} <= {
        date for one in charges for date in (one.starts, one.ends)
    }
    seats = [(one.cost, one.effective) for one in charges if one.unit_price == "10.08"]
    assert seats[:3] == [("100.80", "10.08"), ("-94.08", "9.41"), ("112.89", "9.41")]


def test_as_large_as_a_bench_wants_it() -> None:
    world = World(1, Scale(customers=100, subscriptions=500, invoices=60, lines=20_000))
    assert len(world.documents) == 60 and len(world.subscriptions) == 500
    assert abs(sum(world.counts().values()) - 20_000) < 1000


def test_a_month_later_there_is_one_more_invoice(stand_in: StandIn, memory: InMemory) -> None:
    made = stand_in.world.month_later()
    page = client_of(memory).invoices()
    assert made.number in {one.number for one in page.records}


def test_calls_against_the_contract_are_noted(stand_in: StandIn) -> None:
    for headers in ({}, {"Accept": "application/json"}):
        with pytest.raises(urllib.error.HTTPError) as no:
            urllib.request.urlopen(urllib.request.Request(f"{stand_in.url}/v1/customers", headers=headers))
        no.value.close()
    assert len(stand_in.complaints) == 2


def test_it_stands_alone_as_a_command(migrated_app: Flask) -> None:
    said = migrated_app.test_cli_runner().invoke(args=["stand-in", "--help"])
    assert said.exit_code == 0 and "--slow-ms" in said.output


def test_beside_a_demo_it_is_the_same_after_a_restart(tmp_path: Path) -> None:
    first = play_beside("http://127.0.0.1:8000", tmp_path, today=date(2026, 11, 26))
    memory = InMemory(first)
    customers = client_of(memory).customers().records
    memory.close()
    again = play_beside("http://127.0.0.1:8000", tmp_path, today=date(2027, 2, 3))
    assert again.url != first.url and again.world.totals() == first.world.totals()
    later = InMemory(again)
    later.refresh_token = memory.refresh_token
    assert client_of(later).customers().records == customers
    later.close()
    assert (tmp_path / "stand-in.json").stat().st_mode & 0o777 == 0o600
    assert again.world.registration.redirect_uris == ("http://127.0.0.1:8000/csp/callback",)
