"""Fields check shape: every hostile input is a sentence on its field, never an exception."""

from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict
from wtforms import SelectField

from app.foundation import tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer
from app.web.fields import (
    EmailText,
    MonthCards,
    MonthField,
    PhoneText,
    PortalForm,
    QuantityField,
    TextField,
    new_key,
    offered,
)


class EntryForm(PortalForm):
    quantity = QuantityField("Quantity")
    month = MonthField("Month")
    notes = TextField("Extra notes", most=50, lines=True, optional=True)
    name = TextField("Name", most=20)
    email = EmailText("Request address")
    phone = PhoneText("Contact number")
    plan = SelectField("Plan", choices=offered([("gold", "Gold")]))


GOOD = {
    "quantity": "12.50",
    "month": "2026-10",
    "notes": "a\r\nb",
    "name": " Ada ",
    "email": "Ada@Northbridge.EXAMPLE",
    "phone": "+1 (555) 010-2030 x7",
    "plan": "gold",
}


@pytest.fixture
def send(small: Flask, ada: Viewer) -> Any:
    def post(**changes: str) -> EntryForm:
        with (
            small.test_request_context("/x", method="POST", data={**GOOD, "submission_key": new_key(), **changes}),
            tenancy.viewing(ada),
        ):
            form = EntryForm()
            form.validate()
            return form

    return post


def test_good_values_are_typed(send: Any) -> None:
    form = send()
    assert form.errors == {}
    assert form.status == 200
    assert form.quantity.data == Decimal("12.50")
    assert form.month.data == BillingMonth(2026, 10)
    assert form.notes.data == "a\nb"
    assert form.name.data == "Ada"
    assert form.email.data == "Ada@northbridge.example"
    assert set(form.own_fields()) == {"version", *GOOD}


HOSTILE_QUANTITIES = {
    "1e400": "plain number", "NaN": "plain number", "Infinity": "plain number", "-1": "more than zero", "\u22121": "more than zero",
    "9" * 40: "too large", "100000000000": "too large", "\uff11\uff12": "plain number", "\U0001f600": "plain number", "1\x002": "plain number",
    "\ud800": "plain number", "9" * 1_000_000: "too large", "1.2345678": "at most 6 decimals", "12,5": "without a comma",
    "1,200.50": "without a comma", "0": "more than zero", "0.000000": "more than zero", "": "missing", "   ": "missing", "0x1f": "plain number",
    "1_000": "plain number", "\u0661": "plain number", "1 000": "plain number", ".5": "plain number", "\n": "missing",
}  # fmt: skip


@pytest.mark.parametrize(("typed", "said"), HOSTILE_QUANTITIES.items(), ids=lambda t: repr(t[:12]))
def test_hostile_quantities(small: Flask, ada: Viewer, typed: str, said: str) -> None:
    with small.test_request_context("/"), tenancy.viewing(ada):
        form = EntryForm(MultiDict({**GOOD, "submission_key": new_key(), "quantity": typed}))
        assert not form.validate()
        assert form.status == 422
        assert list(form.errors) == ["quantity"]
        assert said in form.quantity.errors[0]
        assert form.quantity.data is None
        assert form.quantity.raw == typed
        assert form.quantity()  # it can be shown again


@pytest.mark.parametrize("typed", ["1", "+5", "007", "12.500000000", "99999999999.999999", " 3 ", "0.000001"])
def test_fair_quantities(send: Any, typed: str) -> None:
    assert not send(quantity=typed).quantity.errors


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "x" * 21, "21 characters long; 20 fit"), ("name", "a\x00b", "U+0000"), ("name", "a\nb", "U+000A"), ("name", "a\x1bb", "U+001B"),
        ("name", "a\u202eb", "U+202E"), ("name", "", "missing"), ("name", "x" * 900_000, "fit"), ("notes", "a\x07", "U+0007"),
        ("notes", "x" * 51, "51 characters"), ("month", "2026-13", "Choose a month"), ("month", "\uff12\uff10\uff12\uff16-10", "Choose a month"),
        ("month", "202610", "Choose a month"), ("email", "ada", "e-mail address"), ("email", "a@b@c.d", "e-mail address"), ("email", "a" * 300 + "@b.cd", "254 fit"),
        ("phone", "call me", "telephone"), ("phone", "+-+-+-", "telephone"), ("phone", "\uff11\uff12\uff13\uff14\uff15", "telephone"), ("phone", "1234", "telephone"),
        ("plan", "silver", "Not a valid choice"), ("plan", "go\x00ld", "Not a valid choice"),
    ],
)  # fmt: skip
def test_hostile_text(send: Any, field: str, typed: str, said: str) -> None:
    form = send(**{field: typed})
    assert said in form.errors[field][0]
    assert form.status == 422


