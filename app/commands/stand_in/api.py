"""The stand-in's Partner Center API: profiles, customers, subscriptions, usage, invoices, their lines and their PDFs."""

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote, unquote

from app.commands.stand_in import pdf, wire
from app.commands.stand_in.exchange import Answer, Request, complaint, json_answer
from app.commands.stand_in.faults import Habits
from app.commands.stand_in.ledger import Customer, Document, LineSet
from app.commands.stand_in.login import AccessToken
from app.commands.stand_in.world import World

TOKEN = "MS-ContinuationToken"  # noqa: S105  # a header's name
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_WITHDRAWN = date(2025, 4, 1)
_DEFAULT_PAGE = 100


class Api:
    def __init__(self, world: World, habits: Habits) -> None:
        self.world, self.habits = world, habits
        #: continuation token -> (path, where it goes on, size)
        self._going_on: dict[str, tuple[str, int, int]] = {}
        self._tokens: dict[tuple[str, int, int], str] = {}
        self._kept: dict[str, bytes] = {}

    def answer(self, request: Request, token: AccessToken) -> Answer:
        parts = [unquote(part) for part in request.path.removeprefix("/v1/").split("/")]
        with self.world.lock:
            match parts:
                case ["profiles", which]:
                    return self._profile(which, request, token)
                case ["customers"]:
                    return self._customers(request)
                case ["customers", tenant, *rest]:
                    return self._of_customer(tenant, rest, request)
                case ["invoices"]:
                    return self._invoices(request)
                case ["invoices", number, *rest]:
                    return self._of_invoice(number, rest, request)
        return self._no(404, "1000", "No resource here.")

    def _no(self, status: int, code: str | int, description: str) -> Answer:
        return complaint(status, code, description, self.habits)

    def _json(self, sent: Any) -> Answer:
        return json_answer(sent, 200, self.habits)

    def _profile(self, which: str, request: Request, token: AccessToken) -> Answer:
        world, tenant = self.world, token.consent.tenant_id
        if which == "organization":
            return self._json(
                {
                    "id": tenant,
                    "companyName": world.company if tenant == world.tenant_id else "Another Tenant Ltd",
                    "defaultAddress": {"country": "DE", "city": "Nordstadt", "addressLine1": "Am Markt 1"},
                    "tenantId": tenant,
                    "domain": "bergland-cloud.example",
                    "email": token.consent.user,
                    "language": "de",
                    "culture": "de-DE",
                    "profileType": "organization_profile",
                }
            )
        if which == "legalbusiness":
            status = "authorized" if world.is_vetted else "pending"
            return self._json({"companyName": world.company, "vettingStatus": status, "vettingSubStatus": "none"})
        if which == "mpn":
            if request.asked.get("mpnid", world.mpn_id) != world.mpn_id:
                return self._no(404, 3000, "Partner was not found.")
            return self._json({"mpnId": world.mpn_id, "partnerName": world.company})
        if which == "billing":
            return self._json({"billingCurrency": world.currency})
        return self._no(404, "1000", "No such profile.")

    # Paging.

    def _size(self, request: Request, limit: int, default: int) -> int | None:
        sent = request.asked.get("size", str(default))
        return min(int(sent), limit) if sent.isascii() and sent.isdigit() and int(sent) > 0 else None

    def _sought(self, request: Request, limit: int, default: int) -> tuple[int, int] | Answer:
        """Where a seek-paged answer begins, and its size."""
        sent, seeks = request.headers.get(TOKEN), request.asked.get("seekoperation") == "Next"
        if (sent is not None) != seeks:
            return self._no(400, "3000", "seekOperation and MS-ContinuationToken belong together.")
        if sent is not None:
            path, begins, size = self._going_on.get(sent, ("", 0, 0))
            return (begins, size) if path == request.path else self._no(400, "3000", "Unknown continuation token.")
        size_ = self._size(request, limit, default)
        return (0, size_) if size_ else self._no(400, "3000", "size is no number.")

    def _continued(self, request: Request, begins: int, size: int) -> str:
        key = (request.path, begins, size)
        token = self._tokens.get(key)
        if token is None:
            token = f"{secrets.token_urlsafe(24)},_/+={begins}"
            self._tokens[key], self._going_on[token] = token, key
        return token

    def _seek_page(self, items: list[Any], next_token: str | None, uri: str) -> Answer:
        sent: dict[str, Any] = {"totalCount": len(items), "items": items, "attributes": {"objectType": "Collection"}}
        sent["links"] = {"self": {"uri": uri, "method": "GET", "headers": []}}
        if next_token:
            joint = "?" if self.habits.second_question_mark and "lineitems" in uri else "&"
            sent["links"]["next"] = {
                "uri": f"{uri}{joint}seekOperation=Next",
                "method": "GET",
                "headers": [{"key": TOKEN, "value": next_token}],
            }
            sent["continuationToken"] = next_token
        return self._json(sent)

    def _index_page(self, items: list[Any], uri: str, query: str, offset: int, size: int, is_full: bool) -> Answer:
        sent: dict[str, Any] = {"totalCount": len(items), "items": items, "attributes": {"objectType": "Collection"}}
        if is_full:
            prefix = "/v1" if self.habits.v1_in_links else ""
            link = f"{prefix}{uri}?{query}size={size}&offset={offset + size}"
            sent["links"] = {"next": {"uri": link, "method": "GET", "headers": []}}
        return self._json(sent)

    def _is_last(self, begins: int, size: int, whole: int) -> bool:
        """Whether no link follows: a full last page has one, unless that is the habit."""
        end = begins + size
        return end > whole or (end == whole and self.habits.no_next_on_full_page)

    # Customers.

    def _customers(self, request: Request) -> Answer:
        place = self._sought(request, self.habits.customers_page, _DEFAULT_PAGE)
        if isinstance(place, Answer):
            return place
        begins, size = place
        listed = self.world.listed()
        page = listed[max(begins - 1, 0) if self.habits.repeated_records else begins : begins + size]
        more = begins + size < len(listed)
        token = self._continued(request, begins + size, size) if more else None
        return self._seek_page([wire.customer(one) for one in page], token, f"/v1/customers?size={size}")

    def _of_customer(self, tenant: str, rest: Sequence[str], request: Request) -> Answer:
        if not _GUID.fullmatch(tenant):
            return self._no(400, "900118", "The customer id is malformed.")
        found = self.world.customer(tenant)
        if found is None:
            return self._no(404, "60003", "Unknown tenant.")
        if found.is_gone or found.is_unlisted:
            return self._no(403, "20002", "There is no commerce relationship with this customer.")
        if found.refused:
            return self._no(403, found.refused, "Access denied.")
        match rest:
            case []:
                return self._json(wire.customer_alone(found))
            case ["subscriptions"]:
                own = [wire.subscription(one) for one in self.world.subscriptions if one.customer is found]
                return self._json({"totalCount": len(own), "items": own, "attributes": {"objectType": "Collection"}})
            case ["subscriptions", wanted]:
                ours = (one for one in self.world.subscriptions if one.customer is found and one.id == wanted.lower())
                one = next(ours, None)
                return self._json(wire.subscription(one)) if one else self._no(404, "20003", "Unknown subscription.")
            case ["usagesummary"]:
                return self._usage(found)
        return self._no(404, "1000", "No resource here.")

    def _usage(self, customer: Customer) -> Answer:
        if customer.usage is None:
            return self._no(404, "1000", "The customer uses nothing.")
        first = self.world.today.replace(day=1)
        sent: dict[str, Any] = {
            "resourceId": customer.id,
            "resourceName": customer.name,
            "billingStartDate": f"{first}T00:00:00-08:00",
            "billingEndDate": f"{first.replace(day=28)}T00:00:00-08:00",
            "totalCost": wire.number(f"{customer.usage // 100}.{customer.usage % 100:02d}60766744404945074"),
            "currencyCode": self.world.currency,
            "lastModifiedDate": f"{self.world.today}T02:11:09.1234567Z",
            "attributes": {"objectType": "CustomerUsageSummary"},
        }
        sent["budget"] = {"amount": customer.budget // 100} if customer.budget else {}
        return self._json(sent)

    # Invoices.

    def _invoices(self, request: Request) -> Answer:
        """size and offset count for legacy invoices only: every page repeats the modern ones."""
        size = self._size(request, self.habits.invoices_page, self.habits.invoices_page)
        offset = request.asked.get("offset", "0")
        if size is None or not (offset.isascii() and offset.isdigit()):
            return self._no(400, "3000", "size or offset is no number.")
        modern = [one for one in self.world.documents if one.providers == {"onetime"}]
        legacy = [one for one in self.world.documents if one.providers != {"onetime"}]
        begins = int(offset)
        page = [*modern, *legacy[begins : begins + size]] if begins <= len(legacy) else []
        items = [wire.document(one, _link) for one in page]
        if self.habits.periods_by_id:
            for item in (one for each in items for one in (each, *each.get("amendments", ()))):
                del item["billingPeriodStartDate"], item["billingPeriodEndDate"]
        is_full = not self._is_last(begins, size, len(legacy))
        if begins == len(legacy) and begins:
            items, is_full = [], False
        return self._index_page(items, "/invoices", "", begins, size, is_full)

    def _of_invoice(self, number: str, rest: Sequence[str], request: Request) -> Answer:
        document = self.world.document(number)
        if document is None:
            return self._no(404, "1000", "No such invoice.")
        match rest:
            case []:
                return self._json(wire.document(document, _link))
            case ["lineitems"]:
                return self._lines(
                    document, request.asked.get("provider"), request.asked.get("invoicelineitemtype"), request
                )
            case ["lineitems", provider, kind]:
                return self._lines(document, provider, kind, request)
            case ["documents", "statement"]:
                said = f"{document.number}  {document.total} {document.currency}"
                name = f"attachment; filename={document.number}.pdf"
                return Answer(200, pdf.page_of(said), {"Content-Disposition": name}, "application/pdf")
        return self._no(404, "1000", "No resource here.")

    def _lines(self, document: Document, provider: str | None, kind: str | None, request: Request) -> Answer:
        wanted = ((provider or "").lower(), (kind or "").lower().removesuffix("lineitems"))
        lines = next((one for one in document.sets if (one.provider, one.kind) == wanted), None)
        if lines is None:
            return self._no(400, "3000", "The invoice has no such line items.")
        if lines.provider == "onetime" and document.ends >= _WITHDRAWN and not self.habits.v1_has_everything:
            return self._no(400, "3000", "Line items of this period come from the export only.")
        if wanted == ("onetime", "usage") and request.asked.get("currencycode", "").upper() != document.currency:
            return self._no(400, "3000", "currencycode is needed.")
        limit = self.habits.lines_page
        uri = f"/invoices/{quote(document.number)}/lineitems"
        query = f"provider={lines.provider}&invoicelineitemtype={lines.kind}lineitems&"
        if lines.provider == "onetime":
            place = self._sought(request, limit, 2000)
            if isinstance(place, Answer):
                return place
            return self._kept_page(request, document, lambda: self._sought_lines(request, document, lines, place))
        size, offset = self._size(request, limit, 2000), request.asked.get("offset", "0")
        if size is None or not (offset.isascii() and offset.isdigit()):
            return self._no(400, "3000", "size or offset is no number.")
        begins = int(offset)

        def made() -> Answer:
            items = [wire.line(document, lines, one) for one in lines.charges[begins : begins + size]]
            is_full = len(items) == size and not self._is_last(begins, size, len(lines.charges))
            return self._index_page(items, uri, query, begins, size, is_full)

        return self._kept_page(request, document, made)

    def _sought_lines(self, request: Request, document: Document, lines: LineSet, place: tuple[int, int]) -> Answer:
        begins, size = place
        items = [wire.line(document, lines, one) for one in lines.charges[begins : begins + size]]
        more = begins + size < len(lines.charges)
        token = self._continued(request, begins + size, size) if more else None
        query = f"provider={lines.provider}&invoicelineitemtype={lines.kind}lineitems"
        if lines.kind == "usage":
            query += f"&currencycode={document.currency}"
        uri = f"/invoices/{quote(document.number)}/lineitems?{query}&size={size}"
        return self._seek_page(items, token, uri)

    def _kept_page(self, request: Request, document: Document, made: Callable[[], Answer]) -> Answer:
        if not self.habits.keeps_pages:
            return made()
        key = f"{request.target} {request.headers.get(TOKEN)} {document.edition}"
        if key not in self._kept:
            self._kept[key] = made().body
        return Answer(200, self._kept[key])


def _link(document: Document, lines: LineSet) -> str:
    return f"/invoices/{document.invoice_type}-{document.number}/lineitems/{lines.provider}/{lines.kind}lineitems?size=2000"
