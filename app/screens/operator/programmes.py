"""Programmes: the rules under which services are sold, and the form in which the operator sets some of them."""

import json
import uuid
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField

from app.catalog import queries
from app.catalog.actions import COMPLETION_OUTCOMES, SETTINGS, change_programme, is_cut_off_fixed
from app.catalog.model import Programme
from app.documents import Column
from app.foundation import clock, history, tenancy
from app.foundation.billing_month import CUT_OFF_POLICIES, open_months
from app.foundation.database import db
from app.foundation.money import Money, exponent
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import one
from app.web.exports import download
from app.web.fields import PortalForm, QuantityField, offered
from app.web.figures import money_with_currency, plain
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.instants import deadline
from app.web.instants import month as month_words
from app.web.programme_words import (
    CUT_OFFS,
    OUTCOMES,
    REMUNERATIONS_SAID,
    outcome_words,
    policy_words,
    remuneration_words,
)
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("programmes", __name__)

COLUMNS = (
    Column(_l("Programme"), "name"),
    Column(_l("Cut-off policy"), lambda row: str(CUT_OFFS[row.cut_off])),
    Column(_l("Rejected completion"), lambda row: str(OUTCOMES[row.completion_outcome])),
    Column(_l("Review threshold"), lambda row: row.review_threshold and row.review_threshold.amount),
    Column(_l("Currency"), "currency"),
    Column(_l("Remuneration"), lambda row: str(REMUNERATIONS_SAID[row.remuneration])),
    Column(_l("Remuneration (%)"), "remuneration_percent"),
    Column(_l("Tax (%)"), "tax_percent"),
    Column(_l("Viewing takes all three roles"), "viewing_takes_all_three"),
    Column(_l("Block tariffs"), "allows_block"),
)


class EditProgramme(PortalForm):
    cut_off = RadioField(_l("Cut-off policy"), choices=offered(CUT_OFFS.items()), validate_choice=False)
    completion_outcome = RadioField(_l("Completion outcome"), choices=offered(OUTCOMES.items()), validate_choice=False)
    review_threshold = QuantityField(_l("Review threshold"), limit=Decimal(10) ** 7, zero=True, optional=True)
    viewing_takes_all_three = BooleanField(_l("Viewing billing takes all three roles"))
    allows_block = BooleanField(_l("Block tariffs for new plans"))


@screen.get("/programmes")
@screen.get("/programmes.<any(csv, xlsx):kind>")
@needs("programme:view", capacity="operator")
def show_list(kind: str = "") -> Response:
    if kind:
        return download(kind, "programmes", COLUMNS, queries.programmes())
    return show("operator/programmes.html", rows=[_shown(programme) for programme in queries.programmes()])


@screen.get("/programmes/<uuid:programme_id>")
@needs("programme:view", capacity="operator")
def show_programme(programme_id: uuid.UUID) -> Response:
    programme = one(Programme, programme_id)
    return show("operator/programme.html", **_shown(programme), events=_events(programme))


@screen.get("/programmes/<uuid:programme_id>/edit")
@needs("programme:manage", capacity="operator")
def show_form(programme_id: uuid.UUID) -> Response:
    programme = one(Programme, programme_id)
    threshold = programme.review_threshold
    form = _sized(
        EditProgramme(
            version=programme.version,
            cut_off=programme.cut_off,
            completion_outcome=programme.completion_outcome,
            review_threshold=threshold.amount if threshold else None,
            viewing_takes_all_three=programme.viewing_takes_all_three,
            allows_block=programme.allows_block,
        ),
        programme,
    )
    return _form_page(form, programme)


@screen.post("/programmes/<uuid:programme_id>/edit")
@needs("programme:manage", capacity="operator")
def change(programme_id: uuid.UUID) -> Response:
    programme = one(Programme, programme_id)
    form = _sized(EditProgramme(), programme)
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: _change(programme, form), action="change-programme")
            return go_to(f"/programmes/{programme_id}", toast=_("Saved. It counts from now on."))
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _stale(form, programme_id)
    return _form_page(form, programme)


