"""Operations: jobs, failed rows with retry, mail on its way, the self-check; the operator's, and read without the role."""

import pytest
from sqlalchemy import event, select

from app.billing import rating
from app.billing.model import BillingEntry
from app.foundation import clock, history, timetable
from app.foundation.database import db, transaction
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all, one, viewing
from app.jobs import engine, run_checks
from app.members.roles import OPERATOR_RATER
from app.operations import actions
from app.operations.model import CheckRun
from tests.makers import as_operator
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX
from tests.screens.operations_stage import HERE, four_jobs, look, what_failed

PAGES = (HERE, f"{HERE}/failed-rows", f"{HERE}/outbox", f"{HERE}/self-check")


@pytest.fixture
def failed(app, people):
    return what_failed(app, people)


@pytest.fixture
def jobs(app, people):
    four_jobs(app)


def test_every_job_with_its_last_result(jobs, as_):
    page = Page(as_("olga").get(HERE))
    page.check()
    rows = {
        row.select_one(".k-name").contents[0].strip(): " ".join(row.get_text(" ").split())
        for row in page.soup.select(".jobs tbody tr")
    }
    assert list(rows) == ["Broken", "Sound", "Late", "New"]
    assert (
        "Does well." in rows["Sound"]
        and "Passed" in rows["Sound"]
        and "1,234" in rows["Sound"]
        and "1 min" in rows["Sound"]
    )
    assert (
        "Failed" in rows["Broken"] and "OSError: <disk> is full" in rows["Broken"] and "Overdue" not in rows["Broken"]
    )
    assert "Overdue" in rows["Late"] and "2 h 30 min ago" in rows["Late"]
    assert "never" in rows["New"] and "Not Started" in rows["New"] and "Overdue" not in rows["New"]
    assert "3 of 4" in page.text and "1 is overdue" in page.text
    Fragment(as_("olga").get(HERE, headers=HTMX)).check()


def test_a_portal_without_jobs_says_so(app, people, as_):
    page = Page(as_("olga").get(HERE))
    page.check()
    assert "No background job has ever been started here" in page.text and "never run here" in page.text
    assert "0.3.0" in page.text and ("SQLite" in page.text or "PostgreSQL" in page.text)


def test_mail_without_a_server_is_no_secret(failed, as_):
    """The tests' portal is no demo and has no SMTP_URL: what waits says why."""
    page = Page(as_("olga").get(HERE))
    assert "Mail waits until a mail server is set" in page.text
    listed = Page(as_("olga").get(f"{HERE}/outbox"))
    listed.check()
    assert (
        "no mail server is set" in listed.text and "451 4.7.1 come back later" in listed.text and "Acme" in listed.text
    )
    assert "figures" not in listed.html
    given_up = Page(as_("olga").get(f"{HERE}/outbox?state=given-up"))
    assert "550 5.1.1" in given_up.text and "451 4.7.1" not in given_up.text
    for kind in ("csv", "xlsx"):
        answer = as_("olga").get(f"{HERE}/outbox.{kind}?state=put-off")
        assert answer.status_code == 200
        if kind == "csv":
            lines = answer.text.splitlines()
            assert len(lines) == 2 and "451 4.7.1 come back later" in lines[1] and "Put off" in lines[1]


def test_failed_rows_with_their_reasons(failed, as_):
    page = Page(as_("olga").get(f"{HERE}/failed-rows"))
    page.check()
    assert page.text.count("ZeroDivisionError") == 2 and "Night</b> watch" in page.text and "Northbridge" in page.text
    assert page.soup.select_one("td.k-name a")["href"] == f"/reviews/rating/{failed['first']}"
    mail = Page(as_("olga").get(f"{HERE}/failed-rows?kind=mail"))
    mail.check()
    assert len(mail.soup.select("tbody tr")) == 2 and "Request approved" in mail.text and "given up" in mail.text
    assert len(mail.soup.select(".danger-link")) == 1
    answer = as_("olga").get(f"{HERE}/failed-rows.csv?kind=billing-entry")
    assert answer.text.count("ZeroDivisionError") == 2 and answer.headers["Content-Disposition"].startswith(
        'attachment; filename="failed-billing-entry-'
    )
    assert as_("olga").get(f"{HERE}/failed-rows.xlsx?kind=mail").status_code == 200


def retry(client, kind, **which):
    path = f"{HERE}/failed-rows/{kind}/retry"
    body = hidden_fields(client.get(f"{HERE}/failed-rows?kind={kind}").text, path)
    assert "which" not in body  # the button says it, and a browser sends what stands first
    return client.post(path, data={**body, **which}), body


