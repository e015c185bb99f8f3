"""What History says of reselling reads as everything else does: days written out, thousands grouped, names left as they are."""

from typing import Any

import pytest
from flask import Flask

from app.web.csp_history import readable


@pytest.mark.parametrize(
    ("facts", "read"),
    [
        ({"percent": "18.00", "valid_from": "2026-01-01"}, {"percent": "18", "valid_from": "1 Jan 2026"}),
        ({"percent": "0.00", "valid_from": "2026-11-30"}, {"percent": "0", "valid_from": "30 Nov 2026"}),
        ({"amount": "14299.4", "currency": "EUR"}, {"amount": "14,299.40", "currency": "EUR"}),
        ({"total": "-1250000", "currency": "JPY"}, {"total": "−1,250,000", "currency": "JPY"}),
        ({"lines_total": "1234.5678", "currency": "EUR", "lines": "3120", "difference": "0"}, {"lines_total": "1,234.5678", "currency": "EUR", "lines": "3,120", "difference": "0.00"}),
        ({"number": 1001, "found": "customers: 39 new; lines: 3120 new, 12 changed"}, {"number": 1001, "found": "customers: 39 new; lines: 3,120 new, 12 changed"}),
        ({"number": "2024", "name": "4711 GmbH", "difference": ""}, {"number": "2024", "name": "4711 GmbH", "difference": ""}),
    ],
)  # fmt: skip
def test_facts_are_written_as_people_read_them(app: Flask, facts: dict[str, Any], read: dict[str, Any]) -> None:
    with app.test_request_context():
        assert readable(facts) == read
