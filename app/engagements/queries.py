"""Reading engagements: light rows for lists, one row with its names for a page. The tenancy listener does the rest."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Uuid,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from app.catalog.model import Plan, Product
from app.engagements import states
from app.engagements.model import CompletionRequest, Engagement
from app.engagements.searching import Named, Shape, Word, few_with, places_of, shape_of, values_of, words_of
from app.foundation.billing_month import BillingMonth
from app.foundation.bounded import Bounded, bounded
from app.foundation.database import Instant, at_most, db, one_of
from app.foundation.id_list import Near, chosen_first, found_first
from app.foundation.kept_statements import PLANNED_ANEW, columns_of
from app.foundation.pages import around
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, viewer_organisation
from app.foundation.unseen import BOUND_UNSEEN, PLANNED_ONCE, Unseen, unseen
from app.parties.model import Organisation

Customer = aliased(Organisation, name="customer")
Partner = aliased(Organisation, name="partner")

#: what a list's row shows; ordered by (requested_at, id)
LIST_COLUMNS = (
    Engagement.id,
    Engagement.number,
    Engagement.name,
    Engagement.state,
    Engagement.instance_state,
    Engagement.requested_at,
    Engagement.active_from,
    Engagement.ended_at,
    Customer.name.label("customer_name"),
    Partner.name.label("partner_name"),
    Product.name.label("product_name"),
    Plan.name.label("plan_name"),
)
LIST_KEYS: tuple[Any, ...] = (Engagement.requested_at, Engagement.id)
#: what a search compares of a row
SEARCHED = (Engagement.search_text, Engagement.product_id, Engagement.customer_id)
Place = BindParameter[Any]


class MonthPlace(NamedTuple):
    """Where the instants of a month go that a kept statement is asked for; see engagements_asked()."""

    starts_at: Place
    ends_before: Place


def engagements_asked(
    *,
    states_wanted: Sequence[str] = (),
    requested_in: BillingMonth | None = None,
    search: str = "",
    all_names: bool = True,
    own: bool = False,
    **ids: uuid.UUID | None,
) -> tuple[Select[*tuple[Any, ...]], dict[str, Any]]:
    """The same list as engagements(), built once for each choice of filters, and the parameters to ask it with: for page_of() alone,
    which may compare the words where it chooses the page's rows. `all_names`: False where columns of its own are read instead. `own`: it
    is a client's list of all that is its own, which may be thousands, and an average client's some."""
    words = words_of(search)
    shape = shape_of(words)
    values: dict[str, Any] = {name: row_id for name, row_id in ids.items() if row_id is not None}
    if requested_in is not None:
        values |= {"starts_at": requested_in.starts_at, "ends_before": requested_in.next.starts_at}
    return _kept(tuple(states_wanted), frozenset(values), shape, all_names, own), values | values_of(words, shape)


@lru_cache(maxsize=256)
def _kept(
    states_wanted: tuple[str, ...], asked: frozenset[str], shape: Shape, all_names: bool, own: bool
) -> Select[*tuple[Any, ...]]:
    month = MonthPlace(*(Unseen(name, type_=Instant()) for name in MonthPlace._fields))
    ids: dict[str, Any] = {name: Unseen(name, type_=Uuid()) for name in asked if name.endswith("_id")}
    filters = {"states_wanted": states_wanted, "requested_in": month if "starts_at" in asked else None, **ids}
    if "customer_id" in asked and not shape.telling and not shape.sqlite and len(states_wanted) != 1:
        # one client may have most of a partner's or a product's engagements, and another three: no plan of the whole serves both.
        # SQLite reads along the client's index anyway
        chosen = select(*LIST_KEYS).where(*_conditions(**filters))
        return chosen_first(_listed(all_names), chosen, Engagement).execution_options(**{PLANNED_ONCE: True})
    found = _listed(all_names).where(*_conditions(**filters))
    # nor does one of a single state, which such a client may hardly have
    planned = PLANNED_ANEW if "customer_id" in asked else PLANNED_ONCE
    # but the plan of a search takes longer than the search: PostgreSQL may find that one serves all
    if not shape.telling or "customer_id" not in asked or "product_id" in asked:
        found = found.execution_options(**{planned: True, BOUND_UNSEEN: own})
    places = places_of(shape)
    named = named_with(places, shape)
    # who knows that no page of the whole list's newest rows has the one word, need not ask the newest again
    narrow = bool(ids) or "starts_at" in asked or len(places) > 1
    few, then = (few_with(places, named, shape, unless_newest=each) for each in (True, narrow))
    has = partial(_has_all, places, named, shape)
    if few is None or then is None:
        return found.where(*has(Engagement))
    rows = select(*LIST_KEYS, *SEARCHED).where(*_conditions(**filters))
    near = Near(rows, partial(has, each=True), then)
    chosen = select(*LIST_KEYS).where(*_conditions(**filters), *has(Engagement))
    listed = _listed(all_names).execution_options(**found.get_execution_options())
    return found_first(listed, few, Engagement, chosen, near)


def engagements(*, search: str = "", **filters: Any) -> Select[*tuple[Any, ...]]:
    """The filtered list for page_of(LIST_KEYS) and the streamed exports; `filters` as of _conditions().

    `search`: each of its words stands somewhere in number, name, client or product; case and accents do not count. A page
    of what has a word that few have is found by that word (searching.py); of others it is read along the list's own index,
    which frequent words soon fill. An export reads the list from one end to the other.
    """
    words = words_of(search)
    shape = shape_of(words)
    places = places_of(shape, values_of(words, shape))
    named = named_with(places, shape)
    found = _filtered(**filters).where(*_has_all(places, named, shape, Engagement))
    few = few_with(places, named, shape)
    return found if few is None else found_first(found, few, Engagement)


def newest_current(most: int, beside: Callable[[Any], Sequence[Any]]) -> Sequence[Any]:
    """The newest of this viewer's current engagements, and `beside` as of page_of()."""
    return columns_of(_newest_current(most, beside))


