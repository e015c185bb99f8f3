"""The limit of rating: a few set-based SQL statements that write the rows which the portal's job writes, in one transaction.

They know one month's prices of plans per unit or graduated with up to three bands, in a currency of two decimals, whole charge
units and amounts above zero: what rating_ground.py fills in. Amounts, quantities, sequences, charge lines, sums of groups and
months, events with their facts, and announcements are the job's, to the minor unit; only ids and hashes are made up, in order
and of the same length. No tenant is asked, no rule says no, and no chain is hashed.
"""

import time
from typing import Any

from sqlalchemy import Connection, text

from app.catalog.model import Plan
from app.catalog.queries import prices_of_plans
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.exact import to_scaled

#: beyond every quantity, in millionths
NO_END = 10**17
BANDS = 3
_HASH = "f" * 64

#: What the two databases spell differently.
SPELLED = {
    "sqlite": {
        "least": "min", "greatest": "max", "uuid": "CHAR(32)", "instant": "TEXT", "as_bool": "{}",
        "id": "printf('{prefix}%020x', {n})",
        "plain": "CASE WHEN {q} % 1000000 = 0 THEN {q} / 1000000 || ''"
                 " ELSE rtrim(printf('%d.%06d', {q} / 1000000, {q} % 1000000), '0') END",
        "amount": "printf('%d.%02d ', {a} / 100, {a} % 100)",
    },
    "postgresql": {
        "least": "LEAST", "greatest": "GREATEST", "uuid": "uuid", "instant": "timestamptz", "as_bool": "{}",
        "id": "('{prefix}' || lpad(to_hex({n}), 20, '0'))::uuid",
        "plain": "trim_scale({q} / 1000000.0)::text",
        "amount": "{a} / 100 || '.' || lpad(({a} % 100)::text, 2, '0') || ' '",
    },
}  # fmt: skip


class Limit:
    """One connection, which rates so many entries a call."""

    def __init__(self, month: BillingMonth) -> None:
        self.dialect = db.engine.dialect.name
        self.connection = db.engine.connect()
        with self.connection.begin():
            self._price_list(month)

    def rate(self, entries: int) -> int:
        """The next entries in order of submission, all in one transaction; returns how many there were."""
        with self.connection.begin():
            return _rate(self.connection, self.dialect, entries)

    def _price_list(self, month: BillingMonth) -> None:
        spelled = SPELLED[self.dialect]
        bands = ", ".join(f"low{n} BIGINT, high{n} BIGINT, price{n} BIGINT" for n in range(BANDS))
        self.connection.execute(
            text(
                f"CREATE TEMPORARY TABLE price (plan_id {spelled['uuid']}, metric_id {spelled['uuid']}, version_id {spelled['uuid']},"
                f" unit TEXT, {bands}, PRIMARY KEY (plan_id, metric_id))"
            )
        )
        columns = ["plan_id", "metric_id", "version_id", "unit"]
        columns += [f"{name}{n}" for n in range(BANDS) for name in ("low", "high", "price")]
        insert = text(f"INSERT INTO price ({', '.join(columns)}) VALUES ({', '.join(':' + name for name in columns)})")
        rows = prices(month)
        if self.dialect == "sqlite":
            rows = [{name: getattr(value, "hex", value) for name, value in row.items()} for row in rows]
        self.connection.execute(insert, rows)


def prices(month: BillingMonth) -> list[dict[str, Any]]:
    found = []
    for plan_id, its in prices_of_plans(db.session.scalars(db.select(Plan.id))).items():
        for priced in its.in_month(month):
            tariff = priced.tariff
            if tariff is None or tariff.model not in ("per_unit", "graduated") or tariff.charge_unit != 1:
                continue
            row = {"plan_id": plan_id, "metric_id": priced.metric.id, "version_id": priced.version.id}  # type: ignore[union-attr]
            row |= {"unit": priced.metric.unit}
            low = 0
            for n in range(BANDS):
                band = tariff.bands[n] if n < len(tariff.bands) else None
                high = to_scaled(band.up_to) if band and band.up_to is not None else NO_END
                row |= {f"low{n}": low, f"high{n}": high, f"price{n}": to_scaled(band.price) if band else 0}
                low = high
            found.append(row)
    return found


