"""Which language a page speaks, and its catalogue: found once a request, not once for each of a page's hundreds of words."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from flask import Flask, current_app, g, has_request_context, request
from flask_babel import Babel, Domain, get_domain, get_locale, gettext
from markupsafe import Markup

#: Languages there is a catalogue for; the first is what the sentences in the code are written in.
LANGUAGES = ("en",)

#: while somebody asks, or a page is drawn: Babel would look for its request for each word
_speaking: ContextVar[str | None] = ContextVar("speaking", default=None)


def install(app: Flask) -> None:
    app.config.setdefault("BABEL_DEFAULT_LOCALE", LANGUAGES[0])
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "translations")
    babel = Babel(app, locale_selector=_language)
    babel.domain_instance = _Catalogue()
    app.jinja_env.globals.update(_=said, ngettext=said_of)
    app.before_request(_begin)
    app.teardown_request(_end)


def _begin() -> None:
    _speaking.set(_language() or current_app.config["BABEL_DEFAULT_LOCALE"])


def _end(_error: Any = None) -> None:
    _speaking.set(None)


def said(sentence: str, /, **facts: Any) -> Markup:
    """`_()` in templates: the sentence in the viewer's language, the facts in it escaped."""
    words = _words(locale_name(), sentence)
    return words % facts if facts or "%" in words else words


def said_of(one: str, many: str, number: Any, /, **facts: Any) -> Markup:
    """`ngettext()` in templates: the sentence for so many, of which %(num)s tells how many; the facts in it escaped."""
    return _words_of(locale_name(), one, many, number) % {"num": number, **facts}


@lru_cache(maxsize=5000)
def _words(_locale: str, sentence: str) -> Markup:
    """A catalogue does not change while the process runs."""
    return Markup(gettext(sentence))  # noqa: S704  sentences are ours, what stands in their places is escaped


@lru_cache(maxsize=5000)
def _words_of(_locale: str, one: str, many: str, number: Any) -> Markup:
    return Markup(get_domain().get_translations().ungettext(one, many, number))  # noqa: S704  as above


def locale_name() -> str:
    """'en', 'pt_BR': for Babel's tables of names and figures."""
    if speaking := _speaking.get():
        return speaking
    try:
        return str(g.locale_name)
    except (AttributeError, RuntimeError):  # not asked for yet, or outside of any application
        found = str(get_locale() or LANGUAGES[0])
    if has_request_context():
        g.locale_name = found
    return found


@contextmanager
def spoken(locale: str) -> Iterator[None]:
    """Whatever is written inside is in this language."""
    token = _speaking.set(locale)
    try:
        yield
    finally:
        _speaking.reset(token)


def words_of(sentence: str, /, **facts: Any) -> str:
    """What flask_babel's gettext() gives, for whoever asks for many words a page."""
    words = _plain_words(locale_name(), sentence)
    return words % facts if facts else words


class _Catalogue(Domain):
    """Asked for a page's hundred words, of which nearly all have been asked for before."""

    def gettext(self, string: str, **variables: Any) -> str:
        return words_of(string, **variables)

    def get_translations(self) -> Any:
        if not has_request_context():
            return super().get_translations()
        if "catalogue" not in g:
            g.catalogue = super().get_translations()
        return g.catalogue


@lru_cache(maxsize=5000)
def _plain_words(_locale: str, sentence: str) -> str:
    return str(get_domain().get_translations().ugettext(sentence))


def _language() -> str | None:
    if not request or len(LANGUAGES) == 1:
        return None  # the default
    return request.accept_languages.best_match(LANGUAGES)
