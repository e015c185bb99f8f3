"""Records of a batch that are read by hand are what their schema makes of them; what it refuses is refused in its words."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate

from app.api.entry_schemas import Batch, BatchRecord


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
