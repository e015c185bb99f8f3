"""The site map, in menu order. One blueprint a screen, grouped in the wings' names."""

from importlib import import_module

from flask import Flask

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
    "customer.catalog",
    "customer.request_engagement",
    "customer.my_engagements",
    "customer.my_charges",
    "operator.rating_queue",
    "operator.programmes",
    "operator.organisations",
    "organisation.members",
    "demo.mailbox",
    "health",
)


def install(app: Flask) -> None:
    for name in SCREENS:
        app.register_blueprint(import_module(f"app.screens.{name}").screen)
