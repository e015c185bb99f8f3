"""One request to the stand-in and one answer of it, and how its JSON is made."""

import codecs
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from app.commands.stand_in.faults import Habits

encode = msgspec.json.encode


@dataclass
class Request:
    method: str
    #: path and query as they came
    target: str
    headers: "Message[str, str]"
    body: bytes

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        self.path = parts.path
        self.asked = {name.lower(): value for name, value in parse_qsl(parts.query, keep_blank_values=True)}

    @property
    def call(self) -> str:
        return f"{self.method} {self.target}"

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def guid(self, name: str) -> str | None:
        try:
            return str(uuid.UUID(self.headers.get(name, "")))
        except ValueError:
            return None


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def json_answer(sent: Any, status: int = 200, habits: Habits | None = None, **headers: str) -> Answer:
    """With a byte order mark and drifting names where that is a habit."""
    body = encode(drifted(sent) if habits and habits.drifting_case else sent)
    if habits and habits.bom:
        body = codecs.BOM_UTF8 + body
    return Answer(
        status,
        body,
        {name.replace("_", "-"): value for name, value in headers.items()},
        "application/json; charset=utf-8",
    )


def complaint(status: int, code: str | int, description: str, habits: Habits | None = None) -> Answer:
    answer = json_answer({"code": code, "description": description, "data": [], "source": "PartnerApi"}, status, habits)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "OAuth realm=urn:cpsvc:cpid:1fd6c0ab"
    return answer


def drifted(sent: Any) -> Any:
    """Every second name with a capital."""
    if isinstance(sent, Mapping):
        return {
            (name[:1].upper() + name[1:] if at % 2 else name): drifted(value)
            for at, (name, value) in enumerate(sent.items())
        }
    return [drifted(one) for one in sent] if isinstance(sent, list) else sent
