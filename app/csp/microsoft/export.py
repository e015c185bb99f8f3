"""Graph's billed reconciliation export: ordered, waited for, and read blob by blob as a stream of lines.

The order and the waiting go to Graph with Graph's token; the blobs lie elsewhere and are fetched with the signature that the manifest
brings and nothing else. A blob is unpacked as it arrives, so memory does not grow with it; where a download breaks off, it is fetched
again and what was given already is passed over.
"""

import codecs
import json
import zlib
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from app.csp.microsoft.answers import Complaint, retry_after
from app.csp.microsoft.bases import Elsewhere, on_host
from app.csp.microsoft.calls import Call, Calls, Tries
from app.csp.microsoft.connections import Answer, Broken
from app.csp.microsoft.decoding import Fields, Garbled, object_of
from app.csp.microsoft.line_decoder import DecodedLines, Kind, LineDecoder
from app.csp.microsoft.records import Changed, Refused, Unreachable
from app.csp.microsoft.spelling import Unreadable, digits, id_of, text_of, word

#: what is asked for and the kind of its lines
PATHS = {
    "billing": "/v1.0/reports/partners/billing/reconciliation/billed/export",
    "usage": "/v1.0/reports/partners/billing/usage/billed/export",
}
#: between two questions whether it is done, where Microsoft does not say
POLL_SECONDS = 10.0
#: in all; an export takes minutes
LONGEST_SECONDS = 7200.0
#: how often an order whose link has ended is placed again
ORDERS = 3
SLICE = 2000
_CHUNK = 256 * 1024


class Blob(NamedTuple):
    name: str
    partition: str


class Manifest(NamedTuple):
    etag: str
    tenant_id: str
    directory: str
    signature: str
    blobs: tuple[Blob, ...]


class _Again(Exception):
    """The blob's host was waited for; ask again."""


class _Ended(Exception):
    """The link of an order or of its blobs works no more: order again."""


class Export:
    """A finished export of one document. Its etag changes when its lines do."""

    def __init__(
        self, calls: Calls, decoder: LineDecoder, document_number: str, line_type: str, tenant_id: Callable[[], str]
    ) -> None:
        self._calls, self._decoder, self._number, self._tenant_id = calls, decoder, document_number, tenant_id
        self._line_type, self._kind = line_type, Kind(line_type, "onetime")
        self._manifest = self._ordered()

    @property
    def etag(self) -> str:
        return self._manifest.etag

    @property
    def blobs(self) -> tuple[Blob, ...]:
        return self._manifest.blobs

    def lines(self, blob_index: int, skip: int = 0) -> Iterator[DecodedLines]:
        """The blob's lines in slices, all but the first `skip` of them. Changed where they are others by now."""
        given = skip
        tries = Tries(self._calls, self.blobs[blob_index].name)
        ordered = 1
        while True:
            try:
                for rows in self._rows(self.blobs[blob_index], given, tries):
                    lines = self._decoder.rows(rows, self._kind)
                    given += len(lines)
                    ordered = 1
                    tries.progressed()
                    yield lines
                return
            except _Ended as ended:
                ordered += 1
                if ordered > ORDERS:
                    raise Unreachable(f"the links of the export end before it is read: {ended}") from ended
                self._order_again()
            except _Again:
                continue
            except (Broken, Garbled) as trouble:
                tries.failed(str(trouble))
            except Unreadable as wrong:
                raise Refused(200, "unreadable", str(wrong)) from wrong

    def _ordered(self) -> Manifest:
        for _order in range(ORDERS):
            try:
                return self._waited_for(self._order())
            except _Ended:
                continue
        raise Unreachable(f"the export of {self._number} ended {ORDERS} times before it was read")

    def _order_again(self) -> None:
        """The same export with fresh links, whose blobs may have other names. Where it is another one meanwhile, what was given
        belongs to the old one."""
        fresh = self._ordered()
        alike = len(fresh.blobs) == len(self.blobs) if self.etag else fresh.blobs == self.blobs
        if fresh.etag != self.etag or not alike:
            raise Changed(f"the export of {self._number} changed while it was read")
        self._manifest = fresh

    def _order(self) -> str:
        """Where to ask how far it is."""
        body = json.dumps({"invoiceId": self._number, "attributeSet": "full"}).encode()
        graph = self._calls.bases.graph
        place = self._calls.make(Call(f"{graph}{PATHS[self._line_type]}", "graph", "POST", (), body), _location)
        return self._on_graph(place)

    def _waited_for(self, address: str) -> Manifest:
        waited = 0.0
        while True:
            progress = self._got(address)
            status = word(progress.sent.get("status"))
            if status == "succeeded":
                return self._manifest_of(progress.sent)
            if status in ("failed", "cancelled", "canceled"):
                error = progress.sent.within("error")
                said = text_of(error.get("message")) or "the export failed"
                raise Refused(200, text_of(error.get("code"), 40), said, progress.request_id)
            if waited >= LONGEST_SECONDS:
                raise Unreachable(f"the export of {self._number} is not done after {waited:.0f} s")
            seconds = POLL_SECONDS if progress.retry_after is None else progress.retry_after
            self._calls.sleep(max(seconds, 0.1))
            waited += max(seconds, 1.0)

    def _got(self, address: str) -> "_Progress":
        try:
            return self._calls.make(Call(address, "graph"), _progress_of)
        except Refused as no:
            if no.status == 410:
                raise _Ended(str(no)) from no
            raise

    def _manifest_of(self, progress: Fields) -> Manifest:
        place = progress.get("resourceLocation")
        link = progress.get("resourceLocation@odata.navigationLink") or place
        if isinstance(place, Fields) and place.get("blobs") is not None:
            sent = place
        elif isinstance(link, str) and link:
            sent = self._got(self._on_graph(link)).sent
        else:
            raise Refused(200, "no_manifest", "The export is done, but its manifest is missing.")
        manifest = _manifest(sent)
        if manifest.tenant_id != id_of(self._tenant_id()):
            raise Refused(200, "foreign_tenant", f"The export is of another partner tenant: {manifest.tenant_id}")
        return manifest

    def _on_graph(self, link: str) -> str:
        try:
            return self._calls.bases.graph + on_host(self._calls.bases.graph, link)
        except Elsewhere as wrong:
            raise Refused(200, "foreign_link", f"The export's link leads to another host: {link[:200]}") from wrong

    def _rows(self, blob: Blob, passed_over: int, tries: Tries) -> Iterator[bytes]:
        """The blob's JSON lines in slices, the first ones passed over."""
        throttled = self._calls.paused()
        address = _address(self._manifest, blob)
        try:
            with self._calls.connections.streamed(address, {"Accept-Encoding": "identity"}) as response:
                if response.status != 200:
                    self._refused(Answer(response.status, response.headers, response.read()), tries)
                yield from _slices(_unpacked(response.read), passed_over)
        finally:
            self._calls.count(throttled)

    def _refused(self, answer: Answer, tries: Tries) -> None:
        """Waits where another try may help, and begins anew; a signature that has ended needs a new order."""
        if answer.status in (401, 403, 404, 410):
            raise _Ended(f"HTTP {answer.status} {Complaint(answer.body).code}".strip())
        tries.answered(answer)
        raise _Again


