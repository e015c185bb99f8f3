"""Time zones for reading: where a member's clock stands, never by when something is due."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache
def zone_named(name: str) -> ZoneInfo:
    """The IANA zone; UTC where the machine does not know the name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def is_utc(zone: ZoneInfo) -> bool:
    return zone.key in ("UTC", "Etc/UTC")


def city_of(zone: ZoneInfo) -> str:
    """'Los Angeles' for America/Los_Angeles."""
    return zone.key.rpartition("/")[2].replace("_", " ")
