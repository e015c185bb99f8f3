"""The freeze that races the submit: on SQLite by the one write lock, on PostgreSQL by the month's row."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.billing import actions
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.refusals import Refused
from app.foundation.tenancy import acting_for_all
from app.months import actions as months
from tests.actions.submitting import active_since, entries, freeze, refusal, submit, utc
from tests.makers import make_engagement, make_product


def test_a_freeze_waits_for_the_submit_that_holds_the_month(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = active_since("2026-01-10T00:00:00")
    with time_machine.travel(utc("2026-03-02T23:59:59.999"), tick=False):
        _month_row("2026-02")
        holding, order, checked = threading.Event(), [], actions.checked

        def slow(*arguments: Any) -> Any:
            found = checked(*arguments)
            holding.set()
            freezer.join(0.4)  # it tries meanwhile, and must not get through
            order.append("accepted")
            return found

        def close() -> None:
            holding.wait(10)
            freeze("2026-02")
            order.append("frozen")

        freezer = _thread(app, close)
        monkeypatch.setattr(actions, "checked", slow)
        freezer.start()
        submit(engagement, "2026-02")
        freezer.join(20)
    assert order == ["accepted", "frozen"]
    assert entries() == 1


def test_a_submit_that_waited_for_the_freeze_is_refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The freeze came first, though the clock would still allow it: what is frozen stays as it is."""
    engagement = active_since("2026-01-10T00:00:00")
    with time_machine.travel(utc("2026-03-02T23:59:59.999"), tick=False):
        _month_row("2026-02")
        frozen, refusals, change_state = threading.Event(), [], months.change_state

        def slow(*arguments: Any, **facts: Any) -> None:
            change_state(*arguments, **facts)
            frozen.set()
            submitter.join(0.4)

        def try_submit() -> None:
            frozen.wait(10)
            refusals.append(str(refusal(lambda: submit(engagement, "2026-02"))))

        db.session.remove()
        submitter = _thread(app, try_submit)
        monkeypatch.setattr(months, "change_state", slow)
        submitter.start()
        freeze("2026-02")
        submitter.join(20)
    assert refusals == ["February 2026 is frozen."]
    assert entries() == 0


def test_nothing_is_accepted_after_the_freeze(app: Flask) -> None:
    """Four partners send as fast as they can while the month freezes: every accepted entry stands before the freeze."""
    with clock.pinned(utc("2026-01-10T00:00:00")):
        products = [make_product(name=f"Service {n}") for n in range(4)]
    engagements = [make_engagement(product, at=utc("2026-01-10T00:00:00")) for product in products]
    with time_machine.travel(utc("2026-03-02T23:59:59.999"), tick=False):
        _month_row("2026-02")
        accepted, late, begun = [], [], threading.Barrier(5)

        def send(engagement: Engagement) -> None:
            begun.wait(10)
            for _ in range(12):
                try:
                    accepted.append(submit(engagement, "2026-02").number)
                except Refused as no:
                    late.append(str(no))

        def close() -> None:
            begun.wait(10)
            while len(accepted) < 8:
                threading.Event().wait(0.005)
            freeze("2026-02")

        db.session.remove()
        threads = [_thread(app, lambda e=e: send(e)) for e in engagements] + [_thread(app, close)]  # type: ignore[misc]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(accepted) + len(late) == 48
    assert set(late) <= {"February 2026 is frozen."}
    assert entries() == len(accepted) == len(set(accepted))
    with acting_for_all("a test reads history"):
        froze = db.session.scalar(select(History.id).where(History.event == "month_frozen"))
        last = db.session.scalar(select(func.max(History.id)).where(History.event == "billing_submitted"))
    assert froze and last and last < froze


def _thread(app: Flask, do: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        with app.app_context():
            try:
                do()
            finally:
                db.session.remove()

    return threading.Thread(target=run)


def _month_row(month: str) -> None:
    with acting_for_all("a test's month"):
        months.hold("reject-after-grace", BillingMonth.parse(month))