class _Progress(NamedTuple):
    sent: Fields
    retry_after: float | None
    request_id: str


def _progress_of(answer: Answer) -> _Progress:
    return _Progress(object_of(answer.body), retry_after(answer), answer.headers.get("request-id") or "")


def _location(answer: Answer) -> str:
    place = answer.headers.get("Location")
    if not place:
        raise Garbled("the export was ordered, but not where to ask for it")
    return str(place)


def _manifest(sent: Fields) -> Manifest:
    return Manifest(
        etag=text_of(sent.get("eTag"), 200),
        tenant_id=id_of(sent.get("partnerTenantId")),
        directory=text_of(sent.get("rootDirectory"), 4000).rstrip("/"),
        signature=text_of(sent.get("sasToken"), 4000).lstrip("?"),
        blobs=tuple(
            Blob(
                text_of(one.get("name"), 1000), digits(one.get("partitionValue")) or text_of(one.get("partitionValue"))
            )
            for one in sent.several("blobs")
        ),
    )


def _address(manifest: Manifest, blob: Blob) -> str:
    address = f"{manifest.directory}/{quote(blob.name.lstrip('/'), safe='/%')}"
    if urlsplit(address).scheme not in ("http", "https"):
        raise Refused(200, "foreign_link", "The export's blobs lie at no address of a web server.")
    return f"{address}?{manifest.signature}" if manifest.signature else address


def _unpacked(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The plain bytes of a gzip file of one or more members, or of a file that is not packed, piece by piece."""
    begun = read(_CHUNK)
    if not begun.startswith(b"\x1f\x8b"):
        while begun:
            yield begun
            begun = read(_CHUNK)
        return
    packed, reader = begun, zlib.decompressobj(wbits=31)
    try:
        while packed:
            yield reader.decompress(packed, _CHUNK * 4)
            packed = reader.unconsumed_tail
            if reader.eof:
                packed = reader.unused_data or read(_CHUNK)
                if packed:
                    reader = zlib.decompressobj(wbits=31)
            elif not packed:
                packed = read(_CHUNK)
    except (zlib.error, OSError, HTTPException) as wrong:
        raise Broken(f"the blob cannot be unpacked: {wrong}") from wrong
    if not reader.eof:
        raise Broken("the blob is cut short")


def _slices(pieces: Iterator[bytes], passed_over: int) -> Iterator[bytes]:
    """Whole lines, SLICE at a time, after the first ones."""
    held: list[bytes] = []
    rest, is_first = b"", True
    for piece in pieces:
        if is_first and len(rest + piece) >= 3:
            rest, piece, is_first = b"", (rest + piece).removeprefix(codecs.BOM_UTF8), False
        *whole, rest = (rest + piece).split(b"\n")
        for row in whole:
            if not row.strip():
                continue
            if passed_over:
                passed_over -= 1
                continue
            held.append(row)
            if len(held) == SLICE:
                yield b"\n".join(held)
                held = []
    if rest.strip() and not passed_over:
        held.append(rest)
    if held:
        yield b"\n".join(held)
