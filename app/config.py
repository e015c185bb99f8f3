"""Every setting once, typed, from the environment; a bad one stops the start with one sentence.

The table in README.md lists the same names; a test holds the two together.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

from app.foundation.clock import parse_instant

HERE = Path(__file__).resolve().parent.parent


class BadSetting(ValueError):
    """A setting the portal does not start with; the message is one sentence for whoever set it."""


@dataclass(frozen=True)
class Settings:
    #: sqlite:///path or postgresql://user@host/name
    database_url: str
    #: signs sessions and tokens; at least 32 characters outside the demo
    secret_key: str
    portal_name: str
    #: where people reach the portal; links in mail begin with it
    portal_url: str
    port: int
    #: smtp://, smtps:// or smtp+starttls://user:password@host:port; None: mail waits in the outbox
    smtp_url: str | None
    #: who mail comes from
    mail_from: str
    #: demo data, demo sign-ins, mailbox in the portal, movable clock; loopback only
    demo: bool
    demo_now: datetime | None
    #: whether a new customer may sign up without being invited
    sign_up: bool
    #: lets Prometheus read /metrics from elsewhere: Authorization: Bearer <token>
    metrics_token: str | None
    #: how many proxies stand in front and say who is asking; their word is taken that many times
    proxies: int
    #: how often one API key may ask
    api_requests_per_minute: int
    #: webhooks may go to http:// and to private, loopback and link-local addresses: inside a closed network
    webhook_private_addresses: bool
    #: within so many days the hourly check has read every event of History once more
    history_read_through_days: int
    #: files the portal writes: the SQLite database, the demo's key and clock
    instance_path: Path
    #: where Microsoft's sign-in, Partner Center API and Graph are; without a slash at the end
    microsoft_login_base: str
    partner_center_api_base: str
    microsoft_graph_base: str
    #: this installation's own application in Microsoft's directory; None: no CSP account can be connected
    microsoft_client_id: str | None
    microsoft_client_secret: str | None = field(repr=False)
    #: what seals Microsoft's tokens, newest first; none: a key derived from SECRET_KEY
    token_encryption_keys: tuple[str, ...] = field(repr=False)
    #: whether somebody said where Microsoft is: then the demo brings no stand-in of its own
    microsoft_is_given: bool

    @property
    def secure_cookies(self) -> bool:
        return self.portal_url.startswith("https://")


def settings_from(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check every setting. BadSetting names the first that cannot be used."""
    env = os.environ if environment is None else environment
    demo = _switch(env, "DEMO", default=True)
    port = _port(env.get("PORT", "8000"))
    instance = Path(env.get("INSTANCE_PATH") or HERE / "instance").resolve()
    return Settings(
        database_url=_database_url(env.get("DATABASE_URL"), instance),
        secret_key=_secret_key(env.get("SECRET_KEY"), demo, instance),
        portal_name=env.get("PORTAL_NAME") or "Partner Portal",
        portal_url=_portal_url(env.get("PORTAL_URL"), port),
        port=port,
        smtp_url=_smtp_url(env.get("SMTP_URL")),
        mail_from=env.get("MAIL_FROM") or "portal@localhost",
        demo=demo,
        demo_now=_demo_now(env.get("DEMO_NOW"), demo),
        sign_up=_switch(env, "SIGN_UP", default=True),
        metrics_token=env.get("METRICS_TOKEN") or None,
        proxies=_proxies(env.get("PROXIES", "0")),
        api_requests_per_minute=_requests(env.get("API_REQUESTS_PER_MINUTE", "600")),
        webhook_private_addresses=_switch(env, "WEBHOOK_PRIVATE_ADDRESSES", default=False),
        history_read_through_days=_days(env.get("HISTORY_READ_THROUGH_DAYS", "30")),
        instance_path=instance,
        microsoft_login_base=_base(env, "MICROSOFT_LOGIN_BASE", "https://login.microsoftonline.com"),
        partner_center_api_base=_base(env, "PARTNER_CENTER_API_BASE", "https://api.partnercenter.microsoft.com"),
        microsoft_graph_base=_base(env, "MICROSOFT_GRAPH_BASE", "https://graph.microsoft.com"),
        microsoft_client_id=env.get("MICROSOFT_CLIENT_ID") or None,
        microsoft_client_secret=env.get("MICROSOFT_CLIENT_SECRET") or None,
        token_encryption_keys=_encryption_keys(env.get("TOKEN_ENCRYPTION_KEYS")),
        microsoft_is_given=bool(env.get("MICROSOFT_LOGIN_BASE")),
    )


