"""The Flask application, where it differs from any other."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from app.web.kept_sessions import KeptSessions


class Portal(Flask):
    session_interface = KeptSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is async: Flask would look closely at each of the two dozen functions around a page."""
        return func
