"""A programme's terms in words, for its page, its forms and its list."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.catalog.model import Programme
from app.foundation.billing_month import CutOff, RejectAfterGrace
from app.web.figures import plain

CUT_OFFS = {"reject-after-grace": _l("Reject after grace"), "roll-forward": _l("Roll forward")}
OUTCOMES = {"delete": _l("Delete the engagement"), "keep-active": _l("Keep the engagement active")}
REMUNERATIONS_SAID = {"revenue_share": _l("Revenue share"), "net_plus_mark_up": _l("Net plus mark-up")}
REMUNERATION_WORDS = {
    "revenue_share": _l("Partners state gross prices and are due the percent of what is charged."),
    "net_plus_mark_up": _l("Partners state net prices and are due them; customers are charged the percent more."),
}


def policy_words(policy: CutOff) -> str:
    if isinstance(policy, RejectAfterGrace):
        return _(
            "A month closes when day %(day)s of the next month ends, in UTC. What comes later is refused.",
            day=policy.days,
        )
    return _(
        "A month takes what arrives before %(cutoff)s on its last day (%(zone)s). What comes later rolls forward to the next month; until %(quiet)s it waits.",
        cutoff=f"{policy.cutoff:%H:%M}", quiet=f"{policy.quiet_until:%H:%M}", zone=policy.zone,
    )  # fmt: skip


def outcome_words(outcome: str) -> str:
    if outcome == "delete":
        return _("Rejecting a completion request deletes the engagement, unless the partner chooses to keep it active.")
    return _("Rejecting a completion request keeps the engagement active, unless the partner chooses to delete it.")


def remuneration_words(programme: Programme) -> str:
    percent = plain(programme.remuneration_percent, 0, 6)
    if programme.remuneration == "revenue_share":
        return _("Revenue share: partners state gross and are due %(percent)s %% of it.", percent=percent)
    return _(
        "Net plus mark-up: partners state net and are due it; customers are charged %(percent)s %% more.",
        percent=percent,
    )
