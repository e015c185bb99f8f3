"""Each list, with each filter it offers, is read along an index in its own order: what a page costs then knows no size.

SQLite says which index it takes, without statistics, as in an installation that nobody looks after; the operator's filter by a
client alone is not here, because there it cannot tell whose index says more. PostgreSQL would rather
scan ten rows than open an index: with that forbidden, it needs to sort only where no index has the list's order.
"""

import base64
import re
import uuid
from typing import Any

import pytest
from sqlalchemy import event

from app.foundation.database import db
from tests.makers import make_entry
from tests.makers.csp_customers import make_account, make_customer
from tests.screens.engagement_stage import set_stage

#: (person, address, the index that leads); {product}, {client} and {month} are the stage's
ENGAGEMENTS = [
    ("ada", "/engagements", "ix_engagement_partner_current"),
    ("ada", "/engagements?status=past", "ix_engagement_partner_past"),
    ("ada", "/engagements?status=pending", "ix_engagement_partner_state"),
    ("ada", "/engagements?client={client}", "ix_engagement_partner_customer"),
    ("ada", "/engagements?product={product}", "ix_engagement_product_current"),
    ("ada", "/engagements?product={product}&status=active", "ix_engagement_product_state"),
    ("ada", "/engagements?month={month}", "ix_engagement_partner_current"),
    ("ada", "/engagements?month={month}&status=active", "ix_engagement_partner_state"),
    ("ada", "/products/{product}/current-engagements", "ix_engagement_product_current"),
    ("ada", "/products/{product}/past-engagements", "ix_engagement_product_past"),
    ("ada", "/products/{product}/current-engagements?before={oldest}", "ix_engagement_product_current"),
    ("ada", "/engagements/bulk-entry", "ix_engagement_partner_current"),
    ("olga", "/engagements", "ix_engagement_seller_current"),
    ("olga", "/engagements?status=past", "ix_engagement_seller_past"),
    ("olga", "/engagements?status=rejected", "ix_engagement_seller_state"),
    ("olga", "/engagements?client={client}&status=active", "ix_engagement_customer_state"),
    ("olga", "/engagements?product={product}", "ix_engagement_product_current"),
    ("olga", "/engagements?product={product}&status=past", "ix_engagement_product_past"),
    ("olga", "/engagements?month={month}", "ix_engagement_seller_current"),
    ("dot", "/my/engagements", "ix_engagement_customer"),
    ("dot", "/my/engagements?status=active", "ix_engagement_customer_state"),
    ("dot", "/my/engagements?month={month}", "ix_engagement_customer"),
]
OTHERS = [
    ("dot", "/my/charges", "charge_line", "ix_charge_line_customer"),
    ("dot", "/my/charges?month={month}", "charge_line", "ix_charge_line_customer"),
    ("dot", "/my/charges?search=archive", "charge_line", "ix_charge_line_customer"),
    ("olga", "/reviews/rating", "billing_entry", "ix_billing_entry_undecided"),
    ("olga", "/inbox", "billing_entry", "ix_billing_entry_in_review"),
    ("ada", "/inbox", "completion_request", "ix_completion_request_waiting"),
    ("ada", "{engagement}/billing-entries", "billing_entry", "ix_billing_entry_listed"),
    ("ada", "{engagement}/billing-entries", "billing_entry", "ix_billing_entry_undecided_of"),
    ("ada", "{engagement}/history", "history", "sqlite_autoindex_history_1"),
    ("ada", "/notices", "portal_notice", "ix_portal_notice_member"),
    ("ada", "/csp/customers", "csp_customer", "ix_csp_customer_partner"),
    ("ada", "/csp/customers?search=fabrikam", "csp_customer", "ix_csp_customer_partner"),
    ("ada", "/csp/customers?incomplete=yes", "csp_customer", "ix_csp_customer_partner"),
    ("ada", "/csp/customers?account={csp_account}", "csp_customer", "ix_csp_customer_account"),
    ("ada", "/csp/customers/{csp_customer}", "csp_subscription", "ix_csp_subscription_customer"),
    ("ada", "/csp/invoices", "csp_document", "ix_csp_document_partner"),
    ("ada", "/csp/invoices?month={month}&status=reconciled", "csp_document", "ix_csp_document_partner"),
    ("ada", "/csp/statements", "csp_statement", "ix_csp_statement_partner"),
]
LISTS = [(who, path, "engagement", index) for who, path, index in ENGAGEMENTS] + OTHERS
#: (person, page, whose current engagements it counts by state)
COUNTS = [("ada", "/products", "product"), ("ada", "/", "partner"), ("olga", "/", "seller"), ("dot", "/", "customer")]
#: Searches for what few have, alone and with filters, and of two words one that many have.
SEARCHES = [
    ("ada", "/engagements?search=zebra"),
    ("ada", "/engagements?search=zebra&status=past"),
    ("ada", "/engagements?search=zebra+archive&client={client}"),
    ("ada", "/products/{product}/current-engagements?search=zebra&before={oldest}"),
    ("ada", "/engagements/bulk-entry?search=zebra"),
    ("olga", "/engagements?search=zebra&month={month}"),
    ("dot", "/my/engagements?search=zebra"),
]
#: Where rows have names beside them that most of the world's organisations do not show to whoever looks.
NAMED = [
    ("dot", "/my/engagements", "engagement"),
    ("dot", "/my/engagements?before={oldest}", "engagement"),
    ("dot", "/my/engagements?status=active", "engagement"),
    ("dot", "/my/charges", "charge_line"),
    ("dot", "/my/charges?search=archive", "charge_line"),
]
#: One client's engagements, in whatever group of states: each is read along an index that begins with the client.
OF_ONE_CLIENT = [
    ("ada", "/engagements?client={client}"),
    ("ada", "/engagements?client={client}&status=past&month={month}"),
    ("ada", "/engagements?client={client}&product={product}"),
    ("ada", "/products/{product}/past-engagements?client={client}&before={oldest}"),
    ("olga", "/engagements?client={client}&status=past"),
    ("olga", "/engagements?client={client}&month={month}&status=all"),
]
#: What a client's own members read, and along which index.
OF_OWN = [
    ("/my/engagements", "engagement", "ix_engagement_customer"),
    ("/my/engagements?before={oldest}", "engagement", "ix_engagement_customer"),
    ("/my/engagements?status=active", "engagement", "ix_engagement_customer_state"),
    ("/my/engagements?status=rejected&before={oldest}", "engagement", "ix_engagement_customer_state"),
    ("/my/engagements?month={month}", "engagement", "ix_engagement_customer"),
    ("/", "engagement", "ix_engagement_customer_state"),
    ("/my/charges", "charge_line", "ix_charge_line_customer"),
    ("/my/charges?month={month}&before={oldest_charge}", "charge_line", "ix_charge_line_customer"),
]
#: The last page's cursor, before everything there is.
OLDEST = base64.urlsafe_b64encode(f'["1970-01-01T00:00:00+00:00","{uuid.UUID(int=0)}"]'.encode()).decode().rstrip("=")
OLDEST_CHARGE = base64.urlsafe_b64encode(f'["2000-01","{uuid.UUID(int=0)}"]'.encode()).decode().rstrip("=")
#: Tables that grow without end.
LARGE = "csp_customer|csp_subscription|engagement|billing_entry|charge_line|rating_group|history|outbox|portal_notice|completion_request|correction|csp_line|csp_statement_line"


