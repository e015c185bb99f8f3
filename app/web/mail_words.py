"""What a page may promise about mail: that it is on its way, or that it waits until this installation has a mail server."""

from typing import Any

from flask import current_app

from app.config import Settings


def mail_goes_out() -> bool:
    """Whether notices leave the outbox: by SMTP_URL, or in the demo into its own mailbox."""
    settings: Settings = current_app.config["SETTINGS"]
    return bool(settings.smtp_url) or settings.demo


def mail_words(on_its_way: Any, waits: Any) -> Any:
    """The sentence that is true here."""
    return on_its_way if mail_goes_out() else waits
