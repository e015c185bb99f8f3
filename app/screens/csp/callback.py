"""Where Microsoft sends the browser back: /csp/callback. It finishes one Login with Microsoft, once."""

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from app.csp.accounts.login import Nothing, Spent, finish
from app.foundation import tenancy
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.templating import translate

screen = Blueprint("csp_callback", __name__)


@screen.get("/csp/callback")
@needs("csp-account:manage", capacity="partner")
def come_back() -> Response:
    """The one GET that acts: its address carries a state that is good once and for this member alone."""
    sent = {name: request.args.get(name, "")[:5000] for name in ("state", "code", "error")}
    try:
        account = finish(
            sent["state"], code=sent["code"], error=sent["error"], description=request.args.get("error_description", "")[:1000], by=tenancy.current()
        )  # fmt: skip
    except Spent:
        return show("csp/sign_in_spent.html", status=409)
    except Nothing as nothing:
        here = f"/csp/accounts/{nothing.account.id}"
        # the page of an account that is not connected says why by itself
        told = _("Not connected.") if nothing.account.trouble else translate(nothing.cause)
        return go_to(here, toast=told, kind="blocked")
    return go_to(
        f"/csp/accounts/{account.id}?connected=1",
        toast=_("Connected as %(who)s.", who=account.signed_in_as or account.company_name),
    )