@pytest.fixture
def stage(app, people):
    stage = set_stage(app, people)
    with app.app_context():
        make_entry(stage.engagements["active"], "2")
        stage.csp_customer = make_customer(make_account(people.northbridge))
        db.session.remove()
    return stage


def seen_by(app: Any, client: Any, path: str) -> list[tuple[str, Any]]:
    """What the database is asked for the page: statements with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.upper().lstrip().startswith(("SELECT", "WITH")):
            found.append((statement, parameters))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.get(path).status_code == 200, path
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return found


def address(path: str, stage: Any, people: Any) -> str:
    return path.format(
        csp_customer=stage.csp_customer.id, csp_account=stage.csp_customer.account_id, product=stage.product.id, client=people.acme.id, month="2026-10", oldest=OLDEST, oldest_charge=OLDEST_CHARGE, engagement=f"/engagements/{stage.engagements['active'].id}"
    )  # fmt: skip


@pytest.mark.parametrize(("who", "path", "table", "index"), LISTS)
def test_a_list_is_read_along_its_index(app, people, stage, as_, who, path, table, index):
    where = address(path, stage, people)
    asked = [
        (statement, parameters)
        for statement, parameters in seen_by(app, as_(who), where)
        if re.search(rf"FROM {table}\b", statement)
        and "ORDER BY" in statement
        and "count(" not in statement.partition("FROM")[0]
    ]
    assert asked, f"{where} asks nothing of {table}"
    with app.app_context(), db.engine.connect() as connection:
        plans = [plan for statement, parameters in asked for plan in _plans(connection, statement, parameters)]
        whole = [_plan(connection, statement, parameters, deep=True) for statement, parameters in asked]
    if connection.dialect.name == "sqlite":
        led = [plan for plan in plans if re.search(rf"(SEARCH|SCAN) {table} USING (COVERING )?INDEX {index}\b", plan)]
        assert led, plans
        assert any("TEMP B-TREE FOR ORDER BY" not in plan for plan in led), led
    else:
        assert any(not re.search(r"^\s*(->  )?Sort$", plan, re.M) for plan in plans), plans
    for plan in whole:
        assert not re.search(rf"SCAN ({LARGE})\b(?! USING)|Seq Scan on ({LARGE})\b", plan), plan


@pytest.mark.parametrize("who", ["ada", "olga", "dot"])
def test_what_waits_is_counted_along_what_waits(app, people, stage, as_, who):
    """Every page counts it beside its menu: never by way of all engagements of whoever looks."""
    counting = [(asked, given) for asked, given in seen_by(app, as_(who), "/account") if "AS count_0" in asked]
    assert len(counting) == 1
    with app.app_context(), db.engine.connect() as connection:
        plan = _plan(connection, *counting[0], deep=True)
    assert not re.search(rf"SCAN ({LARGE})(?! USING)|Seq Scan on ({LARGE})\b", plan), plan
    assert not re.search(r"engagement USING (COVERING )?INDEX ix_engagement_\w+ \(\w+_id=\?\)", plan), plan


@pytest.mark.parametrize(("who", "path", "whose"), COUNTS)
def test_a_count_by_state_reads_its_index_alone(app, people, stage, as_, who, path, whose):
    """A thousand rows of the table beside it, as many pages of the disk, would be most of what the page costs."""
    asked = [
        (statement, parameters)
        for statement, parameters in seen_by(app, as_(who), path)
        if len(re.findall(r"FROM engagement \s*WHERE [^()]*engagement\.state = [^()]*\bLIMIT\b", _plain(statement)))
        == statement.count("count(*)")
        == 3
    ]
    assert len(asked) == 1, f"{path} counts nothing by state"
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            plan = _plan(connection, *asked[0], deep=True)
            assert len(re.findall(rf"engagement USING COVERING INDEX ix_engagement_{whose}_state\b", plan)) == 3, plan
            assert len(re.findall(r"\bix_engagement_\w+", plan)) == 3, plan
        else:
            (plan,) = _among_many(connection, stage, asked)
            assert not re.search(r"Seq Scan on engagement\b", plan), plan


def _plain(statement: str) -> str:
    """Without the brackets that drivers write their parameters with."""
    return re.sub(r"%\(\w+\)s", "?", statement)


@pytest.mark.parametrize(("who", "path", "table"), NAMED)
def test_names_beside_a_row_do_not_lead(app, people, stage, as_, who, path, table):
    """One page of many rows is read along their index, also where PostgreSQL has seen that nearly all organisations are
    clients, which a client is not shown: it would expect that hardly any row has a partner."""
    where = address(path, stage, people)
    asked = [one for one in seen_by(app, as_(who), where) if re.search(rf"FROM {table}\b.*ORDER BY", one[0], re.S)]
    assert asked, f"{where} asks nothing of {table}"
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            plans = [_plans(connection, statement, parameters)[0] for statement, parameters in asked]
            assert all(re.match(rf"(SEARCH|SCAN) {table} USING INDEX", plan) for plan in plans), plans
            return
        for plan in _among_many(connection, stage, asked):
            # what stands beside the rows, or one of them, may put its own few entries in order
            first, *beside = re.split(r"\n +(?:Sub|Init)Plan \d", plan)
            reading = [first, *(part for part in beside if re.search(rf" on {table}\b", part))]
            assert not re.search(r"\bSort\b", "".join(reading)), plan
            assert not re.search(rf"Seq Scan on {table}\b", plan), plan


@pytest.mark.postgres
def test_one_client_of_many_is_read_along_its_index(app, people, stage, as_):
    """PostgreSQL plans such a list once for all clients, of whom this one has thousands and others thirty: what it expects of an
    average client must not let it sort. No more is read than the client's rows here, those of other states among them."""
    asked = [
        one
        for who, path in OF_ONE_CLIENT
        for one in seen_by(app, as_(who), address(path, stage, people))
        if "AS chosen" in one[0]
    ]
    assert len(asked) == len(OF_ONE_CLIENT)
    with app.app_context(), db.engine.connect() as connection:
        plans = _among_many(connection, stage, asked, _THIRTY_EACH, _HALF_OF_THEM_PAST)
    for plan in plans:
        (ids,) = re.finditer(r"(\S.*) on engagement engagement_1\n +(Index Cond.*)", plan)
        assert re.search(r"Index (Only )?Scan.* using ix_engagement_\w*customer$", ids[1]), plan
        assert "(customer_id = " in ids[2] and "Sort" not in plan[: ids.start()].rpartition("Limit\n")[2], plan


