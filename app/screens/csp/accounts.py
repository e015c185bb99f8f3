"""CSP accounts: the list, and registering one more.

"To add a new partner account click on the ADD ACCOUNT button on the top right of the screen."
"""

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.csp.accounts import application, queries, states
from app.csp.accounts.actions import register
from app.csp.accounts.login import begin
from app.csp.discovery.queries import last_runs
from app.documents import Column, Words, rows_of
from app.foundation import tenancy
from app.foundation.pages import page_of
from app.foundation.refusals import Refused
from app.web.csp_account_form import MODELS, AccountForm, cards, percentages_of
from app.web.exports import download
from app.web.filters import Choice
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.security_headers import may_leave_for
from app.web.submissions import submit_once
from app.web.ui import TAGS

screen = Blueprint("csp_accounts", __name__)

STATES = {state: TAGS[state].label for state in (
    states.CONNECTED, states.RECONSENT_NEEDED, states.CONSENT_PENDING, states.DRAFT, states.DISABLED, states.DISCONNECTED,
)}  # fmt: skip
LIST = ListOf(Choice("state", _l("Status"), STATES))
COLUMNS = (
    Column(_l("Account Name"), "name"),
    Column(_l("Account Id"), "tenant_id"),
    Column(_l("Model"), Words("model", MODELS)),
    Column(_l("Status"), Words("state", STATES)),
    Column(_l("Currency"), "currency"),
    Column(_l("Consented at (UTC)"), "consented_at"),
    Column(_l("Added at (UTC)"), "created_at"),
    Column(_l("Identifier"), "id"),
)


@screen.get("/csp/accounts")
@screen.get("/csp/accounts.<any(csv, xlsx):kind>")
@needs("csp-account:manage", capacity="partner")
def show_list(kind: str = "") -> Response:
    listing = LIST.read()
    found = queries.accounts(**listing.values)
    if kind:
        return download(
            kind, "csp-accounts", COLUMNS, rows_of(found.order_by(*(key.desc() for key in queries.LIST_KEYS)))
        )
    page = page_of(found, queries.LIST_KEYS, after=listing.after, before=listing.before)
    return show(
        "csp/accounts.html", block="list", listing=listing.with_page(page), rows=page.rows, models=MODELS, runs={one.account_id: one for one in last_runs()},
    )  # fmt: skip


@screen.get("/csp/accounts/new")
@needs("csp-account:manage", capacity="partner")
def show_new() -> Response:
    return _new(AccountForm(model=states.DIRECT))


@screen.post("/csp/accounts/new")
@needs("csp-account:manage", capacity="partner")
def add() -> Response:
    """Registers the account and goes on to Microsoft."""
    form = AccountForm()
    if form.validate_on_submit():
        try:
            account_id, _first = submit_once(
                form,
                lambda: register(
                    form.name.data, form.account_id.data, form.model.data, mpn_id=form.mpn_id.data, percentages=percentages_of(form), by=tenancy.current()
                ),
                action="register-csp-account",
            )  # fmt: skip
            return go_to(
                begin(account_id, by=tenancy.current()) if application.is_set_up() else f"/csp/accounts/{account_id}"
            )
        except Refused as no:
            form.refuse(no)
    return _new(form)


def _new(form: AccountForm) -> Response:
    page = show(
        "csp/account_form.html",
        block="form",
        status=form.status,
        form=form,
        cards=cards(),
        title=_("Add account"),
        action="/csp/accounts/new",
        cancel="/csp/accounts",
        crumbs=[(_("CSP accounts"), "/csp/accounts")],
        is_new=True,
        is_set_up=application.is_set_up(),
    )
    return may_leave_for(page, application.present().bases.login) if application.is_set_up() else page