def _rate(connection: Connection, dialect: str, entries: int) -> int:
    spelled = SPELLED[dialect]
    prefix = f"{time.time_ns() // 1_000_000:012x}"

    def new_id(n: str) -> str:
        return spelled["id"].format(prefix=prefix, n=n)

    def half_up(value: str, by: int) -> str:
        return f"(({value} + {by // 2}) / {by})"

    def cost(q: str) -> str:
        least, greatest = spelled["least"], spelled["greatest"]
        bands = (f"{greatest}(0, {least}({q}, high{n}) - low{n}) * price{n}" for n in range(BANDS))
        return half_up(" + ".join(bands), 10**10)

    group = "engagement_id = due.engagement_id AND {0}.metric_id = due.metric_id AND {0}.service_month = due.service_month"
    now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')" if dialect == "sqlite" else "clock_timestamp()"
    at = connection.scalar(text(f"SELECT {now}"))

    def run(sql: str, **values: Any) -> int:
        return connection.execute(text(sql), values).rowcount

    run("DROP TABLE IF EXISTS rated")
    run(
        f"""CREATE TEMPORARY TABLE rated AS
        WITH due AS (
            SELECT id, number, engagement_id, programme_id, metric_id, service_month, booked_month, quantity, currency, submitted_at,
                   seller_id, partner_id, customer_id, is_test
            FROM billing_entry WHERE state = 'submitted' AND state IN ('submitted', 'in_review')
            ORDER BY submitted_at, id LIMIT {entries}
        ), placed AS (
            SELECT due.*, engagement.number || ' ' || engagement.name AS engagement, engagement.plan_id,
                   coalesce(rating_group.quantity, 0) + CAST(sum(due.quantity) OVER in_order AS BIGINT) AS after,
                   coalesce(rating_group.entries, 0) + row_number() OVER in_order AS sequence,
                   row_number() OVER (ORDER BY due.submitted_at, due.id) AS n
            FROM due JOIN engagement ON engagement.id = due.engagement_id
            LEFT JOIN rating_group ON rating_group.{group.format("rating_group")}
            WINDOW in_order AS (PARTITION BY due.engagement_id, due.metric_id, due.service_month ORDER BY due.submitted_at, due.id)
        ), priced AS (
            SELECT placed.*, price.version_id, price.unit, after - quantity AS before,
                   {cost("after")} - {cost("(after - quantity)")} AS amount
            FROM placed JOIN price ON price.plan_id = placed.plan_id AND price.metric_id = placed.metric_id
        )
        SELECT priced.*,
               CASE remuneration WHEN 'revenue_share' THEN amount ELSE {half_up("amount * (100000000 + remuneration_percent)", 10**8)}
               END AS gross,
               CASE remuneration WHEN 'revenue_share' THEN {half_up("amount * remuneration_percent", 10**8)} ELSE amount END AS due,
               tax_percent
        FROM priced JOIN programme ON programme.id = priced.programme_id"""
    )
    if dialect == "postgresql":
        run("ANALYZE rated")
    first, last = connection.execute(text(_ENDS[dialect])).one()
    taken = run(
        """UPDATE billing_entry SET state = 'rated', amount_minor = rated.amount, quantity_before = rated.before,
            quantity_after = rated.after, price_version_id = rated.version_id, rated_sequence = rated.sequence, rated_at = :at,
            rated_by_name = 'system', failure = NULL, version = version + 1
        FROM rated WHERE billing_entry.id = rated.id AND billing_entry.id BETWEEN :first AND :last
            AND billing_entry.state = 'submitted'""",
        at=at, first=first, last=last,
    )  # fmt: skip
    run(
        f"""INSERT INTO rating_group (id, engagement_id, metric_id, service_month, quantity, amount_minor, entries, seller_id,
            partner_id, customer_id, is_test)
        SELECT {new_id("min(n)")}, engagement_id, metric_id, service_month, sum(quantity), sum(amount), count(*), seller_id,
            partner_id, customer_id, is_test
        FROM rated WHERE true GROUP BY engagement_id, metric_id, service_month, seller_id, partner_id, customer_id, is_test
        ON CONFLICT (engagement_id, metric_id, service_month) DO UPDATE SET quantity = rating_group.quantity + excluded.quantity,
            amount_minor = rating_group.amount_minor + excluded.amount_minor, entries = rating_group.entries + excluded.entries"""
    )
    plain = {name: spelled["plain"].format(q=name) for name in ("quantity", "before", "after")}
    run(
        f"""INSERT INTO charge_line (id, programme_id, description, service_month, booked_month, currency, gross_minor, due_minor,
            tax_minor, source_kind, source_id, created_at, seller_id, partner_id, customer_id, is_test)
        SELECT {new_id("n")}, programme_id, engagement || ', ' || {plain["quantity"]} || ' ' || unit, service_month, booked_month,
            currency, gross, due, {half_up("gross * tax_percent", 10**8)}, 'billing-entry', id, :at, seller_id, partner_id,
            customer_id, is_test
        FROM rated ORDER BY n""",
        at=at,
    )
    run(
        f"""INSERT INTO charge_month (seller_id, booked_month, partner_id, customer_id, currency, is_test, gross_minor, due_minor,
            tax_minor, lines)
        SELECT seller_id, booked_month, partner_id, customer_id, currency, is_test, sum(gross), sum(due),
            sum({half_up("gross * tax_percent", 10**8)}), count(*)
        FROM rated WHERE true GROUP BY seller_id, booked_month, partner_id, customer_id, currency, is_test
        ON CONFLICT (seller_id, booked_month, partner_id, customer_id, currency, is_test) DO UPDATE SET
            gross_minor = charge_month.gross_minor + excluded.gross_minor, due_minor = charge_month.due_minor + excluded.due_minor,
            tax_minor = charge_month.tax_minor + excluded.tax_minor, lines = charge_month.lines + excluded.lines"""
    )
    facts = (
        f"""'{{"after":"' || {plain["after"]} || '","amount":"' || {spelled["amount"].format(a="amount")} || currency"""
        f""" || '","before":"' || {plain["before"]} || '","number":"' || rated.number || '"}}'"""
    )
    run(
        f"""INSERT INTO history (subject_kind, subject_id, sequence, event, at, by_label, from_state, to_state, about_id, facts,
            seller_id, partner_id, customer_id, previous_hash, hash)
        SELECT 'engagement', engagement_id, history_head.length + row_number() OVER (PARTITION BY engagement_id ORDER BY n),
            'billing_rated', :at, 'system', 'submitted', 'rated', id, {facts}, seller_id, partner_id, customer_id, '{_HASH}', '{_HASH}'
        FROM rated JOIN history_head ON subject_kind = 'engagement' AND subject_id = engagement_id ORDER BY n""",
        at=at,
    )
    run(
        f"""INSERT INTO announcement (id, subject_kind, subject_id, sequence, event, at)
        SELECT {new_id("n")}, 'engagement', engagement_id,
            history_head.length + row_number() OVER (PARTITION BY engagement_id ORDER BY n), 'billing_rated', :at
        FROM rated JOIN history_head ON subject_kind = 'engagement' AND subject_id = engagement_id ORDER BY n""",
        at=at,
    )
    run(
        f"""UPDATE history_head SET length = length + grown.events, hash = '{_HASH}'
        FROM (SELECT engagement_id, count(*) AS events FROM rated GROUP BY engagement_id) AS grown
        WHERE subject_kind = 'engagement' AND subject_id = grown.engagement_id"""
    )
    return taken


_ENDS = {
    "sqlite": "SELECT min(id), max(id) FROM rated",
    "postgresql": "SELECT (array_agg(id ORDER BY id))[1], (array_agg(id ORDER BY id DESC))[1] FROM rated",
}
