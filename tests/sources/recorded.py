"""Answers written down by hand from the contract, served by the same strict server as the stand-in's own."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.commands.stand_in import Faults, StandIn
from app.commands.stand_in.api import TOKEN
from app.commands.stand_in.exchange import Answer, Request, complaint, json_answer
from app.commands.stand_in.graph import BILLING, error
from app.commands.stand_in.login import AccessToken
from tests.sources.stage import small_world

FOLDER = Path(__file__).with_name("recorded")


class RecordedApi:
    """Answers by method, path, query and continuation token; what was not written down is not found."""

    def __init__(self) -> None:
        self.routes = json.loads((FOLDER / "routes.json").read_text())

    def answer(self, request: Request, token: AccessToken) -> Answer:
        for route in self.routes:
            if (route["ask"], route.get("token")) == (request.target, request.headers.get(TOKEN)):
                body = (FOLDER / route["file"]).read_bytes()
                if route.get("bom"):
                    body = b"\xef\xbb\xbf" + body
                return Answer(route.get("status", 200), body)
        return complaint(404, "1000", f"{request.target} {request.headers.get(TOKEN)} was not written down.")


class RecordedGraph:
    """One export, its two blobs of packed lines, and 5000 for everything else."""

    ordered = ""

    def answer(self, request: Request) -> Answer:
        here = f"http://{request.headers.get('Host')}"
        if request.method == "POST":
            self.ordered = json.loads(request.body)["invoiceId"] if "/reconciliation/" in request.path else ""
            return Answer(202, headers={"Location": f"{here}{BILLING}/operations/1{self.ordered}"})
        name = "operation.json" if "/operations/" in request.path else "manifest.json"
        if self.ordered != "G016907411":
            return json_answer({"status": "failed", "error": {"code": "5000", "message": "No data available"}})
        if "1G016907411" not in request.path:
            return error(404, "NotFound", "There is nothing here.")
        return Answer(200, (FOLDER / name).read_bytes().replace(b"http://HERE", here.encode()))

    def blob(self, request: Request) -> Answer:
        name = request.path.rpartition("/")[2].removesuffix(".gz")
        if "Authorization" in request.headers or "sig=c2lnbmF0dXJl%3D" not in request.target:
            return Answer(403)
        return Answer(200, gzip.compress((FOLDER / name).read_bytes()), content_type="application/octet-stream")


class Recorded(StandIn):
    def __init__(self, faults: Faults | None = None) -> None:
        super().__init__(small_world(), faults)
        self.api: Any = RecordedApi()
        self.graph: Any = RecordedGraph()


def expected() -> dict[tuple[str, str, str], tuple[Decimal, Decimal]]:
    """What the recorded documents come to, added up by hand."""
    rows = json.loads((FOLDER / "expected.json").read_text())
    return {(row[0], row[1], row[2]): (Decimal(row[3]), Decimal(row[4])) for row in rows}
