"""Throttling pauses all workers of an account: one row says until when, and no call is made before.

    pause = Pause(account_id, willing_seconds=60)      # in an app context; then usable from any thread
    pause.wait()                                       # before every call
    pause.begin(57)                                    # a 429 said so

Requests made while throttled count against the limit. Threads of one process learn of a pause at once; other processes
read the row again after LOOK_EVERY_SECONDS.
"""

import threading
import time
import uuid
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.csp.accounts.model import CspAccount
from app.csp.microsoft.records import Paused
from app.foundation import clock
from app.foundation.database import db, transaction_apart
from app.foundation.tenancy import acting_for_all

LOOK_EVERY_SECONDS = 0.5
#: how long a sleeper goes without looking whether its process ends
NAP_SECONDS = 0.25


class Pause:
    """What the wire asks before each call."""

    def __init__(self, account_id: uuid.UUID, *, willing_seconds: float = 60) -> None:
        self._account_id = account_id
        self._engine = db.engine
        self._willing = willing_seconds
        self._lock = threading.Lock()
        self._until: datetime | None = None
        self._looked = -LOOK_EVERY_SECONDS

    def wait(self) -> float:
        """Returns the seconds waited. Paused when there are more to wait than the caller is willing to."""
        waited = 0.0
        while (left := self._left()) > 0:
            if waited + left > self._willing:
                raise Paused(left)
            nap = min(left, NAP_SECONDS)
            time.sleep(nap)
            waited += nap
        return waited

    def begin(self, seconds: float) -> None:
        """No call before that many seconds are over; a pause that lasts longer already stays."""
        until = clock.of_the_machine() + timedelta(seconds=seconds)
        with self._lock:
            self._until = max(self._until or until, until)
        with acting_for_all("an account that is throttled"), transaction_apart(self._engine) as session:
            session.execute(
                update(CspAccount)
                .where(
                    CspAccount.id == self._account_id,
                    or_(CspAccount.paused_until.is_(None), CspAccount.paused_until < until),
                )
                .values(paused_until=until)
                .execution_options(synchronize_session=False)
            )

    def _left(self) -> float:
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_EVERY_SECONDS:
                self._looked = time.monotonic()
                stored = self._stored()
                if stored is not None:
                    self._until = max(self._until or stored, stored)
            if self._until is None:
                return 0.0
            left = (self._until - clock.of_the_machine()).total_seconds()
            if left <= 0:
                self._until = None
            return max(left, 0.0)

    def _stored(self) -> datetime | None:
        with acting_for_all("an account that is throttled"), Session(self._engine) as session:
            return session.scalar(select(CspAccount.paused_until).where(CspAccount.id == self._account_id))
