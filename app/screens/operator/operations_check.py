"""Self-check: asks for a run of everything that must hold, shows how far it is, and keeps the last verdicts."""

import uuid
from typing import Any

from flask import Blueprint, Response, current_app
from flask_babel import gettext as _
from flask_babel import ngettext

from app.config import Settings
from app.foundation import clock, tenancy, timetable
from app.foundation.checks import history_check
from app.foundation.failed_rows import RETRY, VIEW
from app.foundation.refusals import AlreadyDone
from app.foundation.tenancy import one
from app.operations.actions import request_run, stop_run
from app.operations.model import CheckRun
from app.operations.queries import last_done, recent_runs
from app.web.fields import PortalForm
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.instants import duration
from app.web.operations_tabs import HERE, tabs
from app.web.submissions import submit_once

screen = Blueprint("operations_check", __name__)

PATH = f"{HERE}/self-check"
#: the job whose result is the last verification of history
HISTORY_JOB = "check_history"


class Ask(PortalForm):
    """Nothing to enter."""


@screen.get(PATH)
@needs(VIEW, capacity="operator")
def show_check() -> Response:
    return show("operator/self_check.html", block="run", **_panel())


@screen.post(PATH)
@needs(RETRY, capacity="operator")
def run() -> Response:
    form = Ask()
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: request_run(by=tenancy.current()), action="run-check")
        except AlreadyDone:
            return show_fresh(PATH, "operator/self_check.html", second=True, **_panel())
        return go_to(PATH)
    return show("operator/self_check.html", block="run", status=form.status, **_panel(form))


@screen.get(f"{PATH}/<uuid:run_id>/stop", endpoint="ask_stop")
@screen.post(f"{PATH}/<uuid:run_id>/stop")
@needs(RETRY, capacity="operator")
def stop(run_id: uuid.UUID) -> Response:
    found, form = one(CheckRun, run_id), Ask()
    try:
        if not found.is_open:
            raise AlreadyDone(found.state, "stop")
        if form.validate_on_submit():
            submit_once(form, lambda: stop_run(one(CheckRun, run_id), by=tenancy.current()), action="stop-check")
            return go_to(PATH, toast=_("Stopped. The verdicts of the last complete run stay."))
    except AlreadyDone:
        return show_fresh(PATH, "operator/self_check.html", **_panel())
    decision = {
        "title": _("Stop the self-check"),
        "action": f"{PATH}/{run_id}/stop",
        "submit": _("Stop the self-check"),
        "sentence": _("The claims checked so far are kept with this run; the rest is not checked."),
        "kind": "danger",
        "cancel": PATH,
        "form": form,
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=decision)


def _panel(form: Ask | None = None) -> dict[str, Any]:
    runs = recent_runs()
    newest, done = (runs[0] if runs else None), last_done(runs)
    current = newest if newest is not None and newest.is_open else None
    settings: Settings = current_app.config["SETTINGS"]
    history = next((p.result for p in timetable.planned() if p.job.name == HISTORY_JOB), None)
    return {
        "tabs": tabs("self-check"),
        "form": form or Ask(),
        "current": current,
        "progress": _progress(current) if current else None,
        "done": done,
        "verdicts": [_verdict(v) for v in done.told] if done else [],
        "took": duration(done.finished_at - done.started_at) if done and done.finished_at and done.started_at else None,
        "runs": [{"run": run, "words": _outcome(run)} for run in runs],
        "history": history,
        "within_days": settings.history_read_through_days,
        "chains": next((v for v in done.told if v.claim == history_check().claim), None) if done else None,
        "here": PATH,
    }


def _progress(run: CheckRun) -> dict[str, Any]:
    checked, known = len(run.verdicts), max(run.claims, 1)
    if run.started_at is None:
        words = _("waiting for the job, which looks every two seconds")
    else:
        words = _(
            "%(done)s of %(all)s claims, %(rows)s rows, %(time)s",
            done=checked,
            all=run.claims,
            rows=f"{run.looked:,}",
            time=duration(clock.now() - run.started_at),
        )
    return {"value": checked, "most": known, "words": words, "now": run.claim_now}


def _verdict(verdict: Any) -> dict[str, Any]:
    sentences = list(verdict.sentences)
    if verdict.unsaid:
        sentences.append(_("and %(n)s more", n=f"{verdict.unsaid:,}"))
    figure = (
        ngettext("%(num)s wrong", "%(num)s wrong", verdict.wrong)
        if verdict.wrong
        else _("%(n)s checked", n=f"{verdict.looked:,}")
    )
    return {
        "ok": verdict.holds,
        "text": verdict.claim[:1].upper() + verdict.claim[1:],
        "sentences": sentences,
        "figure": figure,
    }


def _outcome(run: CheckRun) -> str:
    if run.is_open or run.state == "stopped":
        return ""
    return _("%(n)s rows wrong", n=f"{run.wrong:,}") if run.wrong else _("everything held")
