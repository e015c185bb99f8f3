"""Run now: asks for one run of a job out of turn; the timetable's process carries it out within seconds."""

from flask import Blueprint, Response
from flask_babel import gettext as _

from app.foundation import tenancy
from app.foundation.failed_rows import RETRY
from app.foundation.refusals import NotVisible
from app.foundation.timetable import planned
from app.operations.asked_runs import ask
from app.web.fields import PortalForm
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.operations_tabs import HERE, job_words, run_now_path
from app.web.submissions import submit_once

screen = Blueprint("operations_jobs", __name__)


class RunNow(PortalForm):
    """Nothing to enter."""


@screen.get(f"{HERE}/jobs/<string:job_name>/run", endpoint="ask_run")
@screen.post(f"{HERE}/jobs/<string:job_name>/run")
@needs(RETRY, capacity="operator")
def run(job_name: str) -> Response:
    job = next((one.job for one in planned() if one.job.name == job_name), None)
    if job is None:
        raise NotVisible
    form, words = RunNow(), job_words(job.name)
    if form.validate_on_submit():
        submit_once(form, lambda: ask(job.name, by=tenancy.current()), action="run-job")
        return go_to(HERE, toast=_("%(job)s: asked for. It runs within seconds.", job=words))
    decision = {
        "title": _("Run now: %(job)s", job=words),
        "eyebrow": job.does,
        "action": run_now_path(job.name),
        "submit": _("Run now"),
        "sentence": _(
            "It runs once out of turn and goes on by its timetable after that. Never beside itself: while it runs, this waits for its end. History names you."
        ),
        "cancel": HERE,
        "form": form,
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=decision)
