"""Billing entries, the groups they are rated in, the corrections that take them back, and who was reminded of a month."""

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.billing import states
from app.foundation.billing_month import BillingMonth
from app.foundation.database import Base, Exact, Instant, Month, Row, one_of
from app.foundation.money import Money
from app.foundation.tenancy import OfParties, Tenanted

_RECORDS_ONLY = text("record_key IS NOT NULL")
_OPEN_ONLY = text("state IN ('submitted', 'in_review')")
_CORRECTIONS_ONLY = text("corrects_id IS NOT NULL")
_IN_REVIEW = text("state = 'in_review'")
#: what counts for a month, in the words of the one query that goes along its index
_RATED_ON_SQLITE, _RATED = text("state = 'rated' AND is_test IS 0"), text("state = 'rated' AND is_test IS false")
_WAITING = text("state = 'requested'")


class BillingEntry(Row, OfParties, Base):
    __tablename__ = "billing_entry"
    __transitions__ = states.TRANSITIONS
    __events__ = states.EVENTS
    __table_args__ = (
        UniqueConstraint("number"),
        CheckConstraint("(kind = 'reversal') = (quantity < 0) AND quantity <> 0", name="quantity_has_its_sign"),
        CheckConstraint("(kind = 'entry') = (corrects_id IS NULL)", name="corrections_name_what_they_correct"),
        CheckConstraint("state <> 'rated' OR amount_minor IS NOT NULL", name="rated_has_amount"),
        Index("ix_billing_entry_engagement", "engagement_id", "service_month", "submitted_at", "id"),
        Index("ix_billing_entry_listed", "engagement_id", "submitted_at", "id"),
        Index("ix_billing_entry_group", "engagement_id", "metric_id", "service_month"),
        # all that a month's close asks of its entries, in the order in which it adds them up
        Index(
            "ix_billing_entry_booked",
            "booked_month",
            "programme_id",
            "service_month",
            "currency",
            "kind",
            "amount_minor",
            sqlite_where=_RATED_ON_SQLITE,
            postgresql_where=_RATED,
        ),
        # one reversal and one rebill an entry, whatever the code believes
        UniqueConstraint("corrects_id", "kind"),
        # ratings of a group stand in one order
        UniqueConstraint(
            "engagement_id", "metric_id", "service_month", "rated_sequence", name="uq_billing_entry_rated_in_order"
        ),
        Index(
            "uq_billing_entry_record",
            "partner_id",
            "record_key",
            unique=True,
            sqlite_where=_RECORDS_ONLY,
            postgresql_where=_RECORDS_ONLY,
        ),
        Index("ix_billing_entry_undecided", "submitted_at", "id", sqlite_where=_OPEN_ONLY, postgresql_where=_OPEN_ONLY),
        # an engagement's few among its ten thousand
        Index(
            "ix_billing_entry_undecided_of",
            "engagement_id",
            "submitted_at",
            "id",
            sqlite_where=_OPEN_ONLY,
            postgresql_where=_OPEN_ONLY,
        ),
        Index(
            "ix_billing_entry_corrections_of",
            "engagement_id",
            "service_month",
            sqlite_where=_CORRECTIONS_ONLY,
            postgresql_where=_CORRECTIONS_ONLY,
        ),
        Index("ix_billing_entry_in_review", "submitted_at", "id", sqlite_where=_IN_REVIEW, postgresql_where=_IN_REVIEW),
        Index(
            "ix_billing_entry_partner_undecided",
            "partner_id",
            "submitted_at",
            "id",
            sqlite_where=_OPEN_ONLY,
            postgresql_where=_OPEN_ONLY,
        ),
    )

    #: said aloud: BE-3107
    number: Mapped[str] = mapped_column(String(20))
    #: 'entry', or 'reversal' or 'rebill' of `corrects_id`
    kind: Mapped[str] = mapped_column(String(10), default=states.ENTRY, server_default=states.ENTRY)
    #: the rated entry that this one takes back, or bills anew
    corrects_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("billing_entry.id"))
    engagement_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("engagement.id"))
    programme_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("programme.id"))
    metric_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("metric.id"))
    #: the month the work belongs to, whose price and cumulative quantity count
    service_month: Mapped[BillingMonth] = mapped_column(Month)
    #: the month it is charged in
    booked_month: Mapped[BillingMonth] = mapped_column(Month)
    #: above zero; below it for a reversal alone
    quantity: Mapped[Decimal] = mapped_column(Exact)
    #: seen by the client
    notes: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(20), default=states.SUBMITTED)
    submitted_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    submitted_by_name: Mapped[str] = mapped_column(String(200), default="")
    #: the instant that counts for the deadline, taken by the server while the month was held
    submitted_at: Mapped[datetime] = mapped_column(Instant)
    rated_at: Mapped[datetime | None] = mapped_column(Instant)
    #: who decided; "system" when nobody had to look
    rated_by_name: Mapped[str | None] = mapped_column(String(200))
    #: in the programme's own terms: gross under revenue share, net under net plus mark-up; minor units
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    price_version_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("price_version.id"))
    #: the month's rated quantity before and after this entry
    quantity_before: Mapped[Decimal | None] = mapped_column(Exact)
    quantity_after: Mapped[Decimal | None] = mapped_column(Exact)
    #: its place among what is rated in its group: 1, 2, 3
    rated_sequence: Mapped[int | None] = mapped_column(Integer)
    #: why it was rejected, or is looked at, in words for the partner
    reason: Mapped[str | None] = mapped_column(Text)
    #: a failed attempt to rate it: our fault, tried again at `try_again_at`
    failure: Mapped[str | None] = mapped_column(Text)
    try_again_at: Mapped[datetime | None] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    #: the partner's own id of the record it came from, once per partner for ever: a batch or a file sent again makes nothing twice
    record_key: Mapped[str | None] = mapped_column(String(200))
    #: SHA-256 of what the record said
    record_digest: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer, default=1)

    @property
    def amount(self) -> Money | None:
        return None if self.amount_minor is None else Money.of_minor(self.amount_minor, self.currency)

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "engagement", self.engagement_id


