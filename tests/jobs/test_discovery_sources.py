"""What a source says in the midst of a run, or leaves out: an export whose links end, a listing without periods."""

import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from app.commands.stand_in.exchange import Answer, Request
from app.csp.discovery import queries, states
from app.csp.discovery.model import CspRun
from app.csp.invoices.model import CspDocument
from app.csp.microsoft import line_decoder
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
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


def refused_lines(run: CspRun) -> list[str]:
    with acting_for_all("a test looks"):
        return [one.sentence for one in queries.refusals_of(run.id) if one.kind == states.LINES]


@pytest.mark.parametrize("changes", [False, True])
def test_an_export_whose_links_end_in_its_midst_is_gone_on_with_or_read_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, changes: bool
) -> None:
    """Each order of it has names of its own for the blobs; under another mark the lines are others, from the first on."""
    stage.faults.habits.blob_lines = 11
    graph, give, given = stage.microsoft.graph, stage.microsoft.graph.blob, Counter[str]()
    ended: list[str] = []

    def ends(request: Request) -> Answer:
        number = request.path.split("/")[2]
        given[number] += 1
        if given[number] == 2 and not ended:
            ended.append(number)
            graph.signatures.clear()
            if changes and (document := stage.world.document(number)):
                document.edition += 1
        return give(request)

    monkeypatch.setattr(graph, "blob", ends)
    run = stage.discover()
    assert (run.state, run.error) == (states.COMPLETED, None)
    assert not refused_lines(run)
    stage.agrees()
    assert ended


def test_lines_decoded_by_a_process_beside_are_the_same(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "AT_FIRST", 0)
    monkeypatch.setattr(line_decoder, "_cores", lambda: 2)
    begun: list[subprocess.Popen[bytes]] = []
    begin = line_decoder._begun

    def noted() -> "subprocess.Popen[bytes]":
        begun.append(begin())
        return begun[-1]

    monkeypatch.setattr(line_decoder, "_begun", noted)
    stage.faults.habits.blob_lines, stage.faults.habits.lines_page = 11, 20
    stage.discover()
    stage.agrees()
    (process,) = begun
    assert process.returncode is not None


@pytest.mark.parametrize("export", ["billing/usage", "billing/reconciliation"])
def test_a_document_of_which_an_export_is_refused_stays_as_it_was_read(stage: Stage, export: str) -> None:
    """Its charges are not replaced by the fewer that another source has, nor by those without what explains them."""
    stage.discover()
    stage.agrees()
    before = stage.rows()
    refusing = stage.faults.add("refuse", f"{export}/billed/export", times=None, status=400, code="3000")
    run = stage.discover()
    assert (run.state, run.error) == (states.COMPLETED, None)
    assert refusing.happened
    after = stage.rows()
    assert after["csp_document_version"] == before["csp_document_version"] and after["csp_line"] == before["csp_line"]
    assert refused_lines(run)
    stage.faults.clear()
    assert not refused_lines(stage.discover())
    stage.agrees()


def test_a_period_that_the_listing_leaves_out_is_asked_for_once(stage: Stage) -> None:
    stage.faults.habits.periods_by_id = True
    stage.discover()
    stage.agrees()
    with acting_for_all("a test looks"):
        kept = {
            row.number: row.period_start
            for row in db.session.execute(select(CspDocument.number, CspDocument.period_start))
        }
    said = {one.number: one.starts for one in stage.world.documents}
    said |= {note.number: note.starts for one in stage.world.documents for note in one.amendments}
    assert {number: start and start.date() for number, start in kept.items()} == said
    before = stage.rows()
    stage.discover()
    assert stage.rows() == before
    assert stage.kinds()["invoices"].requests < len(said)
