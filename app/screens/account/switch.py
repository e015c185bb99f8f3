"""Acting for another organisation, or for the same in another capacity."""

from typing import Any

from flask import Blueprint, g, request, session

from app.foundation.refusals import NotVisible
from app.web.fragments import go_to
from app.web.guard import signed_in
from app.web.sign_in import ACTING_FOR

screen = Blueprint("switch", __name__)


@screen.post("/switch")
@signed_in
def act_for() -> Any:
    """To one's own memberships only; all others do not exist."""
    key = request.form.get("capacity", "")
    if not any(choice.key == key for choice in g.memberships):
        raise NotVisible
    session[ACTING_FOR] = key
    return go_to("/")
