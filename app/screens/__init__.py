"""The site map, in menu order. One blueprint a screen, grouped in the wings' names."""

from importlib import import_module

from flask import Flask

from app.foundation.text import N_
from app.web.shell import Line

#: Every screen module; each holds one blueprint named `screen`.
SCREENS = (
    "account.sign_in",
    "account.sign_up",
    "account.invited",
    "account.security",
    "account.own_sessions",
    "account.switch",
    "account.saved_views",
    "account.notices",
    "home",
    "inbox",
    "notices",
    "engagements.products",
    "engagements.testing",
    "engagements.current_engagements",
    "engagements.past_engagements",
    "engagements.bulk_entry",
    "engagements.bulk_entry_file",
    "engagements.details",
    "engagements.history",
    "engagements.billing_entries",
    "engagements.add_billing_entry",
    "listing.create_product",
    "listing.catalog_entry",
    "listing.custom_parameters",
    "listing.support",
    "listing.pricing",
    "listing.metric_prices",
    "listing.price_changes",
    "listing.publish",
    "listing.evidence_files",
    "engagements.correct_entry",
    "engagements.correct_decisions",
    "customer.catalog",
    "customer.request_engagement",
    "customer.my_engagements",
    "customer.my_billing_entries",
    "customer.my_charges",
    "customer.my_cloud",
    "operator.rating_queue",
    "operator.new_programme",
    "operator.decide_entries",
    "reviews.pricing",
    "reviews.evidence",
    "reviews.publication",
    "operator.months",
    "operator.months_decisions",
    "operator.programmes",
    "operator.operations",
    "operator.operations_failed_rows",
    "operator.operations_outbox",
    "operator.operations_check",
    "operator.operations_jobs",
    "operator.organisations",
    "operator.organisation_members",
    "operator.organisation_changes",
    "organisation.members",
    "organisation.roles",
    "organisation.invitations",
    "organisation.second_factor",
    "organisation.own_history",
    "organisation.api_keys",
    "organisation.webhooks",
    "organisation.webhook_deliveries",
    "csp.invoices",
    "csp.invoice",
    "csp.invoice_customer",
    "csp.invoice_decisions",
    "csp.statements",
    "demo.mailbox",
    "health",
)


#: The side menu in site-map order: group, label, icon, path, permission, capacity. It shows what the viewer may open.
MENU = (
    Line(None, N_("Home"), "home", "/"),
    Line(None, N_("Inbox"), "task", "/inbox"),
    Line(None, N_("My products"), "catalog", "/products", "product:view", "partner"),
    Line(None, N_("Engagements"), "portfolio", "/engagements", "engagement:view", "partner"),
    Line(None, N_("Catalog"), "catalog", "/catalog", "catalog:view", "customer"),
    Line(None, N_("My engagements"), "portfolio", "/my/engagements", "engagement:view-own", "customer"),
    Line(None, N_("Charges"), "receipt", "/my/charges", "charge:view-own", "customer"),
    Line(None, N_("Engagements"), "portfolio", "/engagements", "engagement:view", "operator"),
    Line(N_("Cloud reselling (CSP)"), N_("CSP invoices"), "receipt", "/csp/invoices", "csp-billing:view", "partner"),
    Line(N_("Cloud reselling (CSP)"), N_("Statements"), "document", "/csp/statements", "csp-billing:view", "partner"),
    Line(None, N_("Cloud"), "cloud", "/my/cloud", "cloud:view-own", "customer"),
    Line(N_("Reviews"), N_("Rating queue"), "checkmark--outline", "/reviews/rating", "rating-queue:view", "operator"),
    Line(N_("Reviews"), N_("Pricing"), "pricing--traditional", "/reviews/pricing", "listing-review:view", "operator"),
    Line(N_("Reviews"), N_("Metering evidence"), "attachment", "/reviews/evidence", "listing-review:view", "operator"),
    Line(N_("Reviews"), N_("Publication"), "catalog", "/reviews/publication", "listing-review:view", "operator"),
    Line(N_("Close the month"), N_("Months"), "calendar", "/months", "month:view", "operator"),
    Line(N_("Platform"), N_("Programmes"), "rule", "/programmes", "programme:view", "operator"),
    Line(N_("Platform"), N_("Organisations"), "enterprise", "/organisations", "organisation:view", "operator"),
    Line(N_("Platform"), N_("Operations"), "activity", "/operations", "operations:view", "operator"),
    Line(N_("Organisation"), N_("Members and roles"), "user--multiple", "/members", "member:view"),
    Line(N_("Organisation"), N_("API keys"), "api", "/settings/api-keys", "api-key:manage"),
    Line(N_("Organisation"), N_("Webhooks"), "webhook", "/settings/webhooks", "webhook:manage"),
)


def install(app: Flask) -> None:
    for name in SCREENS:
        app.register_blueprint(import_module(f"app.screens.{name}").screen)
