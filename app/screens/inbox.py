"""Inbox: every decision that waits for this member, decided one by one, several in one go, or passed to a colleague.

GET shows and asks; only a POST from the page that asks decides, so a link in a mail may lead to it.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup, escape
from wtforms import RadioField

from app.foundation import clock, tenancy
from app.foundation.refusals import NotVisible, Refused
from app.foundation.waiting import KINDS
from app.members.queries import viewer_for
from app.notices import decisions, delegations
from app.notices.decisions import APPROVE, REJECT, Asked
from app.notices.inbox import Inbox, Line, by_value, inbox_of, parse_key, totals
from app.web.fields import Carried, PortalForm, TextField, offered
from app.web.figures import money_with_currency
from app.web.filters import Choice
from app.web.fragments import go_to, show
from app.web.guard import signed_in
from app.web.listing import ListOf
from app.web.sign_in import person
from app.web.submissions import sender, submit_once
from app.web.templating import translate

screen = Blueprint("inbox", __name__)

HERE = "/inbox"
AGES = {"overdue": _l("overdue only")}
PASSED = {"to-me": _l("passed to me"), "by-me": _l("passed by me")}
SORTS = {"age": _l("Oldest first"), "value": _l("Highest value first")}


class Decide(PortalForm):
    do = Carried()
    reason = TextField(_l("Reason"), most=500, lines=True, optional=True, description=_l("The other side reads it."))


class Delegate(PortalForm):
    to = RadioField(_l("Colleague"), validate_choice=False)
    note = TextField(
        _l("Note"), most=delegations.NOTE_MOST, lines=True, optional=True, description=_l("Your colleague reads it.")
    )


@screen.get(HERE, endpoint="show")
@signed_in
def show_inbox() -> Response:
    me = tenancy.current()
    inbox = inbox_of(me)
    kinds = {name: translate(kind.label) for name, kind in KINDS.items() if any(ln.kind is kind for ln in inbox.lines)}
    listing = ListOf(
        Choice("kind", _l("Kind"), kinds), Choice("age", _l("Age"), AGES), Choice("passed", _l("Passed on"), PASSED), sorts=SORTS
    ).read()  # fmt: skip
    lines = _filtered(inbox, listing.values)
    if listing.sort == "value":
        lines = by_value(lines)
    now = clock.now()
    return show(
        "inbox/list.html",
        block="list",
        listing=listing,
        lines=lines,
        late={line.key for line in lines if line.overdue(now)},
        all_lines=len(inbox.lines),
        full=[translate(kind.label) for kind in inbox.full],
        totals=totals(lines),
        ticked=request.args.get("tick") == "all",
        shows_values=any(line.waiting.value for line in lines),
        in_bulk=sum(line.in_bulk for line in lines),
        tabs=tabs_of("inbox"),
        me=me.member_id,
    )


def tabs_of(current: str) -> list[dict[str, Any]]:
    """The two pages behind the bell."""
    return [
        {"label": _("Waiting for me"), "path": HERE, "current": current == "inbox"},
        {"label": _("Notices"), "path": "/notices", "current": current == "notices"},
    ]


def _filtered(inbox: Inbox, wanted: dict[str, Any]) -> list[Line]:
    now, me = clock.now(), tenancy.current().member_id

    def fits(line: Line) -> bool:
        passed = {"to-me": line.passed and line.passed.to_id, "by-me": line.passed and line.passed.from_id}
        return (
            (not wanted["kind"] or line.kind.name == wanted["kind"])
            and (not wanted["age"] or line.overdue(now))
            and (not wanted["passed"] or passed[wanted["passed"]] == me)
        )

    return [line for line in inbox.lines if fits(line)]


@screen.get(f"{HERE}/decide", endpoint="ask")
@screen.post(f"{HERE}/ask", endpoint="ask_about_ticked")
@signed_in
def ask() -> Response:
    """The page that asks; nothing is decided here. By GET from a link, by POST from the list, whose rows may be many."""
    given = request.form if request.method == "POST" else request.args
    verb, keys = given.get("do", ""), given.getlist("row")[: decisions.MOST + 1]
    form = Decide(formdata=None, do=verb)
    if verb not in decisions.VERBS:
        return go_to(HERE)
    return _ask(form, verb, keys)


@screen.post(f"{HERE}/decide", endpoint="decide")
@signed_in
def decide() -> Response:
    form = Decide()
    rows = [row for text in request.form.getlist("row")[: decisions.MOST + 1] if (row := _asked(text))]
    verb = form.do.data or ""
    if form.validate_on_submit():
        by = sender(form)
        try:
            done = decisions.decide(rows, verb, reason=form.reason.data or "", key=form.submission_key.data, by=by)
            return go_to(f"{HERE}/decided/{done.id}", toast=_told_words(done.results, verb))
        except Refused as no:
            form.refuse(no)
    if verb not in decisions.VERBS:
        verb = APPROVE
    return _ask(form, verb, [row.key for row in rows])


def _asked(text: str) -> Asked | None:
    """'engagement-request:<id>' or '...|1500.00 USD', as the page that asks wrote it."""
    key, _bar, shown = text.partition("|")
    found = parse_key(key)
    return Asked(*found, shown[:60]) if found and shown.isprintable() else None


def _ask(form: Decide, verb: str, keys: Sequence[str]) -> Response:
    """What would be decided, line by line, in one sentence on top; 404 where none of it waits for this member."""
    me = tenancy.current()
    wanted = [found for key in keys if (found := parse_key(key.partition("|")[0]))]
    inbox = inbox_of(me, only={name for name, _id in wanted}) if wanted else Inbox([])
    lines = [
        line for name, row_id in dict.fromkeys(wanted) if (line := inbox.find(f"{name}:{row_id}")) and line.in_bulk
    ]
    if not lines:
        if request.method == "POST":
            return go_to(HERE, toast=_("Tick at least one line that still waits."), kind="blocked")
        return _not_here(wanted)
    fields = render_template(
        "inbox/decide_fields.html",
        form=form,
        lines=lines,
        outcomes=_outcomes(lines, verb),
        needs_reason=verb == REJECT,
        shows_values=any(line.waiting.value for line in lines),
    )
    decision = {
        **_verb_words(lines, verb),
        "kind": "primary" if verb == APPROVE else "danger",
        "eyebrow": lines[0].waiting.number if len(lines) == 1 else _("Inbox"),
        "sentence": _sentence(lines, verb),
        "action": f"{HERE}/decide",
        "cancel": HERE,
        "form": form,
        "fields": Markup(fields),  # noqa: S704  our template, escaped
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=decision)


def _verb_words(lines: Sequence[Line], verb: str) -> dict[str, str]:
    """Title and button. A no to what can be mended returns it, as its own page says."""
    number, returned = len(lines), sum(line.kind.returns for line in lines)
    if verb == APPROVE:
        title, submit = (
            ngettext("Approve %(num)s line", "Approve %(num)s lines", number),
            _("Approve %(num)s", num=number),
        )
    elif not returned:
        title, submit = ngettext("Reject %(num)s line", "Reject %(num)s lines", number), _("Reject %(num)s", num=number)
    elif returned == number:
        title, submit = ngettext("Return %(num)s line", "Return %(num)s lines", number), _("Return %(num)s", num=number)
    else:
        title, submit = _("Reject or return %(num)s lines", num=number), _("Say no to %(num)s", num=number)
    return {"title": title, "submit": submit}


def _sentence(lines: Sequence[Line], verb: str) -> str:
    """'3 lines are approved, together USD 4,500.00; each is decided by itself, and what became of it is told one by one.'"""
    worth = ", ".join(money_with_currency(value) for value in totals(lines))
    returned = sum(line.kind.returns for line in lines)
    rejected = len(lines) - returned
    if verb == APPROVE:
        said = ngettext("%(num)s line is approved", "%(num)s lines are approved", len(lines))
    elif not returned:
        said = ngettext("%(num)s line is rejected", "%(num)s lines are rejected", rejected)
    else:
        said = ngettext("%(num)s line is returned", "%(num)s lines are returned", returned)
        if rejected:
            no = ngettext("%(num)s line is rejected", "%(num)s lines are rejected", rejected)
            said = _("%(rejected)s and %(returned)s", rejected=no, returned=said)
    if worth:
        said = _("%(said)s, together %(worth)s", said=said, worth=worth)
    if len(lines) == 1:
        return f"{said}."
    return _("%(said)s; each is decided by itself, and the next page says what became of it.", said=said)


def _outcomes(lines: Sequence[Line], verb: str) -> list[tuple[str, int, str]]:
    """(kind, how many, what happens to each), for the kinds that say it."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.kind.name] = counts.get(line.kind.name, 0) + 1
    kinds = [(KINDS[name], number) for name, number in counts.items()]
    words = [(kind, number, kind.approved if verb == APPROVE else kind.rejected) for kind, number in kinds]
    return [(translate(kind.label), number, translate(said)) for kind, number, said in words if said]


