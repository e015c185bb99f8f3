"""The demo resells: an account discovered from a stand-in on this machine, which knows its portal again after a restart."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.commands.demo import cloud, people
from app.config import Settings
from app.csp.accounts import application
from app.csp.accounts.model import CspAccount
from app.csp.accounts.vault import Tokens
from app.csp.customers.model import CspCustomer, CspMarkUp
from app.csp.discovery.model import CspRun
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all


@pytest.fixture
def settings(app: Flask, tmp_path: Path) -> Iterator[Settings]:
    """The demo's people have moved in, and nothing else."""
    with app.app_context(), acting_for_all("demo data"), transaction():
        people.move_in()
    before = application._present
    yield replace(app.config["SETTINGS"], demo=True, instance_path=tmp_path, microsoft_is_given=False)
    application.follow(before)


def found(app: Flask, statement: Any) -> list[Any]:
    with app.app_context(), acting_for_all("a test"):
        rows = list(db.session.execute(statement).scalars())
        db.session.remove()
        return rows


def test_an_account_is_lived_through_once(app: Flask, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    playing = cloud.microsoft(settings)
    assert playing is not None
    cloud.resell(app, playing)
    warned = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert not warned, "who starts the portal for the first time reads of a failure that is there for show"
    assert playing.complaints == []
    assert playing.habits.slow_ms > 0
    assert playing.faults.listed
    states = found(app, select(CspRun.state).order_by(CspRun.number))
    assert states == ["completed", "completed", "completed", "error", "completed", "queued"]
    assert found(app, select(CspAccount.state)) == ["connected"]
    relationships = found(app, select(CspCustomer.relationship))
    assert relationships.count("former") == 1
    assert len(relationships) == len(playing.world.listed()) + 1
    assert found(app, select(func.count()).select_from(CspMarkUp)) == [3]
    kept = settings.instance_path / "stand-in.json"
    assert kept.stat().st_mode & 0o077 == 0
    again = cloud.microsoft(settings)
    assert again is not None
    cloud.resell(app, again)
    assert [one.name for one in again.world.customers] == [one.name for one in playing.world.customers]
    with app.app_context():
        assert Tokens(found(app, select(CspAccount.id))[0]).get("graph")
    assert len(found(app, select(CspRun.state))) == len(states)


def test_where_microsoft_is_given_there_is_no_stand_in(app: Flask, settings: Settings) -> None:
    for other in (replace(settings, microsoft_is_given=True), replace(settings, demo=False)):
        assert cloud.microsoft(other) is None
    cloud.resell(app, None)
    assert found(app, select(CspAccount.id)) == []