#: In the words of their indexes.
IS_UNDECIDED = one_of(BillingEntry.state, states.UNDECIDED)
IS_IN_REVIEW = one_of(BillingEntry.state, (states.IN_REVIEW,))
IS_RATED = one_of(BillingEntry.state, (states.RATED,))


class RatingGroup(Row, OfParties, Base):
    """What is rated so far of one (engagement, metric, service month). Its row lock puts ratings in order."""

    __tablename__ = "rating_group"
    __table_args__ = (UniqueConstraint("engagement_id", "metric_id", "service_month"),)

    engagement_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("engagement.id"))
    metric_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("metric.id"))
    service_month: Mapped[BillingMonth] = mapped_column(Month)
    quantity: Mapped[Decimal] = mapped_column(Exact, default=Decimal(0))
    #: the sum of its rated entries' amounts; equals the tariff of `quantity`
    amount_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    entries: Mapped[int] = mapped_column(Integer, default=0)


class Correction(Row, OfParties, Base):
    """The wish to bill a rated entry of a closed month otherwise. At most one waits an entry: the database says so."""

    __tablename__ = "correction"
    __transitions__ = states.CORRECTION_TRANSITIONS
    __events__ = states.CORRECTION_EVENTS
    __table_args__ = (
        UniqueConstraint("number"),
        CheckConstraint("quantity >= 0", name="quantity_not_below_zero"),
        Index("uq_correction_waiting", "entry_id", unique=True, sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_correction_waiting", "asked_at", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_correction_engagement", "engagement_id", "asked_at"),
        Index("ix_correction_partner", "partner_id", "asked_at", "id"),
    )

    #: said aloud: COR-1003
    number: Mapped[str] = mapped_column(String(20))
    engagement_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("engagement.id"))
    programme_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("programme.id"))
    #: what is wrong
    entry_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("billing_entry.id"))
    #: what is right, in the metric's unit; 0: nothing is billed anew
    quantity: Mapped[Decimal] = mapped_column(Exact)
    #: for partner and operator; the client never reads it
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20), default=states.REQUESTED)
    #: as the requester saw them, or, once approved, as they were booked; minor units of the programme's own terms
    reversal_minor: Mapped[int] = mapped_column(BigInteger)
    rebill_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    service_month: Mapped[BillingMonth] = mapped_column(Month)
    #: the open month it was to be booked in, or was
    booked_month: Mapped[BillingMonth] = mapped_column(Month)
    asked_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    asked_by_name: Mapped[str] = mapped_column(String(200))
    #: the organisation they acted for: the partner or the seller
    asked_for_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    decided_by_name: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    #: why it was rejected
    decision_reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, default=1)

    @property
    def reversal(self) -> Money:
        return Money.of_minor(self.reversal_minor, self.currency)

    @property
    def rebill(self) -> Money:
        return Money.of_minor(self.rebill_minor, self.currency)

    @property
    def difference(self) -> Money:
        """By how much it changes what the month costs; below zero: the client pays less."""
        return self.reversal + self.rebill

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "engagement", self.engagement_id


class MonthReminder(Row, Tenanted, Base):
    """A partner was reminded on one day of a month's engagements without an entry: once, however often the job looks."""

    __tablename__ = "month_reminder"
    __table_args__ = (UniqueConstraint("partner_id", "book", "month", "day"),)

    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: key of CUT_OFF_POLICIES
    book: Mapped[str] = mapped_column(String(40))
    month: Mapped[BillingMonth] = mapped_column(Month)
    #: the UTC day
    day: Mapped[date] = mapped_column(Date)
    sent_at: Mapped[datetime] = mapped_column(Instant)