def _not_here(wanted: Sequence[tuple[str, uuid.UUID]]) -> Response:
    """A link that was good: decided since, or waiting while acting for another of the member's organisations."""
    if not wanted:
        raise NotVisible
    return show("inbox/not_waiting.html", status=404, choices=_elsewhere(wanted))


def _elsewhere(wanted: Sequence[tuple[str, uuid.UUID]]) -> list[Any]:
    """The member's other organisations in which one of these waits."""
    signed_in_now, here = person(), tenancy.current()
    assert signed_in_now is not None
    found = []
    for choice in g.memberships:
        viewer = viewer_for(signed_in_now, choice.key)
        if (viewer.organisation_id, viewer.capacity) == (here.organisation_id, here.capacity):
            continue
        with tenancy.viewing(viewer):
            inbox = inbox_of(viewer, only={name for name, _id in wanted})
            if any(inbox.find(f"{name}:{row_id}") for name, row_id in wanted):
                found.append(choice)
    return found


def returning() -> set[str]:
    """Kinds that a no returns."""
    return {name for name, kind in KINDS.items() if kind.returns}


def _told_words(results: Sequence[dict[str, Any]], verb: str) -> str:
    done = sum(result["outcome"] == decisions.DONE for result in results)
    left = len(results) - done
    returned = sum(result["outcome"] == decisions.DONE and result["kind"] in returning() for result in results)
    words = (
        ngettext("%(num)s line approved.", "%(num)s lines approved.", done)
        if verb == APPROVE
        else ngettext("%(num)s line rejected.", "%(num)s lines rejected.", done)
        if not returned
        else ngettext("%(num)s line returned.", "%(num)s lines returned.", done)
        if returned == done
        else _("%(num)s lines rejected or returned.", num=done)
    )
    return f"{words} {ngettext('%(num)s was not decided.', '%(num)s were not decided.', left)}" if left else str(words)