@cache
def _newest_current(most: int, beside: Callable[[Any], Sequence[Any]]) -> Select[*tuple[Any, ...]]:
    """The newest of each state along its index: along all of the viewer's there may be very many past ones before the first."""
    parties = ("seller_id", "partner_id", "customer_id", "is_test")
    read = [
        getattr(Engagement, name) for name in ("id", "number", "name", "state", "requested_at", "product_id", *parties)
    ]
    of_each = (
        select(*read)
        .where(*in_states((state,)))
        .order_by(*(key.desc() for key in LIST_KEYS))
        .limit(unseen(most))
        .subquery()
        for state in states.CURRENT
    )
    newest = aliased(Engagement, union_all(*map(select, of_each)).subquery("newest"))
    page = (
        select(*(getattr(newest, name) for name in ("id", "number", "name", "state", "requested_at")))
        .add_columns(Partner.name.label("partner_name"), Product.name.label("product_name"))
        .outerjoin(Partner, Partner.id == newest.partner_id)
        .outerjoin(Product, Product.id == newest.product_id)
        .order_by(newest.requested_at.desc(), newest.id.desc())
        .limit(at_most(most))
    )
    return around(page, LIST_KEYS, beside, (), upwards=False).execution_options(**{PLANNED_ONCE: True})


def _listed(all_names: bool = True) -> Select[*tuple[Any, ...]]:
    # outer, though there always is one of each: else PostgreSQL, which sees that few organisations are shown to a client,
    # expects of few engagements that they are, and reads and sorts all of them for one page
    found = (
        select(*(LIST_COLUMNS if all_names else LIST_KEYS))
        .select_from(Engagement)
        .outerjoin(Customer, Customer.id == Engagement.customer_id)
        .outerjoin(Product, Product.id == Engagement.product_id)
    )
    if not all_names:
        return found
    return found.outerjoin(Partner, Partner.id == Engagement.partner_id).outerjoin(Plan, Plan.id == Engagement.plan_id)


def _filtered(**filters: Any) -> Select[*tuple[Any, ...]]:
    return _listed().where(*_conditions(**filters))


