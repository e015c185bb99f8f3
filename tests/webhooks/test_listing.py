"""What endpoints are told of a product on its way into the catalog, and of changes of its prices."""

import json
import re
from typing import Any

import time_machine

from app.catalog import price_changes, requests, reviews
from app.catalog import states as catalog
from app.catalog.model import Product
from app.foundation import clock
from app.foundation.tenancy import acting_for_all, one, viewing
from app.jobs import announce_prices
from app.jobs.work import never
from tests.makers import make_engagement
from tests.makers.listing import make_listing, open_review
from tests.people import People
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.stage import listen, types


def change_prices(product: Product, people: People) -> None:
    """A copy of the prices in force, asked for and approved."""
    ada, olga, plan_id = people.viewer("ada"), people.viewer("olga"), product.plans[0].id
    with viewing(ada):
        price_changes.start_price_change(product, version=one(Product, product.id).version, plan_id=plan_id, by=ada)
        requests.request_price_change(
            product, version=one(Product, product.id).version, plan_id=plan_id, effective_from=None, by=ada
        )
    with viewing(olga):
        reviews.approve(open_review(product).id, by=olga)


def test_a_listing_is_told_to_its_partner_alone(people: People, send: Any) -> None:
    """Asked for, sent back, approved, published, changed in price: each with what the product is called by, and no amount."""
    olga, by = people.viewer("olga"), people.viewer("ada")
    with receiving() as ada, receiving() as dot, receiving() as cy:
        for person, receiver in (("ada", ada), ("dot", dot), ("cy", cy)):
            listen(people, person, receiver.url)
        product = make_listing(people.northbridge, catalog.PRICING_REQUESTED, by=by, operator=olga)
        with viewing(olga):
            reviews.reject(open_review(product).id, reason="Too dear.", by=olga)
        send()
        assert sorted(types(ada)) == ["product.prices_returned", "product.pricing_returned"]
        told = [json.loads(body)["data"] for body in ada.bodies]
        assert all(data["product_id"] == str(product.id) and data["reason"] == "Too dear." for data in told)
        assert {data["status"] for data in told} == {"draft"}
        about = [data.get("price_version_id") for data in told]
        assert sorted(map(str, about)) == sorted(["None", str(product.plans[0].price_versions[0].id)])
        ada.received.clear()
        made = make_listing(people.northbridge, catalog.WITHDRAWN, name="Night watch", by=by, operator=olga)
        send()
        assert sorted(types(ada)) == [
            "product.evidence_approved", "product.prices_approved", "product.pricing_approved", "product.published",
            "product.withdrawn",
        ]  # fmt: skip
        published = next(body for body in ada.bodies if "product.published" in body)
        assert json.loads(published)["data"] == {"product_id": str(made.id), "status": "published", "edition": 1}
        assert not [
            word for word in ("150", "amount") if word in re.sub(r'"[^"]*(_id|stamp)":"[^"]*"', "", "".join(ada.bodies))
        ]
        assert dot.received == cy.received == []


def test_a_price_change_is_told_when_customers_are(people: People, receiver: Receiver, send: Any) -> None:
    with time_machine.travel("2026-03-10T09:00:00Z", tick=False) as time:
        listen(people, "ada", receiver.url, "product.prices_announced")
        product = make_listing(
            people.northbridge, catalog.PUBLISHED, by=people.viewer("ada"), operator=people.viewer("olga")
        )
        make_engagement(product, people.acme, at=clock.now())
        change_prices(product, people)
        time.move_to("2026-04-01T00:00:00Z")
        with acting_for_all("a test's job") as job:
            announce_prices.run(by=job, stopped=never)
        send()
        (message,) = [json.loads(body) for body in receiver.bodies]
        assert message["data"] == {
            "product_id": str(product.id), "status": None, "plan": "Standard", "month": "May 2026", "customers": 1,
        }  # fmt: skip
