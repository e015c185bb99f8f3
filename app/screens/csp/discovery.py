"""Discovery of one CSP account: how far it is, the runs there were, Trigger Discovery and Stop."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from app.csp.accounts.model import CspAccount
from app.csp.discovery import actions, queries, rules, states
from app.csp.permissions import RUN_DISCOVERY
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import one
from app.web import csp_runs
from app.web.exports import download
from app.web.fields import PortalForm
from app.web.fragments import go_to, show, show_fresh, wants_fragment
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("csp_discovery", __name__)

LIST = ListOf()
HERE = "/csp/accounts/<uuid:account_id>/discovery"


class Confirm(PortalForm):
    """A decision without a field."""


@screen.get(HERE)
@screen.get(f"{HERE}.<any(csv, xlsx):kind>")
@needs(RUN_DISCOVERY, capacity="partner")
def show_discovery(account_id: uuid.UUID, kind: str = "") -> Any:
    account = one(CspAccount, account_id)
    if kind:
        return download(kind, "discovery-runs", csp_runs.COLUMNS, map(csp_runs.run_row, queries.every_run(account_id)))
    page = _page(account)
    watched, run = request.args.get("watched"), page["runs"].run
    if watched and wants_fragment() and run is not None and not page["runs"].is_live:
        # what was watched has ended: the whole page is another one now, and says so once
        words = csp_runs.STATE_WORDS[page["runs"].state]
        toast = _("Discovery run %(number)s: %(state)s", number=run.number, state=words)
        return go_to(
            f"/csp/accounts/{account_id}", toast=toast, kind="blocked" if run.state == states.ERROR else "done"
        )
    return show("csp/discovery.html", block="discovery", **page)


@screen.get(f"{HERE}/trigger", endpoint="ask_trigger")
@screen.post(f"{HERE}/trigger")
@needs(RUN_DISCOVERY, capacity="partner")
def trigger(account_id: uuid.UUID) -> Response:
    account, form = one(CspAccount, account_id), Confirm()
    here = f"/csp/accounts/{account_id}"
    if form.validate_on_submit():
        live = actions.live_run(account_id)
        try:
            submit_once(form, lambda: actions.trigger(account_id, by=tenancy.current()), action="trigger-discovery")
        except Refused as no:
            form.refuse(no)
        else:
            if live is not None:
                return go_to(
                    here, toast=_("Discovery is already in progress: run %(number)s.", number=live.number), kind="news"
                )
            return go_to(here, toast=_("Discovery starts within seconds."))
    refused = rules.why_no_run(account.state)
    decision = {
        "title": _("Start discovery now?"),
        "eyebrow": account.name,
        "action": request.path,
        "submit": _("Start discovery"),
        "sentence": translate(refused) if refused else _(
            "It reads customers, subscriptions, usage and invoices with their lines; a first run may take 20 to 40 minutes. Nothing is changed at Microsoft. By itself it runs twice a day."
        ),
        "cancel": here,
        "form": form,
        "live": True,
    }  # fmt: skip
    return show("confirm_page.html", block="decision", status=form.status, decision=decision)


@screen.get(f"{HERE}/stop", endpoint="ask_stop")
@screen.post(f"{HERE}/stop")
@needs(RUN_DISCOVERY, capacity="partner")
def stop(account_id: uuid.UUID) -> Response:
    account, form = one(CspAccount, account_id), Confirm()
    here, path = f"/csp/accounts/{account_id}", csp_runs.here_of(account_id)
    live = actions.live_run(account_id)
    try:
        if form.validate_on_submit():
            submit_once(form, lambda: actions.ask_to_stop(account_id, by=tenancy.current()), action="stop-discovery")
            return go_to(here, toast=_("It stops at the next page. What was read stays."))
        if live is None:
            raise AlreadyDone(states.NOT_STARTED, states.STOP)
    except AlreadyDone:
        return show_fresh(path, "csp/discovery.html", **_page(account))
    decision = {
        "title": _("Stop discovery run %(number)s", number=live.number),
        "eyebrow": account.name,
        "action": request.path,
        "submit": _("Stop discovery"),
        "sentence": _(
            "It ends at the next page. What was read stays, and the next run goes on with what was not fetched."
        ),
        "kind": "danger",
        "cancel": here,
        "form": form,
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=decision)


def _page(account: CspAccount) -> dict[str, Any]:
    listing = LIST.read(csp_runs.here_of(account.id))
    return csp_runs.parts_of(account, listing.after, listing.before)
