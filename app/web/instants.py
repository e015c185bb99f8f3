"""How instants, months and lengths of time are written.

In a template (``at`` an aware datetime, None an em dash):
    {{ entry.submitted_at | instant }}         <time datetime=... title="31 Oct 2026 18:02:11 UTC">31 Oct 2026 18:02</time>
    {{ entry.submitted_at | instant_short }}   the same with "31 Oct 18:02" when it lies in this year
    {{ entry.submitted_at | instant_text }}    plain text "31 Oct 2026 18:02", for attributes
    {{ month.closes_at | instant_utc }}        plain text "3 Nov 2026 00:00 UTC"
    {{ entry.month | month }}                  "October 2026"
    {{ entry.month | month_name }}             "October", where the year is plain
    {{ row.open_month | month_short_of }}      "Oct" of 202610, as tables keep a month
    {{ month.frozen_at | day }}                plain text "3 Oct 2026"
    {{ entry.submitted_at | ago }}             "2 d 11 h": how long since
    {{ seconds | duration }}                   "12 min 40 s"; takes seconds or a timedelta, two units at most
    {{ closes_at | deadline }}                 "closes 3 Nov 2026 00:00 UTC, 01:00 in Prague, in 1 d 4 h" as Markup; its
                                               pieces: (closes_at | deadline).utc  .local  .left  .passed  .at
The viewer's zone is for reading only; every deadline is decided in UTC or in its policy's zone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from flask_babel import gettext as _
from markupsafe import Markup, escape

from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.tenancy import NoViewer, current
from app.foundation.zones import city_of, is_utc, zone_named
from app.web.figures import DASH
from app.web.languages import locale_name


def viewer_zone() -> ZoneInfo:
    try:
        return zone_named(current().zone)
    except NoViewer:
        return zone_named("UTC")


def instant_text(at: datetime | None) -> str:
    return DASH if at is None else _written(at.astimezone(viewer_zone()))


def instant_utc(at: datetime | None) -> str:
    return DASH if at is None else f"{_written(at.astimezone(UTC))} UTC"


def instant(at: datetime | None) -> Markup | str:
    return DASH if at is None else _time_tag(at, instant_text(at))


def instant_short(at: datetime | None) -> Markup | str:
    if at is None:
        return DASH
    local = at.astimezone(viewer_zone())
    this_year = local.year == clock.now().astimezone(local.tzinfo).year
    return _time_tag(at, _written(local, year=not this_year))


def month(value: BillingMonth | None) -> str:
    if value is None:
        return DASH
    names = _month_names(locale_name(), "stand-alone", "wide")
    return f"{names[value.month]} {value.year}"


def month_name(value: BillingMonth) -> str:
    return _month_names(locale_name(), "stand-alone", "wide")[value.month]


def month_short(value: BillingMonth) -> str:
    """'Oct', at a chart's bar."""
    return _month_names(locale_name(), "stand-alone", "abbreviated")[value.month]


def month_short_of(number: int) -> str:
    """The same of a month as tables keep it, 202610."""
    return month_short(BillingMonth.of_number(number))


def day(at: datetime | None) -> str:
    if at is None:
        return DASH
    local = at.astimezone(viewer_zone())
    return f"{_day(local)} {local.year}"


def duration(length: timedelta | float | int | None) -> str:
    """'2 d 11 h', '22 h', '12 min 40 s', '0 s'. The second unit is left out when it is zero; negative counts as 0 s."""
    if length is None:
        return DASH
    seconds = max(0, int(length.total_seconds() if isinstance(length, timedelta) else length))
    for unit, (size, next_size) in enumerate(_UNITS):
        if seconds >= size:
            return _long(seconds // size, seconds % size // next_size, unit, locale_name())
    return _long(seconds, 0, len(_UNITS), locale_name())


#: seconds of a unit, and of the one that may follow it; the last of all are the seconds themselves
_UNITS = ((86400, 3600), (3600, 60), (60, 1))


@lru_cache(maxsize=5000)
def _long(count: int, of_next: int, unit: int, _language: str) -> str:
    words = (_("d"), _("h"), _("min"), _("s"))
    return f"{count} {words[unit]} {of_next} {words[unit + 1]}" if of_next else f"{count} {words[unit]}"


def ago(at: datetime | None) -> str:
    """How long since `at`, without the word: the column's head says Age."""
    return DASH if at is None else duration(clock.now() - at)


@dataclass(frozen=True)
class Deadline:
    """The three things a deadline always is, plus `passed`. As text: the whole phrase."""

    at: datetime
    #: "3 Nov 2026 00:00 UTC"
    utc: str
    #: "01:00 in Prague", with its date where that is another day; empty for a viewer in UTC
    local: str
    #: "1 d 4 h", until it or since it
    left: str
    passed: bool

    @property
    def text(self) -> str:
        facts = {"utc": self.utc, "local": self.local, "left": self.left}
        if self.passed:
            return (
                _("closed %(utc)s, %(local)s, %(left)s ago", **facts)
                if self.local
                else _("closed %(utc)s, %(left)s ago", **facts)
            )
        return (
            _("closes %(utc)s, %(local)s, in %(left)s", **facts)
            if self.local
            else _("closes %(utc)s, in %(left)s", **facts)
        )

    def __str__(self) -> str:
        return self.text

    def __html__(self) -> str:
        return _time_tag(self.at, self.text)


def deadline(at: datetime | None) -> Deadline | str:
    if at is None:
        return DASH
    now = clock.now()
    return Deadline(at, *_both_ways(at, viewer_zone(), locale_name()), duration(abs(at - now)), now >= at)


@lru_cache(maxsize=500)
def _both_ways(at: datetime, zone: ZoneInfo, _language: str) -> tuple[str, str]:
    """In UTC, and for the viewer where that is another time."""
    utc, local = at.astimezone(UTC), at.astimezone(zone)
    if is_utc(zone):
        return instant_utc(at), ""
    when = f"{local:%H:%M}" if local.date() == utc.date() else f"{_day(local)} {local:%H:%M}"
    return instant_utc(at), _("%(time)s in %(city)s", time=when, city=city_of(zone))


def _written(local: datetime, *, year: bool = True) -> str:
    time = f"{local.hour:02}:{local.minute:02}"
    return f"{_day(local)} {local.year} {time}" if year else f"{_day(local)} {time}"


def _day(local: datetime) -> str:
    return f"{local.day} {_month_names(locale_name(), 'format', 'abbreviated')[local.month]}"


def _time_tag(at: datetime, words: str) -> Markup:
    utc = at.astimezone(UTC)
    clock_time = f"{utc.hour:02}:{utc.minute:02}:{utc.second:02}"
    exact = escape(f"{_day(utc)} {utc.year} {clock_time} UTC")
    stamp = f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{clock_time}Z"
    return Markup(f'<time datetime="{stamp}" title="{exact}">{escape(words)}</time>')  # noqa: S704  each part is escaped


@lru_cache
def _month_names(locale: str, context: str, width: str) -> dict[int, str]:
    return dict(Locale.parse(locale).months[context][width])


FILTERS = {
    "instant": instant,
    "instant_short": instant_short,
    "instant_text": instant_text,
    "instant_utc": instant_utc,
    "month": month,
    "month_name": month_name,
    "month_short_of": month_short_of,
    "day": day,
    "duration": duration,
    "ago": ago,
    "deadline": deadline,
}
