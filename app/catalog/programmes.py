"""Setting up a programme: the rules under which a family of services is sold, most of them for good.

Currency and remuneration are fixed once it stands: partners price in them, rated entries and charge lines are in them, and a
share that changed would change what is due for months already told. Other terms are another programme. What may be changed
later is in actions.py.
"""

import uuid
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel.core import get_global
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.catalog.actions import MANAGE_PROGRAMME, check_settings
from app.catalog.model import Programme
from app.foundation import history
from app.foundation.database import transaction
from app.foundation.history import Event
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.text import N_

REMUNERATIONS = ("revenue_share", "net_plus_mark_up")
#: percent with up to four decimals: 12.5, 33.3333
PERCENT_PLACES = 4
LONGEST_NAME = 120


@dataclass(frozen=True)
class Terms:
    """What a programme is set up with; the defaults are those with which an installation begins."""

    name: str
    cut_off: str = "reject-after-grace"
    completion_outcome: str = "delete"
    #: minor units of `currency`; None: no amount waits for a person
    review_threshold_minor: int | None = None
    currency: str = "USD"
    remuneration: str = "revenue_share"
    #: the partner's share of the gross, or what is added to the partner's net
    remuneration_percent: Decimal = Decimal(80)
    tax_percent: Decimal = Decimal(0)
    viewing_takes_all_three: bool = False
    allows_block: bool = False


PROGRAMME_CREATED = history.declare(
    Event(
        "programme_created",
        N_("Set up as %(name)s, in %(currency)s"),
        fields=frozenset(field.name for field in fields(Terms)),
        icon="add",
    )
)
#: the programme that `operator create` makes, so that partners can list services at once
DEFAULT = Terms("Marketplace services")


def create_programme(terms: Terms, *, seller_id: uuid.UUID, by: Viewer) -> Programme:
    """A new programme of this seller, the operator. Refuses a name that stands already and terms that make no sense."""
    by.must(MANAGE_PROGRAMME)
    name = " ".join(terms.name.split())
    check_terms(name, terms)
    with transaction() as session, acting_for_all("a programme's name is taken, whoever sees it"):
        if session.scalar(select(Programme.id).where(Programme.name == name)):
            raise Refused("name", N_("There is a programme of this name already."))
        programme = Programme(seller_id=seller_id, **{**asdict(terms), "name": name})
        try:
            with session.begin_nested():
                session.add(programme)
        except IntegrityError as meanwhile:  # a colleague took the name in the same moment
            raise Refused("name", N_("There is a programme of this name already.")) from meanwhile
        told: dict[str, Any] = {key: _told(value) for key, value in asdict(terms).items()}
        history.record(programme, PROGRAMME_CREATED, by=by, **{**told, "name": name})
    return programme


def check_terms(name: str, terms: Terms) -> None:
    """Refused on the first field that makes no sense.

    A share is above 0 and at most 100 %; a mark-up from 0 to 1,000 %; tax from 0 to 100 %.
    """
    if not name or len(name) > LONGEST_NAME:
        raise Refused("name", N_("Give the programme a name of 1 to 120 characters."))
    check_settings(
        {
            "cut_off": terms.cut_off,
            "completion_outcome": terms.completion_outcome,
            "review_threshold_minor": terms.review_threshold_minor,
        }
    )
    if terms.currency not in currencies():
        raise Refused("currency", N_("Choose a currency that is in use."))
    if terms.remuneration not in REMUNERATIONS:
        raise Refused("remuneration", N_("Choose how partners are remunerated."))
    percent = terms.remuneration_percent
    if terms.remuneration == "revenue_share" and not 0 < percent <= 100:
        raise Refused("remuneration_percent", N_("A share is more than 0 and at most 100 percent of the gross."))
    if not 0 <= percent <= 1000:
        raise Refused("remuneration_percent", N_("A mark-up is from 0 to 1,000 percent of the net."))
    if not 0 <= terms.tax_percent <= 100:
        raise Refused("tax_percent", N_("Tax is from 0 to 100 percent of the gross."))
    for field in ("remuneration_percent", "tax_percent"):
        if getattr(terms, field) != round(getattr(terms, field), PERCENT_PLACES):
            raise Refused(field, N_("Write at most four decimals."))


@lru_cache
def currencies() -> frozenset[str]:
    """ISO 4217 codes of what is legal tender somewhere today."""
    of_territories = get_global("territory_currencies").values()
    return frozenset(code for told in of_territories for code, _from, until, tender in told if tender and until is None)


def _told(value: object) -> str:
    if value is None:
        return "none"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