@screen.get(f"{HERE}/decided/<uuid:batch_id>")
@signed_in
def show_decided(batch_id: uuid.UUID) -> Response:
    decided = decisions.decided(batch_id)
    done = [result for result in decided.results if result["outcome"] == decisions.DONE]
    return show(
        "inbox/decided.html",
        decided=decided,
        done=done,
        left=[result for result in decided.results if result["outcome"] != decisions.DONE],
        words=_told_words(decided.results, decided.verb),
        approved=decided.verb == APPROVE,
        returning=returning(),
    )


@screen.get(f"{HERE}/<string:kind_name>/<uuid:row_id>/delegate", endpoint="ask_delegate")
@screen.post(f"{HERE}/<string:kind_name>/<uuid:row_id>/delegate")
@signed_in
def delegate(kind_name: str, row_id: uuid.UUID) -> Response:
    me = tenancy.current()
    line = delegations.own_line(KINDS.get(kind_name), row_id, by=me)
    colleagues = delegations.who_may_decide(KINDS[kind_name], row_id, by=me)
    form = Delegate()
    form.to.flags.required = True
    form.to.choices = offered((str(one.member_id), one.member_name) for one in colleagues)
    if form.validate_on_submit():
        try:
            to = next((one for one in colleagues if str(one.member_id) == form.to.data), None)
            submit_once(
                form,
                lambda: delegations.pass_on(
                    kind_name, row_id, to.member_id if to else None, note=form.note.data or "", by=me
                ),
                action="delegate",
            )
            return go_to(HERE, toast=_("Passed to %(name)s, who is told.", name=to.member_name if to else ""))
        except Refused as no:
            form.refuse(no)
    asked = {
        "title": _("Pass to a colleague"),
        "eyebrow": line.number,
        "action": request.path,
        "cancel": HERE,
        "form": form,
        "live": True,
        "submit": _("Pass it on"),
        "sentence": _(
            "%(about)s stays in your inbox and appears in your colleague's too; whoever is first decides.",
            about=line.about,
        )
        if colleagues
        else _("Nobody else of %(organisation)s may decide this.", organisation=me.organisation_name),
        "fields": [form.to, form.note]
        if colleagues
        else escape(_("An organisation admin gives the role to another member under Members and roles.")),
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)
