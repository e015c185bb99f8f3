"""Operations: what the machine does by itself and when it last did, what failed, what mail waits, and what runs here."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import ngettext

from app.foundation import clock, failed_rows, timetable, workers
from app.foundation.failed_rows import COUNTED, VIEW
from app.foundation.installation import Installation, installation
from app.foundation.timetable import Planned
from app.foundation.workers import Queued, Worker
from app.notices import on_its_way
from app.notices.on_its_way import OnItsWay
from app.operations import states
from app.operations.asked_runs import last_asked
from app.operations.model import AskedRun, CheckRun
from app.operations.queries import last_done, recent_runs
from app.web.figures import plain_size
from app.web.fragments import show
from app.web.guard import needs
from app.web.instants import ago, duration
from app.web.mail_words import mail_goes_out
from app.web.operations_tabs import HERE, counted, job_words, run_now_path, tabs
from app.web.templating import translate

screen = Blueprint("operations", __name__)

#: the page looks again by itself for so long after a run was asked for
WATCHED = timedelta(minutes=10)


@screen.get(HERE)
@needs(VIEW, capacity="operator")
def show_overview() -> Response:
    planned, runs, asked = timetable.planned(), recent_runs(), last_asked()
    jobs = [_job(one, asked.get(one.job.name)) for one in planned]
    kinds = [_kind(kind) for kind in failed_rows.KINDS.values()]
    mail, failed = on_its_way.mail_on_its_way(), sum(kind["count"] for kind in kinds)
    late = sum(job["overdue"] for job in jobs)
    return show(
        "operator/operations.html",
        block="overview",
        tabs=tabs("overview", failed=failed, waiting=mail.waiting),
        jobs=jobs,
        awaited=any(job["awaited"] for job in jobs),
        late=late,
        kinds=kinds,
        workers=[_worker(one) for one in workers.workers()],
        queues=_queues(workers.queued()),
        cells=[_jobs_cell(jobs, late), _failed_cell(kinds, failed), _mail_cell(mail), _check_cell(last_done(runs))],
        mail=mail,
        mail_waiting=counted(mail.waiting, on_its_way.COUNTED),
        mail_goes_out=mail_goes_out(),
        installed=_installed(installation()),
    )


def _job(planned: Planned, asked: AskedRun | None) -> dict[str, Any]:
    job, result = planned.job, planned.result
    overdue = planned.is_overdue(clock.now())
    state = "not_started" if result is None else "passed" if result.last_ok else "failed"
    return {
        "name": job_words(job.name),
        "run_now": run_now_path(job.name),
        "asked": _asked(asked) if asked else "",
        "awaited": asked is not None and _is_awaited(asked),
        "does": job.does,
        "every": duration(job.every_seconds),
        "last": result.last_finished_at if result else None,
        "planned_at": job.planned_at,
        "state": state,
        "overdue": overdue,
        "message": result.last_message if result else "",
        "rows": result.rows_done if result else 0,
    }


def _is_awaited(run: AskedRun) -> bool:
    """Waits or is under way; one that was begun long ago ended with its process and is waited for no more."""
    began = run.begun_at or run.asked_at
    return run.state in (states.ASKED, states.BEGUN) and clock.now() - began < WATCHED


def _asked(run: AskedRun) -> str:
    """Who asked for the run out of turn, and what became of it."""
    facts = {"who": run.asked_by_name, "age": ago(run.ended_at or run.begun_at or run.asked_at)}
    return {
        states.ASKED: _("asked for %(age)s ago by %(who)s; waits for its turn", **facts),
        states.BEGUN: _("begun %(age)s ago for %(who)s", **facts),
        states.PASSED: _("run %(age)s ago for %(who)s: passed", **facts),
        states.FAILED: _("run %(age)s ago for %(who)s: failed", **facts),
    }[run.state]


def _worker(worker: Worker) -> dict[str, Any]:
    return {
        "name": worker.name,
        "beside": worker.kind == "portal",
        "state": "silent" if worker.is_silent(clock.now()) else "running",
        "started_at": worker.started_at,
        "seen_at": worker.seen_at,
        "runs": sorted({job_words(one["job"]) for one in worker.running}),
    }


def _queues(queued: list[Queued] | None) -> list[dict[str, Any]] | None:
    """None where jobs are not queued: one process has the database to itself."""
    if queued is None:
        return None
    return [
        {
            "name": job_words(one.job),
            "waiting": counted(one.waiting, workers.COUNTED),
            "doing": counted(one.doing, workers.COUNTED),
            "failed": counted(one.failed, workers.COUNTED),
            "bad": one.failed > 0,
        }
        for one in queued
    ]


def _kind(kind: failed_rows.FailedKind) -> dict[str, Any]:
    count, oldest = failed_rows.count_of(kind)
    return {
        "label": translate(kind.label),
        "icon": kind.icon,
        "count": count,
        "words": counted(count, COUNTED),
        "oldest": oldest,
        "path": f"{HERE}/failed-rows?kind={kind.name}",
    }


def _jobs_cell(jobs: list[dict[str, Any]], late: int) -> dict[str, Any]:
    never = sum(job["state"] == "not_started" for job in jobs)
    if late:
        small = ngettext("%(num)s is overdue", "%(num)s are overdue", late)
    elif never:
        small = ngettext("%(num)s has its first run ahead", "%(num)s have their first run ahead", never)
    else:
        small = _("all have run in time")
    return {
        "label": _("Jobs in time"),
        "figure": _("%(good)s of %(all)s", good=len(jobs) - late, all=len(jobs)),
        "small": small if jobs else _("no timetable has been started"),
    }


def _failed_cell(kinds: list[dict[str, Any]], failed: int) -> dict[str, Any]:
    oldest = min((kind["oldest"] for kind in kinds if kind["oldest"]), default=None)
    return {
        "label": _("Failed rows"),
        "figure": counted(failed, COUNTED),
        "small": _("the oldest waits %(age)s", age=ago(oldest)) if oldest else _("nothing waits to be tried again"),
    }


def _mail_cell(mail: OnItsWay) -> dict[str, Any]:
    if not mail.waiting:
        small = _("nothing waits to be sent")
    elif not mail_goes_out():
        small = _("no mail server is set; the oldest waits %(age)s", age=ago(mail.oldest))
    else:
        small = _("the oldest waits %(age)s", age=ago(mail.oldest))
    return {"label": _("Mail on its way"), "figure": counted(mail.waiting, on_its_way.COUNTED), "small": small}


def _check_cell(done: CheckRun | None) -> dict[str, Any]:
    if done is None:
        return {"label": _("Self-check"), "figure": "—", "small": _("never run here")}
    figure = _("%(n)s wrong", n=f"{done.wrong:,}") if done.wrong else _("holds")
    return {"label": _("Self-check"), "figure": figure, "small": _("%(age)s ago", age=ago(done.finished_at))}


def _installed(here: Installation) -> list[tuple[Any, ...]]:
    return [
        (_("Portal"), here.version, _("on Python %(version)s", version=here.python)),
        (_("Database"), here.database, plain_size(here.size_bytes)),
        (_("Migration"), ", ".join(here.migrations) or _("none")),
    ]
