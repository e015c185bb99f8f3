"""How a search compares text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.foundation.text import folded


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Łódź  Textiles S.A.", "lodz textiles s.a."),
        ("Compagnie générale", "compagnie generale"),
        ("STRASSE Straße", "strasse strasse"),
        ("Ærø Øresund", "aero oresund"),
        ("İstanbul Işık", "istanbul isik"),
        ("１２ ﬁles", "12 files"),
        ("\tENG-1001\n", "eng-1001"),
        ("東京", "東京"),
        ("", ""),
    ],
)
def test_case_and_accents_do_not_count(text: str, plain: str) -> None:
    assert folded(text) == plain


@given(st.text())
@example("\u03d4")
def test_folding_again_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)
