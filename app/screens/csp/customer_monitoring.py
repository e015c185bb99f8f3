"""Monitoring switches of a CSP customer's subscriptions, one by one and all at once."""

import uuid
from typing import Any

from flask import Blueprint
from flask_babel import gettext as _
from wtforms import RadioField

from app.csp.customers import monitoring
from app.csp.customers.model import CspCustomer, CspSubscription
from app.foundation import tenancy
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import one
from app.web.csp_customer_page import path_of
from app.web.fields import PortalForm, offered
from app.web.fragments import go_to
from app.web.guard import needs
from app.web.submissions import submit_once

screen = Blueprint("csp_customer_monitoring", __name__, url_prefix="/csp/customers/<uuid:csp_customer_id>")

ON, OFF = "on", "off"


class Switch(PortalForm):
    """The buttons say which; there is nothing to type, so nothing to correct either."""

    switch = RadioField(choices=offered([(ON, ON), (OFF, OFF)]))


@screen.post("/monitoring")
@needs("csp-customer:manage", capacity="partner")
def switch_all(csp_customer_id: uuid.UUID) -> Any:
    one(CspCustomer, csp_customer_id)
    form = Switch()
    if not form.validate_on_submit():
        return _not_sent_whole(csp_customer_id)
    on = form.switch.data == ON
    submit_once(
        form,
        lambda: monitoring.monitor_all(csp_customer_id, on=on, by=tenancy.current()),
        action="monitor-all-subscriptions",
    )
    said = _("All subscriptions are monitored.") if on else _("No subscription is monitored any more.")
    return go_to(path_of(csp_customer_id), toast=said)


@screen.post("/subscriptions/<uuid:csp_subscription_id>/monitoring")
@needs("csp-customer:manage", capacity="partner")
def switch_one(csp_customer_id: uuid.UUID, csp_subscription_id: uuid.UUID) -> Any:
    one(CspCustomer, csp_customer_id)
    subscription, form = one(CspSubscription, csp_subscription_id), Switch()
    if subscription.customer_id != csp_customer_id:
        raise NotVisible
    if not form.validate_on_submit():
        return _not_sent_whole(csp_customer_id)
    on = form.switch.data == ON
    submit_once(
        form,
        lambda: monitoring.monitor(csp_customer_id, csp_subscription_id, on=on, by=tenancy.current()),
        action="monitor-subscription",
    )
    name = subscription.name or subscription.subscription_id
    said = _("%(name)s is monitored.", name=name) if on else _("%(name)s is not monitored any more.", name=name)
    return go_to(path_of(csp_customer_id), toast=said)


def _not_sent_whole(csp_customer_id: uuid.UUID) -> Any:
    return go_to(
        path_of(csp_customer_id),
        toast=_("Nothing was changed: the form did not arrive whole. Press the button again."),
        kind="blocked",
    )
