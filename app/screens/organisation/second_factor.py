"""The second factor in the organisation acted for: whether everybody needs one, and resetting a colleague's lost one."""

import uuid
from typing import Any, cast

from flask import Blueprint
from flask_babel import gettext as _

from app.foundation import tenancy
from app.foundation.refusals import Refused
from app.members import enforcement, queries
from app.web.fragments import go_to
from app.web.guard import needs
from app.web.second_factor_decisions import Require, Reset, require_page, reset_page
from app.web.submissions import submit_once

screen = Blueprint("organisation_second_factor", __name__)


@screen.get("/members/second-factor/<any(require, free):way>")
@needs("organisation:secure")
def ask_require(way: str) -> Any:
    return _require_page(Require(), way)


@screen.post("/members/second-factor/<any(require, free):way>")
@needs("organisation:secure")
def require(way: str) -> Any:
    form, by, required = Require(), tenancy.current(), way == "require"
    organisation_id = cast(uuid.UUID, by.organisation_id)
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: enforcement.require_second_factor(organisation_id, required=required, by=by),
                action=f"second-factor-{way}",
            )
            said = (
                _("A second factor is required from now on.")
                if required
                else _("A second factor is no longer required.")
            )
            return go_to("/members", toast=said)
        except Refused as no:
            form.refuse(no)
    return _require_page(form, way)


@screen.get("/members/<uuid:membership_id>/reset-second-factor")
@needs("member:manage")
def ask_reset(membership_id: uuid.UUID) -> Any:
    return _reset_page(Reset(), membership_id)


@screen.post("/members/<uuid:membership_id>/reset-second-factor")
@needs("member:manage")
def reset(membership_id: uuid.UUID) -> Any:
    form, by = Reset(), tenancy.current()
    member = queries.member_here(membership_id, by)
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: enforcement.reset_second_factor(membership_id, reason=form.reason.data, by=by),
                action="reset-second-factor",
            )
            return go_to(
                f"/members/{membership_id}", toast=_("The second factor of %(name)s is reset.", name=member.name)
            )
        except Refused as no:
            form.refuse(no)
    return _reset_page(form, membership_id)


def _require_page(form: Require, way: str) -> Any:
    by = tenancy.current()
    action = f"/members/second-factor/{way}"
    return require_page(form, by.organisation_name, required=way == "require", action=action, back="/members")


def _reset_page(form: Reset, membership_id: uuid.UUID) -> Any:
    here = f"/members/{membership_id}"
    member = queries.member_here(membership_id, tenancy.current())
    return reset_page(form, member, action=f"{here}/reset-second-factor", back=here)
