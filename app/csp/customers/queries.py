"""Reading CSP customers and their subscriptions: lists by name, and one customer as its page shows it.

What is missing of a customer is said twice: for a filter, by the database, and for people, by the rule. A test holds them together.
"""

import uuid
from datetime import UTC, date
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, exists, func, not_, or_, select, true

from app.csp.accounts.model import CspAccount
from app.csp.customers import rules
from app.csp.customers.model import CspBudget, CspCustomer, CspMarkUp, CspSubscription, CspTaxRate
from app.foundation import clock
from app.foundation.database import db
from app.foundation.refusals import NotVisible
from app.foundation.text import folded
from app.parties.model import Organisation

#: by name, A to Z
KEYS = (CspCustomer.search_name, CspCustomer.id)
SUBSCRIPTION_KEYS = (CspSubscription.search_name, CspSubscription.id)
#: what else the list can be filtered by, besides each single reason
INCOMPLETE, COMPLETE = "yes", "no"
TRENDING, NEAR, WITHOUT = "trending", "near", "none"
MOST_ACCOUNTS = 200


def accounts_by_name() -> dict[uuid.UUID, str]:
    """The partner's accounts, for a drop-down."""
    found = select(CspAccount.id, CspAccount.name).order_by(CspAccount.name, CspAccount.id).limit(MOST_ACCOUNTS)
    return {row.id: row.name for row in db.session.execute(found)}


def customers(
    *,
    account: uuid.UUID | None = None,
    search: str | None = None,
    relationship: str | None = None,
    incomplete: str | None = None,
    budget: str | None = None,
) -> Select[*tuple[Any, ...]]:
    """For page_of(KEYS, oldest_first=True)."""
    found = _rows()
    if account is not None:
        found = found.where(CspCustomer.account_id == account)
    if search:
        wanted = folded(search)
        found = found.where(
            or_(CspCustomer.search_name.contains(wanted, autoescape=True), CspCustomer.tenant_id == wanted)
        )
    if relationship:
        found = found.where(CspCustomer.relationship == relationship)
    if incomplete:
        found = found.where(_is_missing(incomplete))
    if budget:
        found = found.where(_stands(budget))
    return found


def customer_of(customer_id: uuid.UUID) -> Row[*tuple[Any, ...]]:
    """One of them, with what the list has; NotVisible for another partner's."""
    row = db.session.execute(_rows().where(CspCustomer.id == customer_id)).one_or_none()
    if row is None:
        raise NotVisible
    return row


def missing_of(row: Any) -> list[str]:
    """Why the customer of a row of these queries is incomplete (rules.REASONS)."""
    return rules.why_incomplete(
        refused=row.refusal is not None,
        has_subscription=row.has_subscription,
        linked=row.linked_organisation_id is not None,
        mark_up=row.mark_up,
        monitored=row.monitored,
    )


def subscriptions(
    *, customer: uuid.UUID | None = None, account: uuid.UUID | None = None, search: str | None = None
) -> Select[*tuple[Any, ...]]:
    """For page_of(SUBSCRIPTION_KEYS, oldest_first=True); one customer's, one account's or all of the partner's."""
    s = CspSubscription
    found = select(
        s.id, s.search_name, s.subscription_id, s.account_id, s.customer_id, s.name, s.offer_id, s.offer_name, s.quantity,
        s.unit_type, s.status, s.auto_renew, s.is_trial, s.billing_type, s.billing_cycle, s.term, s.starts_at, s.ends_at,
        s.order_id, s.suspension_reasons, s.is_monitored, s.gone_at,
    )  # fmt: skip
    if customer is not None:
        found = found.where(s.customer_id == customer)
    if account is not None:
        found = found.where(s.account_id == account)
    if search:
        found = found.where(s.search_name.contains(folded(search), autoescape=True))
    return found


def today() -> date:
    """The UTC day: Microsoft's dates are UTC's, and so are the terms'."""
    return clock.now().astimezone(UTC).date()


def _rows() -> Select[*tuple[Any, ...]]:
    c, a, b = CspCustomer, CspAccount, CspBudget
    return (
        select(
            c.id, c.search_name, c.account_id, a.name.label("account_name"), c.tenant_id, c.commerce_id, c.name, c.domain,
            c.relationship, c.relationship_as_sent, c.reseller_mpn, c.contact, c.contact["email"].as_string().label("contact_email"), c.first_seen_at, c.gone_at, c.refusal,
            c.refused_at, c.linked_organisation_id, c.linked_at, Organisation.name.label("linked_name"), c.version,
            a.currency.label("account_currency"), a.tax_rate.label("account_tax_rate"), a.state.label("account_state"),
            _own_rate(CspMarkUp).label("own_mark_up"), _mark_up().label("mark_up"),
            func.coalesce(_own_rate(CspTaxRate), a.tax_rate).label("tax_rate"),
            _managed().label("managed"), _monitored().label("monitored"), _has_subscription().label("has_subscription"),
            b.amount_minor.label("budget_minor"), b.currency.label("budget_currency"), b.used_percent, b.level,
            b.is_trending_over, b.measured_until,
        )
        .join(a, a.id == c.account_id)
        .outerjoin(Organisation, Organisation.id == c.linked_organisation_id)
        .outerjoin(b, b.customer_id == c.id)
    )  # fmt: skip


def _own_rate(model: type[CspMarkUp] | type[CspTaxRate]) -> Any:
    """The customer's own percentage in force today, as Terms finds it."""
    found = select(model.percent).where(model.customer_id == CspCustomer.id, model.valid_from <= today())
    if model is CspMarkUp:
        found = found.where(CspMarkUp.product_id.is_(None))
    return found.order_by(model.valid_from.desc()).limit(1).correlate(CspCustomer).scalar_subquery()


def _mark_up() -> Any:
    default = case((_managed(), CspAccount.managed_mark_up), else_=CspAccount.not_managed_mark_up)
    return func.coalesce(_own_rate(CspMarkUp), default)


def _monitored() -> ColumnElement[bool]:
    return exists(
        select(CspSubscription.id)
        .where(CspSubscription.customer_id == CspCustomer.id, CspSubscription.is_monitored)
        .correlate(CspCustomer)
    )


def _has_subscription() -> ColumnElement[bool]:
    return exists(
        select(CspSubscription.id).where(CspSubscription.customer_id == CspCustomer.id).correlate(CspCustomer)
    )


def _managed() -> ColumnElement[bool]:
    return and_(CspCustomer.linked_organisation_id.is_not(None), _monitored())


def _is_missing(wanted: str) -> ColumnElement[bool]:
    reasons = {
        rules.REFUSED: CspCustomer.refusal.is_not(None),
        rules.NO_SUBSCRIPTION: not_(_has_subscription()),
        rules.NOT_LINKED: CspCustomer.linked_organisation_id.is_(None),
        rules.NO_MARK_UP: _mark_up().is_(None),
        rules.NONE_MONITORED: and_(_has_subscription(), not_(_monitored())),
    }
    any_of_them = or_(*reasons.values())
    return {INCOMPLETE: any_of_them, COMPLETE: not_(any_of_them)}.get(wanted, reasons.get(wanted, true()))


def _stands(wanted: str) -> ColumnElement[bool]:
    now = CspBudget.measured_until >= today()
    return {
        rules.OVER: and_(now, CspBudget.level == rules.OVER),
        NEAR: and_(now, CspBudget.level.in_((rules.NEARLY, rules.USED))),
        TRENDING: and_(now, CspBudget.is_trending_over),
        WITHOUT: CspBudget.id.is_(None),
    }.get(wanted, true())
