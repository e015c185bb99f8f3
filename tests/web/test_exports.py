"""A list as a file: exactly what is filtered, streamed, as the viewer who asked."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import select

from app.documents import Column, rows_of
from app.foundation import tenancy
from app.parties.model import Organisation
from app.web import exports
from app.web.exports import download
from app.web.filters import Search
from app.web.guard import signed_in
from app.web.listing import ListOf
from tests.web.conftest import CONTRAIL, NORTHBRIDGE, build

LIST = ListOf(Search("search", "Search"))
COLUMNS = (Column("Name", "name"), Column("Customer", "is_customer"))


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
    monkeypatch.setattr("app.documents.csv_stream.CHUNK", 1)  # a piece a row
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
