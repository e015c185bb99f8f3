"""What an answer that is no success says: the complaint in its body, in each of its shapes, and how long to wait."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from app.csp.microsoft.connections import Answer
from app.csp.microsoft.decoding import Fields, Garbled, object_of
from app.csp.microsoft.records import Refused
from app.foundation import clock


class Complaint:
    """What an error's body says, in each of the shapes there are; a gateway's HTML says nothing and hides no status."""

    def __init__(self, body: bytes) -> None:
        try:
            sent = object_of(body[:100_000])
        except Garbled:
            sent = Fields()
        inner = sent.within("error") or sent
        code = next((inner.get(name) for name in ("code", "statusCode", "error") if inner.get(name) is not None), "")
        said = next(
            (inner.get(name) for name in ("description", "message", "error_description") if inner.get(name)), ""
        )
        self.code, self.sentence = _short(code, 40), _short(said, 500)


def _short(value: Any, longest: int) -> str:
    text = value if isinstance(value, str) else str(value)
    return " ".join(text.replace("\0", "").split())[:longest]


def refusal(answer: Answer, request_id: str = "") -> Refused:
    """With the ids that Microsoft echoes; a gateway that echoes none leaves the one that was sent."""
    complaint = Complaint(answer.body)
    return Refused(
        answer.status,
        complaint.code,
        complaint.sentence,
        answer.headers.get("MS-RequestId") or answer.headers.get("request-id") or request_id,
        answer.headers.get("MS-CorrelationId") or "",
    )


def retry_after(answer: Answer) -> float | None:
    """Seconds to wait, from the header as a number or a date, else from the sentence that comes with 429."""
    sent = (answer.headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]{1,7}(\.[0-9]+)?", sent):
        return _seconds(sent)
    if sent:
        try:
            until = parsedate_to_datetime(sent)
        except (TypeError, ValueError):
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - clock.of_the_machine()).total_seconds())
    said = re.search(r"\bin ([0-9]{1,6}) second", Complaint(answer.body).sentence) if answer.status == 429 else None
    return _seconds(said[1]) if said else None


def _seconds(text: str) -> float:
    whole, _, part = text.partition(".")
    return int(whole) + (1.0 if part.strip("0") else 0.0)
