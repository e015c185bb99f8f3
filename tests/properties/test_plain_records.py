"""What is read, told and digested by hand of a batch is what schema and encoder make of it, refusals in the schema's words."""

import hashlib
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate

from app.api.entry_schemas import Batch, BatchRecord, BatchResult, RecordResult
from app.billing.actions import Draft
from app.billing.batch import Line, meaning_of
from app.foundation.billing_month import BillingMonth
from app.foundation.database import canonical_json


class BySchema(Schema):
    """Batch, every record by its schema."""

    records = fields.List(fields.Nested(BatchRecord), required=True, validate=validate.Length(min=1, max=1000))


ID = "0193f0a2-5b1c-7d3e-8f40-1a2b3c4d5e6f"
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "hours",
        "Night shift",
        " ",
        "a\nb",
        "a\r\nb",
        "\t",
        "\x7f",
        "é",
        "\u202e",
        "\ufffd",
        "\ud800",
        "x" * 60,
        "x" * 61,
    ]
) | st.text(max_size=12)
ODD: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.lists(st.none(), max_size=1) | st.just({})
)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "key": TEXTS | st.just("k" * 201) | ODD,
        "engagement_id": st.sampled_from([ID, ID.upper(), ID.replace("-", ""), f"{{{ID}}}", f"{ID}\n", ""]) | ODD,
        "metric": TEXTS | ODD,
        "month": st.sampled_from(["2026-11", "2026-13", "2026-1", "1970-01", "9998-01", "\uff12026-11", "2026-11 "])
        | ODD,
        "quantity": st.sampled_from(["1", "0.25", "12.5000000", "1e3", "-1", "NaN", "\uff11", "1" * 30, " 1", ""])
        | ODD,
        "notes": TEXTS | st.just("n" * 501) | ODD,
        "more": TEXTS,
    },
)
PLAIN = {"key": "k", "engagement_id": ID, "metric": "hours", "month": "2026-11", "quantity": "1.25"}


def read(schema: Schema, said: Any) -> Any:
    try:
        return schema.load(said)
    except ValidationError as wrong:
        return wrong.normalized_messages()


@given(st.lists(RECORD | ODD, max_size=4) | st.lists(RECORD.map(lambda record: PLAIN | record), max_size=4) | ODD)
def test_both_read_the_same(records: Any) -> None:
    said = {"records": records}
    assert read(Batch(), said) == read(BySchema(), said)


def test_plain_ones_are_read_by_hand() -> None:
    assert read(Batch(), {"records": [PLAIN, PLAIN | {"notes": "n"}]}) == read(
        BySchema(), {"records": [PLAIN, PLAIN | {"notes": "n"}]}
    )


class ToldBySchema(Schema):
    results = fields.List(fields.Nested(RecordResult), required=True)


KEPT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
RESULT = st.fixed_dictionaries(
    {
        "key": KEPT, "result": st.sampled_from(["created", "duplicate", "refused"]), "id": st.none() | st.uuids(),
        "number": st.none() | KEPT,
        "errors": st.lists(st.fixed_dictionaries({"field": KEPT, "message": KEPT}), max_size=2),
    }
)  # fmt: skip


@given(st.lists(RESULT, max_size=4))
def test_results_are_told_as_their_schema_tells_them(results: list[dict[str, Any]]) -> None:
    assert BatchResult().dump({"results": results}) == ToldBySchema().dump({"results": results})


MONTHS = st.dates(date(1971, 1, 1), date(9997, 1, 1)).map(lambda day: BillingMonth(day.year, day.month))
QUANTITIES = st.decimals(allow_nan=False, allow_infinity=False)


@given(st.uuids(), st.uuids(), MONTHS, QUANTITIES, KEPT)
def test_a_records_digest_never_changes(engagement: Any, metric: Any, month: Any, quantity: Any, notes: str) -> None:
    said = [engagement, metric, month, quantity.normalize(), notes.strip()]
    line = Line("k", engagement, Draft(metric, month, quantity, notes))
    assert meaning_of(line) == hashlib.sha256(canonical_json(said).encode()).hexdigest()
