"""Tenant A never sees B's ids: whatever the shape of the query, whoever asks, read or write."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, exists, func, inspect, select, update
from sqlalchemy.orm import aliased

from app.billing.model import BillingEntry, Correction, RatingGroup
from app.catalog.model import Plan, PriceVersion, Product, Programme
from app.charges.model import ChargeLine
from app.engagements.model import CompletionRequest, Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import Base, db, transaction
from app.foundation.history import History, events_of, record
from app.foundation.idempotency import Submission
from app.foundation.kept_statements import columns_of
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import (
    PUBLIC,
    ForEverybody,
    NoViewer,
    OfParties,
    Tenanted,
    Viewer,
    acting_for_all,
    as_tester,
    one,
    set_viewer,
    viewing,
)  # fmt: skip
from app.notices import webhooks
from app.parties.actions import FACTOR_REQUIRED
from app.parties.model import Organisation, PartnerCustomer
from tests.makers import (
    as_customer,
    as_operator,
    as_partner,
    ask_correction,
    close_month,
    make_engagement,
    make_entry,
    make_organisation,
    make_product,
)

BUSINESS = sorted(
    (mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, OfParties)),
    key=lambda model: model.__name__,
)


@pytest.fixture
def two_worlds() -> dict[str, Viewer]:
    """Northbridge works for Acme, Contrail for Globex; each with a rated entry."""
    viewers: dict[str, Viewer] = {}
    for partner_name, customer_name in (("Northbridge", "Acme"), ("Contrail", "Globex")):
        partner, customer = (
            make_organisation(partner_name, partner=True),
            make_organisation(customer_name, customer=True),
        )
        engagement = make_engagement(
            make_product(partner=partner, name=f"Service of {partner_name}"), customer, state="completion_requested"
        )
        make_entry(engagement, "10", rated=True)
        viewers[partner_name], viewers[customer_name] = as_partner(partner), as_customer(customer)
    viewers["operator"] = as_operator()
    return viewers


def ids(model: type) -> set[uuid.UUID]:
    return set(db.session.scalars(select(model.id)))  # type: ignore[attr-defined]


def keys(model: type) -> set[tuple[Any, ...]]:
    return {tuple(key) for key in db.session.execute(select_keys(model))}


def select_keys(model: type) -> Any:
    """By attribute: columns of the table itself would go past the listener."""
    mapper: Any = inspect(model)
    return select(*(getattr(model, column.key) for column in mapper.primary_key))


def _ask_for_corrections() -> None:
    with acting_for_all("a test's engagements"):
        engagements = db.session.scalars(select(Engagement)).all()
    last = BillingMonth.at(clock.now()).previous
    old = [make_entry(one, "3", month=last, at=last.starts_at + timedelta(days=9), rated=True) for one in engagements]
    close_month(last)
    for entry in old:
        ask_correction(entry, "2")


@pytest.mark.parametrize("model", BUSINESS, ids=lambda m: m.__name__)
def test_each_sees_its_own_rows_and_no_other(model: type[OfParties], two_worlds: dict[str, Viewer]) -> None:
    if model is Correction:
        _ask_for_corrections()
    with acting_for_all("a test counts"):
        everything = keys(model)
    assert len(everything) == 2
    seen = {}
    for name, viewer in two_worlds.items():
        with viewing(viewer):
            seen[name] = keys(model)
    assert len(seen["Northbridge"]) == 1
    assert seen["Northbridge"] == seen["Acme"]
    assert seen["Contrail"] == seen["Globex"] == everything - seen["Northbridge"]
    assert seen["operator"] == everything
    with viewing(PUBLIC):
        assert keys(model) == set()


@pytest.mark.parametrize(
    "shape",
    [
        lambda: select(func.count()).select_from(Engagement),
        lambda: select(func.count(Engagement.id)),
        lambda: select(func.count()).select_from(aliased(Engagement)),
        lambda: select(func.count()).select_from(select(Engagement.id).subquery()),
        lambda: select(func.count()).select_from(BillingEntry).join(Engagement, Engagement.id == BillingEntry.engagement_id),
        lambda: select(func.count()).select_from(Product).where(exists().where(Engagement.product_id == Product.id)),
        lambda: select(select(func.count(Engagement.id)).scalar_subquery()),
        lambda: select(func.count()).select_from(select(Engagement.id).union_all(select(Engagement.id).where(Engagement.state == "x")).subquery()),
    ],
)  # fmt: skip
def test_no_shape_of_query_gets_around_it(shape: object, two_worlds: dict[str, Viewer]) -> None:
    with viewing(two_worlds["Northbridge"]):
        assert db.session.scalar(shape()) == 1  # type: ignore[operator]


@pytest.mark.parametrize("tester", [False, True])
def test_columns_past_the_listener_are_what_it_lets_through(tester: bool, two_worlds: dict[str, Viewer]) -> None:
    """One kept statement a table, asked for everybody in turn, there and back: nobody is answered by another's plan."""
    tables: tuple[type, ...] = (*BUSINESS, Product, Organisation, PartnerCustomer)
    kept = {model: select_keys(model) for model in tables}
    everybody = [PUBLIC, *(as_tester(viewer) if tester else viewer for viewer in two_worlds.values())]
    for viewer in [*everybody, *reversed(everybody)]:
        with viewing(viewer):
            for model, statement in kept.items():
                assert {tuple(key) for key in columns_of(statement)} == keys(model)
    with acting_for_all("a test counts"):
        assert {tuple(key) for key in columns_of(kept[Engagement])} == keys(Engagement) != set()
    with pytest.raises(NoViewer):
        columns_of(kept[Engagement])


