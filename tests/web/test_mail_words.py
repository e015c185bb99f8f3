"""A toast promises mail only where mail goes out."""

from dataclasses import replace

import pytest
from flask import Flask

from app.web.mail_words import mail_goes_out, mail_words


@pytest.mark.parametrize(
    ("smtp_url", "demo", "goes_out"),
    [
        (None, False, False),
        ("smtp://mail.example", False, True),
        (None, True, True),
        ("smtp://mail.example", True, True),
    ],
)
def test_mail_goes_out_by_a_server_or_into_the_demo_mailbox(
    app: Flask, monkeypatch: pytest.MonkeyPatch, smtp_url: str | None, demo: bool, goes_out: bool
) -> None:
    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], smtp_url=smtp_url, demo=demo))
    with app.app_context():
        assert mail_goes_out() is goes_out
        assert mail_words("is being mailed", "waits") == ("is being mailed" if goes_out else "waits")
