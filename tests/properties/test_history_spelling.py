"""What a history row's hash is over never changes: its hand-made spelling is the canonical JSON of the same list, byte for byte."""

import hashlib
import json
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.foundation.chains import COLUMNS, GENESIS, Chain, digest
from app.foundation.database import canonical_json
from app.foundation.history import History

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
IDS = st.none() | st.uuids()
ROWS = st.fixed_dictionaries(
    {
        "subject_kind": TEXTS, "subject_id": st.uuids(), "sequence": st.integers(1, 10**9), "event": TEXTS,
        "at": st.datetimes(timezones=st.just(UTC)), "by_member_id": IDS, "by_label": TEXTS, "from_state": st.none() | TEXTS,
        "to_state": st.none() | TEXTS, "about_id": IDS, "facts": TEXTS, "seller_id": IDS, "partner_id": IDS,
        "customer_id": IDS, "previous_hash": st.text("0123456789abcdef", min_size=64, max_size=64),
    }
)  # fmt: skip


def as_ever(row: dict[str, Any]) -> str:
    """How every hash that stands in a database was made."""
    said = [str(row["subject_id"]) if name == "subject_id" else row[name] for name in COLUMNS if name != "hash"]
    said[COLUMNS.index("at")] = row["at"].isoformat(timespec="microseconds")
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()


@given(ROWS)
def test_the_spelling_is_that_of_canonical_json(row: dict[str, Any]) -> None:
    assert digest(SimpleNamespace(**row)) == as_ever(row)


@given(st.lists(ROWS, min_size=1, max_size=5))
def test_a_chain_that_grows_holds(rows: list[dict[str, Any]]) -> None:
    subject, ends = uuid.uuid4(), {name: rows[0][name] for name in ("seller_id", "partner_id", "customer_id")}
    chain, before = Chain("engagement", subject, **ends), GENESIS
    said = COLUMNS[3:11]
    for place, row in enumerate(rows, 1):
        written = dict(zip(COLUMNS, chain.grow(*(row[name] for name in said)), strict=True))
        assert (written["sequence"], written["previous_hash"]) == (place, before)
        assert written["hash"] == as_ever(written) == digest(SimpleNamespace(**written))
        assert {name: written[name] for name in said} == {name: row[name] for name in said}
        before = written["hash"]
    again = Chain("engagement", subject, **ends, length=chain.length, hash=chain.hash)
    last = {name: rows[-1][name] for name in said}
    assert again.grow(*last.values()) == chain.grow(*last.values())


@given(st.dictionaries(TEXTS, TEXTS | st.integers() | st.none() | st.lists(TEXTS, max_size=2), max_size=4))
def test_facts_are_spelled_as_the_encoder_spells_them(facts: dict[str, Any]) -> None:
    encoded = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_json(facts) == encoded


def test_a_hash_of_this_year_stays_what_it_is() -> None:
    """Written down, so that a change of the spelling cannot take the test along."""
    ids = {name: uuid.UUID(int=n) for n, name in enumerate(("subject_id", "seller_id", "partner_id", "about_id"), 1)}
    row = SimpleNamespace(
        subject_kind="engagement", sequence=2, event="billing_rated", at=datetime(2026, 10, 2, 9, tzinfo=UTC), by_member_id=None,
        by_label='Zoë "Z", Łódź\n', from_state="submitted", to_state="rated", facts='{"amount":"1.00 USD"}', customer_id=None,
        previous_hash=GENESIS, **ids,
    )  # fmt: skip
    assert digest(row) == "1cad3f311cae90864e7bca8d8cb0068781b8ccb5df05386f3a7d35bc1eb31d7f"


def test_every_column_but_the_counted_id_is_in_a_chains_row() -> None:
    assert {column.key for column in History.__mapper__.columns} - {"id"} == set(COLUMNS)
