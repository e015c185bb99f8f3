"""What a listing must hold, field by field: names, custom parameters, metrics. Pure: values in, values out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.foundation.refusals import Refused
from app.foundation.text import N_

#: "programmatic name": small letters, digits, hyphen, period; it is a part of addresses, so no dot begins or ends it
_CODE = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
#: "plan name (English; letters, digits, hyphen, space, period)"
_PLAN_NAME = re.compile(r"[A-Za-z0-9.-](?:[A-Za-z0-9 .-]*[A-Za-z0-9.-])?")

PARAMETER_KINDS = ("short_text", "paragraph", "selection", "checkbox")
MOST_PARAMETERS = 20
MOST_OPTIONS = 50
MOST_PLANS = 20
MOST_METRICS = 10

#: the guide's three; what each is counted in when nothing else is said
METRIC_KINDS = {"Hours": "h", "Implementation": "set-up", "Unit": ""}


def required_text(field: str, text: str | None, most: int) -> str:
    """The text without the space around it. Refuses nothing at all, and more than `most` characters."""
    kept = (text or "").strip()
    if not kept:
        raise Refused(field, N_("This is missing."))
    return short_enough(field, kept, most)


def short_enough(field: str, text: str | None, most: int) -> str:
    kept = (text or "").strip()
    if len(kept) > most:
        raise Refused(field, N_("Keep it to %(most)s characters."), most=most)
    return kept


def programmatic_name(field: str, text: str | None, most: int = 60) -> str:
    """'managed-backup', 'v2.1': ^[a-z0-9-.]+$, and neither the first nor the last sign is a dot or a hyphen."""
    name = required_text(field, text, most)
    if not _CODE.fullmatch(name) or ".." in name:
        raise Refused(
            field,
            N_("Use small letters a to z, digits, hyphens and periods; begin and end with a letter or a digit."),
        )
    return name


def plan_name(field: str, text: str | None) -> str:
    """English letters, digits, hyphen, space and period, by the guide."""
    name = " ".join(required_text(field, text, 60).split())
    if not _PLAN_NAME.fullmatch(name):
        raise Refused(field, N_("Use letters a to z, digits, hyphens, spaces and periods."))
    return name


def code_for(label: str, taken: Iterable[str], most: int) -> str:
    """A programmatic name made of a label, one that is not taken: 'Data location' -> 'data-location', 'data-location-2'."""
    made = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[: most - 4].strip("-") or "field"
    names, number = set(taken), 1
    code = made
    while code in names:
        number += 1
        code = f"{made}-{number}"
    return code


@dataclass(frozen=True)
class ParameterDraft:
    """A custom parameter as the partner writes it. `options`: what a selection offers."""

    label: str
    kind: str
    options: Sequence[str] = ()
    required: bool = False


def checked_parameter(draft: ParameterDraft, other_labels: Iterable[str]) -> ParameterDraft:
    """The parameter as it is kept. Refuses a label that another one has, and a selection of fewer than two options."""
    label = " ".join(required_text("label", draft.label, 80).split())
    if label.casefold() in {other.casefold() for other in other_labels}:
        raise Refused("label", N_("Another parameter is called that already."))
    if draft.kind not in PARAMETER_KINDS:
        raise Refused("kind", N_("Choose what the client is asked for."))
    options = checked_options(draft.options) if draft.kind == "selection" else ()
    return ParameterDraft(label, draft.kind, options, draft.required)


def checked_options(options: Sequence[str]) -> tuple[str, ...]:
    kept = tuple(option.strip() for option in options if option.strip())
    if len(kept) < 2:
        raise Refused("options", N_("Write at least two options, one a line."))
    if len(kept) > MOST_OPTIONS:
        raise Refused("options", N_("Write at most %(most)s options."), most=MOST_OPTIONS)
    for place, option in enumerate(kept, 1):
        if len(option) > 100:
            raise Refused("options", N_("Option %(place)s is longer than 100 characters."), place=place)
        if option in kept[: place - 1]:
            raise Refused("options", N_("Option %(place)s, %(option)s, is there twice."), place=place, option=option)
    return kept


@dataclass(frozen=True)
class MetricDraft:
    """What a plan counts, as the partner writes it. `month_limit` None: no limit; `unit_one`: one of it, "" where `unit` says that."""

    kind: str
    name: str
    unit: str
    step: Decimal
    month_limit: Decimal | None = None
    unit_one: str = ""


def checked_metric(draft: MetricDraft, other_names: Iterable[str]) -> MetricDraft:
    """The metric as it is kept. A limit is a whole number of steps, or its last part could never be billed."""
    if draft.kind not in METRIC_KINDS:
        raise Refused("kind", N_("Choose Hours, Implementation or Unit."))
    name = " ".join(required_text("name", draft.name, 60).split())
    if name.casefold() in {other.casefold() for other in other_names}:
        raise Refused("name", N_("Another metric of this plan is called that already."))
    unit = required_text("unit", draft.unit, 20)
    if draft.step <= 0:
        raise Refused("step", N_("A step is more than zero."))
    limit = draft.month_limit
    if limit is not None and limit <= 0:
        raise Refused("month_limit", N_("A limit is more than zero; leave it empty for none."))
    if limit is not None and limit % draft.step:
        raise Refused("month_limit", N_("A limit is a whole number of steps of %(step)s."), step=draft.step)
    one = short_enough("unit_one", draft.unit_one, 20)
    return MetricDraft(draft.kind, name, unit, draft.step, limit, "" if one == unit else one)
