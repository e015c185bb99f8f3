"""A discovery against Microsoft on loopback: what it reads is what there is, whatever goes wrong on the way."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.csp.discovery import states
from tests.databases import Restorer
from tests.makers.csp_runs import Stage, discovery
from tests.people import People, everybody


@pytest.fixture
def people(app: Flask, restore_database: Restorer) -> People:
    return everybody(app, restore_database)


@pytest.fixture
def stage(app: Flask, people: People) -> Iterator[Stage]:
    with app.app_context(), discovery(people.viewer("ada")) as stage:
        yield stage


def test_a_first_run_reads_everything_there_is(stage: Stage) -> None:
    run = stage.discover()
    assert (run.state, run.error) == (states.COMPLETED, None)
    stage.agrees()
    assert not stage.microsoft.complaints
    kinds = stage.kinds()
    assert {kind.progress for kind in kinds.values()} == {states.DONE}
    assert kinds["customers"].done == kinds["customers"].known == kinds["customers"].new == len(stage.world.listed())
    assert kinds["lines"].done == kinds["lines"].new == sum(stage.world.counts().values())
    assert all(kind.requests for kind in kinds.values())


def test_a_second_run_with_nothing_new_writes_nothing(stage: Stage) -> None:
    stage.discover()
    before = stage.rows()
    run = stage.discover()
    assert (run.state, run.number) == (states.COMPLETED, 2)
    assert stage.rows() == before
    assert all(kind.new == kind.changed == 0 for kind in stage.kinds().values())
