"""What an account may be called, and whether who signed in is the registered tenant. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.csp.accounts import states
from app.foundation.refusals import Refused
from app.foundation.text import N_

_GUID = re.compile(r"\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?")
_MPN = re.compile(r"[0-9]{1,20}")
#: the first percentage that is refused
PERCENT_LIMIT = Decimal(1000)
#: a Login with Microsoft is good for so long: time enough for MFA, too short to lie about
LOGIN_LASTS = timedelta(minutes=30)
#: an access token is not used any more for its last two minutes, or the last quarter of one that lives for less than eight
SPARE, SPARE_PART = timedelta(minutes=2), 4
#: a refresh token that nobody uses for so long is dead
UNUSED_LASTS = timedelta(days=90)


def check_tenant_id(text: str) -> str:
    """'A478F132-3BD7-496d-9b4f-337e88c68c7e' in the one spelling we keep, lower-case. Refuses what is no GUID."""
    found = _GUID.fullmatch(text.strip().lower())
    if not found or set(found[1]) <= {"0", "-"}:
        raise Refused(
            "account_id",
            N_("Write the tenant's id as Partner Center shows it, such as a478f132-3bd7-496d-9b4f-337e88c68c7e."),
        )
    return found[1]


def check_mpn_id(text: str | None) -> str | None:
    if not text:
        return None
    if not _MPN.fullmatch(text.strip()):
        raise Refused("mpn_id", N_("A PartnerID is digits alone, such as 4847383."))
    return text.strip()


def check_percent(field: str, value: Decimal | None) -> Decimal | None:
    """0.00 to 999.99 with two decimals; None is not set, which is not 0."""
    if value is None:
        return None
    if not 0 <= value < PERCENT_LIMIT:
        raise Refused(field, N_("Write a percentage from 0 to 999.99."))
    if value != value.quantize(Decimal("0.01")):
        raise Refused(field, N_("Write at most two decimals."))
    return value


def check_model(model: str) -> str:
    if model not in states.MODELS:
        raise Refused("model", N_("Choose how you buy from Microsoft."))
    return model


def lapses_at(used_at: datetime) -> datetime:
    """When the consent dies of not being used."""
    return used_at + UNUSED_LASTS


def used_until(given_at: datetime, expires_in: int) -> datetime:
    """How long an access token is used that lasts so many seconds."""
    lasts = timedelta(seconds=expires_in)
    return given_at + lasts - min(SPARE, lasts / SPARE_PART)


def login_counts(begun_at: datetime, used_at: datetime | None, now: datetime) -> bool:
    """Whether a Login with Microsoft may still come back: once, within half an hour. At the very end it may not."""
    return used_at is None and now < begun_at + LOGIN_LASTS


def why_another(registered: str, organisation: Mapping[str, Any]) -> str | None:
    """The tenant that signed in, where it is not the registered one; None where it is.

    `organisation`: the answer of /v1/profiles/organization, whose tenantId, or else id, names the partner account.
    """
    lowered = {name.lower(): value for name, value in organisation.items()}
    said = str(lowered.get("tenantid") or lowered.get("id") or "").strip().lower()
    return None if said == registered else said or "?"


def is_vetted(legal_business: Mapping[str, Any]) -> bool:
    """Whether Microsoft authorized the legal business; what it does not say is taken for yes."""
    said = {name.lower(): value for name, value in legal_business.items()}.get("vettingstatus")
    return said is None or str(said).lower() == "authorized"
