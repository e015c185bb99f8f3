"""A value goes from either database into a backup and out of it into either, and is the same afterwards."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands.backup.columns import KINDS

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
INSTANTS = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC))


@given(
    st.one_of(
        st.tuples(st.sampled_from(["text", "json"]), TEXT),
        st.tuples(st.just("int"), st.integers(-(2**63), 2**63 - 1)),
        st.tuples(st.just("bool"), st.booleans()),
    )
)
def test_plain_values(value: tuple[str, Any]) -> None:
    kind, plain = KINDS[value[0]], value[1]
    assert kind.fits(plain)
    assert kind.from_sqlite(kind.to_sqlite(plain)) == plain
    assert kind.from_postgres(kind.to_postgres(plain)) == plain


@given(st.uuids())
def test_ids(value: uuid.UUID) -> None:
    kind = KINDS["uuid"]
    written = kind.from_postgres(value)
    assert kind.fits(written) and kind.from_sqlite(kind.to_sqlite(written)) == written
    assert kind.to_sqlite(written) == value.hex and uuid.UUID(kind.to_postgres(written)) == value


@given(INSTANTS)
def test_instants_to_the_microsecond(value: datetime) -> None:
    kind = KINDS["instant"]
    written = kind.from_postgres(value)
    assert kind.fits(written)
    assert kind.to_sqlite(written) == value.strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0")
    assert kind.from_sqlite(kind.to_sqlite(written)) == written
    assert datetime.fromisoformat(kind.to_postgres(written)) == value


@given(st.binary())
def test_files(value: bytes) -> None:
    kind = KINDS["bytes"]
    written = kind.from_sqlite(value)
    assert kind.fits(written) and kind.from_postgres(value) == written
    assert kind.to_sqlite(written) == kind.to_postgres(written) == value


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("text", 5), ("text", "a\0b"), ("text", "\ud800"), ("int", "5"), ("int", True), ("int", 2**63), ("int", 1.5),
        ("bool", 1), ("bool", "true"), ("uuid", "0199"), ("uuid", "0199A1B2-0000-7000-8000-000000000000"), ("uuid", 7),
        ("instant", "2026-01-01"), ("instant", "2026-13-01T00:00:00.000000Z"), ("instant", "2026-01-01T00:00:00.000000+"),
        ("instant", 7), ("bytes", "not base64!"), ("bytes", 7), ("json", {"a": 1}),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(kind: str, wrong: Any) -> None:
    assert not KINDS[kind].fits(wrong)
    assert KINDS[kind].fits(None)
