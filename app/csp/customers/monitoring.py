"""Monitoring: which subscriptions the customer sees in its own view, switched one by one or all at once.

A customer that is linked and has one monitored subscription is managed, and the account may have another mark-up for such ones.
"""

import uuid

from sqlalchemy import ColumnElement, exists, select, update

from app.csp.customers import events, terms
from app.csp.customers.model import CspCustomer, CspSubscription
from app.csp.permissions import MANAGE_CUSTOMERS
from app.foundation import history
from app.foundation.database import db, transaction
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, one


def monitor(customer_id: uuid.UUID, subscription_id: uuid.UUID, *, on: bool, by: Viewer) -> CspCustomer:
    """One subscription's monitoring, on or off. Safe to say again."""
    by.must(MANAGE_CUSTOMERS)
    with transaction():
        customer = one(CspCustomer, customer_id, lock=True)
        subscription = one(CspSubscription, subscription_id, lock=True)
        if subscription.customer_id != customer.id:
            raise NotVisible
        if subscription.is_monitored == on:
            return customer
        before = has_monitored(customer_id)
        subscription.is_monitored = on
        event = events.MONITORED if on else events.NOT_MONITORED
        history.record(customer, event, by=by, subscription=subscription.name or subscription.subscription_id)
        _settle(customer, before)
    return customer


def monitor_all(customer_id: uuid.UUID, *, on: bool, by: Viewer) -> CspCustomer:
    """Every subscription the customer has now. Safe to say again."""
    by.must(MANAGE_CUSTOMERS)
    with transaction() as session:
        customer = one(CspCustomer, customer_id, lock=True)
        other = (CspSubscription.customer_id == customer_id, CspSubscription.is_monitored.is_(not on))
        if session.scalar(select(CspSubscription.id).where(*other).limit(1)) is None:
            return customer
        before = has_monitored(customer_id)
        session.execute(
            update(CspSubscription)
            .where(*other)
            .values(is_monitored=on, version=CspSubscription.version + 1)
            .execution_options(synchronize_session=False)
        )
        session.expire_all()
        history.record(customer, events.ALL_MONITORED if on else events.NONE_MONITORED, by=by)
        _settle(customer, before)
    return customer


def has_monitored(customer_id: uuid.UUID) -> bool:
    return bool(db.session.scalar(select(is_monitored_of(customer_id))))


def is_monitored_of(customer_id: uuid.UUID) -> ColumnElement[bool]:
    return exists(
        select(CspSubscription.id).where(CspSubscription.customer_id == customer_id, CspSubscription.is_monitored)
    )


def _settle(customer: CspCustomer, monitored_before: bool) -> None:
    """Terms may follow from whether it is managed: they change with the first that is monitored, and with the last."""
    customer.version += 1
    db.session.flush()
    if customer.linked_organisation_id is not None and has_monitored(customer.id) != monitored_before:
        terms.changed(customer.account_id, [customer.id])
