"""What everybody in the soak knows of the engagements they made: who waits for whom, what is active. No truth of its own."""

import random
import threading
from collections import defaultdict
from dataclasses import dataclass, field

NORTHBRIDGE, CONTRAIL = "northbridge", "contrail"
#: service -> (partner, whether an entry may be large enough for the operator's review)
SERVICES = {
    "patch-management": (NORTHBRIDGE, True),
    "incident-response": (NORTHBRIDGE, False),
    "managed-backup": (NORTHBRIDGE, False),
    "database-care": (CONTRAIL, False),
    "cloud-migration-sprint": (CONTRAIL, False),
}
PENDING, ACTIVE, WISHED = "pending", "active", "wished"


@dataclass
class Place:
    """One engagement as the driver knows it."""

    id: str
    name: str
    service: str
    customer: str
    #: of its plan, once somebody has seen an entry form
    metric: str = ""
    month: str = ""
    #: marks of entries whose submit was answered
    entries: list[str] = field(default_factory=list)

    @property
    def partner(self) -> str:
        return SERVICES[self.service][0]


class Board:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_stage: dict[str, dict[str, Place]] = defaultdict(dict)
        #: engagements that two people are to decide at once: (person, Place)
        self._dared: list[tuple[str, Place]] = []

    def put(self, stage: str, place: Place) -> None:
        """It is there, and nowhere else."""
        with self._lock:
            for others in self._by_stage.values():
                others.pop(place.id, None)
            self._by_stage[stage][place.id] = place

    def take(
        self, stage: str, dice: random.Random, *, partner: str = "", customer: str = "", only: Place | None = None
    ) -> Place | None:
        """One that nobody else takes now."""
        with self._lock:
            found = [place for place in self._some(stage, partner, customer) if only in (None, place)]
            chosen = dice.choice(found) if found else None
            if chosen:
                del self._by_stage[stage][chosen.id]
            return chosen

    def see(self, stage: str, dice: random.Random, *, partner: str = "", customer: str = "") -> Place | None:
        with self._lock:
            found = self._some(stage, partner, customer)
            return dice.choice(found) if found else None

    def known(self, stage: str) -> dict[str, Place]:
        with self._lock:
            return dict(self._by_stage[stage])

    def dare(self, who: str, place: Place) -> None:
        """`who` is to decide this, too."""
        with self._lock:
            self._dared.append((who, place))

    def dared(self, who: str) -> Place | None:
        with self._lock:
            for pair in self._dared:
                if pair[0] == who:
                    self._dared.remove(pair)
                    return pair[1]
            return None

    def _some(self, stage: str, partner: str, customer: str) -> list[Place]:
        return [
            place
            for place in self._by_stage[stage].values()
            if partner in ("", place.partner) and customer in ("", place.customer)
        ]
