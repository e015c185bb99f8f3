"""The listing's rules at their edges: names, parameters, metrics, price tables, months, files."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog import listing_rules as rules
from app.catalog import states
from app.catalog.file_kinds import JPEG, PDF, PNG, kind_of
from app.catalog.listing_rules import MetricDraft, ParameterDraft
from app.catalog.price_table import PriceDraft, as_stored, tariff_of
from app.catalog.rules import first_month_of_change, notice_due_at
from app.catalog.tariff import Band, Tariff, cost, limit_of
from app.foundation import transitions
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import Refused


@pytest.mark.parametrize("name", ["a", "log-watch", "v2.1", "0", "a.b-c", "a" * 60])
def test_programmatic_names(name: str) -> None:
    assert rules.programmatic_name("slug", f" {name} ") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "-a",
        "a-",
        "a.",
        "a..b",
        "Log",
        "log watch",
        "log_watch",
        "lög",
        "a/b",
        "a" * 61,
        "\uff41",
        "a\n"[:1] + "\0",
    ],
)
def test_programmatic_names_refused(name: str) -> None:
    with pytest.raises(Refused) as no:
        rules.programmatic_name("slug", name)
    assert no.value.field == "slug"


@pytest.mark.parametrize(
    ("name", "fine"),
    [("Standard", True), ("v2.1 - large", True), ("Größe", False), ("A_B", False), ("", False), ("x" * 61, False)],
)
def test_plan_names_are_english(name: str, fine: bool) -> None:
    if fine:
        assert rules.plan_name("name", name) == name
    else:
        with pytest.raises(Refused):
            rules.plan_name("name", name)


@given(st.text(max_size=80), st.lists(st.sampled_from(["region", "region-2", "field"])))
def test_codes_are_programmatic_and_new(label: str, taken: list[str]) -> None:
    made = rules.code_for(label, taken, 40)
    assert made not in taken and rules.programmatic_name("code", made, 40) == made


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (ParameterDraft(" ", "checkbox"), "label"),
        (ParameterDraft("x" * 81, "checkbox"), "label"),
        (ParameterDraft("REGION", "checkbox"), "label"),
        (ParameterDraft("Size", "json"), "kind"),
        (ParameterDraft("Size", "selection", ("one",)), "options"),
        (ParameterDraft("Size", "selection", ("one", " one ")), "options"),
        (ParameterDraft("Size", "selection", tuple(map(str, range(51)))), "options"),
        (ParameterDraft("Size", "selection", ("one", "y" * 101)), "options"),
    ],
)
def test_parameters_refused(draft: ParameterDraft, field: str) -> None:
    with pytest.raises(Refused) as no:
        rules.checked_parameter(draft, ["Region"])
    assert no.value.field == field


def test_only_a_selection_keeps_options() -> None:
    assert rules.checked_parameter(ParameterDraft("Size", "paragraph", ("a", "b")), []).options == ()
    assert rules.checked_parameter(ParameterDraft("Size", "selection", (" a ", "", "b")), []).options == ("a", "b")


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (MetricDraft("Days", "Days", "d", Decimal(1)), "kind"),
        (MetricDraft("Hours", " ", "h", Decimal(1)), "name"),
        (MetricDraft("Hours", "hours", "h", Decimal(1)), "name"),
        (MetricDraft("Unit", "Servers", "", Decimal(1)), "unit"),
        (MetricDraft("Hours", "Night", "h", Decimal(0)), "step"),
        (MetricDraft("Hours", "Night", "h", Decimal("0.25"), Decimal(0)), "month_limit"),
        (MetricDraft("Hours", "Night", "h", Decimal("0.25"), Decimal("10.1")), "month_limit"),
        (MetricDraft("Unit", "Servers", "servers", Decimal(1), None, "s" * 21), "unit_one"),
    ],
)
def test_metrics_refused(draft: MetricDraft, field: str) -> None:
    with pytest.raises(Refused) as no:
        rules.checked_metric(draft, ["Hours"])
    assert no.value.field == field


@pytest.mark.parametrize(
    ("unit", "one", "kept"), [("servers", " server ", "server"), ("h", "h", ""), ("h", "", ""), ("TB", " ", "")]
)
def test_one_of_a_unit_is_kept_where_it_is_another_word(unit: str, one: str, kept: str) -> None:
    draft = MetricDraft("Unit", "Counted", unit, Decimal(1), None, one)
    assert rules.checked_metric(draft, []).unit_one == kept


def table(model: str, *bands: tuple[str | None, str], charge_unit: str = "1") -> PriceDraft:
    made: Sequence[Band] = [Band(None if up is None else Decimal(up), Decimal(price)) for up, price in bands]
    return PriceDraft(model, Decimal(charge_unit), made)


@pytest.mark.parametrize(
    ("draft", "field", "words"),
    [
        (table("graduated", ("10", "1"), ("10", "2")), "up_to_2", "Band 2"),
        (table("graduated", ("10", "1"), ("5", "2")), "up_to_2", "Band 2"),
        (table("graduated", ("0", "1"), (None, "2")), "up_to_1", "Band 1"),
        (table("graduated", (None, "1"), ("20", "2")), "up_to_1", "only the last band"),
        (table("graduated", ("10", "1"), ("20", "-2")), "price_2", "Band 2"),
        (table("graduated", ("10", "1"), ("20", "1000000000")), "price_2", "Band 2"),
        (table("graduated", ("10", "0"), ("20", "0")), "price_1", "above zero"),
        (table("graduated"), "price_1", "Band 1"),
        (table("per_unit", ("10", "1"), (None, "2")), "model", "one band"),
        (table("per_unit", (None, "1"), charge_unit="0"), "charge_unit", "zero units"),
        (table("block", ("10", "1")), "model", "charge models"),
        (table("daily", (None, "1")), "model", "charge models"),
        (table("graduated", *((str(n), "1") for n in range(1, 22))), "model", "at most"),
        (table("graduated", ("10", "1"), ("99", "2")), "up_to_2", "below the month's limit of 100"),
    ],
)
def test_price_tables_refused_by_band_and_field(draft: PriceDraft, field: str, words: str) -> None:
    with pytest.raises(Refused) as no:
        tariff_of(draft, allows_block=False, month_limit=Decimal(100))
    assert no.value.field == field and words in str(no.value)


def test_a_block_where_it_is_allowed_and_a_table_that_reaches_the_limit() -> None:
    assert (
        tariff_of(table("block", ("10", "500"), ("100", "900")), allows_block=True, month_limit=Decimal(100)).model
        == "block"
    )


@given(
    st.lists(st.decimals("0.01", "999", places=2), min_size=1, max_size=6),
    st.lists(st.integers(1, 500), min_size=6, max_size=6),
    st.sampled_from(["graduated", "simple"]),
    st.integers(1, 3000),
)
def test_a_stored_table_costs_what_the_written_one_costs(
    prices: list[Decimal], widths: list[int], model: str, quantity: int
) -> None:
    ends = [Decimal(sum(widths[: place + 1])) for place in range(len(prices))]
    bands = tuple(
        Band(end if place < len(prices) - 1 else None, price)
        for place, (end, price) in enumerate(zip(ends, prices, strict=True))
    )
    made = tariff_of(PriceDraft(model, Decimal(1), bands), allows_block=False)
    kept = as_stored(made)
    read = Tariff(
        made.model,
        tuple(Band(None if b["up_to"] is None else Decimal(b["up_to"]), Decimal(b["price"] or 0)) for b in kept),
    )
    assert cost(read, Decimal(quantity)) == cost(made, Decimal(quantity)) and limit_of(read) is None


@pytest.mark.parametrize(
    ("decided", "published", "first"),
    [
        ("2027-03-10T09:00:00+00:00", True, "2027-05"),
        ("2027-03-31T23:59:59+00:00", True, "2027-05"),
        ("2027-04-01T00:00:00+00:00", True, "2027-06"),
        ("2027-11-30T12:00:00+00:00", True, "2028-01"),
        ("2027-12-01T00:00:00+00:00", True, "2028-02"),
        ("2027-03-10T09:00:00+00:00", False, "2027-04"),
        # the UTC month decides, not the viewer's
        ("2027-03-31T23:30:00-05:00", True, "2027-06"),
    ],
)
def test_the_first_month_of_a_change(decided: str, published: bool, first: str) -> None:
    assert str(first_month_of_change(datetime.fromisoformat(decided), was_published=published)) == first


def test_the_notice_goes_out_on_the_first_of_the_month_before() -> None:
    assert notice_due_at(BillingMonth(2027, 5)) == datetime(2027, 4, 1, tzinfo=UTC)
    assert notice_due_at(BillingMonth(2027, 1)) == datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n%%EOF", PDF),
        (b"%PDF-2.0\n%%EOF\n", PDF),
        (b"%PDF-1.7\n", None),
        (b" %PDF-1.7\n%%EOF", None),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", PNG),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"\xff\xd8\xff\xe0\0", JPEG),
        (b"\xff\xd8", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"MZ\x90", None),
        (b"", None),
    ],
)
def test_a_file_is_what_it_begins_with(content: bytes, kind: object) -> None:
    assert kind_of(content) is kind


def test_every_request_can_come_back_to_where_it_was_asked_from() -> None:
    for (start, action), waiting in states.TRANSITIONS.items():
        if action in (states.REQUEST_PRICING, states.SUBMIT_EVIDENCE, states.REQUEST_PUBLICATION):
            ends = {
                transitions.next_state(states.TRANSITIONS, waiting, back)
                for back in transitions.actions_from(states.TRANSITIONS, waiting)
            }
            assert start in ends and len(ends) == 2
