"""`flask operator create`: a real installation's first organisation and member."""

import re

from sqlalchemy import select

from app.catalog.model import Programme
from app.commands.operator import create
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all, viewing
from app.members import queries, sign_ins
from app.members.roles import permissions_of
from app.parties.actions import operator
from tests.people import every_role, sign_in

SAID = ["--organisation", "Meridian", "--name", "Olga Reyes", "--email", "Olga@Meridian.example"]


def run(app, *more, typed=None):
    return app.test_cli_runner().invoke(create, [*SAID, *more], input=typed)


def test_it_starts_an_installation_once(app):
    done = run(app, "--password-stdin", typed="a long first password\n")
    assert done.exit_code == 0, done.output
    assert "a long first password" not in done.output
    sign_in(app.test_client(), "olga@meridian.example", "a long first password")
    with app.app_context(), acting_for_all("a test"):
        organisation = operator()
        passed = sign_ins.check_password("olga@meridian.example", "a long first password", source="192.0.2.1")
    with app.app_context():
        person = queries.signed_in(passed.member_id)
        assert person is not None
        viewer = queries.viewer_for(person, None)
    assert (viewer.capacity, viewer.organisation_id) == ("operator", organisation.id)
    assert viewer.permissions == permissions_of(frozenset(every_role("operator")), "operator")

    again = run(app, "--password-stdin", typed="a long first password\n")
    assert again.exit_code == 1
    with app.app_context(), acting_for_all("a test"):
        programme = db.session.scalars(select(Programme)).one()  # made once, with the installation
        assert (programme.name, programme.seller_id) == ("Marketplace services", organisation.id)
        assert (programme.remuneration, programme.remuneration_percent, programme.cut_off) == (
            "revenue_share", 80, "reject-after-grace",
        )  # fmt: skip
    assert "Marketplace services: USD, 80 % revenue share, late entries are refused" in done.output
    assert "Meridian runs this installation already." in again.output


def test_without_a_password_it_prints_a_link_that_sets_one(app):
    done = run(app)
    assert done.exit_code == 0, done.output
    found = re.search(r"http://localhost/reset-password/(\S+)", done.output)
    assert found is not None
    with app.app_context():
        sign_ins.set_password_by_link(found[1], "a long first password", source="192.0.2.1")
    sign_in(app.test_client(), "olga@meridian.example", "a long first password")


def test_a_password_or_an_email_that_is_none_changes_nothing(app):
    assert "at least 10 characters" in run(app, "--password-stdin", typed="short\n").output
    assert "is no e-mail address" in run(app, "--email", "nobody").output
    assert run(app).exit_code == 0


def test_its_member_gives_others_their_organisation(app):
    run(app)
    with app.app_context(), acting_for_all("a test"):
        person = queries.recipients(operator().id, "member:manage")
    with app.app_context():
        signed_in = queries.signed_in(person[0].member_id)
        assert signed_in is not None
        by = queries.viewer_for(signed_in, None)
        from app.parties.actions import add_organisation

        with viewing(by):
            assert add_organisation("Northbridge", partner=True, by=by).is_partner
