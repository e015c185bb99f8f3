"""Mail as the demo shows it: in the portal instead of on the network."""

import uuid
from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.database import Base, Instant, Row
from app.foundation.tenancy import Tenanted


class DemoMail(Row, Tenanted, Base):
    """One message in the demo mailbox. System only: it holds links that sign people in."""

    __tablename__ = "demo_mail"
    __table_args__ = (UniqueConstraint("outbox_id"), Index("ix_demo_mail_sent_at_id", "sent_at", "id"))

    #: the notice it came from; one is mailed once
    outbox_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    #: addresses, with a comma between them
    to: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(Instant)
