"""Who sees the rows of reselling: the partner whose account it is, and nobody else."""

import uuid
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Uuid, false
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.tenancy import Capacity, Tenanted, viewer_organisation


class OfPartner(Tenanted):
    """A row of one partner, which sells in its own name: not the operator's, and no customer's, for it may hold cost."""

    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return cls.partner_id == viewer_organisation() if capacity == "partner" else false()

    def history_parties(self) -> dict[str, Any]:
        return {"partner_id": self.partner_id}
