"""Figures and instants as people read them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from flask import Flask, render_template_string
from jinja2 import UndefinedError

from app.foundation import tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer
from app.web import figures, instants
from app.web.templating import initials, translate

pytestmark = pytest.mark.usefixtures("as_ada")
NOW = datetime(2026, 11, 1, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("1777.5", "USD", "1,777.50"),
        ("0", "USD", "0.00"),
        ("-12.345", "USD", "\u221212.35"),
        ("1777", "JPY", "1,777"),
        ("1.234", "KWD", "1.234"),
        ("90071992547409.91", "USD", "90,071,992,547,409.91"),
        ("-0.001", "USD", "0.00"),
    ],
)
def test_money_by_the_currencys_minor_unit(amount: str, currency: str, written: str) -> None:
    assert figures.money(Money(Decimal(amount), currency)) == written


def test_other_figures() -> None:
    assert figures.money_with_currency(Money(Decimal("5"), "EUR")) == "EUR\u00a05.00"
    assert [figures.quantity(Decimal(q)) for q in ("12", "12.5", "1234.567891", "0.1230")] == [
        "12.00",
        "12.50",
        "1,234.567891",
        "0.123",
    ]
    assert figures.unit_price(Decimal("150")) == "150.0000"
    assert figures.unit_price(Money(Decimal("0.000125"), "USD")) == "0.000125"
    assert figures.unrounded(Decimal("1777.5")) == "1,777.50000"
    assert {
        figures.money(None),
        figures.quantity(None),
        figures.dash(None),
        figures.dash(""),
        instants.month(None),
    } == {"\u2014"}
    assert figures.plain(Decimal(10) ** 11, 0, 0) == "100,000,000,000"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"), (40, "40 s"), (760, "12 min 40 s"), (3600, "1 h"), (79_200, "22 h"), (100_800, "1 d 4 h"),
        (2 * 86400 + 11 * 3600 + 59, "2 d 11 h"), (86400 + 59, "1 d"), (-5, "0 s"), (0.9, "0 s"), (timedelta(minutes=3), "3 min"),
    ],
)  # fmt: skip
def test_two_units_at_most(seconds: float, written: str) -> None:
    assert instants.duration(seconds) == written


@time_machine.travel(NOW, tick=False)
def test_instants_in_the_viewers_zone() -> None:
    at = datetime(2026, 10, 31, 17, 2, 11, tzinfo=UTC)
    assert instants.instant_text(at) == "31 Oct 2026 18:02"
    assert instants.instant_utc(datetime(2026, 11, 3, tzinfo=UTC)) == "3 Nov 2026 00:00 UTC"
    assert (
        instants.instant_short(at)
        == '<time datetime="2026-10-31T17:02:11Z" title="31 Oct 2026 17:02:11 UTC">31 Oct 18:02</time>'
    )
    assert "31 Oct 2025 18:02</time>" in instants.instant_short(at.replace(year=2025))
    assert instants.ago(NOW - timedelta(hours=59)) == "2 d 11 h"
    assert instants.month(BillingMonth(2026, 10)) == "October 2026"


@time_machine.travel(NOW, tick=False)
def test_a_deadline_is_three_things(ada: Viewer) -> None:
    closes = datetime(2026, 11, 3, tzinfo=UTC)
    piece = instants.deadline(closes)
    assert isinstance(piece, instants.Deadline)
    assert str(piece) == "closes 3 Nov 2026 00:00 UTC, 01:00 in Prague, in 1 d 4 h"
    assert (piece.utc, piece.local, piece.left, piece.passed) == (
        "3 Nov 2026 00:00 UTC",
        "01:00 in Prague",
        "1 d 4 h",
        False,
    )
    assert str(instants.deadline(NOW)) == "closed 1 Nov 2026 20:00 UTC, 21:00 in Prague, 0 s ago"
    with tenancy.viewing(Viewer("partner", zone="America/Los_Angeles")):
        assert str(instants.deadline(closes)) == "closes 3 Nov 2026 00:00 UTC, 2 Nov 16:00 in Los Angeles, in 1 d 4 h"
    with tenancy.viewing(Viewer("partner", zone="Mars/Olympus")):
        assert str(instants.deadline(closes)) == "closes 3 Nov 2026 00:00 UTC, in 1 d 4 h"


def test_sentences_from_rooms_with_their_facts() -> None:
    no = Refused(
        "month", "%(month)s closed on %(at)s.", month=BillingMonth(2027, 1), at=datetime(2027, 2, 3, tzinfo=UTC)
    )
    assert translate(no) == "January 2027 closed on 3 Feb 2027 00:00 UTC."
    assert translate("Rated at %(amount)s", '{"amount": "USD 5.00"}') == "Rated at USD 5.00"
    assert translate("Rated at %(amount)s", {}) == "Rated at \u2014"
    assert translate("100 % done") == "100 % done"
    assert translate("") == ""


def test_initials() -> None:
    assert [initials(n) for n in ("Ada Lovelace", "Ada", "", None, "Ana de la Cruz", "(x) Bo")] == [
        "AL",
        "A",
        "",
        "",
        "AC",
        "B",
    ]


def test_templates_escape_and_refuse_unknown_names(small: Flask) -> None:
    assert render_template_string("{{ x }}{{ 'a' | initials }}", x="<b>") == "&lt;b&gt;A"
    assert render_template_string("{% if x %}yes{% endif %}{{ x or 'no' }}") == "no"
    assert (
        render_template_string(
            "{{ can('engagement:view') }} {{ can('x:y') }} {{ viewer().member_name }} {{ now().tzinfo }}"
        )
        == "True False Ada Byron UTC"
    )
    hostile = render_template_string("{{ closes | deadline }}", closes=NOW)
    assert hostile.startswith("<time datetime=")
    for wrong in ("{{ x }}", "{{ viewer().nothing }}", "{% for a in x %}{% endfor %}", "{{ x.y }}"):
        with pytest.raises(UndefinedError):
            render_template_string(wrong)
