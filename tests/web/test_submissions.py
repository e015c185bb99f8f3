"""A form acts once, for the organisation it was opened for."""

import io
import uuid
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.foundation import clock, tenancy
from app.foundation.database import db, transaction
from app.foundation.refusals import Refused
from app.parties.model import Organisation
from app.web.fields import PortalForm, QuantityField, TextField
from app.web.fragments import show
from app.web.guard import signed_in
from app.web.submissions import new_key, submit_once
from tests.page import Page
from tests.web.conftest import CONTRAIL, NORTHBRIDGE, build

TEMPLATE = """{% extends "shell.html" %}{% block title %}Add{% endblock %}{% block heading %}<h1>Add</h1>{% endblock %}
{% block content %}{% block form %}<form method="post" action="/add" novalidate class="form">
{{ ui.form_errors(form) }}{{ ui.submission(form.submission_key.data, form.rendered_for.data) }}{{ form.version }}
{{ ui.field(form.name) }}{{ ui.field(form.quantity, unit="h") }}{{ ui.field(form.notes) }}<button>Next</button></form>{% endblock %}{% endblock %}"""


class AddForm(PortalForm):
    name = TextField("Name", most=100)
    quantity = QuantityField("Quantity")
    notes = TextField("Extra notes", lines=True, optional=True, most=500)


def add(name: str) -> Organisation:
    if name == "taken":
        raise Refused("name", "There is %(name)s already.", name=name)
    with transaction() as session:
        row = Organisation(name=name, is_customer=True, created_at=clock.now())
        session.add(row)
        session.flush()
    return row


def _screen() -> Blueprint:
    screen = Blueprint("adding", "adding")

    @screen.route("/add", methods=["GET", "POST"])
    @signed_in
    def show_add() -> Any:
        form = AddForm(version=3)
        if form.validate_on_submit():
            try:
                row_id, first = submit_once(form, lambda: add(form.name.data), action="add")
                return f"{row_id} {first}"
            except Refused as no:
                form.refuse(no)
        return show("adding.html", block="form", status=form.status, form=form)

    return screen


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    from jinja2 import ChoiceLoader, DictLoader

    app = build(Path(tmp_path_factory.mktemp("submissions")), screen=_screen())
    assert app.jinja_loader is not None
    app.jinja_loader = ChoiceLoader([DictLoader({"adding.html": TEMPLATE}), app.jinja_loader])
    return app


@pytest.fixture
def client(little: Flask) -> FlaskClient:
    client = little.test_client()
    client.get(f"/become/{NORTHBRIDGE}")
    return client


def made(app: Flask, name: str) -> int:
    with app.app_context(), tenancy.acting_for_all("count in a test"):
        return db.session.scalar(select(func.count(Organisation.id)).where(Organisation.name == name)) or 0


def filled(client: FlaskClient, **typed: str) -> dict[str, str]:
    page = Page(client.get("/add"))
    page.check()
    return {**page.form("/add"), "name": "Globex", "quantity": "1.5", "notes": "", **typed}


def test_a_double_click_does_it_once(client: FlaskClient, little: Flask) -> None:
    sent = filled(client, name="Once")
    first, second = client.post("/add", data=sent), client.post("/add", data=sent)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.text.split()[0] == second.text.split()[0]
    assert (first.text.split()[1], second.text.split()[1]) == ("True", "False")
    assert made(little, "Once") == 1


def test_the_same_key_with_other_entries_is_refused(client: FlaskClient, little: Flask) -> None:
    sent = filled(client, name="Two")
    client.post("/add", data=sent)
    answer = client.post("/add", data={**sent, "name": "Three"})
    assert answer.status_code == 409
    Page(answer).check()
    assert made(little, "Three") == 0


def test_a_refused_form_keeps_everything_and_its_key(client: FlaskClient, little: Flask) -> None:
    sent = filled(client, name="taken", notes="line one\r\nline two <b>")
    answer = client.post("/add", data=sent)
    assert answer.status_code == 422
    page = Page(answer)
    page.check()
    assert "There is taken already." in page.text
    kept = page.form("/add")
    assert kept["submission_key"] == sent["submission_key"]
    assert kept["notes"].replace("\r\n", "\n") == "line one\nline two <b>"
    assert (kept["quantity"], kept["version"]) == ("1.5", "3")
    assert client.post("/add", data={**kept, "name": "Corrected"}).text.endswith("True")


