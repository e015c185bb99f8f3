"""Everybody who walks through the tests, and how they sign in.

    people = move_in()                       # in an app context; operator, two partners, two customers
    people = everybody(app, restore_database)  # the same, for the many tests that begin with them
    sign_in(client, people.ada.email)        # through the real form; every password is PASSWORD
    fill(client, "/members/new", email="new@northbridge.example", name="New")   # a page's form, sent with its hidden fields
    with viewing(people.viewer("ada")): ...  # the same person without a browser

Ada and Abe: partner Northbridge, every role. Ben: the same, Viewer only. Cy: partner Contrail. Dot: customer Acme. Eve: customer
Globex. Olga and Otto: operator. "Second pairs of eyes" are Abe and Otto.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import time_machine
from argon2 import PasswordHasher
from bs4 import BeautifulSoup, SoupStrainer
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import Capacity, Viewer, acting_for_all
from app.members.model import Member, Membership
from app.members.roles import PRICING_VIEWER, ROLES, permissions_of
from app.parties.model import Organisation
from tests.databases import Restorer
from tests.makers.parties import make_organisation

PASSWORD = "portal-demo"
#: what tests/conftest.py puts in the place of the portal's own, which takes longer than most tests
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD_HASH = QUICK_HASHER.hash(PASSWORD)

#: first name -> (name, e-mail, organisation, capacity, roles or None for every role of the capacity)
CAST: dict[str, tuple[str, str, str, Capacity, tuple[str, ...] | None]] = {
    "ada": ("Ada Marsh", "ada@northbridge.example", "Northbridge", "partner", None),
    "abe": ("Abe Adeyemi", "abe@northbridge.example", "Northbridge", "partner", None),
    "ben": ("Ben Novak", "ben@northbridge.example", "Northbridge", "partner", (PRICING_VIEWER,)),
    "cy": ("Cy Tanaka", "cy@contrail.example", "Contrail", "partner", None),
    "dot": ("Dot Hale", "dot@acme.example", "Acme", "customer", None),
    "eve": ("Eve Brandt", "eve@globex.example", "Globex", "customer", None),
    "olga": ("Olga Reyes", "olga@operator.example", "Operator", "operator", None),
    "otto": ("Otto Lindahl", "otto@operator.example", "Operator", "operator", None),
}


#: before whatever moment a test is set in, so that it does not matter which of them is the first to ask for the cast
MOVED_IN = datetime(2020, 1, 2, 9, tzinfo=UTC)


@dataclass
class People:
    """`people.ada` is a Member, `people.northbridge` an Organisation."""

    members: dict[str, Member] = field(default_factory=dict)
    memberships: dict[str, Membership] = field(default_factory=dict)
    organisations: dict[str, Organisation] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        for kept in (self.members, self.organisations):
            if name in kept:
                return kept[name]
        raise AttributeError(name)

    def viewer(self, first_name: str) -> Viewer:
        """This person, acting for the organisation of the cast."""
        member, membership = self.members[first_name], self.memberships[first_name]
        organisation = self.organisations[CAST[first_name][2].lower()]
        capacity = CAST[first_name][3]
        return Viewer(
            capacity,
            organisation_id=organisation.id,
            organisation_name=organisation.name,
            member_id=member.id,
            member_name=member.name,
            permissions=permissions_of(frozenset(membership.roles), capacity),
        )


def move_in() -> People:
    """The whole cast in the present database, each able to sign in."""
    people = People()
    for _, _, name, capacity, _ in CAST.values():
        if name.lower() not in people.organisations:
            people.organisations[name.lower()] = make_organisation(name, **{capacity: True})
    with acting_for_all("a test's people"), transaction() as session:
        for first_name, (name, email, *_) in CAST.items():
            people.members[first_name] = Member(name=name, email=email, password=PASSWORD_HASH, created_at=clock.now())
        session.add_all(people.members.values())
        session.flush()
        for first_name, (_, _, organisation, capacity, roles) in CAST.items():
            people.memberships[first_name] = Membership(
                member_id=people.members[first_name].id,
                organisation_id=people.organisations[organisation.lower()].id,
                capacity=capacity,
                roles=list(roles or every_role(capacity)),
                created_at=clock.now(),
            )
        session.add_all(people.memberships.values())
        session.flush()
    for row in (*people.members.values(), *people.memberships.values(), *people.organisations.values()):
        db.session.expunge(row)  # else a refused action, which rolls back, would make them forget who they are
    return people


def everybody(app: Flask, restore_database: Restorer) -> People:
    """The cast in a migrated database: moved in once in this process, brought back for each test."""

    def live() -> dict[str, Any]:
        with app.app_context(), time_machine.travel(MOVED_IN), clock.pinned(MOVED_IN):
            return vars(move_in())

    return People(**restore_database.lived("people", live))


def every_role(capacity: Capacity) -> list[str]:
    return [key for key, role in ROLES.items() if role.capacity == capacity]


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD) -> TestResponse:
    """Through the form, as a browser without script does. Fails unless the member is let in."""
    answer = fill(client, "/sign-in", email=email, password=password)
    assert answer.status_code == 303, f"{email} was not let in: {answer.status_code}"
    return answer


def fill(
    client: FlaskClient, path: str, *, action: str | None = None, headers: Mapping[str, str] | None = None, **typed: Any
) -> TestResponse:
    """Open the page at `path`, fill its form and send it. `action`: which form, where the page has several."""
    page = client.get(path)
    assert page.status_code == 200, f"{path} answers {page.status_code}"
    return client.post(action or path, data={**hidden_fields(page.text, action or path), **typed}, headers=headers)


def hidden_fields(html: str, action: str) -> dict[str, str]:
    """Name and value of the hidden fields of the page's form that is sent to `action`."""
    forms = BeautifulSoup(html, "html.parser", parse_only=SoupStrainer("form")).find_all("form", method="post")
    fitting = [form for form in forms if (form.get("action") or action) == action]
    assert fitting, f"no form is sent to {action}: {[form.get('action') for form in forms]}"
    return {
        str(one["name"]): str(one.get("value", ""))
        for one in fitting[-1].find_all("input", type="hidden")
        if one.get("name")
    }
