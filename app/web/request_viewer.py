"""Sets the tenancy viewer once per request, from who is signed in and for whom they act."""

from typing import Any

from flask import Flask, session

from app.foundation import tenancy
from app.members import queries as members


def install(app: Flask) -> None:
    app.before_request(_set)
    app.teardown_request(_unset)


def _set() -> None:
    """The public until proven otherwise; the membership is read afresh, so that a role taken away is gone at once."""
    tenancy.set_viewer(tenancy.PUBLIC)
    member_id = session.get("member")
    if member_id:
        viewer = members.viewer_for(member_id, session.get("acting_for"))
        if viewer is not None:
            tenancy.set_viewer(viewer)


def _unset(_error: Any = None) -> None:
    tenancy.set_viewer(None)
