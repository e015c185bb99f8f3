"""Products on their way into the demo's catalog: one is written, three wait for the operator, and one price is about to change.

Lived through the room's own actions, in the last days before the demo begins.
"""

import struct
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import update

from app.catalog import entries, evidence, plans, price_changes, requests, reviews
from app.catalog.listing_queries import reviews_of
from app.catalog.listing_rules import MetricDraft, ParameterDraft
from app.catalog.model import Product
from app.catalog.price_table import PriceDraft
from app.catalog.states import PRICING_APPROVED
from app.catalog.tariff import Band
from app.commands.demo.catalog import Shelf
from app.commands.demo.people import Cast
from app.engagements.price_notices import announce_prices
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing

SUPPORT = (
    "Monday to Friday, 07:00 to 19:00 Central European Time, in English and German.\n"
    "support@{host}, +44 20 7946 0300\n"
    "Escalation: the duty manager, +44 20 7946 0399, around the clock."
)

Bands = tuple[tuple[str | None, str], ...]
_HOURS = MetricDraft("Hours", "Hours", "h", Decimal("0.25"))


def list_products(cast: Cast, shelf: Shelf, now: datetime) -> None:
    ada, cy, olga = (cast.viewers[name] for name in ("ada", "cy", "olga"))
    programme = shelf.programmes["Managed professional services"].id
    with _at(now - timedelta(days=3), ada):
        log_watch = _log_watch(ada, programme)
    with _at(now - timedelta(hours=30), ada):
        requests.request_pricing(log_watch, version=_version(log_watch), by=ada)

    firewall = _approved_pricing(
        cy, olga, programme, now - timedelta(days=6), "Firewall care", "Security",
        "Rules reviewed each quarter, changes made within a day.", (("50", "172"), (None, "158")), "graduated",
    )  # fmt: skip
    _evidence(firewall, cy, olga, now - timedelta(hours=9), approve=False)

    compliance = _approved_pricing(
        ada, olga, programme, now - timedelta(days=9), "Compliance evidence", "Security",
        "The papers your auditor asks for, collected before the auditor does.", ((None, "148"),), "per_unit",
    )  # fmt: skip
    _evidence(compliance, ada, olga, now - timedelta(days=4), approve=True)
    with _at(now - timedelta(hours=3), ada):
        requests.request_publication(compliance, version=_version(compliance), by=ada)

    this_month = BillingMonth.at(now)
    _price_change(shelf.products["Managed backup"], ada, olga, this_month.previous.starts_at)
    _announce(cast, this_month.starts_at)


def publish_shelf(cast: Cast, shelf: Shelf, at: datetime) -> None:
    """The year's services, from their approved prices into the catalog: evidence, its approval, publication."""
    olga = cast.viewers["olga"]
    partners = {viewer.organisation_id: viewer for name, viewer in cast.viewers.items() if name in ("ada", "cy")}
    for product in shelf.products.values():
        if product.state != PRICING_APPROVED:
            continue
        by = partners[product.partner_id]
        _evidence(product, by, olga, at, approve=True)
        with _at(at + timedelta(hours=6), by):
            requests.request_publication(product, version=_version(product), by=by)
        with _at(at + timedelta(hours=9), olga):
            _approve(product, olga)


def _log_watch(by: Viewer, programme: uuid.UUID) -> Product:
    product = _product(
        by, programme, "Log watch", "Security", "Eyes on your logs around the clock, and a call when it matters."
    )
    for draft in (
        ParameterDraft("Log volume a day", "short_text", (), True),
        ParameterDraft("Keep logs for", "selection", ("30 days", "90 days", "1 year"), True),
        ParameterDraft("We may read personal names in logs", "checkbox"),
    ):
        entries.add_parameter(product, version=_version(product), draft=draft, by=by)
    volume = MetricDraft("Unit", "Log volume", "GB", Decimal(1))
    standard = _plan(product, by, "Standard", "Weekdays, alerts by mail.")
    _metric(product, standard, by, volume, "graduated", (("500", "1.90"), ("2000", "1.55"), (None, "1.20")))
    _metric(product, standard, by, _HOURS, "per_unit", ((None, "165"),))
    around = _plan(product, by, "Around the clock", "Nights, weekends and a call within 15 minutes.")
    _metric(product, around, by, volume, "simple", (("1000", "2.60"), (None, "2.10")))
    return product


