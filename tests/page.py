"""House style, checked on every page that a test fetches.

    page = Page(client.get("/engagements"))
    page.check()                       # raises AssertionError naming everything that is wrong
    page.soup.select_one("h1").text    # the parsed page
    page.text                          # what people read, with single spaces
    page.form("/engagements/new")      # the fields of the form with that action, as the browser would send them

Whole pages only; Fragment(answer) checks what a part of a page can be held to.
"""

import re
from functools import cached_property
from typing import Any

import html5lib
from bs4 import BeautifulSoup, Tag

_LABELLED = ("input", "select", "textarea")
_UNLABELLED_TYPES = ("hidden", "submit", "button", "image", "reset")
_REFERENCES = (
    "aria-describedby",
    "aria-labelledby",
    "aria-controls",
    "aria-owns",
    "aria-errormessage",
    "for",
    "popovertarget",
    "list",
    "form",
)
#: What a template or a sentence lets through when it was given nothing, or a Python object.
_LEAKS = re.compile(
    r"\bNone\b|Undefined|<[\w.]+ object at 0x|\bDecimal\(|datetime\.datetime\(|%\([a-z_]+\)[sd]|\{\{|\}\}|LazyString|&amp;lt;|\bNaN\b"
)
_HANDLERS = re.compile(r"on[a-z]+")


class Fragment:
    """A part of a page, as htmx would swap it in. `holder`: ids that the page around it has."""

    whole = False

    def __init__(self, answer: Any, *, holder: tuple[str, ...] = ()) -> None:
        self.html: str = answer if isinstance(answer, str) else answer.get_data(as_text=True)
        self.headers = {} if isinstance(answer, str) else answer.headers
        self.holder = holder

    @cached_property
    def soup(self) -> BeautifulSoup:
        # html5lib reads as browsers do: an element in the wrong place moves, as it would there
        return BeautifulSoup(self.html, "html5lib")

    @property
    def text(self) -> str:
        return " ".join(self.soup.get_text(" ").split())

    @cached_property
    def ids(self) -> set[str]:
        return {str(tag["id"]) for tag in self.soup.select("[id]")} | set(self.holder)

    def check(self) -> None:
        wrong = self.problems()
        assert not wrong, "House style:\n  " + "\n  ".join(wrong)

    def problems(self) -> list[str]:
        return [
            *self._no_inline_code(),
            *self._unique_ids(),
            *self._references(),
            *self._labels(),
            *self._forms(),
            *self._links(),
            *self._leaks(),
        ]

    def form(self, action: str | None = None) -> dict[str, str]:
        """Name and value of every field of the form with this action (None: the page's first in its content)."""
        forms = [f for f in self.soup.select("main form, form") if action is None or f.get("action") == action]
        assert forms, f"no form with action {action!r}"
        sent: dict[str, str] = {}
        for tag in forms[0].select("input[name], textarea[name], select[name]"):
            if tag.name == "select":
                chosen = tag.select_one("option[selected]") or tag.select_one("option")
                sent[str(tag["name"])] = str(chosen.get("value", chosen.text)) if chosen else ""
            elif tag.name == "textarea":
                sent[str(tag["name"])] = tag.text.removeprefix("\n")
            elif tag.get("type") not in ("radio", "checkbox") or tag.has_attr("checked"):
                sent[str(tag["name"])] = str(tag.get("value", ""))
        return sent

    def _no_inline_code(self) -> list[str]:
        wrong = [f"inline <{tag.name}>" for tag in self.soup.select("style")]
        wrong += ["inline <script>" for tag in self.soup.select("script") if not tag.get("src") or tag.text.strip()]
        for tag in self.soup.find_all(True):
            for name, value in tag.attrs.items():
                if (
                    name == "style"
                    or _HANDLERS.fullmatch(name)
                    or name.startswith("hx-on")
                    or str(value).strip().lower().startswith(("javascript:", "js:"))
                ):
                    wrong.append(f"inline code: {_shown(tag)} has {name}={value!r}")
                if (
                    name in ("src", "href", "action")
                    and str(value).startswith(("http://", "https://", "//"))
                    and tag.name in ("script", "link", "img", "form", "iframe")
                ):
                    wrong.append(f"from elsewhere: {_shown(tag)}")
        return wrong

    def _unique_ids(self) -> list[str]:
        seen: set[str] = set()
        wrong = []
        for tag in self.soup.select("[id]"):
            own = str(tag["id"])
            if own in seen:
                wrong.append(f"id {own!r} is there twice")
            if not own or re.search(r"\s", own):
                wrong.append(f"id {own!r} is empty or has a space")
            seen.add(own)
        return wrong

    def _references(self) -> list[str]:
        wrong = []
        for tag in self.soup.find_all(True):
            for name in _REFERENCES:
                for reference in str(tag.get(name) or "").split() if tag.get(name) is not None else ():
                    if reference not in self.ids:
                        wrong.append(f"{_shown(tag)} {name} names {reference!r}, which is not on the page")
            for name in ("hx-target", "hx-include", "hx-indicator"):
                for reference in re.findall(r"#([\w-]+)", str(tag.get(name) or "")):
                    if reference not in self.ids:
                        wrong.append(f"dead {name}: #{reference}")
            opened = tag.get("data-dialog")
            if opened and opened not in self.ids:
                wrong.append(f"data-dialog names {opened!r}, which is not on the page")
        return wrong

    def _labels(self) -> list[str]:
        wrong = []
        named = {str(label["for"]) for label in self.soup.select("label[for]") if label.get_text(strip=True)}
        for tag in self.soup.find_all(_LABELLED):
            if tag.name == "input" and tag.get("type") in _UNLABELLED_TYPES:
                continue
            around = tag.find_parent("label")
            has_words = bool(around and around.get_text(strip=True)) or str(tag.get("id")) in named
            if not (has_words or str(tag.get("aria-label") or "").strip() or tag.get("aria-labelledby")):
                wrong.append(f"no label: {_shown(tag)}")
        for tag in self.soup.select("button, [role=button]"):
            if not (_words(tag) or tag.get("aria-label") or tag.get("aria-labelledby")):
                wrong.append(f"button without words: {_shown(tag)}")
        wrong += [f"image without alt: {_shown(tag)}" for tag in self.soup.select("img:not([alt])")]
        wrong += [
            f"picture without role or aria-hidden: {_shown(tag)}"
            for tag in self.soup.select("svg")
            if tag.get("aria-hidden") != "true" and not tag.get("role")
        ]
        return wrong

    def _forms(self) -> list[str]:
        wrong = []
        for form in self.soup.select("form"):
            method = str(form.get("method") or "").lower()
            if method not in ("get", "post"):
                wrong.append(f"form without method: {_shown(form)}")
            if form.get("action") == "":
                wrong.append(f"form with an empty action: {_shown(form)}")
            if method == "post" and not form.select_one('input[name="csrf_token"][value]:not([value=""])'):
                wrong.append(f"form without csrf_token: {_shown(form)}")
            if form.find_parent("form"):
                wrong.append(f"form in a form: {_shown(form)}")
            elsewhere = form.get("id") and self.soup.select_one(f'button[type="submit"][form="{form["id"]}"]')
            if not (elsewhere or form.select_one("button, input[type=submit]")) and form.get("role") != "search":
                wrong.append(f"form without a button: {_shown(form)}")
        return wrong

    def _links(self) -> list[str]:
        wrong = []
        for link in self.soup.select("a"):
            target = str(link.get("href") or "")
            if not target or target == "#":
                wrong.append(f"link to nowhere: {_shown(link)}")
            if target.startswith("#") and target[1:] and target[1:] not in self.ids:
                wrong.append(f"dead link {target}")
            if not (_words(link) or link.get("aria-label")):
                wrong.append(f"empty link: {_shown(link)}")
            if link.get("target") == "_blank" and "noopener" not in (link.get("rel") or []):
                wrong.append(f"opens a tab without noopener: {_shown(link)}")
        return wrong

    def _leaks(self) -> list[str]:
        shown = [
            str(text)
            for text in self.soup.find_all(string=True)
            if text.parent.name not in ("script", "style", "textarea")
        ]
        shown += [
            str(value)
            for tag in self.soup.find_all(True)
            for name, value in tag.attrs.items()
            if name not in ("value", "hx-headers:inherited")
        ]
        return [f"leaks {found[0]!r}: {text.strip()[:80]!r}" for text in shown if (found := _LEAKS.search(text))]


