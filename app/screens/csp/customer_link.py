"""Linking a CSP customer: to an organisation this partner works for, or to a new one whose first admin is invited by mail."""

import uuid
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField

from app.csp.customers import links
from app.csp.customers.model import CspCustomer
from app.csp.customers.queries import customer_of
from app.foundation import tenancy
from app.foundation.refusals import Refused
from app.foundation.tenancy import one
from app.foundation.text import N_
from app.members.rules import INVITED_FOR
from app.web.csp_customer_page import decision, head, path_of
from app.web.csp_linking import awaited_at, invite_admin_anew, link_to_new
from app.web.fields import EmailText, PortalForm, TextField, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.submissions import submit_once

screen = Blueprint("csp_customer_link", __name__, url_prefix="/csp/customers/<uuid:csp_customer_id>")


class LinkTo(PortalForm):
    organisation = SelectField(_l("Customer organisation"), validate_choice=False)


class LinkToNew(PortalForm):
    name = TextField(_l("Organisation's name"), most=200)
    admin_name = TextField(_l("First admin's full name"), most=200)
    email = EmailText(_l("First admin's e-mail"))


class InviteAnew(PortalForm):
    email = EmailText(_l("First admin's e-mail"))


class Unlink(PortalForm):
    """Nothing to fill in."""


@screen.get("/link")
@needs("csp-customer:manage", capacity="partner")
def show_link(csp_customer_id: uuid.UUID) -> Response:
    customer = one(CspCustomer, csp_customer_id)
    return _link_page(csp_customer_id, LinkTo(prefix="known-"), LinkToNew(name=customer.name))


@screen.post("/link")
@needs("csp-customer:manage", capacity="partner")
def link(csp_customer_id: uuid.UUID) -> Response:
    customer, form = one(CspCustomer, csp_customer_id), LinkTo(prefix="known-")
    if form.validate_on_submit():
        try:
            wanted = _chosen(form)
            submit_once(
                form,
                lambda: links.link_customer(csp_customer_id, wanted, by=tenancy.current()),
                action="link-csp-customer",
            )
            return go_to(path_of(csp_customer_id), toast=_("%(name)s is linked.", name=customer.name))
        except Refused as no:
            form.refuse(no)
    return _link_page(csp_customer_id, form, LinkToNew(name=customer.name, formdata=None))


@screen.post("/link/new")
@needs("csp-customer:manage", capacity="partner")
def link_new(csp_customer_id: uuid.UUID) -> Response:
    customer, form = one(CspCustomer, csp_customer_id), LinkToNew()
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: link_to_new(
                    csp_customer_id,
                    organisation=form.name.data,
                    admin_name=form.admin_name.data,
                    email=form.email.data,
                    by=tenancy.current(),
                ),
                action="link-csp-customer-to-new",
            )
            said = _("%(name)s is linked, and %(email)s invited by mail.", name=customer.name, email=form.email.data)
            return go_to(path_of(csp_customer_id), toast=said)
        except Refused as no:
            form.refuse(no)
    return _link_page(csp_customer_id, LinkTo(prefix="known-", formdata=None), form)


@screen.get("/invite-again")
@needs("csp-customer:manage", capacity="partner")
def ask_invite_again(csp_customer_id: uuid.UUID) -> Response:
    return _anew_page(csp_customer_id)


@screen.post("/invite-again")
@needs("csp-customer:manage", capacity="partner")
def invite_again(csp_customer_id: uuid.UUID) -> Response:
    one(CspCustomer, csp_customer_id)
    form = InviteAnew()
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: invite_admin_anew(csp_customer_id, email=form.email.data, by=tenancy.current()),
                action="invite-csp-admin-anew",
            )
            return go_to(path_of(csp_customer_id), toast=_("%(email)s is invited by mail.", email=form.email.data))
        except Refused as no:
            form.refuse(no)
    return _anew_page(csp_customer_id, form)


@screen.get("/unlink")
@needs("csp-customer:manage", capacity="partner")
def ask_unlink(csp_customer_id: uuid.UUID) -> Response:
    return _unlink_page(Unlink(), csp_customer_id)


@screen.post("/unlink")
@needs("csp-customer:manage", capacity="partner")
def unlink(csp_customer_id: uuid.UUID) -> Response:
    customer, form = one(CspCustomer, csp_customer_id), Unlink()
    if form.validate_on_submit():
        submit_once(
            form, lambda: links.unlink_customer(csp_customer_id, by=tenancy.current()), action="unlink-csp-customer"
        )
        return go_to(path_of(csp_customer_id), toast=_("%(name)s is not linked any more.", name=customer.name))
    return _unlink_page(form, csp_customer_id)


def _chosen(form: LinkTo) -> uuid.UUID:
    try:
        return uuid.UUID(form.organisation.data or "")
    except ValueError as wrong:
        raise Refused("organisation", N_("Choose an organisation from the list.")) from wrong


def _link_page(csp_customer_id: uuid.UUID, form: LinkTo, new: LinkToNew) -> Response:
    known = links.organisations_to_link()
    form.organisation.choices = offered([("", _("Choose …")), *((str(row.id), row.name) for row in known)])
    form.organisation.flags.required = True
    return show(
        "csp/customer_link.html", block="form", status=max(form.status, new.status), form=form, founding=new, known=known,
        days=INVITED_FOR.days, **head(csp_customer_id, ""),
    )  # fmt: skip


def _anew_page(csp_customer_id: uuid.UUID, form: InviteAnew | None = None) -> Response:
    waits = awaited_at(customer_of(csp_customer_id), by=tenancy.current())
    if waits is None:
        return go_to(path_of(csp_customer_id), toast=_("Nobody whom you invited is waited for."), kind="blocked")
    form = form or InviteAnew(email=waits.email)
    return decision(
        form, csp_customer_id, "invite-again", fields=[form.email],
        title=_("Invite the first admin anew"), submit=_("Invite"),
        sentence=_("The mail is sent again and works for %(days)s days. Under another address, the invitation before stops working.", days=INVITED_FOR.days),
    )  # fmt: skip


def _unlink_page(form: Any, csp_customer_id: uuid.UUID) -> Response:
    return decision(
        form, csp_customer_id, "unlink", danger=True,
        title=_("End the link"), submit=_("End the link"),
        sentence=_("Nothing more is issued to its people, and what is monitored closes to them. What was issued stays theirs; it can be linked again."),
    )  # fmt: skip
