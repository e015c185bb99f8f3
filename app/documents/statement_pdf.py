"""A statement as a tagged PDF (PDF/UA-1), set by Typst. What it says goes in as JSON, never as markup: text stays text.

The same statement gives the same file: fonts are ours, its date is its issue's.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import typst

from app.config import HERE

TEMPLATE = HERE / "templates" / "documents" / "statement.typ"
FONTS = Path(__file__).parent / "fonts"
#: lines that a document for reading holds; of more it shows the sums by subscription and names the CSV
MOST_LINES = 1500
TAGGED: Literal["ua-1"] = "ua-1"


def statement_pdf(content: Mapping[str, Any], issued_at: datetime) -> bytes:
    """`content`: language, title, partner, facts [[label, text]], heads, shares and lines as rows of text, totals, notes, footer."""
    told = json.dumps({**content, "issued": [issued_at.year, issued_at.month, issued_at.day]})
    try:
        return _set(told)
    except typst.TypstError:
        # a letter that no font of ours has may not stand in a tagged document: its place is marked
        return _set(json.dumps(_with_known_letters(json.loads(told))))


def _set(told: str) -> bytes:
    return typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        font_paths=[FONTS],
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"content": told},
        pdf_standards=[TAGGED],
    )


def _with_known_letters(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(letter if ord(letter) < 0x500 and letter.isprintable() else "?" for letter in value)
    if isinstance(value, list):
        return [_with_known_letters(one) for one in value]
    if isinstance(value, dict):
        return {name: _with_known_letters(one) for name, one in value.items()}
    return value
