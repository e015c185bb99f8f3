"""What a mail says: templates/mail/<template>.txt, whose first line is "Subject: ..." and the rest the text.

Plain text, a paragraph a line, links on lines of their own. In a template: every fact of the notice, `portal_name`,
`link("/engagements/...")` for an address in the portal, and `| quoted` for what somebody else wrote.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from app.config import HERE

FOLDER = HERE / "templates" / "mail"
#: longer subjects are cut: lists of mail show about this much
SUBJECT_MOST = 180
_MARK = "Subject: "


@dataclass(frozen=True)
class Body:
    """A mail's subject, one line, and its text."""

    subject: str
    text: str


def render(template: str, facts: Mapping[str, Any], *, portal_name: str, portal_url: str) -> Body:
    """The mail that tells `facts`. jinja2.UndefinedError for a fact that is not there: a notice is never half said."""
    subject, text = _compiled(template)
    known = {**facts, "portal_name": portal_name, "link": lambda path: portal_url.rstrip("/") + "/" + path.lstrip("/")}
    return Body(one_line(subject.render(known)), text.render(known).strip() + "\n")


def one_line(text: str) -> str:
    """The text without line breaks and other control characters: what somebody typed never becomes a mail header."""
    plain = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= SUBJECT_MOST else plain[: SUBJECT_MOST - 1] + "…"


def quoted(text: str) -> str:
    """Somebody's own words, set in, so that they cannot pass for ours."""
    return "\n".join(f"    {line}".rstrip() for line in (text.strip() or "—").splitlines())


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=False,  # noqa: S701  plain text: an escaped ampersand would be a mistake
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = quoted
    return environment


@lru_cache(maxsize=100)
def _compiled(template: str) -> tuple[Template, Template]:
    """Subject and text, compiled apart: a fact with a line break in it must not shift the text into the subject."""
    environment = _environment()
    source = environment.loader.get_source(environment, f"{template}.txt")[0]  # type: ignore[union-attr]
    first, _, rest = source.partition("\n")
    if not first.startswith(_MARK):
        raise ValueError(f"templates/mail/{template}.txt does not begin with '{_MARK}'")
    return environment.from_string(first.removeprefix(_MARK)), environment.from_string(rest)
