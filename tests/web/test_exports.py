"""A list as a file: exactly what is filtered, streamed, as the viewer who asked."""

import csv
import http.client
import io
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import select
from waitress import create_server

from app.documents import Column, rows_of
from app.foundation import tenancy
from app.foundation.database import db
from app.parties.model import Organisation
from app.web import exports
from app.web.exports import download
from app.web.filters import Search
from app.web.guard import signed_in
from app.web.listing import ListOf
from tests.web.conftest import CONTRAIL, NORTHBRIDGE, build

LIST = ListOf(Search("search", "Search"))
COLUMNS = (Column("Name", "name"), Column("Customer", "is_customer"))
Named = namedtuple("Named", "name is_customer")


def organisations(*, search: str | None) -> Iterator[Any]:
    statement = select(Organisation.name, Organisation.is_customer).order_by(Organisation.name)
    return rows_of(statement.where(Organisation.name.contains(search)) if search else statement)


def _screen() -> Blueprint:
    screen = Blueprint("listed", "listed")

    @screen.get("/list.<any(csv, xlsx):kind>")
    @signed_in
    def show_list(kind: str) -> Response:
        return download(kind, "organisations", COLUMNS, organisations(**LIST.read().values))

    @screen.get("/broken.csv")
    @signed_in
    def broken() -> Response:
        return download("csv", "broken", COLUMNS, (1 / 0 for _ in range(3)))

    @screen.get("/breaks.csv")
    @signed_in
    def breaks() -> Response:
        """In the middle: when much of the file is with its reader already."""
        return download("csv", "breaks", COLUMNS, (Named("x" * 100, 1 // (20_000 - n)) for n in range(30_000)))

    return screen


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return build(Path(tmp_path_factory.mktemp("exports")), screen=_screen())


@pytest.fixture
def client(little: Flask) -> FlaskClient:
    client = little.test_client()
    client.get(f"/become/{NORTHBRIDGE}")
    return client


def test_csv_of_what_this_viewer_sees(client: FlaskClient) -> None:
    answer = client.get("/list.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="organisations-20')
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in client.get("/list.csv", headers={"Accept-Encoding": "gzip"}).headers
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows == [["Name", "Customer"], ["Contrail", "no"], ["Northbridge", "no"]]  # Acme is not its customer
    assert "Contrail" not in client.get("/list.csv?search=North").text


def test_xlsx(client: FlaskClient) -> None:
    answer = client.get("/list.xlsx?search=North")
    assert answer.status_code == 200
    page = zipfile.ZipFile(io.BytesIO(answer.data)).read("xl/worksheets/sheet1.xml").decode()
    assert "Northbridge" in page
    assert "Contrail" not in page


def test_the_viewer_stays_while_pieces_are_sent(
    client: FlaskClient, little: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.documents.csv_in_sql.BATCH", 1)  # a piece a row
    answer = client.get("/list.csv", buffered=False)
    pieces: Iterator[Any] = iter(answer.response)
    assert next(pieces) == b"Name,Customer\r\nContrail,no\r\n"
    with tenancy.viewing(tenancy.PUBLIC):  # the thread serves somebody else in between
        assert tenancy.current() is tenancy.PUBLIC
        assert next(pieces) == b"Northbridge,no\r\n"
        assert tenancy.current() is tenancy.PUBLIC
        assert b"".join(pieces) == b""
    answer.close()


def test_what_fails_at_once_is_an_error_page(client: FlaskClient) -> None:
    answer = client.get("/broken.csv")
    assert answer.status_code == 500
    assert answer.mimetype == "text/html"


def test_more_rows_than_a_sheet_holds_is_said(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.documents.xlsx_file.MOST_ROWS", 2)
    answer = client.get("/list.xlsx")
    assert answer.status_code == 422
    assert "take the CSV" in answer.text


def test_another_kind_is_404(client: FlaskClient, little: Flask) -> None:
    assert client.get("/list.pdf").status_code == 404
    with little.test_request_context("/"), tenancy.viewing(tenancy.PUBLIC), pytest.raises(exports.NotFound):
        download("pdf", "x", COLUMNS, [])


def test_the_other_partner_gets_its_own(client: FlaskClient) -> None:
    client.get(f"/become/{CONTRAIL}")
    assert client.get("/list.csv").status_code == 200


def test_what_fails_midway_is_no_whole_file(little: Flask, client: FlaskClient) -> None:
    """Over HTTP: the connection ends without the mark that says that all was sent, and the reader is told so."""
    server = create_server(little, host="127.0.0.1", port=0)
    Thread(target=server.run, daemon=True).start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.effective_port, timeout=20)
        cookie = client.get_cookie(little.config["SESSION_COOKIE_NAME"])
        assert cookie is not None
        connection.request("GET", "/breaks.csv", headers={"Cookie": f"{cookie.key}={cookie.value}"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read(100).startswith(b"Name,Customer")
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
    finally:
        server.close()


def test_a_reader_who_goes_away_leaves_no_connection_taken(
    client: FlaskClient, little: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.documents.csv_in_sql.BATCH", 1)
    for pieces_read in (0, 1):
        answer = client.get("/list.csv", buffered=False)
        pieces = iter(answer.response)
        for _ in range(pieces_read):
            next(pieces)
        with little.app_context():
            assert db.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
        answer.close()
        with little.app_context():
            assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