def _change(programme: Programme, form: EditProgramme) -> Programme:
    threshold = form.review_threshold.data
    return change_programme(
        programme,
        version=form.seen_version or 0,
        by=tenancy.current(),
        # a fixed policy is not offered, so nothing is sent of it
        cut_off=form.cut_off.data or (programme.cut_off if is_cut_off_fixed(programme.id) else ""),
        completion_outcome=form.completion_outcome.data or "",
        review_threshold_minor=None if threshold is None else Money(threshold, programme.currency).rounded().minor,
        viewing_takes_all_three=form.viewing_takes_all_three.data,
        allows_block=form.allows_block.data,
    )


def _stale(form: EditProgramme, programme_id: uuid.UUID) -> Response:
    """Somebody changed it since: 409, what was typed is kept beside what is in force now, and can be sent again."""
    db.session.expire_all()
    programme = one(Programme, programme_id)
    form.version.data = str(programme.version)
    return _form_page(form, programme, status=409, stale=True)


def _sized(form: EditProgramme, programme: Programme) -> EditProgramme:
    form.review_threshold.places = exponent(programme.currency)
    return form


def _form_page(
    form: EditProgramme, programme: Programme, *, status: int | None = None, stale: bool = False
) -> Response:
    return show(
        "operator/edit_programme.html",
        block="form",
        status=status or form.status,
        form=form,
        stale=stale,
        fixed=is_cut_off_fixed(programme.id),
        cut_offs=[
            {"value": key, "label": words, "small": policy_words(CUT_OFF_POLICIES[key])}
            for key, words in CUT_OFFS.items()
        ],
        outcomes=[{"value": key, "label": OUTCOMES[key], "small": outcome_words(key)} for key in COMPLETION_OUTCOMES],
        **_shown(programme),
    )


def _shown(programme: Programme) -> dict[str, Any]:
    """A programme's rules in words, with the next instant at which a month closes."""
    month = open_months(clock.now(), programme.policy)[0]
    return {
        "programme": programme,
        "here": f"/programmes/{programme.id}",
        "cut_off": CUT_OFFS[programme.cut_off],
        "policy_words": policy_words(programme.policy),
        "next_month": month_words(month),
        "closes": deadline(programme.policy.closes_at(month)),
        "outcome": OUTCOMES[programme.completion_outcome],
        "outcome_words": outcome_words(programme.completion_outcome),
        "threshold": programme.review_threshold,
        "remuneration": remuneration_words(programme),
        "tax": _("%(percent)s %%", percent=plain(programme.tax_percent, 0, 6)),
    }


def _events(programme: Programme) -> list[dict[str, Any]]:
    """Who changed which rule, newest first, in the words this page uses."""
    told = []
    for row in history.events_of("programme", programme.id):
        facts = json.loads(row.facts)
        setting = next((key for key, label in SETTINGS.items() if label == facts.get("setting")), "")
        facts.update(
            {name: _setting_words(setting, facts[name], programme) for name in ("old", "new") if name in facts}
        )
        facts["setting"] = translate(facts.get("setting", ""))
        event = history.EVENTS[row.event]
        told.append({"icon": event.icon, "text": translate(event.sentence, facts), "at": row.at, "by": row.by_label})
    return told


def _setting_words(setting: str, text: str, programme: Programme) -> str:
    """History keeps what the row held; people read what it means."""
    if setting == "review_threshold_minor":
        return (
            money_with_currency(Money.of_minor(int(text), programme.currency))
            if text.lstrip("-").isdigit()
            else _("none")
        )
    if setting in ("viewing_takes_all_three", "allows_block"):
        return _("yes") if text == "True" else _("no")
    return str({**CUT_OFFS, **OUTCOMES}.get(text, text))