def _conditions(
    *,
    states_wanted: Sequence[str] = (),
    product_id: uuid.UUID | Place | None = None,
    customer_id: uuid.UUID | Place | None = None,
    plan_id: uuid.UUID | Place | None = None,
    requested_in: BillingMonth | MonthPlace | None = None,
) -> list[ColumnElement[bool]]:
    found = in_states(states_wanted) if states_wanted else []
    if product_id is not None:
        # its partner as well, though that follows: the product's index begins with both, and so none of the viewer's fits better
        its_partner = select(Product.partner_id).where(Product.id == product_id).scalar_subquery()
        found += [Engagement.product_id == product_id, Engagement.partner_id == its_partner]
    if customer_id is not None:
        found.append(Engagement.customer_id == customer_id)
    if plan_id is not None:
        found.append(Engagement.plan_id == plan_id)
    if requested_in is not None:
        end = requested_in.ends_before if isinstance(requested_in, MonthPlace) else requested_in.next.starts_at
        found += [Engagement.requested_at >= requested_in.starts_at, Engagement.requested_at < end]
    return found


def in_states(wanted: Sequence[str]) -> list[ColumnElement[bool]]:
    """One state has an index; several are read along the index of the group they belong to, current or past."""
    if len(wanted) == 1:
        # unseen as well: of a state that is known to be rare PostgreSQL expects none of most clients, and sorts all of the rest
        return [Engagement.state == Unseen(None, wanted[0], type_=Engagement.state.type, unique=True)]
    if set(wanted) == {*states.CURRENT, *states.PAST}:
        return []
    group = next((its for its in (states.CURRENT, states.PAST) if set(wanted) <= set(its)), None)
    if group is None:
        return [Engagement.state.in_(wanted)]
    within = one_of(Engagement.state, group)
    # written out as well: a plan for any two states looks dearer than one for these, and PostgreSQL would plan each page anew
    return [within] if len(wanted) == len(group) else [within, one_of(Engagement.state, wanted)]


def _has_all(
    words: Sequence[Word], named: Sequence[Named], shape: Shape, row: Any, *, each: bool = False
) -> list[ColumnElement[bool]]:
    """`each`: of some hundred rows, each of which asks its own client; looking through all clients first takes longer."""
    return [
        or_(
            word.within(row.search_text),
            _among(row.product_id, select(its.products.c.id), shape),
            _own_client_has(word, row) if each else _among(row.customer_id, select(its.clients.c.id), shape),
        )
        for word, its in zip(words, named, strict=True)
    ]


def _own_client_has(word: Word, row: Any) -> ColumnElement[bool]:
    """By a value, not by EXISTS, of which PostgreSQL makes a hash of all clients."""
    its = select(Organisation.id).where(Organisation.id == row.customer_id, word.within_name(Organisation.search_name))
    return its.scalar_subquery().is_not(None)


def named_with(words: Sequence[Word], shape: Shape) -> list[Named]:
    """Clients and products are few and looked through once, so that a row is decided by its own columns, before any join."""
    found = []
    for nr, word in enumerate(words):
        clients = select(Organisation.id).where(word.within_name(Organisation.search_name))
        if shape.book == "customer_id":
            clients = clients.where(Organisation.id == viewer_organisation())
        products = select(Product.id).where(word.within_name(Product.search_name))
        ids = (clients.cte(f"clients_{nr}"), products.cte(f"products_{nr}"))
        found.append(Named(*(each.prefix_with("MATERIALIZED") for each in ids)))
    return found


def _among(key: Any, ids: Select[uuid.UUID], shape: Shape) -> ColumnElement[bool]:
    """PostgreSQL reckons that whoever looks up a row must first look through all clients again, unless they are an array."""
    if shape.sqlite:
        return key.in_(ids)
    return key == func.any(func.array(ids.scalar_subquery()))


@dataclass(frozen=True)
class EngagementPage:
    """One engagement with the names its pages show."""

    engagement: Engagement
    customer_name: str
    partner_name: str
    product_name: str
    plan_name: str


