"""The time zones a form offers."""

from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from app.web.fields import offered


@lru_cache
def zones() -> list[str]:
    """UTC first, then Continent/City; names kept for old computers are left out."""
    return [
        "UTC",
        *sorted(
            zone
            for zone in available_timezones()
            if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))
        ),
    ]


def offer_zones(field: Any) -> None:
    """Fill a select with them, and with the one that is chosen, whatever it is."""
    chosen = field.data
    names = zones() if not chosen or chosen in zones() else [chosen, *zones()]
    field.choices = offered((zone, zone.replace("_", " ")) for zone in names)
