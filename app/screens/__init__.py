"""The site map, in menu order. One blueprint a screen, grouped in the wings' names."""

from importlib import import_module

from flask import Flask

from app.foundation.text import N_
from app.web.shell import Line

#: Every screen module; each holds one blueprint named `screen`.
SCREENS = (
    "account.sign_in",
    "account.security",
    "account.switch",
    "home",
    "engagements.products",
    "engagements.current_engagements",
    "engagements.past_engagements",
    "engagements.details",
    "engagements.history",
    "engagements.billing_entries",
    "engagements.add_billing_entry",
    "engagements.correct_entry",
    "engagements.correct_decisions",
    "customer.catalog",
    "customer.request_engagement",
    "customer.my_engagements",
    "customer.my_billing_entries",
    "customer.my_charges",
    "operator.rating_queue",
    "operator.months",
    "operator.months_decisions",
    "operator.programmes",
    "operator.organisations",
    "organisation.members",
    "demo.mailbox",
    "health",
)


#: The side menu in site-map order: group, label, icon, path, permission, capacity. It shows what the viewer may open.
MENU = (
    Line(None, N_("Home"), "home", "/"),
    Line(None, N_("My products"), "catalog", "/products", "product:view", "partner"),
    Line(None, N_("Engagements"), "task", "/engagements", "engagement:view", "partner"),
    Line(None, N_("Catalog"), "catalog", "/catalog", "catalog:view", "customer"),
    Line(None, N_("My engagements"), "task", "/my/engagements", "engagement:view-own", "customer"),
    Line(None, N_("Charges"), "receipt", "/my/charges", "charge:view-own", "customer"),
    Line(None, N_("Rating queue"), "checkmark--outline", "/reviews/rating", "rating-queue:view", "operator"),
    Line(None, N_("Engagements"), "task", "/engagements", "engagement:view", "operator"),
    Line(N_("Close the month"), N_("Months"), "calendar", "/months", "month:view", "operator"),
    Line(N_("Platform"), N_("Programmes"), "rule", "/programmes", "programme:view", "operator"),
    Line(N_("Platform"), N_("Organisations"), "enterprise", "/organisations", "organisation:view", "operator"),
    Line(N_("Organisation"), N_("Members and roles"), "user--multiple", "/members", "member:view"),
)


def install(app: Flask) -> None:
    for name in SCREENS:
        app.register_blueprint(import_module(f"app.screens.{name}").screen)
