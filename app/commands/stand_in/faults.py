"""What goes wrong at the stand-in, and its habits: each can be switched on, so that a test says which trap it walks into."""

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

What = Literal["throttle", "error", "reset", "short", "garbage", "html", "refuse", "expire", "no_mfa"]


@dataclass
class Fault:
    """Something that happens to the next calls whose "GET /path?query" the pattern finds."""

    what: What
    where: str = ""
    #: how often; None: always
    times: int | None = 1
    #: leaves so many matching calls alone first
    after: int = 0
    #: of Retry-After; None sends no such header
    seconds: int | None = None
    status: int = 503
    code: str = "2032"
    #: how often it has happened
    happened: int = 0

    def takes(self, call: str) -> bool:
        if (self.times is not None and self.happened >= self.times) or not re.search(self.where, call):
            return False
        if self.after:
            self.after -= 1
            return False
        self.happened += 1
        return True


@dataclass
class Habits:
    """How this Microsoft spells and pages. The defaults are the ordinary ones; sizes above the limit are cut to it."""

    customers_page: int = 500
    lines_page: int = 2000
    invoices_page: int = 500
    #: bodies begin with a byte order mark
    bom: bool = False
    #: links of invoices begin with /v1, as those of customers do
    v1_in_links: bool = False
    #: links of lines hold a second question mark
    second_question_mark: bool = True
    #: names in other cases than the documents have
    drifting_case: bool = False
    #: a full last page has no links.next
    no_next_on_full_page: bool = False
    #: the list of invoices leaves billing periods out, which each has by its id
    periods_by_id: bool = False
    #: customers repeat the last record of the page before
    repeated_records: bool = False
    #: Graph gives the manifest's address instead of the manifest
    manifest_by_link: bool = True
    #: how often an export says that it is still running
    export_polls: int = 1
    blob_lines: int = 5000
    #: v1 still has the new-commerce lines of periods after March 2025
    v1_has_everything: bool = False
    #: an access token ends after so many calls; None: after an hour
    token_calls: int | None = None
    #: a refresh token dies when it is used, and a new one comes with the answer
    rotates: bool = True
    #: every answer takes so many milliseconds
    slow_ms: int = 0
    #: a call that failed is taken up again with its own MS-RequestId, or refused
    judges_repeats: bool = True
    #: rendered pages are kept, for runs that are timed
    keeps_pages: bool = False


@dataclass
class Faults:
    habits: Habits = field(default_factory=Habits)
    listed: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: What, where: str = "", **rest: object) -> Fault:
        fault = Fault(what, where, **rest)  # type: ignore[arg-type]
        with self._lock:
            self.listed.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self.listed.clear()

    def next(self, call: str) -> Fault | None:
        with self._lock:
            return next((fault for fault in self.listed if fault.takes(call)), None)
