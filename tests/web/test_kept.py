"""Kept pieces: what they may be made of, what their key tells apart, how much of them is kept."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateSyntaxError
from markupsafe import Markup, escape

from app.web.kept import PIECES, Pieces, nothing_kept, read_by

PLAIN = st.one_of(
    st.text(max_size=4),
    st.text(max_size=4).map(Markup),
    st.booleans(),
    st.integers(-2, 2),
    st.decimals(-2, 2, places=1),
    st.none(),
    st.just(UUID(int=1)),
    st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    st.tuples(st.text(max_size=2), st.booleans()),
)


class Row(NamedTuple):
    id: int
    name: Any


def render(app: Flask, source: str, **values: Any) -> str:
    return app.jinja_env.from_string(source).render(**values)


@given(st.lists(st.tuples(st.integers(1, 2), st.sampled_from(("en", "cs")), PLAIN), max_size=30))
def test_what_is_found_is_what_would_be_made(asked: list[tuple[int, str, Any]]) -> None:
    """Whatever was asked before: markup is not found for its letters, 1 not for True, another place's or language's never."""
    pieces = Pieces(most_bytes=8_000)
    for where, language, value in asked:
        made = Markup(f"{where} {language} {type(value).__name__} {escape(value)}")
        with read_by(language, "UTC", 2026):
            found = pieces.find((value,), where)
            assert (found or pieces.keep(made, (value,), where)) == made


@given(st.lists(st.integers(0, 400), max_size=400))
def test_memory_ends(asked: list[int]) -> None:
    pieces = Pieces(most_bytes=40_000)
    with read_by("en", "UTC", 2026):
        for number in asked:
            if pieces.find((number,), 1) is None:
                pieces.keep(Markup("x" * 1000), (number,), 1)
            assert len(pieces) <= 40_000 / 1000 + 2
            assert pieces.find((number,), 1) is not None


def test_what_is_asked_for_stays() -> None:
    pieces = Pieces(most_bytes=20_000)
    with read_by("en", "UTC", 2026):
        pieces.keep(Markup("often"), ("often",), 1)
        for number in range(200):
            pieces.keep(Markup("x" * 500), (number,), 1)
            assert pieces.find(("often",), 1) == "often"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{% kept a %}{{ b }}{% endkept %}", "uses b"),
        ("{% kept a %}{{ csrf_token() }}{% endkept %}", "csrf_token"),
        ("{% kept a %}{{ viewer().zone }}{% endkept %}", "viewer"),
        ("{% kept a %}{{ request.path }}{% endkept %}", "request"),
        ("{% kept a %}{{ a|ago }}{% endkept %}", "clock"),
        ("{% kept a %}{{ a|deadline }}{% endkept %}", "clock"),
        ("{% kept a %}{{ ui.csrf() }}{% endkept %}", "more of ui"),
        ("{% kept a %}{{ ui['csrf']() }}{% endkept %}", "ui"),
        ("{% kept a %}{% set u = ui %}{{ u.csrf() }}{% endkept %}", "ui"),
        ("{% kept a %}{% include 'shell.html' %}{% endkept %}", "another template"),
        ("{% kept %}x{% endkept %}", "no value"),
    ],
)
def test_a_piece_uses_what_its_head_names(app: Flask, source: str, why: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=why):
        app.jinja_env.from_string(source)


@pytest.mark.parametrize(
    "value", [["a"], {"a": 1}, object(), (1, "a"), (Markup("a"),), Row(1, Markup("a")), Row(1, ["a"]), 1.5]
)
def test_a_value_that_does_not_say_how_it_is_printed_is_refused(app: Flask, value: Any) -> None:
    with read_by("en", "UTC", 2026), pytest.raises(TypeError, match="a kept piece cannot be known by"):
        render(app, "{% kept a %}{{ a }}{% endkept %}", a=value)


def test_in_production_it_is_made_and_not_kept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIECES, "strict", False)
    PIECES.forget()
    with read_by("en", "UTC", 2026):
        for value in (["<a>"], {"a": 1}, object(), Row(1, Markup("<b>"))):
            render(app, "{% kept a %}{{ a }}{% endkept %}", a=value)
        assert render(app, "{% kept a %}{{ a[0] }}{% endkept %}", a=["<a>"]) == "&lt;a&gt;"
    assert len(PIECES) == 0


def test_a_piece_is_found_again(app: Flask) -> None:
    source = app.jinja_env.from_string(
        "{% for row in rows %}{% kept name=row.name %}<b>{{ name }}</b>{% endkept %}{% endfor %}"
    )
    rows = [Row(1, "<i>"), Row(2, Markup("<i>")), Row(3, "<i>")]
    PIECES.forget()
    with read_by("en", "UTC", 2026):
        made = PIECES.made
        assert source.render(rows=rows) == source.render(rows=rows) == "<b>&lt;i&gt;</b><b><i></b><b>&lt;i&gt;</b>"
        assert PIECES.made == made + 2
    with read_by("en", "Europe/Prague", 2026):
        source.render(rows=rows[:1])
    assert PIECES.made == made + 3
    source.render(rows=rows[:1])  # for no reader: made, not kept
    with nothing_kept(), read_by("en", "UTC", 2026):
        source.render(rows=rows[:1])
    assert PIECES.made == made + 5
