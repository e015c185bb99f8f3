"""A connected partner tenant, its tokens, and the sign-ins under way."""

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.csp.accounts import states
from app.csp.tenancy import OfPartner
from app.foundation.database import Base, Exact, Instant, Row

_STANDING = text("state <> 'disconnected'")


class CspAccount(Row, OfPartner, Base):
    __tablename__ = "csp_account"
    __table_args__ = (
        # the same tenant may stand with two partners of one installation: each proves it by signing in
        Index("uq_csp_account_standing", "partner_id", "tenant_id", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING),
        Index("ix_csp_account_partner", "partner_id", "created_at", "id"),
    )  # fmt: skip
    __transitions__ = states.TRANSITIONS
    __events__ = states.EVENTS

    #: free label, "Contoso CSP (US)"
    name: Mapped[str] = mapped_column(String(200))
    #: the Account Id that people type: the partner tenant's GUID, lower-case
    tenant_id: Mapped[str] = mapped_column(String(36))
    #: direct, indirect_provider or indirect_reseller (states.MODELS)
    model: Mapped[str] = mapped_column(String(20))
    #: Microsoft's PartnerID, proven at sign-in where one was registered
    mpn_id: Mapped[str | None] = mapped_column(String(20))
    #: what Microsoft leaves the partner on list prices, informational; percent
    microsoft_discount: Mapped[Decimal | None] = mapped_column(Exact)
    #: defaults where a customer has none of its own; None: not set, which is not 0
    managed_mark_up: Mapped[Decimal | None] = mapped_column(Exact)
    not_managed_mark_up: Mapped[Decimal | None] = mapped_column(Exact)
    #: the partner's own tax on what it sells, percent; None: not set
    tax_rate: Mapped[Decimal | None] = mapped_column(Exact)
    state: Mapped[str] = mapped_column(String(20), default=states.DRAFT)
    #: why a new consent is needed, or the last sign-in came to nothing, in the user's words
    trouble: Mapped[str | None] = mapped_column(Text)
    #: as Microsoft names them: the tenant's company, its billing currency, who consented
    company_name: Mapped[str | None] = mapped_column(String(300))
    currency: Mapped[str | None] = mapped_column(String(3))
    signed_in_as: Mapped[str | None] = mapped_column(String(320))
    #: False: Microsoft has not vetted the legal business; a warning
    is_vetted: Mapped[bool] = mapped_column(Boolean, default=True)
    consented_at: Mapped[datetime | None] = mapped_column(Instant)
    consented_by_name: Mapped[str | None] = mapped_column(String(200))
    #: no call to Microsoft for this account before it: throttling pauses all workers
    paused_until: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by_name: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(Integer, default=1)

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "csp_account", self.id


class CspToken(OfPartner, Base):
    """What the consent gave. Everything secret is sealed and bound to the account's id (vault.py)."""

    __tablename__ = "csp_token"

    account_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_account.id"), primary_key=True)
    refresh_token: Mapped[str] = mapped_column(Text)
    #: when it was given; it dies 90 days after its last use
    refreshed_at: Mapped[datetime] = mapped_column(Instant)
    #: the present access token for the Partner Center API, and for Graph, and until when they are used
    api_token: Mapped[str | None] = mapped_column(Text)
    api_token_until: Mapped[datetime | None] = mapped_column(Instant)
    graph_token: Mapped[str | None] = mapped_column(Text)
    graph_token_until: Mapped[datetime | None] = mapped_column(Instant)
    #: one worker refreshes at a time: who, and until when its right to do so lasts
    refreshing_by: Mapped[str | None] = mapped_column(String(64))
    refreshing_until: Mapped[datetime | None] = mapped_column(Instant)


class CspSignIn(Row, OfPartner, Base):
    """A Login with Microsoft under way: bound to one member and good once."""

    __tablename__ = "csp_sign_in"
    __table_args__ = (Index("uq_csp_sign_in_state", "state_fingerprint", unique=True),)

    account_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_account.id"), index=True)
    member_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    #: of the `state` parameter, which is kept nowhere else
    state_fingerprint: Mapped[str] = mapped_column(String(64))
    #: the PKCE verifier and the nonce, sealed
    verifier: Mapped[str] = mapped_column(Text)
    nonce: Mapped[str] = mapped_column(Text)
    begun_at: Mapped[datetime] = mapped_column(Instant)
    #: since when it is used up
    used_at: Mapped[datetime | None] = mapped_column(Instant)
