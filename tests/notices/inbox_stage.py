"""A partner with two who decide, clients who ask, an operator who reviews; rows of the real cast, so that mail finds them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import Viewer, acting_for_all
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.people import People, move_in


@dataclass
class Stage:
    people: People
    product: Any

    def viewer(self, first_name: str) -> Viewer:
        return self.people.viewer(first_name)

    def requests(self, number: int = 1, *, hours_ago: int = 1, client: str = "acme") -> list[Engagement]:
        """Pending engagements that Dot (or Eve) asked for."""
        asked = clock.now() - timedelta(hours=hours_ago)
        return [
            make_engagement(
                self.product, self.people.organisations[client], state="pending", name=f"Archive {n}", at=asked
            )
            for n in range(number)
        ]

    def completion_request(self) -> Engagement:
        return make_engagement(self.product, self.people.acme, state="completion_requested", name="Old archive")

    def entry_in_review(self, quantity: str = "20", engagement: Engagement | None = None) -> Any:
        engagement = engagement or make_engagement(self.product, self.people.acme, name="Big archive")
        return make_entry(engagement, quantity, by=self.viewer("ada"), rated=True)


def set_stage() -> Stage:
    people = move_in()
    product = make_product(make_programme(review_threshold_minor=100_000), people.northbridge)
    return Stage(people, product)


def posted(template: str | None = None) -> list[OutboxRow]:
    """What is in the outbox, in order of posting."""
    db.session.remove()
    rows = select(OutboxRow).order_by(OutboxRow.created_at, OutboxRow.id)
    with acting_for_all("a test looks"):
        return list(db.session.scalars(rows.where(OutboxRow.template == template) if template else rows))