#: an engagement with the names its pages show, asked for by each of them; others add what they show besides
PAGE = (
    select(Engagement, Customer.name, Partner.name, Product.name, Plan.name)
    .join(Customer, Customer.id == Engagement.customer_id)
    .join(Partner, Partner.id == Engagement.partner_id)
    .join(Product, Product.id == Engagement.product_id)
    .join(Plan, Plan.id == Engagement.plan_id)
    .where(Engagement.id == bindparam("engagement_id", type_=Uuid()))
)


def engagement_page(engagement_id: uuid.UUID) -> EngagementPage:
    """NotVisible when this viewer has no such engagement."""
    row = db.session.execute(PAGE, {"engagement_id": engagement_id}).one_or_none()
    if row is None:
        raise NotVisible
    return EngagementPage(*row)


def open_completion_request(engagement_id: uuid.UUID) -> CompletionRequest | None:
    return db.session.scalar(
        select(CompletionRequest).where(
            CompletionRequest.engagement_id == engagement_id, CompletionRequest.state == states.OPEN
        )
    )


def completion_requests(engagement_id: uuid.UUID) -> Sequence[CompletionRequest]:
    """Every request ever made, newest first."""
    return db.session.scalars(
        select(CompletionRequest)
        .where(CompletionRequest.engagement_id == engagement_id)
        .order_by(CompletionRequest.asked_at.desc())
    ).all()


#: My products counts no further: of what waits for a decision, and of what goes on.
MOST_WAITING, MOST_ACTIVE = 100, 500
#: What a count reads of each row: nothing, so that its index is all that is read.
_ONE: Any = literal_column("1").label("one")


def products_with_counts() -> Sequence[Any]:
    """The products of the partner who looks, by name, at most 200, with how many current engagements each has in which state.

    Each count ends one beyond its bound, so that the page costs the same however many there are; read in an order only so that
    PostgreSQL takes its index, and does not look for the first of them in the whole table.
    """
    return columns_of(_products_with_counts())


@cache
def _products_with_counts() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Product.id,
            Product.name,
            Product.category,
            Product.summary,
            Product.state.label("product_state"),
            *(_few_in(state).label(state) for state in states.CURRENT),
        )
        .where(Product.partner_id == viewer_organisation())
        .order_by(Product.name)
        .limit(at_most(200))
    )


def _few_in(state: str) -> Any:
    few = (
        select(_ONE)
        .where(
            Engagement.product_id == Product.id, Engagement.partner_id == Product.partner_id, Engagement.state == state
        )
        .order_by(*LIST_KEYS)
        .limit(at_most(1 + (MOST_ACTIVE if state == states.ACTIVE else MOST_WAITING)))
    )
    return select(func.count()).select_from(few.correlate(Product).subquery()).scalar_subquery()


def counts_by_state() -> dict[str, Bounded]:
    """Current engagements of this viewer by state, each counted to the bound along its own index.

    In the index's order: any would do, and PostgreSQL would try its luck in the table, which may be that of all others.
    """
    [row] = columns_of(_COUNTS)
    return {state: Bounded(number) for state, number in zip(states.CURRENT, row, strict=True) if number}


_COUNTS = select(
    *(
        select(func.count())
        .select_from(bounded(select(_ONE).where(Engagement.state == state).order_by(*LIST_KEYS)))
        .scalar_subquery()
        for state in states.CURRENT
    )
)


def waiting_count(viewer: Viewer) -> tuple[str, Any] | None:
    """(path, scalar subquery) for the side menu's count, bounded so that it never counts a large table."""
    wanted = [
        state
        for state, permission in (
            (states.PENDING, "engagement:decide"),
            (states.COMPLETION_REQUESTED, "engagement:complete"),
        )
        if viewer.may(permission)
    ]
    if viewer.capacity != "partner" or not wanted:
        return None
    some = select(Engagement.id).where(one_of(Engagement.state, wanted)).limit(at_most(100)).subquery()
    return "/engagements", select(func.count()).select_from(some).scalar_subquery()
