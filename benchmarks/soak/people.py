"""What each person does, one thing after the other, at random: customers request, partners decide and bill, others look on."""

import csv
import io
from collections.abc import Callable

from benchmarks.soak import board
from benchmarks.soak.board import SERVICES, Board, Place
from benchmarks.soak.books import DECISION, ENTRY, GRID, REQUEST, REVIEW, WITHDRAWAL, Books
from benchmarks.soak.pages import forms_of
from benchmarks.soak.visitor import Visitor, said, words_of

#: a form whose row was changed by somebody else
LOST = 409
#: what a plan allows in a month is used up
OVER_THE_LIMIT = 422
#: so many engagements are kept active; more would only make lists longer
MANY = 60
FRAGMENT = {"HX-Request": "true"}

Act = Callable[[], None]


class Person(Visitor):
    """`acts`: what this person does, and how often compared with the rest."""

    #: pages to read; {id} is one of the person's engagements
    pages: tuple[str, ...] = ()
    partner = customer = ""

    def __init__(self, name: str, email: str, address: str, books: Books, seed: int, shared: Board) -> None:
        super().__init__(name, address, books, seed, email=email)
        self.board = shared
        self.acts: dict[Act, int] = {self.read: 6}

    def live(self) -> None:
        """One thing."""
        (act,) = self.dice.choices(list(self.acts), list(self.acts.values()))
        act()

    def read(self) -> None:
        stage = self.dice.choice((board.PENDING, board.ACTIVE))
        place = self.board.see(stage, self.dice, partner=self.partner, customer=self.customer)
        path = self.dice.choice(self.pages)
        if "{id}" in path and place is None:
            return
        path = path.format(id=place.id if place else "")
        headers = FRAGMENT if self.dice.random() < 0.3 else {}
        expected = {200, LOST} if path.endswith("/new") else {200}  # a form of what is not active says so
        self.ask("GET", path, expected, headers=dict(headers))

    def decide(self, kind: str, place: Place, path: str, verb: str, **typed: str) -> bool:
        """Through the confirmation page; whether it was this person's decision that counted."""
        form = self.form(path, None, LOST)
        if form is None:
            return False
        write = self.books.wanted(kind, self.name, verb, place.id)
        return self.send(write, path, {303, LOST}, data=form.filled(**typed)).status_code == 303


class Customer(Person):
    pages = (
        "/", "/inbox", "/catalog", "/my/engagements", "/my/engagements?status=active", "/my/engagements/{id}",
        "/my/engagements/{id}/history", "/my/engagements/{id}/billing-entries", "/my/charges", "/notices",
    )  # fmt: skip

    def __init__(self, name: str, email: str, address: str, books: Books, seed: int, shared: Board) -> None:
        super().__init__(name, email, address, books, seed, shared)
        self.customer = name
        self.acts |= {self.request: 4, self.steer: 2, self.export: 1}

    def request(self) -> None:
        if len(self.board.known(board.ACTIVE)) + len(self.board.known(board.PENDING)) > MANY:
            return
        service = self.dice.choice(list(SERVICES))
        path = f"/catalog/{service}/request"
        form = self.form(path)
        if form is None:
            return
        name = self.books.mark("engagement")
        write = self.books.wanted(REQUEST, self.name, name)
        answer = self.send(write, path, {303}, data=form.filled(name=name, contact_number="+44 20 7946 0812"))
        if answer.status_code == 303:
            write.result = said(answer).rpartition("/")[2]
            self.board.put(board.PENDING, Place(write.result, name, service, self.name))

    def steer(self) -> None:
        """Takes a request back, asks for completion, takes that back."""
        stage, verb, then = self.dice.choice(
            (
                (board.PENDING, "withdraw", ""),
                (board.ACTIVE, "request-completion", board.WISHED),
                (board.WISHED, "withdraw-completion-request", board.ACTIVE),
            )
        )
        place = self.board.see(stage, self.dice, customer=self.name)
        if place and self.decide(DECISION, place, f"/my/engagements/{place.id}/{verb}", verb.replace("-", "_")):
            self.board.put(then or "past", place)

    def export(self) -> None:
        """The file holds every engagement that this customer was told of before, each once."""
        told = [write for write in self.books.of(REQUEST) if write.who == self.name and write.done]
        file = self.get("/my/engagements.csv").text
        for write in told:
            if (times := file.count(write.what)) != 1:
                self.books.surprised(f"{self.name}: /my/engagements.csv holds {write.what} {times} times")
        self.get(self.dice.choice(("/my/engagements.xlsx", "/my/charges.csv", "/my/charges.xlsx")))


