"""Hostile values for forms, and the forms of a page as a browser would send them. For test_every_form.py."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from bs4 import BeautifulSoup, SoupStrainer, Tag

#: Nothing that begins like this may come back unescaped.
SCRIPT = "<script>fuzzed(1)</script>"
BREAKOUT = "\"'><b id=fuzzed onload=fuzzed(2)>"
RAW = ("<script>fuzzed", "<b id=fuzzed", "'><b id")

#: What people, scripts and broken clients put into a text field.
TEXTS = (
    "", "   ", "1e400", "NaN", "Infinity", "-1", "0", "9" * 40, "1.000,50", "０１２３４５", "2026-13", "0000-00", "9999-12-31T25:61",
    "😀" * 40, "\u202eevil\u202d", "zero\u200bwidth\ufeff", "a\x00b", "tab\tline\r\nSubject: x", "\x1b[31m", "\ufffd",
    "x" * 100_000, SCRIPT, BREAKOUT, "' OR 1=1; DROP TABLE member; --", "%(name)s {{ 7*7 }} {% raw %} ${7}", "../../etc/passwd",
    "01a213e3-368f-7235-8f27-388d212cbfad", "null", "e\u0301" * 60, "\ud800",
)  # fmt: skip
#: The same for what is chosen, ticked or carried along, where a browser leaves no freedom.
CHOSEN = (
    "", "1e400", "-1", "9" * 40, "a\x00b", "\ud800", "x" * 100_000, SCRIPT, "01a213e3-368f-7235-8f27-388d212cbfad", "2026-13", "٣",
)  # fmt: skip
#: What a rule, not only a field, must get to see. Those that may pass come last: they end the form.
DEEP = ("a\x00b", "x" * 100_000, "1e400", "9" * 40, "😀" * 12, BREAKOUT, SCRIPT)

TYPED = ("text", "email", "tel", "search", "url", "number", "textarea", "month", "date", "time", "datetime-local")


@dataclass
class Input:
    """One field: its name, its kind and the value with which the page shows it."""

    name: str
    kind: str
    value: str
    #: what a select or radio offers
    offered: list[str] = field(default_factory=list)
    inputmode: str = ""

    @property
    def is_typed(self) -> bool:
        return self.kind in TYPED

    def plausible(self, turn: int) -> str:
        """What a person would enter."""
        if self.kind in ("hidden", "submit"):
            return self.value
        if self.kind in ("select", "radio"):
            return self.value or next((one for one in self.offered if one), "")
        if self.kind == "checkbox":
            return self.value or "y"
        if self.kind == "password":
            return "portal-demo"
        if self.value:
            return self.value
        if "mail" in self.name or self.kind == "email":
            return f"fuzzed-{turn}@northbridge.example"
        if self.inputmode in ("decimal", "numeric") or self.kind == "number":
            return "1"
        return {"tel": "+1 555 010 2030", "month": "2026-11", "date": "2026-11-20"}.get(self.kind, f"Plausible {turn}")


@dataclass
class Form:
    """A form as it stands on `page`."""

    page: str
    action: str
    method: str
    inputs: list[Input]
    #: sent by htmx where there is script
    live: bool = False

    @property
    def typed(self) -> list[Input]:
        return [one for one in self.inputs if one.is_typed]

    def named(self) -> tuple[str, ...]:
        return tuple(sorted({one.name for one in self.inputs}))


def forms_of(html: str, page: str) -> Iterator[Form]:
    soup = BeautifulSoup(html, "html.parser", parse_only=SoupStrainer("form"))
    for form in soup.find_all("form"):
        method = str(form.get("method") or "get").lower()
        action = str(form.get("action") or page).partition("#")[0]
        if method in ("get", "post"):
            yield Form(page, action, method, list(_inputs(form)), live=form.has_attr("hx-post"))


def _inputs(form: Tag) -> Iterator[Input]:
    choices: dict[str, Input] = {}
    for tag in form.find_all(["input", "textarea", "select", "button"]):
        name = str(tag.get("name") or "")
        if not name:
            continue
        kind = tag.name if tag.name in ("textarea", "select") else str(tag.get("type") or "text").lower()
        value = str(tag.get("value") or "")
        if kind == "textarea":
            yield Input(name, kind, tag.text.removeprefix("\n"))
        elif kind == "select":
            options = [str(option.get("value", option.text)) for option in tag.find_all("option")]
            chosen = tag.find("option", selected=True)
            yield Input(name, kind, str(chosen.get("value", chosen.text)) if chosen else "", options)
        elif kind in ("radio", "checkbox"):
            first = choices.setdefault(name, Input(name, kind, ""))
            first.offered.append(value or "on")
            if tag.has_attr("checked") or (kind == "checkbox" and not first.value):
                first.value = value or "on"
        elif kind in ("submit", "button", "image", "reset"):
            if tag.name == "button" and kind != "button":
                choices.setdefault(name, Input(name, "submit", value))
        else:
            yield Input(name, kind, value, inputmode=str(tag.get("inputmode") or ""))
    yield from choices.values()


#: A page's fields and what is wrong with them, read by pattern: a parser would take most of the test's time.
_INPUT = re.compile(r"<input ([^>]*)>")
_TEXTAREA = re.compile(r"<textarea ([^>]*)>\r?\n?(.*?)</textarea>", re.S)
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_TELLS = re.compile(r'class="error"|aria-invalid="true"|class="notice notice--blocked|class="bad"')


def shown_in(html: str) -> dict[str, list[str]]:
    """Field name -> the values with which a page shows its typed fields."""
    found: dict[str, list[str]] = {}
    for tag in _INPUT.finditer(html):
        has = dict(_ATTRIBUTE.findall(tag[1]))
        if "name" in has and has.get("type", "text") in TYPED:
            found.setdefault(unescape(has["name"]), []).append(unescape(has.get("value", "")))
    for tag in _TEXTAREA.finditer(html):
        found.setdefault(unescape(dict(_ATTRIBUTE.findall(tag[1]))["name"]), []).append(unescape(tag[2]))
    return found


def names_a_field(html: str) -> bool:
    """Whether a refused page says which field, or at least what is wrong with the form as a whole."""
    return _TELLS.search(html) is not None


def same(typed: str, shown: str) -> bool:
    """Whether what is shown is what was typed; a page cannot hold NUL, line ends are the browser's, and a half character
    is bytes that were no text."""

    def plain(text: str) -> str:
        return text.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n").strip()

    return "\ud800" in typed or plain(typed) == plain(shown)


def encoded(fields: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    """For the test client: name -> values, half characters as the bytes that a broken client sends."""
    body: dict[str, list[Any]] = {}
    for name, value in fields:
        body.setdefault(name, []).append(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value)
    return body
