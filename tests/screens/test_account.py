"""The own account, and acting for another organisation."""

import re
from datetime import timedelta

import pyotp
import pytest
import time_machine

from app.foundation.database import transaction
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members import actions
from app.members.model import Member, Membership
from app.members.roles import CUSTOMER_ADMIN, PRICING_VIEWER
from tests.makers import make_membership
from tests.people import PASSWORD, fill, hidden_fields, sign_in

ADA = "ada@northbridge.example"


@pytest.fixture
def client(app, people):
    client = app.test_client()
    sign_in(client, ADA)
    return client


def test_name_and_zone(client):
    answer = fill(client, "/account", name="Ada Marsh-Lind", zone="Europe/Prague")
    assert answer.status_code == 303
    page = client.get("/account")
    assert "Ada Marsh-Lind" in page.text
    assert '<option selected value="Europe/Prague">' in page.text


@pytest.mark.parametrize(
    ("name", "zone"),
    [("", "UTC"), ("Ada", "Mars/Olympus"), ("Ada", ""), ("A" * 300, "UTC"), ("Ada\u202e", "UTC"), ("Ada", "UTC\0")],
)
def test_what_is_refused_is_kept_and_named(client, name, zone):
    answer = fill(client, "/account", name=name, zone=zone)
    assert answer.status_code == 422


def test_a_markup_name_stays_text(client):
    fill(client, "/account", name="<script>alert(1)</script>", zone="UTC")
    assert "<script>alert" not in client.get("/account").text


def test_changing_the_password_ends_the_other_sessions(app, client):
    other = app.test_client()
    sign_in(other, ADA)
    wrong = fill(
        client,
        "/account/password",
        current_password="wrong password",
        new_password="a new password",
        new_password_again="a new password",
    )
    assert wrong.status_code == 422
    differ = fill(
        client,
        "/account/password",
        current_password=PASSWORD,
        new_password="a new password",
        new_password_again="a newer password",
    )
    assert differ.status_code == 422
    done = fill(
        client,
        "/account/password",
        current_password=PASSWORD,
        new_password="a new password",
        new_password_again="a new password",
    )
    assert done.status_code == 303
    assert client.get("/account").status_code == 200
    assert other.get("/account").status_code == 302


def test_too_many_wrong_present_passwords_are_429(client):
    for _ in range(5):
        fill(
            client,
            "/account/password",
            current_password="wrong password",
            new_password="a new password",
            new_password_again="a new password",
        )
    answer = fill(
        client,
        "/account/password",
        current_password=PASSWORD,
        new_password="a new password",
        new_password_again="a new password",
    )
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_the_second_factor_from_set_up_to_switching_off(app, people):
    with time_machine.travel("2026-11-02T12:00:10Z", tick=False) as now:
        client = app.test_client()
        sign_in(client, ADA)
        page = client.get("/account")
        assert client.get("/account/second-factor").status_code == 303  # nothing to show before it is begun
        client.post("/account/second-factor/begin", data=hidden_fields(page.text, "/account/second-factor/begin"))
        page = client.get("/account/second-factor")
        assert "<svg" in page.text
        assert "style=" not in page.text
        assert page.headers["Cache-Control"] == "no-store"
        secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)[1].replace(" ", "")
        assert fill(client, "/account/second-factor", code="000000").status_code == 422
        done = fill(client, "/account/second-factor", code=pyotp.TOTP(secret).now())
        codes = re.findall(r"<code>([A-Z2-9]{5}-[A-Z2-9]{5})</code>", done.text)
        assert (done.status_code, len(codes)) == (200, 10)
        assert "10 recovery codes left" in client.get("/account").text
        assert secret not in client.get("/account").text
        assert client.get("/account/second-factor").status_code == 303
        now.shift(timedelta(seconds=30))
        renewed = fill(client, "/account/recovery-codes", password=PASSWORD)
        assert renewed.status_code == 200
        assert not set(codes) & set(re.findall(r"<code>([A-Z2-9]{5}-[A-Z2-9]{5})</code>", renewed.text))
        assert fill(client, "/account/second-factor/off", password="wrong password").status_code == 422
        assert fill(client, "/account/second-factor/off", password=PASSWORD).status_code == 303
        assert "Set up the second factor" in client.get("/account").text