class Partner(Person):
    pages = (
        "/", "/inbox", "/engagements", "/engagements?status=active", "/engagements?status=pending", "/engagements?search=Soak",
        "/engagements/{id}", "/engagements/{id}/history", "/engagements/{id}/billing-entries", "/products", "/notices",
        "/engagements/{id}/billing-entries/new", "/engagements/bulk-entry",
    )  # fmt: skip

    def __init__(
        self, name: str, email: str, address: str, books: Books, seed: int, shared: Board, partner: str, rival: str = ""
    ) -> None:
        super().__init__(name, email, address, books, seed, shared)
        self.partner, self.rival = partner, rival
        self.acts |= {self.judge: 6, self.add_entry: 8, self.fill_grid: 1, self.complete: 1, self.export: 2}

    def live(self) -> None:
        """Before anything else what a colleague decides in this moment, too."""
        if dared := self.board.dared(self.name):
            self._judge(dared)
        super().live()

    def judge(self) -> None:
        place = self.board.take(board.PENDING, self.dice, partner=self.partner)
        if place is None:
            return
        if self.rival and self.dice.random() < 0.4:
            self.board.dare(self.rival, place)
        self._judge(place)

    def _judge(self, place: Place) -> None:
        verb = "reject" if self.dice.random() < 0.2 else "approve"
        more = {"reason": "Our team is fully booked."} if verb == "reject" else {}
        if self.decide(DECISION, place, f"/engagements/{place.id}/{verb}", verb, **more):
            self.board.put(board.ACTIVE if verb == "approve" else "past", place)

    def add_entry(self) -> None:
        place = self.board.see(board.ACTIVE, self.dice, partner=self.partner)
        if place is None:
            return
        path = f"/engagements/{place.id}/billing-entries/new"
        form = self.form(path, None, LOST)
        if form is None:
            return
        place.metric, place.month = form.fields["metric"], form.fields["month"]
        large = SERVICES[place.service][1] and self.dice.random() < 0.1
        quantity = "2000" if large else str(self.dice.randint(1, 9))
        mark = self.books.mark("entry")
        write = self.books.wanted(ENTRY, self.name, mark, engagement=place.id)
        sent = form.filled(quantity=quantity, notes=mark, different="y")
        answer = self.send(write, path, {303, LOST, OVER_THE_LIMIT}, data=sent)
        if answer.status_code == OVER_THE_LIMIT and "The plan allows" not in answer.text:
            self.books.surprised(f"{self.name}: {path} refused {words_of(answer)}")
        if answer.status_code == 303:
            place.entries.append(mark)
            if self.dice.random() < 0.25:
                self._withdraw(place, mark)

    def _withdraw(self, place: Place, mark: str) -> None:
        """While it is not rated yet: a race with the job."""
        there = f"/engagements/{place.id}/billing-entries"
        page = self.get(there).text
        for part in page.split("<tr")[1:]:
            if mark in part and (found := _between(part, f"{there}/", "/withdraw")):
                path = f"{there}/{found}/withdraw"
                form = self.form(path, None, LOST)
                if form is not None:
                    write = self.books.wanted(WITHDRAWAL, self.name, mark, found)
                    self.send(write, path, {303, LOST}, data=form.filled())

    def fill_grid(self) -> None:
        """The grid: typed, shown, ticked, sent."""
        path = "/engagements/bulk-entry"
        form = self.form(path)
        active = {place.id.replace("-", ""): place for place in self.board.known(board.ACTIVE).values()}
        if form is None:
            return
        rows = [one for one in active if f"e{one}-quantity" in form.fields][: self.dice.randint(2, 5)]
        if not rows:
            return
        marks = {one: self.books.mark("row") for one in rows}
        typed = {f"e{one}-quantity": str(self.dice.randint(1, 9)) for one in rows}
        typed |= {f"e{one}-notes": mark for one, mark in marks.items()}
        shown = self.ask("POST", path, {200, 422}, data=form.filled(**typed, do="preview"))
        again = forms_of(shown.text, path).get(path)
        if shown.status_code != 200 or again is None:
            return  # a row ended meanwhile
        ticks = {name: value for name, value in again.unticked.items() if name.endswith("-pick")}
        writes = [self.books.wanted(GRID, self.name, marks[one], engagement=active[one].id) for one in rows]
        answer = self.send(writes[0], path, {200, 422}, data={**again.filled(do="submit"), **ticks})
        for write in writes:
            write.status = answer.status_code
            write.facts["maybe"] = answer.status_code != 200  # of a grid some rows may be in and others not

    def complete(self) -> None:
        stage = self.dice.choice((board.ACTIVE, board.WISHED, board.WISHED))
        place = self.board.see(stage, self.dice, partner=self.partner)
        if place is None:
            return
        if stage == board.WISHED and self.dice.random() < 0.5:
            typed = {"outcome": "keep-active", "reason": "There is work left to do."}
            if self.decide(
                DECISION, place, f"/engagements/{place.id}/reject-completion", "decline_keep_active", **typed
            ):
                self.board.put(board.ACTIVE, place)
        elif self.decide(DECISION, place, f"/engagements/{place.id}/mark-complete", "mark_as_complete"):
            self.board.put("past", place)

    def export(self) -> None:
        """The file of one engagement's entries holds each that was answered before, once, and no number twice."""
        place = self.board.see(board.ACTIVE, self.dice, partner=self.partner)
        if place is None:
            return
        told = list(place.entries)
        file = self.get(f"/engagements/{place.id}/billing-entries.csv").text
        for mark in told:
            if (times := file.count(mark)) != 1:
                self.books.surprised(f"{self.name}: the entries of {place.name} hold {mark} {times} times")
        numbers = [row[0] for row in list(csv.reader(io.StringIO(file)))[1:]]
        if len(numbers) != len(set(numbers)):
            self.books.surprised(f"{self.name}: a row of the entries of {place.name} is there twice")
        self.get(self.dice.choice(("/engagements.csv", "/engagements.xlsx")))


