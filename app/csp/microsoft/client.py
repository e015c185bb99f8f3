"""Microsoft's Partner Center and Graph as this portal reads them: whole pages of records, and nothing is ever written there.

One client serves the threads of one account. It asks with GET, and posts only the order of an export; sign-in has its own posts
(sign_in.py). Errors are those of records.py: Refused, SignInNeeded, Unreachable, Paused.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from app.csp.microsoft.bases import Bases
from app.csp.microsoft.calls import Call, Calls
from app.csp.microsoft.connections import Answer
from app.csp.microsoft.customers import customer_of, details_of, subscription_of, usage_of
from app.csp.microsoft.decoding import Fields, Garbled, object_of
from app.csp.microsoft.documents import document_of, line_type_of, provider_of
from app.csp.microsoft.export import Export
from app.csp.microsoft.line_decoder import Kind, LineDecoder
from app.csp.microsoft.paging import Collection, address, first, following
from app.csp.microsoft.records import CustomerDetails, Document, LineSet, Page, Refused, Subscription, Usage
from app.csp.microsoft.spelling import id_of, text_of
from app.csp.microsoft.tokens import Pause, Tokens

#: the largest pages there are
CUSTOMERS, INVOICES, LINES = 500, 500, 2000
#: pages in a row without a document that was not there before, after which a listing runs in a circle
NOTHING_NEW = 20


class Client:
    def __init__(
        self,
        bases: Bases,
        tokens: Tokens,
        pause: Pause,
        *,
        counted: Callable[[float], None] = lambda throttled: None,
        tenant_id: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`counted(throttled seconds)` is called once a request; exports are checked to be of `tenant_id`, the partner's own."""
        self._calls = Calls(bases, tokens, pause, counted=counted, sleep=sleep)
        self._decoder = LineDecoder()
        self._registered_tenant = tenant_id

    def organisation(self) -> dict[str, Any]:
        return self._object("/profiles/organization")

    def legal_business(self) -> dict[str, Any]:
        return self._object("/profiles/legalbusiness")

    def mpn(self, mpn_id: str) -> dict[str, Any]:
        """The profile of this PartnerID; Refused with 404 and code 3000 where there is none."""
        return self._object(f"/profiles/mpn?mpnId={quote(mpn_id, safe='')}")

    def billing_profile(self) -> dict[str, Any]:
        return self._object("/profiles/billing")

    def customers(self, cursor: Mapping[str, Any] | None = None) -> Page:
        """A page of Customer records. The same one may come twice while the listing changes: it is known by its id."""
        cursor = cursor or first("/customers", size=CUSTOMERS)
        page = self._collection(cursor, lambda page: [customer_of(item) for item in page.items])
        return Page([one for one in page.records if one.tenant_id], page.next)

    def customer(self, tenant_id: str) -> CustomerDetails:
        return details_of(self._object(f"/customers/{_in_path(tenant_id)}"))

    def subscriptions(self, tenant_id: str) -> list[Subscription]:
        """All of a customer's subscriptions, each once."""
        cursor: Mapping[str, Any] | None = first(f"/customers/{_in_path(tenant_id)}/subscriptions")
        found: dict[str, Subscription] = {}
        while cursor is not None:
            page = self._collection(cursor, lambda page: [subscription_of(item) for item in page.items])
            found.update((one.subscription_id, one) for one in page.records if one.subscription_id)
            cursor = page.next
        return list(found.values())

    def usage(self, tenant_id: str) -> Usage | None:
        """This period's usage as estimated; None for a customer that uses nothing, or that nothing is measured of."""
        try:
            return usage_of(self._object(f"/customers/{_in_path(tenant_id)}/usagesummary"))
        except Refused as no:
            if no.status in (400, 404) and no.code not in _NO_SUCH_CUSTOMER:
                return None
            raise

    def invoices(self, cursor: Mapping[str, Any] | None = None) -> Page:
        """A page of Document records, none that an earlier page had: every page repeats the modern ones."""
        cursor = cursor or first("/invoices", size=INVOICES, offset=0)
        page = self._collection(cursor, lambda page: [document_of(item) for item in page.items])
        known = list(cursor.get("known") or [])
        fresh = list({one.number: one for one in page.records if one.number not in set(known)}.values())
        if page.next is None:
            return Page(fresh, None)
        stale = 0 if fresh else int(cursor.get("stale") or 0) + 1
        if stale >= NOTHING_NEW:
            raise Refused(200, "circle", f"{NOTHING_NEW} pages of invoices in a row brought no new one.")
        return Page(fresh, {**page.next, "known": known + [one.number for one in fresh], "stale": stale})

    def invoice(self, document_number: str) -> Document:
        """One document; its billing period is here also where the list leaves it out."""
        return document_of(self._object(f"/invoices/{_in_path(document_number)}"))

    def lines(
        self, document_number: str, line_set: LineSet, currency: str, cursor: Mapping[str, Any] | None = None
    ) -> Page:
        """A page of Line records from v1, in their order and none left out."""
        provider, line_type = provider_of(line_set), line_type_of(line_set)
        if cursor is None:
            asked = {"provider": provider, "invoicelineitemtype": f"{line_type}lineitems", "size": LINES}
            if provider == "onetime" and line_type == "usage":
                asked["currencycode"] = currency
            cursor = first(f"/invoices/{_in_path(document_number)}/lineitems", **asked)
        here, kind = cursor, Kind(line_type, provider, currency)
        return self._read_page(here, lambda body: Page(*self._decoder.page(body, here, self._calls.bases.api, kind)))

    def export(self, document_number: str, line_type: str = "billing") -> Export:
        """Graph's export of a document's lines, waited for; "usage" is the daily breakdown behind them."""
        return Export(self._calls, self._decoder, document_number, line_type, lambda: self._tenant_id)

    def pdf(self, document_number: str) -> Iterator[bytes]:
        """The invoice as Microsoft prints it. It is whole when the first piece is given."""
        whole = self._get(f"/invoices/{_in_path(document_number)}/documents/statement", _pdf_of)
        return (whole[at : at + 65536] for at in range(0, len(whole), 65536))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def close(self) -> None:
        self._calls.connections.close()
        self._decoder.close()

    @cached_property
    def _tenant_id(self) -> str:
        return self._registered_tenant or id_of(self.organisation().get("tenantId"))

    def _object(self, path: str) -> Fields:
        return self._get(path, lambda answer: object_of(answer.body))

    def _collection(self, cursor: Mapping[str, Any], records: Callable[[Collection], list[Any]]) -> Page:
        def read(body: bytes) -> Page:
            page = Collection(body)
            return Page(records(page), following(cursor, page, self._calls.bases.api))

        return self._read_page(cursor, read)

    def _read_page(self, cursor: Mapping[str, Any], read: Callable[[bytes], Page]) -> Page:
        headers = [(name, value) for name, value in cursor.get("headers") or ()]
        page: Page = self._get(str(cursor["uri"]), lambda answer: read(answer.body), headers)
        return page

    def _get(self, uri: str, read: Callable[[Answer], Any], headers: Any = ()) -> Any:
        return self._calls.make(Call(address(self._calls.bases.api, uri), "api", headers=headers), read)


#: codes of a 404 that speak of the customer and not of its usage
_NO_SUCH_CUSTOMER = frozenset({"60003", "20002", "20003", "900118"})


def _in_path(name: str) -> str:
    return quote(text_of(name, 200), safe="")


def _pdf_of(answer: Answer) -> bytes:
    if not answer.body[:1024].lstrip().startswith(b"%PDF"):
        raise Garbled("no PDF came")
    return answer.body