def test_retry_one_chosen_or_all(app, failed, as_):
    olga = as_("olga")
    answer, _ = retry(olga, "billing-entry", which=str(failed["first"]))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{HERE}/failed-rows?kind=billing-entry")
    assert "1 row is tried again now." in olga.get(answer.headers["Location"]).text

    def due():
        entries = db.session.scalars(select(BillingEntry).where(BillingEntry.failure.is_not(None)))
        return {entry.id for entry in entries if entry.try_again_at and entry.try_again_at <= clock.now()}

    assert look(app, due) == {failed["first"]}
    answer, _ = retry(olga, "billing-entry", which="chosen", chosen=[str(failed["second"]), "not-an-id"])
    assert answer.status_code == 303 and look(app, due) == {failed["first"], failed["second"]}
    answer, _ = retry(olga, "mail", which="all")
    assert answer.status_code == 303 and "2 rows are tried again now." in olga.get(answer.headers["Location"]).text
    assert look(app, lambda: one(OutboxRow, failed["given up"]).failed_at) is None


def test_retry_again_with_the_same_form_does_nothing_more(app, failed, as_):
    olga = as_("olga")
    answer, body = retry(olga, "billing-entry", which="all")
    again = olga.post(f"{HERE}/failed-rows/billing-entry/retry", data={**body, "which": "all"})
    assert (answer.status_code, again.status_code) == (303, 303)
    told = look(
        app,
        lambda: [e.event for e in history.events_of("engagement", one(BillingEntry, failed["first"]).engagement_id)],
    )
    assert told.count("billing_rating_retried") == 2  # one an entry


@pytest.mark.parametrize(
    "which",
    [
        {},
        {"which": "chosen"},
        {"which": "x" * 5000},
        {"which": "chosen", "chosen": ["\0", "\N{PILE OF POO}", "1e400"]},
        {"which": "００" * 18},
    ],
)
def test_nothing_chosen_is_said(failed, as_, which):
    answer, _ = retry(as_("olga"), "billing-entry", **which)
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and ("Choose the rows" in page.text or "did not arrive whole" in page.text)


def test_what_does_not_wait_any_more_is_a_409_with_what_does(app, failed, as_):
    olga = as_("olga")
    path = f"{HERE}/failed-rows/billing-entry/retry"
    stale = hidden_fields(olga.get(f"{HERE}/failed-rows").text, path)
    with app.app_context(), acting_for_all("a test's job") as job:
        for name in ("first", "second"):
            rating.rate_entry(failed[name], by=job)
        db.session.remove()
    for which in (str(failed["first"]), "all"):
        answer = olga.post(path, data={**stale, "which": which})
        page = Page(answer)
        page.check()
        assert answer.status_code == 409 and "do not wait any more" in page.text
    assert olga.post(path, data={**stale, "which": "all"}, headers=HTMX).headers["HX-Retarget"] == "#content"


def test_give_up_asks_first(app, failed, as_):
    olga, here = as_("olga"), f"{HERE}/failed-rows/mail/{failed['put off']}/give-up"
    asked = Page(olga.get(here))
    asked.check()
    assert "nobody is told what it says" in asked.text
    Fragment(olga.get(here, headers=HTMX)).check()
    body, fresh = hidden_fields(asked.html, here), hidden_fields(olga.get(here).text, here)
    assert [olga.post(here, data=body).status_code for _ in range(2)] == [303, 303]  # the same form: done once
    assert look(app, lambda: one(OutboxRow, failed["put off"]).last_error).startswith("given up by Olga Reyes")
    assert olga.post(here, data=fresh).status_code == 409
    for path in (
        f"{HERE}/failed-rows/mail/{failed['waiting']}/give-up",  # it only waits
        f"{HERE}/failed-rows/billing-entry/{failed['first']}/give-up",  # tried until it works
        f"{HERE}/failed-rows/nonsense/{failed['first']}/give-up",
    ):
        assert olga.get(path).status_code == 404, path


def test_a_self_check_from_the_button_to_the_verdicts(app, people, as_):
    olga, path = as_("olga"), f"{HERE}/self-check"
    before = Page(olga.get(path))
    before.check()
    assert (
        "The verdicts of the last run appear here" in before.text
        and "hx-trigger" not in before.soup.select_one("#self-check").attrs
    )
    assert fill(olga, path).status_code == 303
    waiting = Page(olga.get(path))
    waiting.check()
    panel = waiting.soup.select_one("#self-check")
    assert (
        panel["hx-trigger"] == "load delay:2s"
        and "waiting for the job" in waiting.text
        and "Olga Reyes" in waiting.text
    )
    second = fill(as_("otto"), path, action=path) if waiting.soup.select(f"form[action='{path}']") else None
    assert second is None  # no second button while one is under way
    with app.app_context():
        with acting_for_all("a test's job") as job:
            assert not run_checks.run(by=job, stopped=lambda: False).failed
        db.session.remove()
    done = Fragment(olga.get(path, headers=HTMX))
    done.check()
    assert "hx-trigger" not in done.soup.select_one("#self-check").attrs
    assert "History chains verify, from first event to last" in done.text and "everything held" in done.text
    assert "chains by the self-check" in done.text and "the hourly job has its first run ahead" in done.text
    assert "holds" in Page(olga.get(HERE)).text
    with app.app_context(), acting_for_all("a test's timetable"):
        timetable.write_down([timetable.Plan("check_history", "Verifies.", 3600, 300)])
        db.session.remove()
    engine.run_once(app, "check_history")
    read = Page(olga.get(path))
    read.check()
    assert "all were read since 20" in read.text and "all of them once more within 30 days" in read.text
    assert "all were read since 20" in Page(olga.get(HERE)).text