class Reader(Person):
    """Reads all that partners read, and may decide nothing."""

    pages = tuple(path for path in Partner.pages if not path.endswith(("new", "bulk-entry")))
    partner = board.NORTHBRIDGE

    def __init__(self, name: str, email: str, address: str, books: Books, seed: int, shared: Board) -> None:
        super().__init__(name, email, address, books, seed, shared)
        self.acts |= {self.try_the_door: 1}

    def try_the_door(self) -> None:
        place = self.board.see(board.PENDING, self.dice, partner=self.partner)
        if place:
            self.ask("GET", f"/engagements/{place.id}/approve", {403})
        other = self.board.see(board.ACTIVE, self.dice, partner=board.CONTRAIL)
        if other:
            self.ask("GET", f"/engagements/{other.id}", {404})


class Operator(Person):
    pages = (
        "/", "/inbox", "/engagements", "/reviews/rating", "/months", "/operations", "/operations/failed-rows", "/operations/outbox",
        "/organisations", "/programmes", "/engagements/{id}", "/engagements/{id}/history", "/demo/mailbox", "/metrics", "/healthz",
    )  # fmt: skip

    def __init__(self, name: str, email: str, address: str, books: Books, seed: int, shared: Board) -> None:
        super().__init__(name, email, address, books, seed, shared)
        self.acts |= {self.review: 4, self.export: 1}

    def review(self) -> None:
        """The oldest of the queue: the other operator takes the same one."""
        here = "/reviews/rating"
        found = _between(self.get(here).text, f'"{here}/', '/approve"')
        if not found:
            return
        verb = "reject" if self.dice.random() < 0.2 else "approve"
        path = f"{here}/{found}/{verb}"
        form = self.form(path, None, LOST)
        if form is None:
            return
        typed = {"reason": "Looks like minutes, not hours."} if verb == "reject" else {}
        write = self.books.wanted(REVIEW, self.name, verb, found)
        self.send(write, path, {303, LOST, 422}, data=form.filled(**typed))

    def export(self) -> None:
        self.get(self.dice.choice(("/engagements.csv", "/reviews/rating.csv", "/organisations.xlsx", "/months.csv")))


def _between(text: str, before: str, after: str) -> str:
    """What stands between them, the first time it is an id."""
    for part in text.split(before)[1:]:
        found, ended, _ = part.partition(after)
        if ended and len(found) == 36:
            return found
    return ""
