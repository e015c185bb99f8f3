"""The Flask application, where it differs from any other."""

from collections.abc import Callable, MutableMapping
from functools import cached_property, lru_cache
from typing import Any

from flask import Flask, Request
from flask.templating import Environment
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.http import parse_cookie

from app.web.kept_sessions import KeptSessions


class Templates(Environment):
    def make_globals(self, own: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """No template has globals of its own: Jinja would copy those of all, one by one, for each template of a page."""
        return super().make_globals(own) if own else self.globals


class Asked(Request):
    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """A browser sends the same ones with each request."""
        return _cookies_in(self.environ.get("HTTP_COOKIE", ""))


@lru_cache(maxsize=1000)
def _cookies_in(sent: str) -> ImmutableMultiDict[str, str]:
    return ImmutableMultiDict(parse_cookie(sent))


class Portal(Flask):
    jinja_environment = Templates
    request_class = Asked
    session_interface = KeptSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is async: Flask would look closely at each of the two dozen functions around a page."""
        return func
