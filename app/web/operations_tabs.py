"""What the pages of Operations share: their tabs, with how many rows failed and how much mail waits."""

from typing import Any

from flask_babel import gettext as _

from app.foundation import failed_rows
from app.foundation.failed_rows import COUNTED
from app.notices import on_its_way

HERE = "/operations"


def job_words(name: str) -> str:
    """'Rate billing entries'"""
    return name.replace("_", " ").capitalize()


def run_now_path(name: str) -> str:
    return f"{HERE}/jobs/{name}/run"


def counted(number: int, most: int) -> str:
    """'12', or '100+' where counting stopped."""
    return f"{number:,}" if number < most else f"{most:,}+"


def tabs(current: str, *, failed: int | None = None, waiting: int | None = None) -> list[dict[str, Any]]:
    """The tabs; counts that the page knows already are given, the others asked for."""
    if failed is None:
        failed = sum(failed_rows.count_of(kind)[0] for kind in failed_rows.KINDS.values())
    if waiting is None:
        waiting = on_its_way.mail_on_its_way().waiting
    lines = (
        ("overview", _("Overview"), HERE, None),
        ("failed-rows", _("Failed rows"), f"{HERE}/failed-rows", counted(failed, COUNTED)),
        ("outbox", _("Mail on its way"), f"{HERE}/outbox", counted(waiting, on_its_way.COUNTED)),
        ("self-check", _("Self-check"), f"{HERE}/self-check", None),
    )
    return [
        {"label": label, "path": path, "count": count, "current": key == current} for key, label, path, count in lines
    ]
