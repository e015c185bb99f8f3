"""Ids, words, dates, amounts and JSON: every spelling that Microsoft uses, and none of the digits lost."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.csp.microsoft.answers import Complaint
from app.csp.microsoft.decoding import Fields, Garbled, json_of, object_of
from app.csp.microsoft.spelling import (
    Unreadable,
    decimal_of,
    digits,
    id_of,
    instant,
    instant_text,
    text_of,
    truth,
    word,
)

NUMBERS = some.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=20)


@given(NUMBERS)
def test_every_digit_of_a_number_is_kept(number: Decimal) -> None:
    spelled = format(number, "f")
    sent = json_of(f'{{"amount": {spelled}}}'.encode())["amount"]
    assert digits(sent) == (spelled if "." in spelled else str(int(spelled)))
    assert decimal_of(sent) == number


@given(some.integers(-(10**40), 10**40))
def test_whole_numbers_of_any_size_are_kept(number: int) -> None:
    assert decimal_of(json_of(str(number).encode())) == number


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"28.82860766744404945074", "28.82860766744404945074"),
        (b"586366", "586366"),
        (b"586366.00", "586366.00"),
        (b"1E-20", "0.00000000000000000001"),
        (b"1.5e3", "1500"),
        (b'"12.50"', "12.50"),
        (b'" 3 "', "3"),
        (b"null", ""),
        (b'""', ""),
        (b"-0.0", "-0.0"),
    ],
)
def test_digits_stay_as_sent(sent: bytes, kept: str) -> None:
    assert digits(json_of(sent)) == kept


@pytest.mark.parametrize(
    "sent", [b"1e400", b'"NaN"', b'"Infinity"', b'"12,50"', b'"\xd9\xa1"', b"true", b"[]", b'"1_000"']
)
def test_what_is_no_amount_is_refused(sent: bytes) -> None:
    with pytest.raises(Unreadable):
        digits(json_of(sent))


def test_more_digits_than_a_column_holds_are_refused_and_not_cut() -> None:
    with pytest.raises(Unreadable):
        digits("0." + "1" * 60)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2017-01-21T00:00:00Z", datetime(2017, 1, 21, tzinfo=UTC)),
        ("2018-02-08T18:44:37.5381456Z", datetime(2018, 2, 8, 18, 44, 37, 538145, UTC)),
        ("2018-02-08T18:44:37", datetime(2018, 2, 8, 18, 44, 37, tzinfo=UTC)),
        ("2018-02-08T18:44:37+00:00", datetime(2018, 2, 8, 18, 44, 37, tzinfo=UTC)),
        ("2018-02-08T18:44:37-08:00", datetime(2018, 2, 9, 2, 44, 37, tzinfo=UTC)),
        ("2018-02-08", datetime(2018, 2, 8, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00-08:00", None),
        ("9999-12-10T00:00:00Z", datetime(9999, 12, 10, tzinfo=UTC)),
        ("9999-12-31T23:59:59.9999999-08:00", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
        ("2018-02-30T00:00:00Z", None),
        ("tomorrow", None),
        ("", None),
        (None, None),
        (17, None),
        ("٢٠١٨-02-08", None),
    ],
)
def test_dates(sent: Any, meant: datetime | None) -> None:
    assert instant(sent) == meant


@given(some.datetimes(min_value=datetime(2, 1, 3), max_value=datetime(9999, 12, 29)), some.integers(-14 * 60, 14 * 60))
def test_every_instant_survives_its_zone(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    spelled = instant_text(moment.isoformat())
    assert instant(moment.isoformat()) == moment == instant(spelled)
    assert spelled.endswith("Z") and len(spelled) <= 33


def test_ids_and_words() -> None:
    assert id_of("ORG:0E1B7AC2-9C39") == id_of("0e1b7ac2-9c39") == "0e1b7ac2-9c39"
    assert {word(each) for each in ("one_time", "OneTime", "One Time", "one-time")} == {"onetime"}
    assert text_of("a\0b\ud800c" + "x" * 900, 10) == "abcxxxxxxx"
    assert (truth("True"), truth(False), truth("perhaps")) == (True, False, None)


@given(some.text(max_size=40))
def test_text_fits_every_database(sent: str) -> None:
    cleaned = text_of(sent, 20)
    assert len(cleaned) <= 20 and "\0" not in cleaned and cleaned == cleaned.encode().decode()


def test_a_byte_order_mark_and_any_case_of_names() -> None:
    sent = object_of('\ufeff{"TotalCharges": 1.10, "inner": {"UsageDate": "x"}}'.encode())
    assert sent.get("totalCharges") == "1.10" == sent["TOTALCHARGES"]
    assert sent.within("Inner").get("usagedate") == "x" and "Totalcharges" in sent
    assert sent.within("nothing") == Fields() and sent.several("nothing") == []


@pytest.mark.parametrize(
    "sent", [b"", b"{", b"<html>", b'{"a": NaN}', b'{"a": "\xff"}', b"[" * 100_000, b"\xef\xbb\xbf", b"7"]
)
def test_what_is_no_object_is_garbled(sent: bytes) -> None:
    with pytest.raises(Garbled):
        object_of(sent)


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (b'{"code": "2032", "description": "Access denied", "data": []}', "2032", "Access denied"),
        (b'\xef\xbb\xbf{"code": 3000, "description": "Not found"}', "3000", "Not found"),
        (b'{"statusCode": 429, "message": "Try again in 57 seconds."}', "429", "Try again in 57 seconds."),
        (b'{"error": {"code": "5000", "message": "No data available"}}', "5000", "No data available"),
        (b'{"error": "invalid_grant", "error_description": "AADSTS50173"}', "invalid_grant", "AADSTS50173"),
        (b"<html>Bad gateway</html>", "", ""),
        (b"", "", ""),
    ],
)
def test_complaints_in_all_their_shapes(body: bytes, code: str, sentence: str) -> None:
    assert (Complaint(body).code, Complaint(body).sentence) == (code, sentence)