def test_columns_read_in_a_transaction_hold_what_it_has_made(two_worlds: dict[str, Viewer]) -> None:
    with acting_for_all("a test renames"), transaction():
        product = db.session.scalars(select(Product)).first()
        assert product is not None
        product.name = "Named a moment ago"
        assert "Named a moment ago" in {row.name for row in columns_of(select(Product.name))}


def test_updates_and_deletes_reach_own_rows_only(two_worlds: dict[str, Viewer]) -> None:
    with viewing(two_worlds["Northbridge"]), transaction() as session:
        changed = session.execute(
            update(Engagement).values(name="Mine now").execution_options(synchronize_session=False)
        )
        assert changed.rowcount == 1  # type: ignore[attr-defined]
        gone = session.execute(delete(CompletionRequest).execution_options(synchronize_session=False))
        assert gone.rowcount == 1  # type: ignore[attr-defined]
    with acting_for_all("a test looks"):
        assert sorted(db.session.scalars(select(Engagement.name)))[0] == "Mine now"
        assert db.session.scalar(select(func.count(CompletionRequest.id))) == 1


def test_nobody_makes_rows_for_another(two_worlds: dict[str, Viewer]) -> None:
    with viewing(two_worlds["Contrail"]):
        mine = db.session.scalars(select(Engagement)).one()
        columns = {name: getattr(mine, name) for name in ("seller_id", "partner_id", "customer_id")}
        stolen = CompletionRequest(**columns, engagement_id=mine.id, asked_by_name="x", asked_at=mine.requested_at)
    with viewing(two_worlds["Northbridge"]), pytest.raises(PermissionError), transaction() as session:
        session.add(stolen)


def test_without_a_viewer_nothing_is_read() -> None:
    set_viewer(None)
    with pytest.raises(NoViewer):
        db.session.scalars(select(Product)).all()


def test_no_partner_learns_of_anothers_customers(two_worlds: dict[str, Viewer]) -> None:
    with viewing(two_worlds["Northbridge"]):
        names = set(db.session.scalars(select(Organisation.name)))
        relations = db.session.scalar(select(func.count(PartnerCustomer.id)))
    assert {"Acme", "Northbridge", "Contrail"} <= names  # who offers services is public
    assert "Globex" not in names
    assert relations == 1
    with viewing(two_worlds["Acme"]):
        assert "Globex" not in set(db.session.scalars(select(Organisation.name)))


def test_drafts_are_the_partners_and_the_operators(two_worlds: dict[str, Viewer]) -> None:
    with acting_for_all("a test's partner"):
        northbridge = db.session.scalars(select(Organisation).where(Organisation.name == "Northbridge")).one()
    draft = make_product(partner=northbridge, name="Secret plan", state="draft")
    for name, sees in (("Northbridge", True), ("operator", True), ("Contrail", False), ("Acme", False)):
        with viewing(two_worlds[name]):
            assert (draft.id in ids(Product)) is sees
            assert (draft.plans[0].id in ids(Plan)) is sees
            assert (draft.plans[0].price_versions[0].id in ids(PriceVersion)) is sees


