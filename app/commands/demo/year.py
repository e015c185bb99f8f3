"""The demo's year, lived through the rooms' real actions at the instants it happened.

Twelve months of engagements that are requested, approved, billed month by month, completed or turned down, with months
frozen at their cut-off. The same seed gives the same year.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import update

from app.billing import actions as billing
from app.billing import rating
from app.billing import states as entry_states
from app.billing.actions import Draft
from app.catalog.model import Metric
from app.catalog.queries import parameters_of, programme_of
from app.commands.demo.catalog import Shelf
from app.commands.demo.months import close_earlier_month, live_corrections
from app.commands.demo.people import ACME, GLOBEX, Cast
from app.engagements import actions as engagements
from app.engagements import states
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth, may_bill
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all, current, viewing
from app.months import actions as months


@dataclass(frozen=True)
class Story:
    """One engagement: who asks for what, how many months ago it began, and where it stands today."""

    client: str
    product: str
    plan: str
    name: str
    months_ago: int
    end: str = states.ACTIVE
    quantities: tuple[int, int] = (20, 120)


STORIES = (
    Story("Brightwater Utilities", "Incident response", "Standard", "24x7 incident response", 11, quantities=(60, 150)),
    Story("Aldgate Insurance", "Incident response", "Enterprise", "Claims platform on call", 10, quantities=(18, 60)),
    Story(ACME, "Incident response", "Standard", "Warehouse systems on call", 8, quantities=(12, 70)),
    Story("Pinecrest Health", "Patch management", "Standard", "Patch management, 340 servers", 11, quantities=(320, 360)),
    Story(GLOBEX, "Patch management", "Standard", "Store servers", 7, quantities=(80, 130)),
    Story("Łódź Textiles S.A.", "Patch management", "Standard", "Mill and office servers", 5, quantities=(90, 110)),
    Story(ACME, "Managed backup", "Standard", "Backup of the order archive", 9, quantities=(8, 22)),
    Story("Norrland Transport", "Landing zone set-up", "Fixed hours", "Landing zone set-up", 3, states.COMPLETION_REQUESTED, (40, 90)),
    Story("Vela Pharma", "Managed backup", "Standard", "Trial records", 6, quantities=(30, 55)),
    Story("Marlow & Finch Retail", "Landing zone set-up", "Fixed hours", "Two new countries", 8, states.COMPLETE, (30, 60)),
    Story(
        "Compagnie générale de navigation transfrontalière et de logistique portuaire", "Incident response", "Standard",
        "Assistance permanente pour les terminaux à conteneurs de la façade atlantique", 4, quantities=(20, 80),
    ),
    Story(GLOBEX, "Incident response", "Standard", "Holiday season cover", 10, states.COMPLETE, (20, 50)),
    Story("Pinecrest Health", "Landing zone set-up", "Fixed hours", "Research zone", 5, states.DELETED, (10, 30)),
    Story("Vela Pharma", "Incident response", "Enterprise", "Laboratory network", 2, states.REJECTED),
    Story("Norrland Transport", "Managed backup", "Standard", "Fleet telemetry", 1, states.WITHDRAWN),
    Story("Aldgate Insurance", "Managed backup", "Standard", "Managed backup for claims archive", 0, states.PENDING),
    Story("Vela Pharma", "Landing zone set-up", "Fixed hours", "Cloud foundation for trials", 0, states.PENDING),
    Story(ACME, "Patch management", "Standard", "Depot servers", 0, states.PENDING),
    Story(GLOBEX, "Managed backup", "Standard", "Till journals", 4, states.COMPLETION_REQUESTED, (6, 14)),
    Story(ACME, "Cloud migration sprint", "Sprint", "Move the freight planner", 3, quantities=(120, 240)),
    Story(GLOBEX, "Cloud migration sprint", "Sprint", "Move the loyalty programme", 7, states.COMPLETE, (100, 210)),
    Story("Vela Pharma", "Cloud migration sprint", "Sprint", "Cloud migration sprint", 0, states.PENDING),
    Story(ACME, "Database care", "Care", "Order databases", 6, quantities=(4, 9)),
    Story("Brightwater Utilities", "Database care", "Care", "Meter databases", 9, quantities=(6, 12)),
)  # fmt: skip

NOTES = (
    "Night shift, storage controller failover", "On-call weeks", "Incident 5521, core switch", "Quarterly drill, two teams",
    "Window of the second Sunday", "Restore test with report", "Handover and runbook", "", "Weekend cover", "Audit evidence collected",
)  # fmt: skip


ANSWERS = {
    "Data location": "Frankfurt and Prague",
    "Purchase order": "PO-88213",
    "Number of subscriptions": "3",
    "Systems in scope": "Order entry, warehouse control and the two systems they lean on.",
    "Application to move": "Planner, with its nightly batch",
}


class Year:
    """Tells every story month by month up to `now`; `dice` is seeded, so each demo of one day is the same."""

    def __init__(self, cast: Cast, shelf: Shelf, now: datetime) -> None:
        self.cast, self.shelf, self.now = cast, shelf, now
        self.dice = random.Random(2026)
        self.this_month = BillingMonth.at(now)
        self.running: list[tuple[Story, Engagement]] = []

    def live(self) -> None:
        for back in range(11, -1, -1):
            month = self.this_month.shifted(-back)
            for story in STORIES:
                if story.months_ago == back:
                    self._begin(story, month)
            self._bill(month)
            self._freeze(month.previous)
            if back == 1:
                self._end_stories(month)
        self._today()
        live_corrections(self.cast, self.this_month, self.now)

    def _begin(self, story: Story, month: BillingMonth) -> None:
        product = self.shelf.products[story.product]
        asked = self._in(month, story.months_ago)
        client, partner = self.cast.viewers[_first(story.client)], self._partner(story)
        with clock.pinned(asked), viewing(client):
            engagement = engagements.request_engagement(
                product,
                plan_id=self.shelf.plans[story.product, story.plan].id,
                name=story.name,
                contact_number="+44 20 7946 0812",
                additional_information="We would like to start soon; please call before noon.",
                given=answers_for(product.id),
                by=client,
            )
        decided = min(asked + timedelta(hours=20, minutes=7), self.now)
        if story.end == states.PENDING:
            return
        with clock.pinned(decided), viewing(client if story.end == states.WITHDRAWN else partner):
            if story.end == states.WITHDRAWN:
                engagements.withdraw(engagement, by=client)
            elif story.end == states.REJECTED:
                engagements.reject(engagement, reason="Our laboratory team is fully booked until spring.", by=partner)
            else:
                engagements.approve(engagement, by=partner)
                self.running.append((story, engagement))

    def _bill(self, month: BillingMonth) -> None:
        """One to three entries an engagement and metric, sent in working hours, in the order of the calendar."""
        planned = []
        for story, engagement in self.running:
            if engagement.state != states.ACTIVE or self.dice.random() < 0.06:
                continue
            for metric in self.shelf.metrics[engagement.plan_id]:
                if metric.kind == "Implementation" and self.this_month.shifted(-story.months_ago) != month:
                    continue
                for quantity in self._portions(story, metric):
                    planned.append((self._working_hour(month, engagement), quantity, story, engagement, metric))
        for at, quantity, story, engagement, metric in sorted(planned, key=lambda plan: plan[0]):
            self._entry(at, engagement, metric, month, quantity, self._partner(story))

    def _portions(self, story: Story, metric: Metric) -> list[Decimal]:
        """The month's quantity in uneven parts, each a multiple of the metric's step."""
        total = 1 if metric.kind == "Implementation" else self.dice.randint(*story.quantities)
        parts = self.dice.randint(1, 3) if metric.kind == "Hours" and total >= 15 else 1
        weights = [self.dice.randint(2, 5) for _ in range(parts)]
        portions = [Decimal(total * weight) / sum(weights) for weight in weights]
        return [portion - portion % metric.step or metric.step for portion in portions]

    def _working_hour(self, month: BillingMonth, engagement: Engagement) -> datetime:
        first = max(month.starts_at, engagement.active_from or month.starts_at)
        day = first + timedelta(days=self.dice.randint(1, 24))
        return day.replace(
            hour=self.dice.randint(7, 16), minute=self.dice.randint(0, 59), second=self.dice.randint(0, 59)
        )

    def _entry(
        self, at: datetime, engagement: Engagement, metric: Metric, month: BillingMonth, quantity: Decimal, by: Viewer
    ) -> None:
        policy = programme_of(engagement.product_id).policy
        if at >= self.now or not may_bill(month, at, policy):
            return
        draft = Draft(metric.id, month, quantity, self.dice.choice(NOTES))
        with clock.pinned(at), viewing(by):
            try:
                entry = billing.submit(engagement, draft, by=by)
            except Refused:
                return  # over the month's limit: the partner would have corrected it
        if at + timedelta(hours=26) < self.now or self.dice.random() < 0.5:
            self._rate(entry.id, at + timedelta(minutes=3))

    def _rate(self, entry_id: object, at: datetime) -> None:
        with clock.pinned(min(at, self.now)), acting_for_all("the demo's ratings"):
            state = rating.rate_entry(entry_id, by=current())  # type: ignore[arg-type]
        if state != entry_states.IN_REVIEW or at + timedelta(hours=30) > self.now:
            return
        olga = self.cast.viewers["olga"]
        with clock.pinned(at + timedelta(hours=5)), viewing(olga):
            entry = billing.one(billing.BillingEntry, entry_id)  # type: ignore[arg-type]
            if self.dice.random() < 0.15:
                rating.reject(entry, reason="Looks like minutes, not hours. Please submit again.", by=olga)
            else:
                rating.approve(entry, by=olga)

    def _freeze(self, month: BillingMonth) -> None:
        for book, policy in CUT_OFF_POLICIES.items():
            closes = policy.closes_at(month)
            if closes <= self.now:
                with clock.pinned(closes + timedelta(seconds=4)), acting_for_all("the demo's months"):
                    months.freeze(months.hold(book, month), by=current())
                close_earlier_month(self.cast, book, month, self.now)

    def _end_stories(self, month: BillingMonth) -> None:
        for story, engagement in self.running:
            if story.end not in (states.COMPLETE, states.DELETED):
                continue
            client, partner = self.cast.viewers[_first(story.client)], self._partner(story)
            at = month.starts_at + timedelta(days=20)
            with clock.pinned(at), viewing(client):
                engagements.request_completion(engagement, wish="Everything we agreed on is handed over.", by=client)
            with clock.pinned(at + timedelta(hours=9)), viewing(partner):
                if story.end == states.COMPLETE:
                    engagements.mark_as_complete(engagement, by=partner)
                else:
                    engagements.reject_completion(
                        engagement, outcome="delete", reason="The zone was never accepted; we end it here.", by=partner
                    )

    def _today(self) -> None:
        """What the last hours left open: wishes to complete, an entry above the threshold that nobody decided yet."""
        for story, engagement in self.running:
            if story.end == states.COMPLETION_REQUESTED:
                client = self.cast.viewers[_first(story.client)]
                with clock.pinned(self.now - timedelta(hours=27)), viewing(client):
                    engagements.request_completion(
                        engagement, wish="All three subscriptions are handed over, the runbook is accepted.", by=client
                    )
        by_name = {engagement.name: engagement for _, engagement in self.running}
        for name, hours, quantity, age in (
            ("Claims platform on call", "Hours", "96", 27),
            ("24x7 incident response", "Hours", "120", 6),
        ):
            engagement = by_name[name]
            at = self.now - timedelta(hours=age)
            month = BillingMonth.at(at)  # open still: a month closes two days after its end
            metric = next(m for m in self.shelf.metrics[engagement.plan_id] if m.name == hours)
            abe = self.cast.viewers["abe"]
            with clock.pinned(at), viewing(abe):
                entry = billing.submit(
                    engagement, Draft(metric.id, month, Decimal(quantity), "Release weekend, both teams"), by=abe
                )
            with clock.pinned(at + timedelta(seconds=2)), acting_for_all("the demo's ratings"):
                rating.rate_entry(entry.id, by=current())
        db.session.execute(
            update(OutboxRow)
            .where(OutboxRow.created_at < self.now - timedelta(days=4))
            .values(sent_at=OutboxRow.created_at)
        )

    def _partner(self, story: Story) -> Viewer:
        partner_id = self.shelf.products[story.product].partner_id
        own = [v for name, v in self.cast.viewers.items() if v.organisation_id == partner_id and name != "ben"]
        return self.dice.choice(own)

    def _in(self, month: BillingMonth, months_ago: int) -> datetime:
        """An instant of the month that has passed: early in it, or within the last days for what began just now."""
        if months_ago == 0:
            return self.now - timedelta(hours=self.dice.randint(3, 60))
        return month.starts_at + timedelta(
            days=self.dice.randint(0, 4), hours=self.dice.randint(7, 16), minutes=self.dice.randint(0, 59)
        )


def _first(client: str) -> str:
    """The key of the client's viewer: who signs in goes by first name."""
    return {ACME: "dot", GLOBEX: "eve"}.get(client, client)


def answers_for(product_id: UUID) -> dict[str, object]:
    """An answer to each of the product's own questions."""
    given: dict[str, object] = {}
    for parameter in parameters_of(product_id):
        if parameter.kind == "selection":
            given[parameter.key] = parameter.options[len(parameter.label) % len(parameter.options)]
        elif parameter.kind == "checkbox":
            given[parameter.key] = True
        else:
            given[parameter.key] = ANSWERS.get(parameter.label, "As discussed on the telephone")
    return given