@pytest.mark.postgres
def test_a_client_of_thousands_reads_its_own_along_its_index(app, people, stage, as_):
    """PostgreSQL expects thirty of an average client, fewer than a page has, and would read and sort all of this one's thousands."""
    asked = [
        one
        for path, table, _index in OF_OWN
        for one in seen_by(app, as_("dot"), address(path, stage, people))
        if re.search(rf"FROM {table}\b.*AS page", one[0], re.S)
    ]
    assert len(asked) == len(OF_OWN)
    with app.app_context(), db.engine.connect() as connection:
        plans = _among_many(connection, stage, asked, _THIRTY_OF_MOST, _HALF_OF_THEM_PAST)
    for (path, table, index), plan in zip(OF_OWN, plans, strict=True):
        # what stands beside the rows may put its own few in order
        sorts = [sorts[2] for sorts in re.finditer(r"^( *)(?:->  )?(?:Incremental )?Sort\n((?:\1 .*\n?)+)", plan, re.M)]
        assert set(re.findall(rf"(\w+) on {table}\b", plan)) == {index}, (path, plan)
        assert not any(re.search(rf" on {table}\b", part) for part in sorts), (path, plan)


def test_a_clients_home_reads_the_newest_of_each_state(app, people, stage, as_):
    """Along all of the client's there may be thousands of past ones before the first that is current."""
    asked = [one for one in seen_by(app, as_("dot"), "/") if re.search(r"FROM engagement\b.*AS page", one[0], re.S)]
    assert len(asked) == 1
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            plan = _plan(connection, *asked[0], deep=True)
        else:
            [plan] = _among_many(connection, stage, asked, _THIRTY_OF_MOST, _HALF_OF_THEM_PAST)
    its_own = r"engagement USING INDEX ix_engagement_customer_state \(customer_id=\? AND state=\?\)|ix_engagement_customer_state on engagement"
    assert len(re.findall(its_own, plan)) == len(re.findall(r"\bengagement\b", plan)) == 3, plan
    assert not re.search(r"SEARCH engagement .*\nUSE TEMP B-TREE", plan), plan