def test_two_operators_who_press_at_once(app, people, as_):
    path = f"{HERE}/self-check"
    stale = hidden_fields(as_("otto").get(path).text, path)
    assert fill(as_("olga"), path).status_code == 303
    answer = as_("otto").post(path, data=stale)
    page = Page(answer)
    page.check()
    assert answer.status_code == 409 and "under way already" in page.text


def test_stop_asks_first(app, people, as_):
    olga, path = as_("olga"), f"{HERE}/self-check"
    assert fill(olga, path).status_code == 303
    run = look(app, lambda: db.session.scalars(select(CheckRun)).one())
    here = f"{path}/{run.id}/stop"
    asked = Page(olga.get(here))
    asked.check()
    assert fill(olga, here).status_code == 303
    assert look(app, lambda: one(CheckRun, run.id).state) == "stopped"
    assert olga.get(here).status_code == 409
    assert Page(olga.get(path)).soup.select(f"form[action='{path}']")


def test_what_is_wrong_is_shown_with_its_sentences(app, people, as_):
    from app.foundation.self_check import Verdict

    with app.app_context():
        with viewing(as_operator(people.operator)) as olga:
            actions.request_run(by=olga)
        with acting_for_all("a test's job") as job:
            hold = actions.take_run(claims=1, by=job)
            assert hold is not None
            actions.note_verdict(hold, Verdict("amounts hold", 5000, 30, ("BE-1 <b>is</b> wrong",) * 20))
            actions.finish_run(hold, by=job)
        db.session.remove()
    page = Page(as_("olga").get(f"{HERE}/self-check"))
    page.check()
    assert "30 wrong" in page.text and "BE-1 <b>is</b> wrong" in page.text and "and 10 more" in page.text


def test_who_gets_in(app, failed, people, as_, monkeypatch):
    paths = (
        *PAGES,
        f"{HERE}/outbox.csv",
        f"{HERE}/failed-rows.csv",
        f"{HERE}/failed-rows/mail/{failed['put off']}/give-up",
    )
    for path in paths:
        assert as_("otto").get(path).status_code == 200, path
        for other in ("ada", "ben", "cy", "dot"):
            assert as_(other).get(path).status_code == 403
        assert as_("nobody").get(path).status_code == 302
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)  # asks what lies behind the token
    assert as_("olga").post(f"{HERE}/failed-rows/nonsense/retry").status_code == 404
    for other in ("ada", "dot"):
        assert as_(other).post(f"{HERE}/self-check").status_code == 403
        assert as_(other).post(f"{HERE}/failed-rows/mail/retry").status_code == 403
    with app.app_context(), acting_for_all("a test takes a role away"), transaction() as session:
        people.memberships["otto"].roles = [OPERATOR_RATER]
        session.merge(people.memberships["otto"])
    otto = as_("otto")
    for path in PAGES:
        page = Page(otto.get(path))
        page.check()
        assert not page.soup.select("main form, .row-verbs"), path
    assert otto.post(f"{HERE}/self-check").status_code == 403
    assert otto.post(f"{HERE}/failed-rows/billing-entry/retry").status_code == 403
    assert otto.get(f"{HERE}/failed-rows/mail/{failed['put off']}/give-up").status_code == 403


@pytest.mark.parametrize(
    "query", ["?kind=nonsense", "?kind=%00", "?after=AAAA", "?after=" + "A" * 5000, "?kind=mail&before=%FF"]
)
def test_hostile_addresses(failed, as_, query):
    for path in (f"{HERE}/failed-rows", f"{HERE}/outbox"):
        assert as_("olga").get(path + query).status_code in (200, 400, 404, 422)


def test_the_overview_costs_the_same_however_much_there_is(app, failed, jobs, as_):
    olga = as_("olga")
    olga.get(HERE)
    asked: list[str] = []
    with app.app_context():
        engine = db.engine
    listener = lambda *arguments: asked.append(arguments[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", listener)
    try:
        olga.get(HERE)
    finally:
        event.remove(engine, "before_cursor_execute", listener)
    ours = [statement for statement in asked if not statement.startswith(("BEGIN", "PRAGMA", "SHOW"))]
    assert len(ours) <= 14, "\n\n".join(ours)
