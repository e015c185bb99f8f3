"""A partner's program with an API key: batches, single entries, withdrawals, approvals, each with an Idempotency-Key."""

import threading
import uuid
from typing import Any

from benchmarks.soak import board
from benchmarks.soak.board import Board, Place
from benchmarks.soak.books import DECISION, ENTRY, RECORD, WITHDRAWAL, Books, Write
from benchmarks.soak.visitor import GaveUp, Visitor, words_of

API = "/api/v1"
LOST = 409
#: records of a batch, at most
BATCH = 40


class Program(Visitor):
    def __init__(self, name: str, key: str, address: str, books: Books, seed: int, shared: Board, partner: str) -> None:
        super().__init__(name, address, books, seed, key=key)
        self.board, self.partner = shared, partner

    def sign_in(self) -> None:
        """Its key is enough."""

    def live(self) -> None:
        acts = {self.submit: 4, self.batch: 3, self.read: 3, self.approve: 1}
        (act,) = self.dice.choices(list(acts), list(acts.values()))
        act()

    def post(self, write: Write, path: str, expected: set[int], body: Any) -> Any:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return self.send(write, f"{API}{path}", expected, json=body, headers=headers)

    def submit(self) -> None:
        place = self.billable()
        if place is None:
            return
        mark = self.books.mark("call")
        write = self.books.wanted(ENTRY, self.name, mark, engagement=place.id)
        answer = self.post(
            write, f"/engagements/{place.id}/billing-entries", {201, LOST, 422}, self.entry_in(place, mark)
        )
        if answer.status_code != 201:
            if not self._expected(place, answer.text):
                self.books.surprised(f"{self.name}: an entry in {place.name} {answer.status_code} {words_of(answer)}")
            return
        write.result = answer.json()["id"]
        place.entries.append(mark)
        if self.dice.random() < 0.25:
            taken_back = self.books.wanted(WITHDRAWAL, self.name, mark, write.result)
            self.post(taken_back, f"/billing-entries/{write.result}/withdraw", {200, LOST}, {})

    def batch(self) -> None:
        found = [one for one in (self.billable() for _ in range(self.dice.randint(2, BATCH))) if one]
        if not found:
            return
        records, writes = [], []
        for place in found:
            mark = self.books.mark("record")
            records.append({**self.entry_in(place, mark), "key": mark, "engagement_id": place.id})
            writes.append(self.books.wanted(RECORD, self.name, mark, engagement=place.id))
        answer = self.post(writes[0], "/billing-entries/batch", {200}, {"records": records})
        if answer.status_code != 200:
            return
        for write, place, result in zip(writes, found, answer.json()["results"], strict=True):
            write.status, write.result = answer.status_code, result["id"] or ""
            if result["result"] == "refused":
                write.status = 422
                if not self._expected(place, str(result["errors"])):
                    self.books.surprised(f"{self.name}: {write.what} in {place.name} was refused: {result['errors']}")
            else:
                place.entries.append(write.what)

    def read(self) -> None:
        """Two pages of a list, or one thing."""
        path = self.dice.choice(("/engagements", "/billing-entries", "/products", "/months", "/notices", "/inbox"))
        page = self.get(f"{API}{path}?limit=20").json()
        if cursor := page.get("next_cursor"):
            more = self.get(f"{API}{path}?limit=20&cursor={cursor}").json()
            if {row["id"] for row in page["items"] if "id" in row} & {
                row["id"] for row in more["items"] if "id" in row
            }:
                self.books.surprised(f"{self.name}: a row of {path} is on two pages")

    def approve(self) -> None:
        place = self.board.take(board.PENDING, self.dice, partner=self.partner)
        if place is None:
            return
        write = self.books.wanted(DECISION, self.name, "approve", place.id)
        if self.post(write, f"/engagements/{place.id}/approve", {200, LOST}, {}).status_code == 200:
            self.board.put(board.ACTIVE, place)

    def billable(self) -> Place | None:
        place = self.board.see(board.ACTIVE, self.dice, partner=self.partner)
        return place if place and place.metric else None

    def entry_in(self, place: Place, mark: str) -> dict[str, str]:
        return {
            "metric": place.metric, "month": place.month, "quantity": str(self.dice.randint(1, 9)), "notes": mark
        }  # fmt: skip

    def _expected(self, place: Place, refusal: str) -> bool:
        """Whether the engagement ended meanwhile, for all that is known, or its plan allows no more."""
        # in this order: who decides notes the answer first and moves the engagement then
        ended = self.books.undecided(place.id) or place.id not in self.board.known(board.ACTIVE)
        return ended or "The plan allows" in refusal


def same_again(program: Program, address: str, key: str, place: Place, times: int) -> Write:
    """One entry with one Idempotency-Key, sent `times` times by four connections at once, whatever is killed meanwhile."""
    books = program.books
    mark, headers = books.mark("again"), {"Idempotency-Key": uuid.uuid4().hex}
    write = books.wanted(ENTRY, program.name, mark, engagement=place.id)
    body = program.entry_in(place, mark)
    ids: set[str] = set()
    answered = [0]

    def some(number: int) -> None:
        caller = Visitor(program.name, address, books, 1000 + number, key=key)
        for _ in range(times // 4):
            try:
                path = f"{API}/engagements/{place.id}/billing-entries"
                answer = caller.ask("POST", path, {201}, write, json=body, headers=dict(headers))
            except GaveUp:
                continue
            write.status = answer.status_code
            if answer.status_code == 201:
                ids.add(answer.json()["id"])
                answered[0] += 1

    threads = [threading.Thread(target=some, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    write.facts["answered"] = answered[0]
    if len(ids) != 1:
        books.surprised(f"{write.sent} sends with one key made {len(ids)} entries")
    write.result = next(iter(ids), "")
    return write
