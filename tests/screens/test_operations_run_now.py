"""Operations: a job is run out of turn by who may, and the menu says how many rows failed."""

import pytest
from sqlalchemy import select, text

from app.foundation import outbox
from app.foundation.database import db, transaction
from app.foundation.outbox import Notice, OutboxRow
from app.foundation.tenancy import acting_for_all
from app.members.roles import OPERATOR_RATER
from app.operations import asked_runs
from app.operations.model import AskedRun
from tests.page import Page
from tests.people import fill, hidden_fields
from tests.screens.operations_stage import FACTS, HERE, four_jobs, look, what_failed


@pytest.fixture
def failed(app, people):
    return what_failed(app, people)


@pytest.fixture
def jobs(app, people):
    four_jobs(app)


def test_run_now_asks_first_and_says_who_asked(app, jobs, as_):
    path = f"{HERE}/jobs/sound/run"
    olga = as_("olga")
    page = Page(olga.get(HERE))
    assert [link["href"] for link in page.soup.select(".jobs td.k-go a")][1] == path
    asked = Page(olga.get(path))
    asked.check()
    assert "Run now: Sound" in asked.text and "Never beside itself" in asked.text
    form = hidden_fields(olga.get(path).text, path)
    answers = [olga.post(path, data=form) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {303} and answers[0].headers["Location"] == HERE
    assert fill(olga, path).status_code == 303, "asked for again while it waits"
    page = Page(olga.get(HERE))
    page.check()
    (row,) = [tr for tr in page.soup.select(".jobs tbody tr") if "Sound" in tr.text]
    assert "ago by Olga Reyes, Operator; waits for its turn" in " ".join(row.text.split())
    assert page.soup.select_one("#overview")["hx-trigger"] == "load delay:2s"
    assert len(look(app, lambda: db.session.scalars(select(AskedRun.id)).all())) == 1

    def carried_out():
        with acting_for_all("the job") as job:
            run_id = asked_runs.begin("sound", by=job)
            assert run_id is not None
            asked_runs.end(run_id, ok=True, message="", rows=1, by=job)

    look(app, carried_out)
    page = Page(olga.get(HERE))
    assert (
        "ago for Olga Reyes, Operator: passed" in " ".join(page.text.split())
        and "hx-trigger" not in page.soup.select_one("#overview").attrs
    )


def test_who_runs_a_job(app, jobs, people, as_, monkeypatch):
    path = f"{HERE}/jobs/sound/run"
    for other, status in {"ada": 403, "cy": 403, "dot": 403, "nobody": 302}.items():
        assert as_(other).get(path).status_code == status
    for unknown in ("nonsense", "%00", "A" * 5000, "%F0%9F%92%A9"):
        assert as_("olga").get(f"{HERE}/jobs/{unknown}/run").status_code == 404
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)  # asks what lies behind the token
    assert as_("ada").post(path).status_code == 403
    with app.app_context(), acting_for_all("a test takes a role away"), transaction() as session:
        people.memberships["otto"].roles = [OPERATOR_RATER]
        session.merge(people.memberships["otto"])
    otto = as_("otto")
    assert "Run now" not in otto.get(HERE).text
    assert otto.get(path).status_code == otto.post(path).status_code == 403


def test_the_menu_counts_failed_rows_and_the_bell_does_not(failed, as_):
    """Two entries and two notices failed; what waits untried is no failure, and nobody else is told."""

    def counted(who, path="/operations"):
        page = Page(as_(who).get("/account"))
        link = page.soup.select_one(f"nav a[href='{path}']")
        return "".join(link.text.split()) if link else None

    assert counted("olga") == "Operations4"
    assert counted("olga", "/inbox") == "Inbox"
    assert counted("ada") is None


def test_the_menus_count_is_bounded_and_uses_the_index(app, people, as_):
    def many():
        with transaction() as session:
            for _ in range(130):
                outbox.post(Notice("organisation", str(people.acme.id), "request_approved", FACTS))
            session.flush()
            for row in session.scalars(select(OutboxRow)):
                row.tries = 1

    look(app, many)
    page = Page(as_("olga").get("/account"))
    assert "".join(page.soup.select_one("nav a[href='/operations']").text.split()) == "Operations100"
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            with acting_for_all("a test asks how"):
                plan = db.session.execute(
                    text(
                        "EXPLAIN QUERY PLAN SELECT id FROM outbox WHERE sent_at IS NULL AND (tries > 0 OR failed_at IS NOT NULL)"
                    )
                ).all()
            assert "ix_outbox_in_vain" in str(plan)
        db.session.remove()