@pytest.mark.parametrize(("who", "path"), SEARCHES)
def test_what_few_have_is_looked_up(app, people, stage, as_, who, path):
    """The words ask their index and lead; the rest of the list is not read. Where many have them it is, along its own index."""
    where = address(path, stage, people)
    as_(who).get(where)
    asked = [one for one in seen_by(app, as_(who), where) if "few AS MATERIALIZED" in one[0]]
    assert len(asked) == 1, where
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            plan = _plan(connection, *asked[0])
            assert "engagement_search_hits" in plan and not re.search(rf"Seq Scan on ({LARGE})\b", plan), plan
            return
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0][0]}", asked[0][1]).all()
    plan = "\n".join(row.detail for row in rows)
    #: what stands beside each other in one select, in the order in which it is read
    beside = ["\n".join(row.detail for row in rows if row.parent == parent) for parent in {row.parent for row in rows}]
    for first, then in (
        ("SCAN engagement_search VIRTUAL TABLE INDEX .*M", "engagement_search_place USING INTEGER PRIMARY KEY"),
        (
            r"(MATERIALIZE clients_0\n)?(SCAN|SEARCH) clients_0",
            r"engagement USING COVERING INDEX \w+ \((\w+=\? AND )?customer_id=\?",
        ),
        ("SCAN products_0", r"engagement USING COVERING INDEX \w+ \(product_id=\?"),
    ):
        assert [each for each in beside if re.match(f"{first}.*\n(SCALAR.*\n|REUSE.*\n)*SEARCH {then}", each)], plan
    listed = [each for each in beside if "SCAN listed" in each]
    key = r"SCAN listed VIRTUAL TABLE.*\n(SCALAR.*\n)*SEARCH engagement USING INDEX sqlite_autoindex_engagement_1 \(id=\?\)"
    assert len(listed) == 2 and all(re.search(key, each) for each in listed), plan
    assert not re.search(rf"SCAN ({LARGE})\b(?! USING)", plan), plan


