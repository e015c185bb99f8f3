"""The API against its own specification: made-up requests, valid and broken, for a partner's and a customer's key.

No answer is a 5xx or undocumented, in status, content type, headers or shape; broken requests are refused; no operation answers
without a key. Bounded and, in CI, the same requests each time.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks as openapi_checks

from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.members.api_keys import OFFERED
from tests.api.conftest import key_of
from tests.makers import ask_correction, close_month, make_engagement, make_entry, make_product, make_programme
from tests.makers.csp_documents import csp_ids as billing_ids
from tests.makers.csp_runs import account_ids, microsoft_set_up
from tests.makers.listing import listing_ids
from tests.people import move_in
from tests.screens.csp_stage import csp_ids

#: requests an operation, for each key and each way of making them
EXAMPLES = 10
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
]


@pytest.fixture(scope="module", autouse=True)
def microsoft() -> Iterator[None]:
    with microsoft_set_up():
        yield


@pytest.fixture(scope="module")
def world(migrated_app: Flask, restore_database: Any) -> dict[str, Any]:
    restore_database()
    load_all_checks()
    with migrated_app.app_context():
        people = move_in()
        region = {"key": "region", "label": "Region", "kind": "short_text"}
        product = make_product(make_programme(), people.northbridge, parameters=[region])
        engagement = make_engagement(product, people.acme)
        make_engagement(product, people.acme, state="completion_requested")
        make_entry(engagement, "1", rated=True)
        last = BillingMonth.at(clock.now()).previous
        old = [make_entry(engagement, n, month=last, at=last.starts_at + timedelta(days=9), rated=True) for n in "34"]
        pending = make_engagement(product, people.acme, state="pending")
        close_month(last)
        correction = ask_correction(old[0], "2")
        keys = {"partner": key_of(people, "ada"), "customer": key_of(people, "dot")}
        ids = {
            "engagement_id": str(engagement.id), "entry_id": str(old[1].id), "product_id": str(product.id),
            "correction_id": str(correction.id), "kind_name": "engagement-request", "row_id": str(pending.id),
            "membership_id": str(people.memberships["ben"].id), "batch_id": str(uuid4()), "notice_id": str(uuid4()),
            **listing_ids(product), **csp_ids(people, "northbridge", "ada", "acme"),
            **billing_ids(people.northbridge, people.acme, "G048201937"), **account_ids(people.viewer("ada")),
        }  # fmt: skip
        db.session.remove()
    return {"keys": keys, "ids": ids}


@pytest.fixture(scope="module")
def schema(migrated_app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", migrated_app)


@pytest.mark.parametrize("capacity", OFFERED)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "broken"])
def test_every_answer_is_as_specified(schema: Any, world: dict[str, Any], capacity: str, mode: GenerationMode) -> None:
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 45
    for operation in operations:
        _try(operation, mode, world["keys"][capacity], world["ids"])


def _try(operation: Any, mode: GenerationMode, key: str, ids: dict[str, str]) -> None:
    @given(case=operation.as_strategy(generation_mode=mode), own=st.sampled_from([True, True, False]))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any, own: bool) -> None:
        if own and mode is GenerationMode.POSITIVE:
            case.path_parameters = {name: ids[name] for name in case.path_parameters or {}}
        answer = case.call(headers={"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"})
        left_empty = any(value == "" for value in (case.query or {}).values())  # allowed, and not looked at
        case.validate_response(answer, checks=CHECKS[:-1] if left_empty else CHECKS)

    ask()


def test_no_operation_answers_without_a_key(schema: Any, world: dict[str, Any]) -> None:
    for found in schema.get_all_operations():
        operation = found.ok()
        path = re.sub(r"{(\w+)}", lambda name: world["ids"][name[1]], operation.path)
        client = operation.app.test_client()
        for headers in ({}, {"Authorization": "Bearer ppk_00000000_wrong"}):
            answer = client.open(path, method=operation.method.upper(), headers=headers)
            assert answer.status_code == 401, operation.label
