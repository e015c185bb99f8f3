"""What a notice says: templates/mail/<template>.txt. A head of one or two lines, then the text.

    Subject: {{ _("%(number)s approved: %(product)s", number=number, product=product) }}
    Type: decisions
    {{ _("Your request ...") }}

Plain text, a paragraph a line, links on lines of their own. In a template: every fact of the notice, `portal_name`,
`link("/engagements/...")` for an address in the portal, `| quoted` for what somebody else wrote, `| said` for words of ours
among the facts, marked with N_() in their room, `| instant` for an instant among the facts, in isoformat: it is read in the
reader's own zone, with UTC beside it; and `_` and `ngettext`: it is written in the portal's language. The subject is the
notice's line in the portal too, its first link where it leads.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context

from app.config import HERE
from app.foundation.clock import parse_instant
from app.foundation.text import N_, spell, spell_local
from app.foundation.zones import city_of, is_utc, zone_named
from app.notices.types import type_of

FOLDER = HERE / "templates" / "mail"
#: longer subjects are cut: lists of mail show about this much
SUBJECT_MOST = 180
#: what the sentences in the templates are written in; other languages have a catalogue in translations/
LANGUAGE = "en"
_HEAD = ("Subject", "Type")
#: how templates know where their reader is; no fact is called that
_ZONE = "the reader's zone"
_IN_ZONE = N_("%(local)s in %(city)s (%(utc)s)")


@dataclass(frozen=True)
class Body:
    """A mail's subject, one line, and its text; `path`: its first link, "" without any."""

    subject: str
    text: str
    path: str = ""


def render(
    template: str,
    facts: Mapping[str, Any],
    *,
    portal_name: str,
    portal_url: str,
    language: str = LANGUAGE,
    zone: str = "UTC",
) -> Body:
    """The mail that tells `facts` to a reader in `zone`. jinja2.UndefinedError for a fact that is not there: a notice is
    never half said."""
    subject, text = _compiled(template, language)
    paths: list[str] = []

    def link(path: str) -> str:
        paths.append("/" + path.lstrip("/"))
        return portal_url.rstrip("/") + paths[-1]

    known = {**facts, "portal_name": portal_name, "link": link, _ZONE: zone}
    written = text.render(known).strip() + "\n"
    return Body(one_line(subject.render(known)), written, paths[0] if paths else "")


def render_together(
    template: str,
    told: Sequence[Mapping[str, Any]],
    *,
    portal_name: str,
    portal_url: str,
    language: str = LANGUAGE,
    zone: str = "UTC",
) -> Body:
    """One mail for several notices of one template: each one's line and link, and the reason once if all have the same."""
    words = {"portal_name": portal_name, "portal_url": portal_url, "language": language, "zone": zone}
    bodies = [render(template, facts, **words) for facts in told]
    reasons = {str(facts.get("reason") or "") for facts in told}
    facts = {
        "first": bodies[0].subject,
        "more": len(bodies) - 1,
        "notices": [{"line": body.subject, "path": body.path} for body in bodies],
        "reason": reasons.pop() if len(reasons) == 1 else "",
    }
    return render("several", facts, **words)


def type_named(template: str) -> str:
    """The type of notice the template says it is; jinja2.TemplateNotFound for a template that is not there."""
    return type_of(_head_and_text(template)[0].get("Type", ""))


def one_line(text: str) -> str:
    """The text without line breaks and other control characters: what somebody typed never becomes a mail header."""
    plain = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= SUBJECT_MOST else plain[: SUBJECT_MOST - 1] + "…"


def quoted(text: str) -> str:
    """Somebody's own words, set in, so that they cannot pass for ours."""
    return "\n".join(f"    {line}".rstrip() for line in (text.strip() or "—").splitlines())


def instant(text: str, zone: str, gettext: Callable[[str], str]) -> str:
    """An instant among the facts: '3 Nov 2026 01:00 in Prague (00:00 UTC)', for a reader in UTC '3 Nov 2026 00:00 UTC'.

    What is no instant stays as it is: notices from before their facts held instants say them in UTC already.
    """
    try:
        at = parse_instant(text)
    except ValueError:
        return text
    there = zone_named(zone)
    if is_utc(there):
        return spell(at)
    local = at.astimezone(there)
    utc = f"{at:%H:%M} UTC" if local.date() == at.date() else spell(at)
    return gettext(_IN_ZONE) % {"local": spell_local(local), "city": city_of(there), "utc": utc}


@lru_cache(maxsize=10)
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=False,  # noqa: S701  plain text: an escaped ampersand would be a mistake
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = Translations.load(str(HERE / "translations"), [language])
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]

    @pass_context
    def for_the_reader(context: Context, text: str) -> str:
        return instant(text, context[_ZONE], catalogue.gettext)

    environment.filters.update(quoted=quoted, instant=for_the_reader, said=catalogue.gettext)
    return environment


@lru_cache(maxsize=200)
def _compiled(template: str, language: str) -> tuple[Template, Template]:
    """Subject and text, compiled apart: a fact with a line break in it must not shift the text into the subject."""
    environment = _environment(language)
    head, rest = _head_and_text(template)
    return environment.from_string(head["Subject"]), environment.from_string(rest)


@lru_cache(maxsize=200)
def _head_and_text(template: str) -> tuple[dict[str, str], str]:
    environment = _environment(LANGUAGE)
    rest = environment.loader.get_source(environment, f"{template}.txt")[0]  # type: ignore[union-attr]
    head: dict[str, str] = {}
    while True:
        line, _, after = rest.partition("\n")
        name, mark, value = line.partition(": ")
        if not mark or name not in _HEAD or name in head:
            break
        head[name], rest = value, after
    if "Subject" not in head:
        raise ValueError(f"templates/mail/{template}.txt does not begin with 'Subject: '")
    return head, rest
