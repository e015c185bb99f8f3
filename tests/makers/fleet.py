"""Forty engagements of one partner in the demo, for the month's second day: `flask shell`, then `make_fleet()`."""

from sqlalchemy import select

from app.catalog.model import Product
from app.catalog.queries import product_with_plans
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation
from tests.makers.engagements import make_engagement


def make_fleet(count: int = 40, product: str = "patch-management", customer: str = "Acme Logistics") -> None:
    """Engagements "Fleet 01" to "Fleet 40" of the demo's customer on the demo's service, active since last September."""
    with acting_for_all("a test's fleet"):
        found = db.session.scalars(select(Product).where(Product.slug == product)).one()
        service = product_with_plans(found.id)
        client = db.session.scalars(select(Organisation).where(Organisation.name == customer)).one()
    for number in range(1, count + 1):
        make_engagement(service, client, name=f"Fleet {number:02d}", at=BillingMonth(2026, 9).starts_at)
    db.session.remove()
