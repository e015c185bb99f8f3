"""The form of one metric and its price table: as many bands as the page has, read back band by band.

The page works without script: "Add band" and "Remove" post the form, which comes back with a band more or less and all else
as it was typed. `bands` says how many there are; band n has the fields `up_to_n` and `price_n`.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import RadioField

from app.catalog.listing_rules import METRIC_KINDS, MetricDraft
from app.catalog.model import Metric, MetricPrice
from app.catalog.price_table import MOST_BANDS, PriceDraft
from app.catalog.tariff import Band, Tariff
from app.web.fields import Carried, PortalForm, QuantityField, TextField, offered
from app.web.tariff_sample import USUAL

MODELS = {
    "per_unit": (_l("Per unit"), _l("every unit at one price")),
    "graduated": (_l("Graduated"), _l("each band at its own price")),
    "simple": (_l("Simple tier"), _l("the whole month at the price of the band it reaches")),
    "block": (_l("Block"), _l("one flat price for the band that the month reaches")),
}
KINDS = {
    "Hours": (_l("Hours"), _l("most used; decimals are fine")),
    "Implementation": (_l("Implementation"), _l("a one-time set-up cost that was agreed")),
    "Unit": (_l("Unit"), _l("whatever you count: servers, terabytes, reports")),
}


class PriceForm(PortalForm):
    """The prices alone, for a price change. Bands are added by form_of()."""

    model = RadioField(_l("Charge model"), choices=[], validate_choice=False)
    charge_unit = QuantityField(_l("A price is for"))
    #: the quantity of the preview; kept beside the form, never stored
    sample = QuantityField(_l("A month of"), optional=True)
    bands = Carried(default="1")

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [
            {"number": n, "up_to": self[f"up_to_{n}"], "price": self[f"price_{n}"]}
            for n in range(1, _number(self.bands.data) + 1)
        ]

    @property
    def prices(self) -> PriceDraft | None:
        """The table as written; None where a figure of it has no shape."""
        fields = [self.charge_unit, *(row[key] for row in self.rows for key in ("up_to", "price"))]
        if any(field.errors for field in fields) or self.charge_unit.data is None:
            return None
        bands = tuple(Band(row["up_to"].data, row["price"].data) for row in self.rows)
        return PriceDraft(self.model.data or "", self.charge_unit.data, bands)

    def own_fields(self) -> dict[str, Any]:
        return {name: value for name, value in super().own_fields().items() if name != "sample"}


class MetricForm(PriceForm):
    """What a plan counts, with its prices."""

    kind = RadioField(_l("What it counts"), choices=[], validate_choice=False)
    name = TextField(_l("Display name"), most=60)
    unit = TextField(_l("Unit beside a number"), most=20)
    unit_one = TextField(_l("One of it"), most=20, optional=True)
    step = QuantityField(_l("Smallest step"))
    month_limit = QuantityField(_l("Limit a month"), optional=True)

    @property
    def draft(self) -> MetricDraft:
        return MetricDraft(
            self.kind.data or "",
            self.name.data or "",
            self.unit.data or "",
            self.step.data or Decimal(0),
            self.month_limit.data,
            self.unit_one.data or "",
        )


def form_of(base: type[PriceForm], *, allows_block: bool, shown: Mapping[str, Any] | None = None) -> Any:
    """The form with its bands: from what was sent, or on GET from `shown`."""
    typed = _typed() if request.method == "POST" else None
    number = _number(typed.get("bands", "") if typed is not None else str((shown or {}).get("bands", "1")))
    own: dict[str, Any] = {}
    for n in range(1, number + 1):
        own[f"up_to_{n}"] = QuantityField(_("Band %(n)s, up to", n=n), optional=True)
        own[f"price_{n}"] = QuantityField(_("Band %(n)s, price", n=n), zero=True)
    made = type("PriceFormOfBands", (base,), own)
    form = made(formdata=typed) if typed is not None else made(**(shown or {}))
    form.bands.data = str(number)
    models = [key for key in MODELS if key != "block" or allows_block]
    form.model.choices = offered((key, MODELS[key][0]) for key in models)
    if hasattr(form, "kind"):
        form.kind.choices = offered((key, words[0]) for key, words in KINDS.items())
    return form


def reshaped() -> bool:
    """Whether the form was sent for another band or one less, not to be saved."""
    return request.method == "POST" and ("add_band" in request.form or "remove_band" in request.form)


def as_shown(metric: Metric | None, price: MetricPrice | None) -> dict[str, Any]:
    """What the form begins with."""
    shown: dict[str, Any] = {"model": "per_unit", "charge_unit": Decimal(1), "sample": USUAL, "bands": "1"}
    if metric is None:
        shown |= {"kind": "Hours", "unit": METRIC_KINDS["Hours"], "step": Decimal("0.25"), "name": _("Hours")}
    else:
        shown |= {
            "kind": metric.kind, "name": metric.name, "unit": metric.unit, "unit_one": metric.unit_one, "step": metric.step.normalize(),
            "month_limit": None if metric.month_limit is None else metric.month_limit.normalize(),
        }  # fmt: skip
    if price is not None:
        tariff: Tariff = price.tariff
        shown |= {"model": tariff.model, "charge_unit": tariff.charge_unit.normalize(), "bands": str(len(tariff.bands))}
        for n, band in enumerate(tariff.bands, 1):
            shown[f"up_to_{n}"] = band.up_to
            shown[f"price_{n}"] = band.price
    return shown


def _typed() -> MultiDict[str, str]:
    """What was sent, with a band more or less where that was asked for."""
    typed: MultiDict[str, str] = MultiDict(request.form)
    number = _number(typed.get("bands", ""))
    if "add_band" in typed and number < MOST_BANDS:
        typed["bands"] = str(number + 1)
        if typed.get("model") == "per_unit":
            typed["model"] = "graduated"  # per unit has one band
    elif "remove_band" in typed and number > 1:
        gone = typed.get("remove_band", "")
        place = int(gone) if re.fullmatch(r"[0-9]{1,2}", gone) else 0
        if 1 <= place <= number:
            for n in range(place, number):
                for key in ("up_to", "price"):
                    typed[f"{key}_{n}"] = typed.get(f"{key}_{n + 1}", "")
            typed["bands"] = str(number - 1)
    return typed


def _number(text: Any) -> int:
    return min(max(int(text), 1), MOST_BANDS) if isinstance(text, str) and re.fullmatch(r"[0-9]{1,3}", text) else 1
