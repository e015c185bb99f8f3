"""The way to a mail server: SMTP as the setting says it, one connection for a batch, and what each refusal means."""

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.message import EmailMessage
from types import TracebackType
from urllib.parse import SplitResult, unquote, urlsplit

#: for each answer of the server; with it one message ends within the time a row is claimed for (actions.LEASE)
TIMEOUT_SECONDS = 10
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


class Delayed(Exception):
    """Not now: the server is away, too busy, or does not take our sign-in. Tried again later. The message says why."""

    def __init__(self, why: str, *, server_is_away: bool) -> None:
        self.server_is_away = server_is_away
        super().__init__(why)


class RefusedForGood(Exception):
    """The server says with a 5xx that no repeat will help. The message is its own word.

    `recipients`: {address: word} where it was the addresses that it refused; empty where it was the message.
    """

    def __init__(self, why: str, recipients: Mapping[str, str] | None = None) -> None:
        self.recipients = dict(recipients or {})
        super().__init__(why)


class MailServer:
    """Connects at the first message, keeps the connection for the next ones, and leaves politely.

    `url`: smtp://, smtps:// or smtp+starttls://user:password@host:port; user and password percent-encoded.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> "MailServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._connection.quit()
        self._connection = None

    def send(self, message: EmailMessage, sender: str, recipients: Sequence[str]) -> dict[str, str]:
        """Give the message to the server. Returns whom it did not take it for, {address: word}, others having been served.

        Delayed or RefusedForGood when it was taken for nobody.
        """
        if not all(address.isascii() for address in recipients):
            raise RefusedForGood("an address has letters that mail servers do not take")
        try:
            refused = self._connected().send_message(message, sender, list(recipients))
        except smtplib.SMTPRecipientsRefused as no:
            if all(code >= 500 for code, _ in no.recipients.values()):
                said = {address: f"{code} {_text(word)}" for address, (code, word) in no.recipients.items()}
                raise RefusedForGood(_words(no.recipients), said) from no
            raise Delayed(_words(no.recipients), server_is_away=False) from no
        except smtplib.SMTPDataError as no:
            word = f"{no.smtp_code} {_text(no.smtp_error)}"
            if no.smtp_code >= 500:
                raise RefusedForGood(word) from no
            raise Delayed(word, server_is_away=False) from no
        except (smtplib.SMTPException, OSError) as trouble:
            self._drop()
            raise Delayed(f"{type(trouble).__name__}: {trouble}", server_is_away=True) from trouble
        return {address: f"{code} {_text(word)}" for address, (code, word) in refused.items()}

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None or self._connection.sock is None:  # the library hangs up after a 421
            self._connection = _connect(urlsplit(self._url))
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _connect(url: SplitResult) -> smtplib.SMTP:
    host, port = url.hostname or "", url.port or _PORTS[url.scheme]
    server: smtplib.SMTP
    if url.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    try:
        if url.scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def _words(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{address}: {code} {_text(word)}" for address, (code, word) in refused.items())


def _text(word: bytes | str) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