HOSTILE = ["1e400", "NaN", "-1", "9" * 40, "\uff11\uff12", "\U0001f600", "1\x00", "x" * 1_048_576, ""]


@pytest.mark.parametrize("typed", HOSTILE, ids=lambda t: repr(t[:10]))
@pytest.mark.parametrize("field", ["quantity", "name"])
def test_hostile_text_over_http_is_422(client: FlaskClient, field: str, typed: str) -> None:
    if field == "name" and typed not in ("1\x00", "x" * 1_048_576, ""):
        typed += "\x1b"
    answer = client.post("/add", data=filled(client, **{field: typed}))
    assert answer.status_code == 422
    page = Page(answer)
    if "\x00" not in typed and "\x1b" not in typed:
        page.check()
        assert page.form("/add")[field] == typed
    assert page.soup.select_one(f"#{field}-error")


def test_bytes_that_are_no_utf8(client: FlaskClient) -> None:
    sent = filled(client)
    for broken in (
        "name=%EF%BF%BD&quantity=1",
        "name=x&quantity=%FF",
        "name=x&quantity=%00",
        "name=x&quantity=1&version=%FF",
        "%FF=%FF&name=&quantity=",
    ):
        body = (
            "&".join(f"{name}={value}" for name, value in sent.items() if name not in ("name", "quantity", "version"))
            + f"&{broken}"
        )
        assert client.post("/add", data=body, content_type="application/x-www-form-urlencoded").status_code == 422, (
            broken
        )


def test_a_form_of_another_organisation_is_409_and_keeps_what_was_typed(client: FlaskClient, little: Flask) -> None:
    sent = filled(client, name="Wrong tenant")
    client.get(f"/become/{CONTRAIL}")
    answer = client.post("/add", data=sent)
    assert answer.status_code == 409
    page = Page(answer)
    page.check()
    assert "opened for Northbridge; you now act for Contrail" in page.text
    kept = page.form("/add")
    assert kept["name"] == "Wrong tenant"
    client.get(f"/become/{NORTHBRIDGE}")
    assert client.post("/add", data=kept).text.endswith("True")
    stranger = client.post("/add", data={**filled(client), "rendered_for": str(uuid.uuid4())})
    assert stranger.status_code == 409
    assert "another organisation" in stranger.text


def test_without_or_with_a_garbled_key_nothing_is_done(client: FlaskClient, little: Flask) -> None:
    for key in (None, "", "short", "k" * 81, "<script>"):
        sent = filled(client, name="Keyless")
        sent.pop("submission_key") if key is None else sent.update(submission_key=key)
        answer = client.post("/add", data=sent)
        assert answer.status_code == 422
        page = Page(answer)
        page.check()
        assert len(page.form("/add")["submission_key"]) == 32
    assert made(little, "Keyless") == 0
    assert client.post("/add", data={"csrf_token": sent["csrf_token"]}).status_code == 422


def test_two_tenants_may_use_the_same_key(client: FlaskClient, little: Flask) -> None:
    key = new_key()
    assert client.post("/add", data=filled(client, name="Mine", submission_key=key)).text.endswith("True")
    client.get(f"/become/{CONTRAIL}")
    assert client.post("/add", data=filled(client, name="Theirs", submission_key=key)).text.endswith("True")


def test_the_fragment_of_a_refused_form(client: FlaskClient) -> None:
    answer = client.post("/add", data=filled(client, quantity="-1"), headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert answer.text.startswith("<form")


def test_a_file_where_text_belongs_is_no_text(client: FlaskClient) -> None:
    """Fields of text never get to see an upload; the form says that the field is empty."""
    sent = filled(client)
    for field in ("quantity", "name", "notes"):
        others = {name: value for name, value in sent.items() if name != field}
        answer = client.post(
            "/add",
            data={**others, field: (io.BytesIO(b"%PDF-1.4 \x00"), "evidence.pdf")},
            content_type="multipart/form-data",
        )
        assert answer.status_code == (200 if field == "notes" else 422), field
