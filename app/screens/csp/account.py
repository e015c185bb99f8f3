"""One CSP account: who it is, whether its consent stands, what discovery does; and what may be done with it."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from app.csp.accounts import actions, application, queries, states
from app.csp.accounts.login import begin
from app.csp.accounts.model import CspAccount
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import one
from app.web import chains, csp_runs
from app.web.csp_account_form import MEANS, MODELS, AccountForm, cards, percentages_of
from app.web.csp_amounts import percent
from app.web.exports import download
from app.web.fields import PortalForm
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.security_headers import may_leave_for
from app.web.submissions import submit_once

screen = Blueprint("csp_account", __name__)

HISTORY = ListOf()
SWITCHES = "any('disable','enable','disconnect')"


class Confirm(PortalForm):
    """A decision without a field."""


@screen.get("/csp/accounts/<uuid:account_id>")
@needs("csp-account:manage", capacity="partner")
def show_account(account_id: uuid.UUID) -> Response:
    account = one(CspAccount, account_id)
    return _leaving(show("csp/account.html", **_page(account)))


@screen.get("/csp/accounts/<uuid:account_id>/history")
@screen.get("/csp/accounts/<uuid:account_id>/history.<any(csv, xlsx):kind>")
@needs("csp-account:manage", capacity="partner")
def show_history(account_id: uuid.UUID, kind: str = "") -> Any:
    account = one(CspAccount, account_id)
    if kind:
        return download(kind, "csp-account-history", chains.COLUMNS, chains.every_event("csp_account", account_id))
    listing = HISTORY.read()
    page = chains.events_page("csp_account", account_id, after=listing.after, before=listing.before)
    return show(
        "csp/account_history.html", block="list", account=account, here=f"/csp/accounts/{account_id}", tabs=_tabs(account, "history"),
        listing=listing.with_page(page), events=[chains.told(row) for row in page.rows], holds=chains.holds("csp_account", account_id),
    )  # fmt: skip


@screen.post("/csp/accounts/<uuid:account_id>/login")
@needs("csp-account:manage", capacity="partner")
def log_in(account_id: uuid.UUID) -> Response:
    """To Microsoft's sign-in. Each press begins another; only one comes back."""
    one(CspAccount, account_id)
    form = Confirm()
    if not form.validate_on_submit():
        return go_to(f"/csp/accounts/{account_id}", toast=_("Try again."), kind="blocked")
    if not application.is_set_up():  # its page says so, and offers no button
        return go_to(f"/csp/accounts/{account_id}", toast=_("Login with Microsoft is not set up."), kind="blocked")
    return go_to(begin(account_id, by=tenancy.current()))


@screen.get("/csp/accounts/<uuid:account_id>/edit")
@needs("csp-account:manage", capacity="partner")
def show_edit(account_id: uuid.UUID) -> Response:
    account = one(CspAccount, account_id)
    shown = {name: getattr(account, name) for name in ("name", "model", "mpn_id", *actions.PERCENTAGES)}
    return _edit(AccountForm(account_id=account.tenant_id, **shown), account)


@screen.post("/csp/accounts/<uuid:account_id>/edit")
@needs("csp-account:manage", capacity="partner")
def edit(account_id: uuid.UUID) -> Response:
    account = one(CspAccount, account_id)
    form = AccountForm()
    form.account_id.optional = True  # the tenant stays: the form shows it and does not send it
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: actions.edit(
                    account_id, name=form.name.data, model=form.model.data, mpn_id=form.mpn_id.data, percentages=percentages_of(form), by=tenancy.current()
                ),
                action="edit-csp-account",
            )  # fmt: skip
            return go_to(f"/csp/accounts/{account_id}", toast=_("The account was changed."))
        except Refused as no:
            form.refuse(no)
    return _edit(form, account)


@screen.get(f"/csp/accounts/<uuid:account_id>/<{SWITCHES}:switch>")
@needs("csp-account:manage", capacity="partner")
def ask(account_id: uuid.UUID, switch: str) -> Response:
    return _confirm(one(CspAccount, account_id), switch, Confirm())


@screen.post(f"/csp/accounts/<uuid:account_id>/<{SWITCHES}:switch>")
@needs("csp-account:manage", capacity="partner")
def act(account_id: uuid.UUID, switch: str) -> Response:
    account = one(CspAccount, account_id)
    form = Confirm()
    if not form.validate_on_submit():
        return _confirm(account, switch, form)
    do = {"disable": actions.disable, "enable": actions.enable, "disconnect": actions.disconnect}[switch]
    try:
        submit_once(form, lambda: do(account_id, by=tenancy.current()), action=f"{switch}-csp-account")
    except AlreadyDone:
        here = f"/csp/accounts/{account_id}"
        return show_fresh(here, "csp/account.html", **_page(one(CspAccount, account_id)))
    toasts = {
        "disable": _("Disabled: nothing is read from Microsoft."),
        "enable": _("Enabled."),
        "disconnect": _("Disconnected: the tokens are destroyed."),
    }
    return go_to(f"/csp/accounts/{account_id}", toast=toasts[switch])


def _page(account: CspAccount) -> dict[str, Any]:
    return {
        "account": account,
        "here": f"/csp/accounts/{account.id}",
        "model": MODELS[account.model],
        "means": MEANS[account.model],
        "consent": queries.consent_of(account),
        "tabs": _tabs(account, "account"),
        "may_log_in": account.state in states.MAY_LOG_IN and application.is_set_up(),
        "is_set_up": application.is_set_up(),
        "just_connected": "connected" in request.args and account.state == states.CONNECTED,
        "form": Confirm(),
        "percent": percent,
        **csp_runs.parts_of(account),
    }


def _tabs(account: CspAccount, current: str) -> list[dict[str, Any]]:
    here = f"/csp/accounts/{account.id}"
    return [
        {"label": _("Account"), "path": here, "current": current == "account"},
        {"label": _("History"), "path": f"{here}/history", "current": current == "history"},
    ]


def _leaving(page: Response) -> Response:
    return may_leave_for(page, application.present().bases.login) if application.is_set_up() else page


def _edit(form: AccountForm, account: CspAccount) -> Response:
    here = f"/csp/accounts/{account.id}"
    return show(
        "csp/account_form.html", block="form", status=form.status, form=form, cards=cards(), title=_("Edit account"), action=f"{here}/edit", cancel=here,
        crumbs=[(_("CSP accounts"), "/csp/accounts"), (account.name, here)], is_new=False, is_set_up=True, tenant_id=account.tenant_id,
    )  # fmt: skip


def _confirm(account: CspAccount, switch: str, form: PortalForm) -> Response:
    words = {
        "disable": (_("Disable account"), _("Disable"), _("Nothing is read from Microsoft until it is enabled. The consent and everything discovered stay."), "danger"),
        "enable": (_("Enable account"), _("Enable"), _("Discovery runs again, twice a day."), "primary"),
        "disconnect": (_("Disconnect account"), _("Disconnect and destroy the tokens"), _("The consent is destroyed and nothing more is read. Customers, invoices and statements stay to be read. To come back, the account is registered anew."), "danger"),
    }  # fmt: skip
    title, submit, sentence, kind = words[switch]
    return show(
        "confirm_page.html",
        block="decision",
        status=form.status,
        decision={
            "title": title, "eyebrow": account.name, "action": request.path, "submit": submit, "sentence": sentence, "kind": kind,
            "cancel": f"/csp/accounts/{account.id}", "form": form, "fields": [], "live": True,
        },
    )  # fmt: skip
