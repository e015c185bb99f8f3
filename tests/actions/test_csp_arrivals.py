"""What was read again is written only where it is something else: another spelling of the same is nothing else."""

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.csp.customers import arrivals
from app.csp.customers.arrivals import Arrived, Owner
from app.csp.customers.model import CspCustomer
from app.csp.invoices.arrivals import documents_listed
from app.csp.microsoft.customers import customer_of, subscription_of
from app.csp.microsoft.decoding import Fields
from app.csp.microsoft.documents import document_of
from app.foundation.database import db, transaction
from app.foundation.tenancy import Viewer, acting_for_all
from tests.databases import Restorer
from tests.makers.csp_documents import make_account
from tests.people import everybody

TENANT = "0a1b2c3d-0000-4000-8000-000000000001"
BILLING, USAGE = ("OneTime", "BillingLineItems"), ("OneTime", "UsageLineItems")
LONG = "586366.1234567890123456789012345678"


@pytest.fixture
def at(app: Flask, restore_database: Restorer) -> Iterator[tuple[Owner, Viewer]]:
    partner = everybody(app, restore_database).northbridge
    with app.app_context(), acting_for_all("a test's discovery") as by:
        account = make_account(partner)
        yield Owner(partner.id, account.id), by


def invoice(*sets: tuple[str, str], **said: Any) -> dict[str, Any]:
    details = [{"billingProvider": provider, "invoiceLineItemType": kind} for provider, kind in sets]
    sent = {"id": "G1", "invoiceDate": "2024-05-09T00:00:00Z", "totalCharges": Decimal(LONG), "currencyCode": "EUR"}
    return {**sent, "documentType": "invoice", "invoiceType": "OneTime", "invoiceDetails": details, **said}


@pytest.mark.parametrize(
    ("again", "changed"),
    [
        (invoice(("one_time", "billing_line_items"), ("onetime", "usage_line_items")), 0),
        (invoice(USAGE, BILLING), 0),
        (invoice(BILLING, USAGE, invoiceType="one time", documentType="Invoice"), 0),
        (invoice(BILLING, USAGE, totalCharges=Decimal(LONG + "000")), 0),
        (invoice(BILLING, USAGE, totalCharges=Decimal(LONG[:-1] + "9")), 1),
        (invoice(BILLING), 1),
        (invoice(BILLING, ("azure", "UsageLineItems")), 1),
    ],
)
def test_a_document_is_changed_by_what_it_says(at: tuple[Owner, Viewer], again: dict[str, Any], changed: int) -> None:
    owner, by = at
    with transaction():
        assert documents_listed(owner, [document_of(Fields(invoice(BILLING, USAGE)))], by=by) == Arrived(1, 0)
    with transaction():
        assert documents_listed(owner, [document_of(Fields(again))], by=by) == Arrived(0, changed)


def test_a_customer_and_its_subscriptions_in_other_spellings_are_the_same(at: tuple[Owner, Viewer]) -> None:
    owner, by = at
    subscription = {
        "id": "S1",
        "quantity": 5,
        "unitType": "Usage-based",
        "status": "active",
        "billingCycle": "one_time",
    }
    spelled = {
        "ID": "s1",
        "Quantity": Decimal("5.0"),
        "unitType": "usage based",
        "status": "Active",
        "billingCycle": "OneTime",
    }
    for sent, relationship, expected in (
        (subscription, "reseller", Arrived(1, 0)),
        (spelled, "Reseller", Arrived(0, 0)),
    ):
        profile = {"companyName": "Aldgate", "domain": "aldgate.example"}
        customer = customer_of(Fields({"id": TENANT, "relationshipToPartner": relationship, "companyProfile": profile}))
        with transaction():
            assert arrivals.customers_listed(owner, [customer], by=by) == expected
            assert arrivals.subscriptions_read(owner, {_id(): [subscription_of(Fields(sent))]}, by=by) == expected


def _id() -> uuid.UUID:
    return db.session.scalars(select(CspCustomer.id).where(CspCustomer.tenant_id == TENANT)).one()