def test_customers_read_no_programme_and_nobody_reads_the_systems_rows(two_worlds: dict[str, Viewer]) -> None:
    with viewing(two_worlds["Acme"]):
        assert ids(Programme) == set()
    for viewer in two_worlds.values():
        with viewing(viewer):
            assert ids(OutboxRow) == ids(Submission) == set()


def test_history_follows_its_subject(two_worlds: dict[str, Viewer]) -> None:
    with viewing(two_worlds["Northbridge"]):
        mine = set(db.session.scalars(select(History.subject_id).where(History.subject_kind == "engagement")))
        assert mine == ids(Engagement)


def test_test_rows_are_outside_every_list(two_worlds: dict[str, Viewer]) -> None:
    northbridge = two_worlds["Northbridge"]
    with viewing(northbridge), transaction() as session:
        session.execute(update(Engagement).values(is_test=True).execution_options(synchronize_session=False))
    for viewer in (northbridge, two_worlds["operator"]):
        with viewing(viewer):
            assert len(ids(Engagement)) == (0 if viewer is northbridge else 1)
        with viewing(as_tester(viewer)):
            assert len(ids(Engagement)) == (1 if viewer is northbridge else 2)


def test_another_capacity_of_one_organisation_is_another_viewer(two_worlds: dict[str, Viewer]) -> None:
    as_its_own_customer = replace(two_worlds["Northbridge"], capacity="customer")
    with viewing(as_its_own_customer):
        assert ids(Engagement) == set()


def test_every_table_says_who_sees_it() -> None:
    silent = [m.class_.__name__ for m in Base.registry.mappers if not issubclass(m.class_, Tenanted)]
    assert silent == []
    open_to_all = {m.class_.__name__ for m in Base.registry.mappers if issubclass(m.class_, ForEverybody)}
    assert open_to_all == {"NumberSeries", "CustomParameter", "Metric", "MetricPrice"}, (
        "A model that everybody may read is a decision: add it here and say why in its docstring."
    )


def test_a_foreign_row_does_not_exist(two_worlds: dict[str, Viewer]) -> None:
    from app.foundation.refusals import NotVisible

    with viewing(two_worlds["Contrail"]):
        foreign = {model: ids(model).pop() for model in (Engagement, BillingEntry, RatingGroup, ChargeLine)}
    with viewing(two_worlds["Northbridge"]):
        for model, row_id in foreign.items():
            for lock in (False, True):
                with pytest.raises(NotVisible):
                    one(model, row_id, lock=lock)


def test_the_longest_names_fit_where_rows_keep_who_did_it() -> None:
    """200 characters each, as the forms allow; `rated_by_name` keeps 200 of both together."""
    label = Viewer("operator", organisation_name="O" * 200, member_name="M" * 200).label
    assert (len(label), label[-1]) == (200, "…")
    assert Viewer("partner", organisation_name="Northbridge", member_name="Ada").label == "Ada, Northbridge"


def test_an_organisations_sides_do_not_read_each_others_part_of_its_history() -> None:
    """A house that is partner and customer has other people on each side, and other keys, webhooks and members."""
    both = make_organisation("Northbridge", partner=True, customer=True)
    ada, dot, olga = as_partner(both), as_customer(both), as_operator()
    with viewing(ada):
        webhooks.add("https://hooks.example/partner", ["engagement.approved"], private_allowed=False, by=ada)
    with viewing(dot):
        webhooks.add("https://hooks.example/customer", ["engagement.approved"], private_allowed=False, by=dot)
    with acting_for_all("a test's operator") as system, transaction():
        record(one(Organisation, both.id), FACTOR_REQUIRED, by=system)

    def read(viewer: Viewer) -> str:
        with viewing(viewer):
            return " ".join(f"{row.event} {row.facts}" for row in events_of("organisation", both.id))

    partners, customers, operators = read(ada), read(dot), read(olga)
    assert "/partner" in partners and "/customer" not in partners
    assert "/customer" in customers and "/partner" not in customers
    assert "/customer" in operators and "/partner" in operators
    for said in (partners, customers, operators):
        assert FACTOR_REQUIRED in said