def _switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = env.get(name, "").strip().lower()
    if text in ("", "1", "true", "yes", "on"):
        return default if not text else True
    if text in ("0", "false", "no", "off"):
        return False
    raise BadSetting(f"{name} is {text!r}; write 1 or 0.")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise BadSetting(f"PORT is {text!r}; write a number from 1 to 65535.")
    return int(text)


def _proxies(text: str) -> int:
    if text not in ("0", "1", "2", "3"):
        raise BadSetting(f"PROXIES is {text!r}; write how many proxies stand in front, 0 to 3.")
    return int(text)


def _requests(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 0 < int(text) <= 1_000_000):
        raise BadSetting(f"API_REQUESTS_PER_MINUTE is {text!r}; write a number from 1 to 1000000.")
    return int(text)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 0 < int(text) <= 366):
        raise BadSetting(f"HISTORY_READ_THROUGH_DAYS is {text!r}; write a number of days from 1 to 366.")
    return int(text)


def _database_url(text: str | None, instance: Path) -> str:
    url = text or f"sqlite:///{instance / 'portal.sqlite3'}"
    if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise BadSetting("DATABASE_URL begins with neither sqlite:/// nor postgresql://.")
    return url


def _secret_key(text: str | None, demo: bool, instance: Path) -> str:
    if text:
        if len(text) < 32 and not demo:
            raise BadSetting("SECRET_KEY is shorter than 32 characters; make one with: openssl rand -hex 32")
        return text
    if not demo:
        raise BadSetting("SECRET_KEY is not set; make one with: openssl rand -hex 32")
    return _demo_key(instance / "demo-secret-key")


def _demo_key(file: Path) -> str:
    """The demo's own key, made once, so that a restart does not sign everybody out."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        key = secrets.token_hex(32)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(key)
        return key


def _portal_url(text: str | None, port: int) -> str:
    url = (text or f"http://127.0.0.1:{port}").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise BadSetting(f"PORTAL_URL is {url!r}; write it as https://portal.example.com.")
    return url


def _base(env: Mapping[str, str], name: str, usual: str) -> str:
    """http is for a stand-in on this machine alone: tokens travel there."""
    url = (env.get(name) or usual).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadSetting(f"{name} is {url!r}; write it as {usual}.")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise BadSetting(f"{name} is {url!r}; http is only for a stand-in on 127.0.0.1, write https.")
    return url


def _encryption_keys(text: str | None) -> tuple[str, ...]:
    keys = tuple(filter(None, (key.strip() for key in (text or "").split(","))))
    for key in keys:
        try:
            Fernet(key)
        except ValueError as wrong:
            raise BadSetting(
                "TOKEN_ENCRYPTION_KEYS holds something that is no key; make one with: flask csp new-key, and put the newest first."
            ) from wrong
    return keys


def _smtp_url(text: str | None) -> str | None:
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname:
        raise BadSetting("SMTP_URL is not smtp://, smtps:// or smtp+starttls:// with a host.")
    return text


def _demo_now(text: str | None, demo: bool) -> datetime | None:
    if not text:
        return None
    if not demo:
        raise BadSetting("DEMO_NOW is set but DEMO is 0: only the demo's clock can be moved.")
    try:
        return parse_instant(text)
    except ValueError as wrong:
        raise BadSetting("DEMO_NOW is not a UTC instant such as 2026-11-02T23:59:50Z.") from wrong
