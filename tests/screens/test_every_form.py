"""Every form on every page that people open, filled with what nobody should send: never a 5xx, and nothing typed is lost.

Forms are found on the pages of the URL map and behind their links, so a new screen's are fuzzed by themselves. Each is sent
twice over: with every field hostile and no submission key, so that nothing can be written and every check of shape is met;
then for real, one field hostile at a time and the others as a person would fill them, so that the rules are met as well.
A refused form names what to correct and holds what was typed; nothing hostile comes back unescaped, then or later.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.engagements import states
from app.foundation.database import db
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.makers.testing import draft_product, make_test
from tests.people import People, move_in, sign_in
from tests.screens import hostile
from tests.screens.engagement_stage import HTMX
from tests.screens.hostile import (
    CHOSEN,
    DEEP,
    RAW,
    TEXTS,
    Form,
    Input,
    encoded,
    forms_of,
    names_a_field,
    same,
    shown_in,
)
from tests.screens.test_every_route import SIDE, _close_and_correct, _rows_of, _states, address, calls, rules

PERSONS = ("ada", "abe", "dot", "olga")
#: a second pair of eyes sees the first one's forms: each gets one round
SECOND = ("abe",)
#: signing out and acting for somebody else would end the walk
LEFT_OUT = ("/sign-out", "/switch")
#: pages of one shape that are read for their forms
MOST_OF_A_SHAPE = 3


@dataclass
class World:
    own: dict[str, list[dict[str, str]]]
    clients: dict[str, FlaskClient]
    people: People
    found: dict[str, list[Form]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def world(migrated_app: Flask, restore_database: Any) -> Iterator[World]:
    restore_database()
    # what lies behind the token; and a fault is the 500 that people would get, so that the walk goes on and tells them all
    migrated_app.config.update(WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)
    with migrated_app.app_context():
        people = move_in()
        first = _rows_of(people, "northbridge", "acme")
        south = _rows_of(people, "contrail", "globex")
        _close_and_correct(first, south)
        own = {"north": _north(people, first), "south": [south]}
        db.session.remove()
    clients = {person: migrated_app.test_client() for person in PERSONS}
    for person in PERSONS:
        sign_in(clients[person], people.members[person].email)
    yield World(own, clients, people)
    migrated_app.config.update(WTF_CSRF_ENABLED=True, PROPAGATE_EXCEPTIONS=None)


def _north(people: People, first: dict[str, str]) -> list[dict[str, str]]:
    """Own ids of Northbridge and Acme: those of the route walk, an engagement in each state, and a draft product with a test."""
    rules_ = make_programme("Professional services", review_threshold_minor=100_000)
    parameters: list[dict[str, Any]] = [
        {"key": "region", "label": "Region", "kind": "short_text"},
        {"key": "plan-b", "label": "Plan B", "kind": "paragraph"},
        {"key": "size", "label": "Size", "kind": "selection", "options": ["S", "M"]},
        {"key": "agreed", "label": "Agreed", "kind": "checkbox"},
    ]
    product = make_product(rules_, people.northbridge, name="Data rescue", parameters=parameters)
    found = [first]
    for state in (states.PENDING, states.ACTIVE, states.COMPLETION_REQUESTED, states.COMPLETE):
        engagement = make_engagement(product, people.acme, state=state, name=f"Archive, {state}", region="Prague")
        entry = make_entry(engagement, "20", rated=True) if state == states.ACTIVE else None
        ids = {"engagement_id": str(engagement.id), "product_id": str(product.id), "slug": product.slug}
        found.append({**first, **ids, **({"entry_id": str(entry.id)} if entry else {})})
    draft = draft_product(people.northbridge, rules_)
    test = make_test(draft, people.viewer("ada"))
    found.append({**first, "product_id": str(draft.id), "engagement_id": str(test.id)})
    submitted = make_entry(make_engagement(product, people.acme, name="Archive, billed"), "1")
    found.append({**first, "engagement_id": str(submitted.engagement_id), "entry_id": str(submitted.id)})
    return found


def forms(app: Flask, world: World, person: str) -> list[Form]:
    """One form a shape (address without ids, field names), from every page this person opens; at most three pages of each."""
    if person not in world.found:
        world.found[person] = list(_forms(app, world, person))
    return world.found[person]


def _forms(app: Flask, world: World, person: str) -> Iterator[Form]:
    client, seen, shapes = world.clients[person], set[str](), dict[Any, int]()
    for rule in rules(app):
        if "GET" not in calls(rule) or rule.endpoint.startswith("static"):
            continue
        for ids in world.own[SIDE[person]]:
            path = address(rule, ids)
            if path in seen or path.endswith((".csv", ".xlsx")):
                continue
            seen.add(path)
            answer = client.get(path)
            if answer.status_code not in (200, 409) or answer.mimetype != "text/html":
                continue
            for form in forms_of(answer.text, path):
                shape = (rule.rule, form.method, form.named())
                shapes[shape] = shapes.get(shape, 0) + 1
                if shapes[shape] <= MOST_OF_A_SHAPE and not form.action.startswith(LEFT_OUT):
                    yield form


class Findings(list[tuple[Any, ...]]):
    """What is wrong, in words; checks one answer at a time."""

    def check(self, form: Form, sent: list[tuple[str, Any]], answer: TestResponse, *, whole: bool = True) -> None:
        what = (form.page, form.action, {name: _short(value) for name, value in sent if name not in _CARRIED})
        if answer.status_code >= 500:
            self.append((*what, answer.status_code))
            return
        if answer.mimetype != "text/html":
            return
        text = answer.text
        if any(raw in text for raw in RAW):
            self.append((*what, "reflected unescaped"))
        if answer.status_code != 422 or not whole:
            return
        if not names_a_field(text):
            self.append((*what, "422 that names nothing"))
        shown = shown_in(text)
        for one in form.typed:
            values = [value for name, value in sent if name == one.name]
            if len(values) == 1 and isinstance(values[0], str) and one.name in shown:
                if not any(same(values[0], each) for each in shown[one.name]):
                    self.append((*what, f"{one.name} is lost", [_short(each) for each in shown[one.name]]))
            elif values and one.name not in shown:
                self.append((*what, f"{one.name} is not on the page any more"))

    def told(self) -> str:
        return f"{len(self)} wrong:\n" + "\n".join(map(str, self[:40]))


_CARRIED = ("csrf_token", "submission_key", "rendered_for")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:50]}… ({len(text)})"


@pytest.mark.parametrize("person", PERSONS)
def test_no_shape_of_value_breaks_a_form(migrated_app: Flask, world: World, person: str) -> None:
    """Every field hostile at once, each meeting each value in turn; without a key, so that nothing is written."""
    before, wrong, random = _states(migrated_app), Findings(), Random(20261125)
    done = set[Any]()
    for form in forms(migrated_app, world, person):
        if form.method != "post" or (_place(form), form.named()) in done:
            continue
        done.add((_place(form), form.named()))
        rounds = len(TEXTS) if person not in SECOND else 3
        start = random.randrange(len(TEXTS))
        for turn in range(rounds):
            sent = [(one.name, _hostile(one, start + turn + place)) for place, one in enumerate(form.inputs)]
            wrong.check(form, sent, _post(world.clients[person], form, sent, turn))
        for body in _malformed(form, random) if person not in SECOND else ():
            wrong.check(form, body, _post(world.clients[person], form, body, 1), whole=False)
    assert not wrong, wrong.told()
    assert len(done) > 3
    assert _states(migrated_app) == before, "a form without its key has written something"


def _hostile(one: Input, turn: int) -> str:
    if one.name == "submission_key":
        return ("", "short", "x" * 100_000, "\x00" * 20, SHELL)[turn % 5]
    return TEXTS[turn % len(TEXTS)] if one.is_typed or one.kind == "password" else CHOSEN[turn % len(CHOSEN)]


SHELL = "a key with; spaces $(rm)"


def _malformed(form: Form, random: Random) -> Iterator[list[tuple[str, Any]]]:
    """Fields missing, doubled, of another kind, and some that no page ever showed."""
    plain = [(one.name, one.plausible(1)) for one in form.inputs if one.name != "submission_key"]
    yield []
    for name, _value in plain:
        yield [pair for pair in plain if pair[0] != name]
        yield [*plain, (name, random.choice(TEXTS))]
        yield [
            *((n, v) for n, v in plain if n != name),
            (name, (io.BytesIO(b"%PDF-1.4 \x00\xff<script>fuzzed"), "../x\u202e.html")),
        ]
    yield [
        *plain,
        ("is_test", "1"),
        ("state", "rated"),
        ("amount_minor", "1"),
        ("__proto__[x]", "1"),
        ("a" * 5000, "1"),
    ]


@pytest.mark.parametrize("person", [person for person in PERSONS if person not in SECOND])
def test_no_rule_behind_a_form_breaks(migrated_app: Flask, world: World, person: str) -> None:
    """Sent for real, one hostile field among plausible ones, the page read anew each time; then every page is looked at."""
    wrong, client = Findings(), world.clients[person]
    done = set[Any]()
    for form in forms(migrated_app, world, person):
        if form.method != "post" or (_place(form), form.named(), form.page) in done:
            continue
        done.add((_place(form), form.named(), form.page))
        for turn, (victim, value) in enumerate((one, value) for one in _worth_it(form) for value in DEEP):
            fresh = _again(client, world, person, form)
            if fresh is None:
                break  # it was sent and what it decides is decided
            sent = [
                (one.name, value if one.name == victim.name else one.plausible(turn))
                for one in fresh.inputs
                if one.kind != "checkbox" or one.name == victim.name or turn % 2
            ]
            wrong.check(fresh, sent, _post(client, fresh, sent, turn), whole=victim.is_typed)
    assert not wrong, wrong.told()
    told = _pages_told(migrated_app, world, person)
    assert told == []


def _worth_it(form: Form) -> list[Input]:
    """The fields whose values a rule gets to see; a form without any is sent once as it is."""
    found = [one for one in form.inputs if one.is_typed or one.kind in ("select", "radio")]
    return found or [Input("nothing", "text", "")]


def _again(client: FlaskClient, world: World, person: str, form: Form) -> Form | None:
    answer = client.get(form.page)
    if answer.status_code in (302, 303) and "/sign-in" in answer.headers["Location"]:
        sign_in(client, world.people.members[person].email)
        answer = client.get(form.page)
    same_shape = (one for one in forms_of(answer.text, form.page) if one.action == form.action and one.method == "post")
    return next(same_shape, None)


def _pages_told(app: Flask, world: World, person: str) -> list[Any]:
    """Pages that, after all that was stored, answer with a 5xx or show something unescaped."""
    wrong: list[tuple[Any, ...]] = []
    for rule in rules(app):
        if "GET" not in calls(rule):
            continue
        for ids in world.own[SIDE[person]]:
            if "kind" in rule.arguments:
                continue  # a file shows nothing
            answer = world.clients[person].get(address(rule, ids))
            answer.get_data()  # a file is streamed: whoever leaves in the middle leaves its request open
            if answer.status_code >= 500 and rule.endpoint not in ("health.ready",):
                wrong.append((address(rule, ids), answer.status_code))
            elif answer.mimetype == "text/html" and any(raw in answer.text for raw in RAW):
                wrong.append((address(rule, ids), "shows what was stored unescaped"))
    return wrong


@pytest.mark.parametrize("person", PERSONS)
def test_no_search_breaks_a_list(migrated_app: Flask, world: World, person: str) -> None:
    wrong, done = Findings(), set[Any]()
    for form in forms(migrated_app, world, person):
        if form.method != "get" or (_place(form), form.named()) in done:
            continue
        done.add((_place(form), form.named()))
        for turn, text in enumerate(TEXTS if person not in SECOND else TEXTS[::5]):
            if len(text) > 2000 or "\ud800" in text:
                text = text[:2000].replace("\ud800", "�")
            sent = [(one.name, text if one.is_typed else CHOSEN[turn % 5]) for one in form.inputs]
            answer = world.clients[person].get(form.action.partition("?")[0], query_string=encoded(sent))
            wrong.check(form, list(sent), answer)
    assert not wrong, wrong.told()


def test_the_walk_finds_the_forms(migrated_app: Flask, world: World) -> None:
    """What the others say of every form says something only while forms are found."""
    places = {
        _place(form) for person in PERSONS for form in forms(migrated_app, world, person) if form.method == "post"
    }
    for place in (
        "billing-entries/new",
        "request",
        "reject-completion",
        "approve",
        "testing/new",
        "reviews/rating",
        "members/new",
        "account",
    ):
        assert any(place in one for one in places), f"no form is sent to …{place}"
    kinds = {one.kind for person in PERSONS for form in forms(migrated_app, world, person) for one in form.inputs}
    assert kinds >= {"text", "textarea", "select", "radio", "checkbox", "hidden", "email"}
    assert hostile.TEXTS == TEXTS


def _place(form: Form) -> str:
    """The action without ids."""
    parts = form.action.partition("?")[0].split("/")
    return "/".join("…" if len(part) == 36 and part.count("-") == 4 else part for part in parts)


def _post(client: FlaskClient, form: Form, sent: list[tuple[str, Any]], turn: int) -> TestResponse:
    files = any(isinstance(value, tuple) for _name, value in sent) or any(one.kind == "file" for one in form.inputs)
    body = {name: values if len(values) > 1 else values[0] for name, values in encoded(sent).items()}
    return client.post(
        form.action,
        data=body,
        headers=HTMX if form.live and turn % 3 == 1 else None,
        content_type="multipart/form-data" if files else None,
    )
