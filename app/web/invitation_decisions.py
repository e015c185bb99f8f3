"""The two decisions about an open invitation, asked alike of an organisation's admin and of the operator."""

from flask import Response
from flask_babel import gettext as _

from app.members.model import Invitation
from app.members.rules import INVITED_FOR
from app.web.fields import PortalForm
from app.web.fragments import show


def resend_page(form: PortalForm, invitation: Invitation, *, here: str, back: str) -> Response:
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("Send the invitation again"), "eyebrow": invitation.email, "action": f"{here}/resend", "cancel": back,
            "submit": _("Send it again"), "form": form, "live": True,
            "sentence": _("The mail goes out once more, and from now on it can be answered for %(days)s days.", days=INVITED_FOR.days),
        },
    )  # fmt: skip


def withdraw_page(form: PortalForm, invitation: Invitation, *, here: str, back: str) -> Response:
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("Withdraw the invitation"), "eyebrow": invitation.email, "action": f"{here}/withdraw", "kind": "danger",
            "submit": _("Withdraw the invitation"), "cancel": back, "form": form, "live": True,
            "sentence": _("Its link stops working. The person is not told, and can be invited again."),
        },
    )  # fmt: skip
