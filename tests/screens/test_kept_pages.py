"""Every list is the same page whether its pieces are kept or made anew: for each person, in each zone, before and after a change."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.members.model import Member
from app.web import kept
from tests.makers import make_entry
from tests.people import People
from tests.screens.engagement_stage import HTMX, Stage, set_stage

LISTS = {
    "ada": [
        "/engagements", "/engagements?status=past", "/engagements?status=all&client={acme}", "/engagements?search=archive",
        "/products/{product}/current-engagements", "/products/{product}/past-engagements",
        "/engagements/bulk-entry", "/engagements/bulk-entry?search=archive&client={acme}", "/engagements/bulk-entry?search=zebra",
        "{engagement}/billing-entries", "{engagement}/history", "/inbox", "/", "/products", "/members",
    ],
    "ben": ["/engagements", "{engagement}/history"],
    "cy": ["/engagements", "/engagements?status=all", "/inbox"],
    "olga": ["/engagements", "/engagements?status=all", "/organisations", "/months", "/reviews/rating", "/inbox", "/"],
    "dot": ["/my/engagements", "/my/charges", "/my{engagement}/billing-entries", "/my{engagement}/history", "/catalog", "/"],
    "eve": ["/my/engagements", "/my/charges", "/"],
}  # fmt: skip
#: What is of one answer alone, and so never in a kept piece.
TOKENS = re.compile(r'(csrf_token" value="|X-CSRFToken": "|submission_key" value=")([^"]+)')


@pytest.fixture
def stage(app: Flask, people: People) -> Stage:
    stage = set_stage(app, people)
    with app.app_context():
        for quantity in ("2", "3.5"):
            make_entry(stage.engagements["active"], quantity, rated=True)
        make_entry(stage.engagements["active"], "1")
        db.session.remove()
    kept.PIECES.forget()
    return stage


def pages(as_: Any, stage: Stage, people: People) -> dict[tuple[str, str, bool], str]:
    """What everybody is shown, whole pages and fragments; whoever may not, 403 or 404, is told that alike."""
    places = {
        "acme": people.acme.id,
        "product": stage.product.id,
        "engagement": f"/engagements/{stage.engagements['active'].id}",
    }
    return {
        (who, path, bool(headers)): TOKENS.sub(r"\1", as_(who).get(path.format(**places), headers=headers).text)
        for who, paths in LISTS.items()
        for path in paths
        for headers in ({}, HTMX)
    }


def same_kept_and_unkept(as_: Any, stage: Stage, people: People) -> dict[tuple[str, str, bool], str]:
    """The second time everything that can be is found; then nothing is."""
    pages(as_, stage, people)
    made = kept.PIECES.made
    found = pages(as_, stage, people)
    assert kept.PIECES.made == made, "a page seen a moment ago finds all its pieces"
    with kept.nothing_kept():
        assert pages(as_, stage, people) == found
    return found


def test_kept_or_not_a_page_is_the_same(app: Flask, people: People, stage: Stage, as_: Any) -> None:
    now = clock.now()
    with clock.pinned(now):
        before = same_kept_and_unkept(as_, stage, people)
        with app.app_context(), acting_for_all("a test changes what is shown"):
            with transaction() as session:
                engagement = session.merge(stage.engagements["active"])
                engagement.name = "Archive, <b>renamed</b> & kept"
                for member in session.query(Member):
                    member.zone = "Asia/Kathmandu"
            db.session.remove()
        after = same_kept_and_unkept(as_, stage, people)
    assert before["ada", "/engagements", False] != after["ada", "/engagements", False]
    for who, path in (("ada", "/engagements"), ("olga", "/engagements"), ("dot", "/my/engagements")):
        assert "Archive, &lt;b&gt;renamed&lt;/b&gt; &amp; kept" in after[who, path, False]
    with clock.pinned(now + timedelta(days=40)):  # other ages, and another month that is open
        same_kept_and_unkept(as_, stage, people)
    with clock.pinned(now + timedelta(days=400)):  # another year: dates of this one say theirs
        later = same_kept_and_unkept(as_, stage, people)
    assert later["dot", "/my/engagements", False] != after["dot", "/my/engagements", False]


def test_no_piece_holds_a_token(app: Flask, people: People, stage: Stage, as_: Any) -> None:
    sent = set()
    for who, paths in LISTS.items():
        for path in paths[:2]:
            place = path.format(
                acme=people.acme.id,
                product=stage.product.id,
                engagement=f"/engagements/{stage.engagements['active'].id}",
            )
            sent |= {token for _before, token in TOKENS.findall(as_(who).get(place).text)}
    pieces = [*kept.PIECES._young.values(), *kept.PIECES._old.values()]
    assert len(pieces) > 30
    assert len(sent) > 5
    for piece in pieces:
        assert "csrf" not in piece and "submission_key" not in piece
        assert not any(token in piece for token in sent)
