"""The stand-in's Graph: an export is ordered, runs for a while, and lies in blobs of packed lines behind a signature."""

import gzip
import secrets
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from app.commands.stand_in import wire
from app.commands.stand_in.exchange import Answer, Request, json_answer
from app.commands.stand_in.faults import Habits
from app.commands.stand_in.ledger import Document
from app.commands.stand_in.world import World

BILLING = "/v1.0/reports/partners/billing"
_ORDERS = {"reconciliation/billed/export": "billing", "usage/billed/export": "usage"}


@dataclass
class Order:
    id: str
    document: Document | None
    kind: str
    polls: int
    edition: int = 0


class Graph:
    def __init__(self, world: World, habits: Habits) -> None:
        self.world, self.habits = world, habits
        self.orders: dict[str, Order] = {}
        self.signatures: set[str] = set()
        self._blobs: dict[tuple[str, str, int], bytes] = {}
        #: links of orders and signatures end: 410 until it is ordered again
        self.ends_links = 0

    def answer(self, request: Request) -> Answer:
        place = request.path.removeprefix(BILLING).strip("/")
        with self.world.lock:
            if request.method == "POST":
                return self._order(request, _ORDERS.get(place))
            match place.split("/"):
                case ["operations", order] if order in self.orders:
                    return self._operation(request, self.orders[order])
                case ["manifests", order] if order in self.orders:
                    return json_answer(self._manifest(request, self.orders[order]))
        return error(404, "NotFound", "There is nothing here.")

    def blob(self, request: Request) -> Answer:
        """Any credential but the signature is refused, as Azure's storage refuses two at once."""
        signature = request.target.partition("?")[2]
        if "Authorization" in request.headers or signature not in self.signatures:
            return Answer(403, b"<Error><Code>AuthenticationFailed</Code></Error>", content_type="application/xml")
        _, _, number, kind, part = request.path.split("/")
        document = self.world.document(number)
        at = part.removeprefix("part-").partition("-")[0]
        if document is None or not at.isdigit():
            return Answer(404, b"<Error><Code>BlobNotFound</Code></Error>", content_type="application/xml")
        with self.world.lock:
            return Answer(200, self._packed(document, kind, int(at)), content_type="application/octet-stream")

    def forget(self) -> None:
        """Make blobs anew, where a habit has changed."""
        self._blobs.clear()

    def _order(self, request: Request, kind: str | None) -> Answer:
        try:
            sent = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            return error(400, "BadRequest", "The body is no JSON.")
        if kind is None or not isinstance(sent, dict) or sent.get("attributeSet") not in ("full", "basic"):
            return error(400, "BadRequest", "Unknown export or attributeSet.")
        document = self.world.document(str(sent.get("invoiceId")))
        if document is not None and document.providers != {"onetime"}:
            document = None
        order = Order(secrets.token_hex(16), document, kind, self.habits.export_polls)
        self.orders[order.id] = order
        location = f"http://{request.headers.get('Host')}{BILLING}/operations/{order.id}"
        return Answer(202, b"", {"Location": location})

    def _operation(self, request: Request, order: Order) -> Answer:
        if self.ends_links:
            self.ends_links -= 1
            del self.orders[order.id]
            return error(410, "Gone", "The link has expired.")
        if order.polls > 0:
            order.polls -= 1
            status = "running" if order.polls % 2 == 0 else "notStarted"
            return json_answer({"id": order.id, "status": status}, Retry_After="0")
        if order.document is None:
            return json_answer(
                {"id": order.id, "status": "failed", "error": {"code": "5000", "message": "No data available."}}
            )
        sent: dict[str, object] = {
            "@odata.type": "#microsoft.graph.partners.billing.exportSuccessOperation",
            "id": order.id,
            "status": "succeeded",
        }
        if self.habits.manifest_by_link:
            sent["resourceLocation@odata.navigationLink"] = (
                f"http://{request.headers.get('Host')}{BILLING}/manifests/{order.id}"
            )
        else:
            sent["resourceLocation"] = self._manifest(request, order)
        return json_answer(sent)

    def _manifest(self, request: Request, order: Order) -> dict[str, object]:
        document = order.document
        assert document is not None
        signature = f"sv=2021-08-06&sp=r&sig={quote(secrets.token_urlsafe(24) + '=', safe='')}"
        self.signatures.add(signature)
        lines = next((one for one in document.sets if one.kind == order.kind), None)
        blobs = -(-len(lines.charges if lines else ()) // self.habits.blob_lines)
        return {
            "id": order.id,
            "schemaVersion": "2",
            "dataFormat": "compressedJSONLines",
            "partitionType": "default",
            "partnerTenantId": self.world.tenant_id.upper(),
            "rootDirectory": f"http://{request.headers.get('Host')}/blobs/{quote(document.number)}/{order.kind}",
            "sasToken": signature,
            "eTag": f'"{document.number}-{order.kind}-{document.edition}"',
            "blobCount": blobs,
            "blobs": [
                {"name": f"part-{at:05d}-{order.id[:8]}.json.gz", "partitionValue": str(at)} for at in range(blobs)
            ],
        }

    def _packed(self, document: Document, kind: str, at: int) -> bytes:
        """Of two gzip members, as files that were put together are."""
        key = (f"{document.number} {document.edition}", kind, at)
        if key in self._blobs:
            return self._blobs[key]
        lines = next(one for one in document.sets if one.kind == kind)
        size = self.habits.blob_lines
        rows = [wire.row(document, lines, one) for one in lines.charges[at * size : (at + 1) * size]]
        half = len(rows) // 2
        encode_lines = msgspec.json.Encoder().encode_lines
        packed = b"".join(gzip.compress(encode_lines(part), 1) for part in (rows[:half], rows[half:]) if part)
        if self.habits.keeps_pages:
            self._blobs[key] = packed
        return packed


def error(status: int, code: str, message: str) -> Answer:
    return json_answer({"error": {"code": code, "message": message}}, status)