def test_lone_surrogates_and_names_of_the_world(small: Flask, ada: Viewer) -> None:
    with small.test_request_context("/"), tenancy.viewing(ada):
        form = EntryForm(MultiDict({**GOOD, "submission_key": new_key(), "name": "a\ud800"}))
        assert not form.validate()
        assert "U+D800" in form.name.errors[0]
        for name in ("Łódź", "李雷", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "O'Brien <b>"):
            assert EntryForm(MultiDict({**GOOD, "submission_key": new_key(), "name": name})).validate(), name


def test_optional_and_empty_is_none(send: Any) -> None:
    assert send(notes="  ").notes.data is None


def test_what_is_not_sent_is_missing_never_its_default(small: Flask, ada: Viewer) -> None:
    with small.test_request_context("/x", method="POST"), tenancy.viewing(ada):
        form = EntryForm(name="from the database", quantity=Decimal("3"))
        assert not form.validate_on_submit()
        assert form.name.errors == ["This is missing."]
        assert form.quantity.raw == ""
        assert "without its submission key" in form.form_errors[0]


def test_a_form_on_get_carries_its_hidden_fields(small: Flask, ada: Viewer) -> None:
    with small.test_request_context("/x"), tenancy.viewing(ada):
        form = EntryForm(version=4, name="Ada", quantity=Decimal("3.50"))
        assert form.rendered_for.data == f"{ada.organisation_id}:partner"
        assert len(form.submission_key.data) == 32
        assert form.submission_key.data != EntryForm().submission_key.data
        assert 'value="3.50"' in form.quantity()
        assert form.seen_version == 4
        assert set(form.carried) == {"submission_key", "rendered_for", "version"}
        assert (form.quantity.type, form.notes.type, form.version.type) == (
            "DecimalField",
            "TextAreaField",
            "HiddenField",
        )


@pytest.mark.parametrize("key", ["", "short", "x" * 81, "\x00" * 32, "../../../etc/passwd", "é" * 20])
def test_a_garbled_key_is_refused_and_replaced(send: Any, key: str) -> None:
    form = send(submission_key=key)
    assert form.status == 422
    assert len(form.submission_key.data) == 32


@pytest.mark.parametrize("changes", [{"version": "1e9"}, {"version": "\uff11"}, {"rendered_for": "x" * 61}])
def test_garbled_hidden_fields_are_refused(send: Any, changes: dict[str, str]) -> None:
    assert send(**changes).status == 422


def test_a_rules_no_lands_on_its_field(send: Any) -> None:
    form = send()
    form.refuse(Refused("quantity", "At most %(most)s a month.", most=Decimal("5")))
    form.refuse(Refused("capacities", "Choose at least one."))
    assert form.errors == {"quantity": ["At most 5.00 a month."], "": ["Choose at least one."]}
    assert form.status == 422
    assert form.quantity.raw == "12.50"


def test_month_cards(small: Flask, ada: Viewer) -> None:
    class Cards(PortalForm):
        month = MonthCards("Month")

    for sent, chosen in (
        ("2026-10", BillingMonth(2026, 10)),
        ("2026-09", BillingMonth(2026, 9)),
        ("x", None),
        ("", None),
    ):
        with (
            small.test_request_context("/x", method="POST", data={"month": sent, "submission_key": new_key()}),
            tenancy.viewing(ada),
        ):
            form = Cards()
            form.month.offer([BillingMonth(2026, 10), BillingMonth(2026, 11)])
            assert form.validate() is (chosen is not None)
            assert form.month.data == chosen
            options = list(form.month)
            assert [(o.label.text, o.checked) for o in options] == [
                ("October 2026", sent == "2026-10"),
                ("November 2026", False),
            ]