class Page(Fragment):
    """A whole page."""

    whole = True

    def problems(self) -> list[str]:
        wrong = super().problems()
        title = self.soup.title.get_text(strip=True) if self.soup.title else ""
        if not title or title.startswith(("\u00b7", "|", "-")):
            wrong.append(f"title is {title!r}")
        headings = self.soup.select("h1")
        if len(headings) != 1 or not headings[0].get_text(strip=True):
            wrong.append(f"{len(headings)} h1, or an empty one")
        if self.soup.html is None or not self.soup.html.get("lang"):
            wrong.append("html has no lang")
        if len(self.soup.select("main")) != 1:
            wrong.append("not exactly one main")
        skip = self.soup.select_one("body a")
        if skip is None or not str(skip.get("href") or "").startswith("#"):
            wrong.append("the first link is no skip link")
        wrong += self._well_formed()
        return wrong + self._answers_headers()

    def _well_formed(self) -> list[str]:
        reader = html5lib.HTMLParser(strict=False)
        reader.parse(self.html)
        return [
            f"HTML: {code} {facts or ''} at {place}" for place, code, facts in reader.errors if code not in _BEARABLE
        ]

    def _answers_headers(self) -> list[str]:
        if not self.headers:
            return []
        policy = str(self.headers.get("Content-Security-Policy", ""))
        return (
            []
            if "default-src 'self'" in policy and "unsafe" not in policy
            else [f"Content-Security-Policy is {policy!r}"]
        )


#: html5lib knows no popover, no search element and no SVG without a namespace; these say nothing about our page.
_BEARABLE = {"non-void-element-with-trailing-solidus", "unexpected-cell-in-table-body"}


def _words(tag: Tag) -> str:
    inside = tag.get_text(strip=True)
    return inside or "".join(str(child.get("aria-label") or child.get("alt") or "") for child in tag.find_all(True))


def _shown(tag: Tag) -> str:
    attributes = " ".join(f'{name}="{value}"' for name, value in list(tag.attrs.items())[:4])
    return f"<{tag.name} {attributes}>"[:160]
