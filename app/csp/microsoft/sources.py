"""Which of Microsoft's two sources has a document's lines. Pure.

New-commerce lines of billing periods after March 2025 come only from Graph's export; the line items of v1 stay for older periods and
for everything else. Whichever refuses for good, the other is asked once before the document counts as refused.
"""

from datetime import UTC, datetime

from app.csp.microsoft.documents import line_type_of, provider_of
from app.csp.microsoft.records import Document

V1 = "v1"
GRAPH = "graph"
#: the first instant after the last billing period whose new-commerce lines v1 has
WITHDRAWN = datetime(2025, 4, 1, tzinfo=UTC)


def source_of(document: Document) -> str:
    """ "v1" or "graph"."""
    billed = {provider_of(one) for one in document.line_sets if line_type_of(one) == "billing"}
    is_new_commerce = billed == {"onetime"} if billed else document.invoice_type == "one_time"
    return GRAPH if is_new_commerce and (document.period_end or document.invoice_date) >= WITHDRAWN else V1


def other(source: str) -> str:
    return V1 if source == GRAPH else GRAPH