def test_the_own_sign_ins_are_listed(app, client):
    fill(app.test_client(), "/sign-in", email=ADA, password="wrong password")
    fill(app.test_client(), "/sign-in", email="abe@northbridge.example", password="wrong password")
    for path in ("/account", "/account/sign-ins"):
        page = client.get(path).text
        assert page.count("Wrong password or code") == 1, path
        assert "127.0.0.1" in page


def take_in_elsewhere(app, people):
    """Ada belongs to Acme too, where she is admin and nothing else."""
    with app.app_context():
        return make_membership(people.ada, people.acme, "customer", [CUSTOMER_ADMIN])


def switch(client, key):
    token = hidden_fields(client.get("/account").text, "/account")
    return client.post("/switch", data={"csrf_token": token["csrf_token"], "capacity": key})


def test_switching_to_another_organisation_and_back(app, client, people):
    take_in_elsewhere(app, people)
    answer = switch(client, f"{people.acme.id}:customer")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    page = client.get("/members").text
    assert "Dot Hale" in page
    assert "Ben Novak" not in page
    switch(client, f"{people.northbridge.id}:partner")
    assert "Ben Novak" in client.get("/members").text


def test_there_is_no_switching_to_others(app, client, people):
    take_in_elsewhere(app, people)
    for key in (
        f"{people.globex.id}:customer",
        f"{people.acme.id}:partner",
        f"{people.acme.id}:operator",
        f"{people.northbridge.id}:system",
        "",
        "x:y",
        "\0",
    ):
        assert switch(client, key).status_code == 404, key
    assert "Ben Novak" in client.get("/members").text


def test_a_membership_that_ended_is_left_at_once(app, client, people):
    membership = take_in_elsewhere(app, people)
    switch(client, f"{people.acme.id}:customer")
    with app.app_context():
        by = people.viewer("dot")
        with viewing(by):
            actions.remove_from_organisation(membership.id, by=by)
    assert "Ben Novak" in client.get("/members").text


def test_without_any_organisation_a_page_says_so(app, people):
    client = app.test_client()
    sign_in(client, "ben@northbridge.example")
    with app.app_context():
        by = people.viewer("ada")
        with viewing(by):
            actions.remove_from_organisation(people.memberships["ben"].id, by=by)
    page = client.get("/members")
    assert page.status_code == 403
    assert "You belong to no organisation" in page.text
    assert client.get("/account").status_code == 200
    assert client.get("/account/password").status_code == 200
    with app.app_context():
        make_membership(people.ben, people.northbridge, "partner", [PRICING_VIEWER])
    assert client.get("/members").status_code == 403
    assert "You belong to no organisation" not in client.get("/members").text


def test_an_organisation_that_is_no_partner_any_more_gives_no_viewer(app, client, people):
    from app.parties.model import Organisation

    with app.app_context(), acting_for_all("a test"), transaction():
        one(Organisation, people.northbridge.id).is_partner = False
    assert "You belong to no organisation" in client.get("/members").text


def test_nobody_signed_in_is_asked_to_sign_in(app, people):
    client = app.test_client()
    for path in (
        "/account",
        "/account/password",
        "/account/second-factor",
        "/account/second-factor/off",
        "/account/recovery-codes",
    ):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/sign-in?next=")


def test_a_members_own_pages_wear_no_password_in_a_lost_session(app, client, people):
    page = client.get("/account/password")
    with app.app_context(), acting_for_all("a test"), transaction():
        one(Member, people.ada.id).session_mark = "ended"
    sent = {
        **hidden_fields(page.text, "/account/password"),
        "current_password": "my secret one",
        "new_password": "my secret two",
        "new_password_again": "my secret two",
    }
    answer = client.post("/account/password", data=sent)
    assert answer.status_code in (400, 401)
    assert "my secret" not in answer.text


def test_membership_rows_are_not_shared(app, people):
    with app.app_context(), viewing(people.viewer("cy")):
        from app.foundation.refusals import NotVisible

        with pytest.raises(NotVisible):
            one(Membership, people.memberships["ada"].id)