def _approved_pricing(
    by: Viewer,
    olga: Viewer,
    programme: uuid.UUID,
    at: datetime,
    name: str,
    shelf: str,
    summary: str,
    bands: Bands,
    model: str,
) -> Product:
    """A product with one plan whose pricing the operator has approved."""
    with _at(at, by):
        product = _product(by, programme, name, shelf, summary)
        _metric(product, _plan(product, by, "Standard", "By the hour."), by, _HOURS, model, bands)
        requests.request_pricing(product, version=_version(product), by=by)
    with _at(at + timedelta(hours=7), olga):
        _approve(product, olga)
    return product


def _evidence(product: Product, by: Viewer, olga: Viewer, at: datetime, *, approve: bool) -> None:
    with _at(at, by):
        for place, slot in enumerate(evidence.SLOTS):
            picture = _picture(240 + 20 * place, 120, shade=200 - 40 * place)
            evidence.add_evidence(product, slot=slot, file_name=f"{product.slug}-{slot}.png", content=picture, by=by)
        requests.submit_evidence(product, version=_version(product), by=by)
    if approve:
        with _at(at + timedelta(hours=5), olga):
            _approve(product, olga)


def _price_change(product: Product, by: Viewer, olga: Viewer, month: datetime) -> None:
    """Approved last month, so by the guide's rule its customers are told this month and it counts from the next."""
    with _at(month + timedelta(days=9), by):
        plan = requests.plans_with_prices(product)[0]
        metrics = {metric.name: metric.id for metric in plan.metrics}
        price_changes.start_price_change(product, version=_version(product), plan_id=plan.id, by=by)
        for name, model, bands in (
            ("Protected data", "graduated", (("10", "44.00"), ("50", "39.50"), (None, "32.00"))),
            ("Hours", "per_unit", ((None, "168"),)),
        ):
            price_changes.change_prices(
                product, version=_version(product), plan_id=plan.id, metric_id=metrics[name],
                prices=_prices(model, bands), by=by,
            )  # fmt: skip
        requests.request_price_change(product, version=_version(product), plan_id=plan.id, effective_from=None, by=by)
    with _at(month + timedelta(days=10), olga):
        _approve(product, olga)


def _announce(cast: Cast, at: datetime) -> None:
    """On the 1st; customers for whom nobody signs in have no mailbox either."""
    with clock.pinned(at), acting_for_all("the demo's price notices") as system:
        for version_id in price_changes.changes_to_announce():
            announce_prices(version_id, by=system)
        signed_in = [str(viewer.organisation_id) for name, viewer in cast.viewers.items() if name in ("dot", "eve")]
        db.session.execute(
            update(OutboxRow)
            .where(OutboxRow.template == "prices_change", OutboxRow.address.not_in(signed_in))
            .values(sent_at=at)
        )


def _product(by: Viewer, programme: uuid.UUID, name: str, category: str, summary: str) -> Product:
    host = f"{by.organisation_name.split()[0].lower()}.example"
    slug = name.lower().replace(" ", "-")
    product = entries.create_product(name=name, slug=slug, programme_id=programme, by=by)
    entries.change_catalog_entry(
        product, version=_version(product), name=name, category=category, summary=summary,
        description=f"{summary}\nA named team, a monthly report, and a runbook that stays with you.",
        request_email=f"requests@{host}", by=by,
    )  # fmt: skip
    entries.change_support(product, version=_version(product), support=SUPPORT.format(host=host), by=by)
    return product


def _plan(product: Product, by: Viewer, name: str, description: str) -> uuid.UUID:
    code = name.lower().replace(" ", "-")
    return plans.add_plan(product, version=_version(product), name=name, code=code, description=description, by=by).id


def _metric(product: Product, plan_id: uuid.UUID, by: Viewer, draft: MetricDraft, model: str, bands: Bands) -> None:
    plans.add_metric(
        product, version=_version(product), plan_id=plan_id, draft=draft, prices=_prices(model, bands), by=by
    )


def _prices(model: str, bands: Bands) -> PriceDraft:
    made = tuple(Band(None if up_to is None else Decimal(up_to), Decimal(price)) for up_to, price in bands)
    return PriceDraft(model, Decimal(1), made)


def _approve(product: Product, by: Viewer) -> None:
    waiting = next(review for review in reviews_of(product.id) if review.outcome is None)
    reviews.approve(waiting.id, by=by)


def _version(product: Product) -> int:
    return one(Product, product.id).version


@contextmanager
def _at(instant: datetime, viewer: Viewer) -> Iterator[Any]:
    with clock.pinned(instant), viewing(viewer):
        yield


def _picture(width: int, height: int, *, shade: int) -> bytes:
    """A grey screenshot, small and real: what was measured is nobody's."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    lines = b"".join(b"\0" + bytes([shade if row % 24 < 16 else 244]) * width for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
