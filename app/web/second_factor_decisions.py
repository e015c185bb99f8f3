"""The decisions about other people's second factor, asked alike of an organisation's admin and of the operator."""

from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from app.foundation.refusals import Refused
from app.web.fields import PortalForm, TextField
from app.web.fragments import show


class Require(PortalForm):
    """Nothing to fill in: the address says which way; what is refused is said of the form."""

    #: refused because who asks has none
    without_own = False

    def refuse(self, refused: Refused) -> None:
        self.without_own = refused.field == "required"
        super().refuse(refused)


class Reset(PortalForm):
    reason = TextField(_l("Reason"), most=500, lines=True)


def require_page(form: Require, organisation_name: str, *, required: bool, action: str, back: str) -> Response:
    if form.without_own:
        words = {
            "title": _("Require a second factor"),
            "submit": _("Require it of everybody"),
            "fields": Markup('<p><a href="/account/second-factor">{}</a></p>').format(_("Set up my second factor")),
        }  # fmt: skip
    elif required:
        words = {
            "title": _("Require a second factor"),
            "submit": _("Require it of everybody"),
            "sentence": _("Whoever acts for %(name)s without one is led to set it up before anything else.", name=organisation_name),
        }  # fmt: skip
    else:
        words = {
            "title": _("No longer require a second factor"),
            "submit": _("No longer require it"),
            "kind": "danger",
            "sentence": _("A password alone will be enough to act for %(name)s. Who has a second factor keeps it.", name=organisation_name),
        }  # fmt: skip
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={**words, "action": action, "cancel": back, "form": form, "live": True},
    )  # fmt: skip


def reset_page(form: Reset, member: Any, *, action: str, back: str) -> Response:
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("Reset the second factor of %(name)s", name=member.name), "eyebrow": member.email, "action": action,
            "kind": "danger", "submit": _("Reset the second factor"), "cancel": back, "form": form, "fields": [form.reason], "live": True,
            "sentence": _("Do this only when you are sure who asks. The password alone lets in until a new one is set up; all sessions of the member end, and the member is mailed your reason."),
        },
    )  # fmt: skip