def _among_many(connection: Any, stage: Any, asked: list[tuple[str, Any]], *more: str) -> list[str]:
    """PostgreSQL's own plans among thousands of clients, of the one engagement and of its charges, once it has looked at them."""
    with connection.begin() as rolled_back:
        for filled in (_ALIKE["organisation"], _ALIKE["engagement"], *more):
            connection.exec_driver_sql(filled, {"id": stage.engagements["active"].id})
        connection.exec_driver_sql(_CHARGES)
        connection.exec_driver_sql("ANALYZE organisation, engagement, charge_line")
        plans = [
            "\n".join(connection.exec_driver_sql(f"EXPLAIN (COSTS off) {statement}", parameters).scalars())
            for statement, parameters in asked
        ]
        rolled_back.rollback()
    return plans


def _alike(table: str, other: str, which: str) -> str:
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object('id', gen_random_uuid(), {other}))).*"
        f" FROM {table} one, generate_series(1, 4000) nr WHERE one.id = {which}"
    )


_ALIKE = {
    "organisation": _alike(
        "organisation", "'name', 'Client ' || nr", "(SELECT customer_id FROM engagement WHERE id = %(id)s)"
    ),
    "engagement": _alike("engagement", "'number', 'ALIKE-' || nr", "%(id)s"),
}
#: and thirty of each of a hundred of those clients
_THIRTY_EACH = """
    INSERT INTO engagement SELECT (jsonb_populate_record(one, jsonb_build_object('id', gen_random_uuid(),
        'number', 'OF-' || right(client.name, 4) || '-' || nr, 'customer_id', client.id))).*
    FROM engagement one, organisation client, generate_series(1, 30) nr
    WHERE one.id = %(id)s AND client.name LIKE 'Client 10__'"""
#: and of four hundred, each one's as far from each other as they come
_THIRTY_OF_MOST = _THIRTY_EACH.replace("10__", "1___") + " AND client.name < 'Client 1400' ORDER BY random()"
_HALF_OF_THEM_PAST = "UPDATE engagement SET state = 'complete' WHERE right(number, 1) IN ('1', '3', '5', '7', '9')"
_CHARGES = """
    INSERT INTO charge_line (id, seller_id, partner_id, customer_id, is_test, description, service_month, booked_month,
        currency, gross_minor, due_minor, tax_minor, source_kind, source_id, created_at)
    SELECT gen_random_uuid(), seller_id, partner_id, customer_id, false, name, 202610, 202610,
        'EUR', 100, 90, 21, 'billing-entry', id, now()
    FROM engagement"""


def _plan(connection: Any, statement: str, parameters: Any, *, deep: bool = False) -> str:
    """`deep`: with what its subqueries do."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        if deep:
            return "\n".join(row.detail for row in rows)
        return _plans(connection, statement, parameters)[0]
    for setting in ("enable_seqscan", "enable_sort", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"):
        connection.exec_driver_sql(f"SET LOCAL {setting} = off")
    lines = connection.exec_driver_sql(f"EXPLAIN (COSTS off) {statement}", parameters).scalars().all()
    return "\n".join(line for line in lines if "SubPlan" not in line)


def _plans(connection: Any, statement: str, parameters: Any) -> list[str]:
    """Of what leads; on SQLite also of each page that is read as one text, which leads where nothing else is read."""
    if connection.dialect.name != "sqlite":
        return [_plan(connection, statement, parameters)]
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    texts = [row.id for row in rows if row.parent == 0 and "SCALAR SUBQUERY" in row.detail]
    found = ["\n".join(row.detail for row in _leading(rows, level)) for level in (0, *texts)]
    return found[1:] if found[0].startswith("SCAN CONSTANT ROW") else found


def _leading(rows: Any, level: int = 0) -> list[Any]:
    """What reads the rows: of a page that has more beside it, the subquery of the page, whose fifty are then put in order."""
    here = [row for row in rows if row.parent == level]
    inside = here and here[0].detail.startswith(("CO-ROUTINE", "MATERIALIZE"))
    return _leading(rows, here[0].id) if inside else here
