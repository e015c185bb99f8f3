"""The bare client that a discovery is compared with: it fetches the same pages with the same connections, decoder and concurrency,
and only parses them. `python -m benchmarks.discovery_bare` with the plan as JSON on standard input; it prints the seconds it took.

No record is made, nothing is kept, nothing is written, no header is looked at that paging does not need.
"""

import json
import sys
import threading
import time
import uuid
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from app.csp.discovery.reading.fetching import AT_ONCE
from app.csp.microsoft.connections import Connections
from app.csp.microsoft.decoding import json_of, objects_of_lines
from app.csp.microsoft.export import _slices, _unpacked

BILLING = "/v1.0/reports/partners/billing/reconciliation/billed/export"
POLL_SECONDS = 0.1


class Bare:
    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._url: str = plan["url"]
        self._connections = Connections()
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._open = 0
        self._changed = threading.Condition()
        self._trouble: list[BaseException] = []
        self.items = 0

    def run(self) -> float:
        began = time.perf_counter()
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(AT_ONCE)]
        self._add(self._customers)
        self._add(self._invoices)
        for thread in threads:
            thread.start()
        with self._changed:
            self._changed.wait_for(lambda: not self._open or self._trouble)
        took = time.perf_counter() - began
        if self._trouble:
            raise self._trouble[0]
        return took

    def _add(self, call: Callable[[], None]) -> None:
        with self._changed:
            self._open += 1
        self._calls.put(call)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call()
            except BaseException as trouble:
                self._trouble.append(trouble)
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    # what is fetched

    def _customers(self) -> None:
        for page in self._pages("/v1/customers?size=500"):
            for item in page["items"]:
                tenant = item["id"]
                if tenant in self._plan["details"] or self._plan["details"] == "all":
                    self._add(lambda tenant=tenant: self._one(f"/v1/customers/{tenant}"))  # type: ignore[misc]
                self._add(lambda tenant=tenant: self._one(f"/v1/customers/{tenant}/subscriptions"))  # type: ignore[misc]
                self._add(lambda tenant=tenant: self._one(f"/v1/customers/{tenant}/usagesummary"))  # type: ignore[misc]

    def _invoices(self) -> None:
        for _page in self._pages("/v1/invoices?size=500&offset=0"):
            pass
        for path in self._plan["lines"]:
            self._add(lambda path=path: self._lines(path))  # type: ignore[misc]
        for number in self._plan["exports"]:
            self._add(lambda number=number: self._export(number, is_read=True))  # type: ignore[misc]
        for number in self._plan["marks"]:
            self._add(lambda number=number: self._export(number, is_read=False))  # type: ignore[misc]

    def _lines(self, path: str) -> None:
        for page in self._pages(path):
            self.items += len(page["items"])

    def _export(self, number: str, *, is_read: bool) -> None:
        body = json.dumps({"invoiceId": number, "attributeSet": "full"}).encode()
        ordered = self._connections.exchange("POST", self._url + BILLING, self._headers("graph"), body)
        place = ordered.headers["Location"]
        while (found := self._got(place, "graph"))["status"] != "succeeded":
            time.sleep(POLL_SECONDS)
        manifest = self._got(found["resourceLocation@odata.navigationLink"], "graph")
        for blob in manifest["blobs"] if is_read else ():
            address = f"{manifest['rootDirectory']}/{blob['name']}?{manifest['sasToken']}"
            with self._connections.streamed(address, {}) as response:
                for some in _slices(_unpacked(response.read), 0):
                    self.items += len(objects_of_lines(some))

    # how

    def _pages(self, path: str) -> Any:
        uri = path
        more: dict[str, str] = {}
        while True:
            page = self._one(uri, more)
            yield page
            following = page.get("links", {}).get("next")
            if following is None or not page["items"]:
                return
            uri = following["uri"] if following["uri"].startswith("/v1") else f"/v1{following['uri']}"
            path_, _, query = uri.partition("?")
            uri = f"{path_}?{query.replace('?', '&')}"
            more = {header["key"]: header["value"] for header in following.get("headers", ())}

    def _one(self, uri: str, more: dict[str, str] | None = None) -> Any:
        return self._got(self._url + uri, "api", more)

    def _got(self, address: str, audience: str, more: dict[str, str] | None = None) -> Any:
        return json_of(self._connections.exchange("GET", address, {**self._headers(audience), **(more or {})}).body)

    def _headers(self, audience: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._plan['tokens'][audience]}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "MS-RequestId": str(uuid.uuid4()),
            "MS-CorrelationId": str(uuid.uuid4()),
        }


if __name__ == "__main__":
    print(Bare(json.load(sys.stdin)).run())
