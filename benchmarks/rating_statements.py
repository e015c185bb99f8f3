"""The SQL of rating_limit.py, written once for both databases; `{...}` is what filled() puts in."""

import re

BANDS = 3
_HASH = "f" * 64

#: What the two databases spell differently.
SPELLED = {
    "sqlite": {
        "least": "min", "greatest": "max", "uuid": "CHAR(32)",
        "now": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
        "analyze": "SELECT min(id), max(id) FROM rated",
        "id": "printf('{prefix}%020x', {it})",
        "plain": "CASE WHEN {it} % 1000000 = 0 THEN {it} / 1000000 || ''"
                 " ELSE rtrim(printf('%d.%06d', {it} / 1000000, {it} % 1000000), '0') END",
        "cents": "printf('%d.%02d', {it} / 100, {it} % 100)",
    },
    "postgresql": {
        "least": "LEAST", "greatest": "GREATEST", "uuid": "uuid",
        "now": "clock_timestamp()",
        "analyze": "SELECT (array_agg(id ORDER BY id))[1], (array_agg(id ORDER BY id DESC))[1] FROM rated",
        "id": "('{prefix}' || lpad(to_hex({it}), 20, '0'))::uuid",
        "plain": "trim_scale({it} / 1000000.0)::text",
        "cents": "{it} / 100 || '.' || lpad(({it} % 100)::text, 2, '0')",
    },
}  # fmt: skip


def filled(statement: str, spelled: dict[str, str], prefix: str) -> str:
    """`{now}` and its like as the database spells them, `{id n}` and its like around what they name."""

    def put(found: re.Match[str]) -> str:
        name, _, of = found[1].partition(" ")
        if name == "cost":
            bands = (
                f"{spelled['greatest']}(0, {spelled['least']}({of}, high{n}) - low{n}) * price{n}" for n in range(BANDS)
            )
            return f"(({' + '.join(bands)} + 5000000000) / 10000000000)"
        if name == "percent":  # of an amount in minor units, half up; percents are kept in millionths
            return f"(({of} + 50000000) / 100000000)"
        return spelled[name].replace("{it}", of).replace("{prefix}", prefix)

    return re.sub(r"\{([a-z]+(?: [^{}]+)?)\}", put, statement)


_PRICE_COLUMNS = ["plan_id", "metric_id", "version_id", "unit"]
_BAND_COLUMNS = [f"{name}{n}" for n in range(BANDS) for name in ("low", "high", "price")]
PRICE_LIST = f"""CREATE TEMPORARY TABLE price (plan_id {{uuid}}, metric_id {{uuid}}, version_id {{uuid}}, unit TEXT,
    {", ".join(f"{name} BIGINT" for name in _BAND_COLUMNS)}, PRIMARY KEY (plan_id, metric_id))"""
PRICES = f"""INSERT INTO price ({", ".join(_PRICE_COLUMNS + _BAND_COLUMNS)})
    VALUES ({", ".join(f":{name}" for name in _PRICE_COLUMNS + _BAND_COLUMNS)})"""

RATED = """CREATE TEMPORARY TABLE rated AS
    WITH due AS (
        SELECT id, number, engagement_id, programme_id, metric_id, service_month, booked_month, quantity, currency, submitted_at,
            seller_id, partner_id, customer_id, is_test
        FROM billing_entry WHERE state = 'submitted' AND state IN ('submitted', 'in_review')
        ORDER BY submitted_at, id LIMIT :entries
    ), placed AS (
        SELECT due.*, engagement.number || ' ' || engagement.name AS engagement, engagement.plan_id,
            coalesce(rating_group.quantity, 0) + CAST(sum(due.quantity) OVER in_order AS BIGINT) AS after,
            coalesce(rating_group.entries, 0) + row_number() OVER in_order AS sequence,
            row_number() OVER (ORDER BY due.submitted_at, due.id) AS n
        FROM due JOIN engagement ON engagement.id = due.engagement_id
        LEFT JOIN rating_group ON rating_group.engagement_id = due.engagement_id AND rating_group.metric_id = due.metric_id
            AND rating_group.service_month = due.service_month
        WINDOW in_order AS (PARTITION BY due.engagement_id, due.metric_id, due.service_month ORDER BY due.submitted_at, due.id)
    ), priced AS (
        SELECT placed.*, price.version_id, price.unit, after - quantity AS before, {cost after} - {cost (after - quantity)} AS amount
        FROM placed JOIN price ON price.plan_id = placed.plan_id AND price.metric_id = placed.metric_id
    )
    SELECT priced.*, tax_percent,
        CASE remuneration WHEN 'revenue_share' THEN amount ELSE {percent amount * (100000000 + remuneration_percent)} END AS gross,
        CASE remuneration WHEN 'revenue_share' THEN {percent amount * remuneration_percent} ELSE amount END AS due
    FROM priced JOIN programme ON programme.id = priced.programme_id"""

ENTRIES = """UPDATE billing_entry SET state = 'rated', amount_minor = rated.amount, quantity_before = rated.before,
        quantity_after = rated.after, price_version_id = rated.version_id, rated_sequence = rated.sequence, rated_at = :at,
        rated_by_name = 'system', failure = NULL, version = version + 1
    FROM rated WHERE billing_entry.id = rated.id AND billing_entry.id BETWEEN :first AND :last
        AND billing_entry.state = 'submitted'"""

_GROUPS = """INSERT INTO rating_group (id, engagement_id, metric_id, service_month, quantity, amount_minor, entries, seller_id,
        partner_id, customer_id, is_test)
    SELECT {id min(n)}, engagement_id, metric_id, service_month, sum(quantity), sum(amount), count(*), seller_id, partner_id,
        customer_id, is_test
    FROM rated WHERE true GROUP BY engagement_id, metric_id, service_month, seller_id, partner_id, customer_id, is_test
    ON CONFLICT (engagement_id, metric_id, service_month) DO UPDATE SET quantity = rating_group.quantity + excluded.quantity,
        amount_minor = rating_group.amount_minor + excluded.amount_minor, entries = rating_group.entries + excluded.entries"""

_LINES = """INSERT INTO charge_line (id, programme_id, description, service_month, booked_month, currency, gross_minor, due_minor,
        tax_minor, source_kind, source_id, created_at, seller_id, partner_id, customer_id, is_test)
    SELECT {id n}, programme_id, engagement || ', ' || {plain quantity} || ' ' || unit, service_month, booked_month, currency,
        gross, due, {percent gross * tax_percent}, 'billing-entry', id, :at, seller_id, partner_id, customer_id, is_test
    FROM rated ORDER BY n"""

_MONTHS = """INSERT INTO charge_month (seller_id, booked_month, partner_id, customer_id, currency, is_test, gross_minor, due_minor,
        tax_minor, lines)
    SELECT seller_id, booked_month, partner_id, customer_id, currency, is_test, sum(gross), sum(due),
        sum({percent gross * tax_percent}), count(*)
    FROM rated WHERE true GROUP BY seller_id, booked_month, partner_id, customer_id, currency, is_test
    ON CONFLICT (seller_id, booked_month, partner_id, customer_id, currency, is_test) DO UPDATE SET
        gross_minor = charge_month.gross_minor + excluded.gross_minor, due_minor = charge_month.due_minor + excluded.due_minor,
        tax_minor = charge_month.tax_minor + excluded.tax_minor, lines = charge_month.lines + excluded.lines"""

_PROGRAMMES = """INSERT INTO programme_month (booked_month, programme_id, partner_id, seller_id, currency, is_test, gross_minor,
        due_minor, tax_minor, lines)
    SELECT booked_month, programme_id, partner_id, seller_id, currency, is_test, sum(gross), sum(due),
        sum({percent gross * tax_percent}), count(*)
    FROM rated WHERE true GROUP BY booked_month, programme_id, partner_id, seller_id, currency, is_test
    ON CONFLICT (booked_month, programme_id, partner_id, seller_id, currency, is_test) DO UPDATE SET
        gross_minor = programme_month.gross_minor + excluded.gross_minor,
        due_minor = programme_month.due_minor + excluded.due_minor,
        tax_minor = programme_month.tax_minor + excluded.tax_minor, lines = programme_month.lines + excluded.lines"""

_PLACE = "history_head.length + row_number() OVER (PARTITION BY engagement_id ORDER BY n)"
_IN_CHAINS = "FROM rated JOIN history_head ON subject_kind = 'engagement' AND subject_id = engagement_id ORDER BY n"
_FACTS = (
    """'{"after":"' || {plain after} || '","amount":"' || {cents amount} || ' ' || currency || '","before":"' || {plain before}"""
    """ || '","number":"' || rated.number || '"}'"""
)
_HISTORY = f"""INSERT INTO history (subject_kind, subject_id, sequence, event, at, by_label, from_state, to_state, about_id, facts,
        seller_id, partner_id, customer_id, previous_hash, hash)
    SELECT 'engagement', engagement_id, {_PLACE}, 'billing_rated', :at, 'system', 'submitted', 'rated', id, {_FACTS}, seller_id,
        partner_id, customer_id, '{_HASH}', '{_HASH}' {_IN_CHAINS}"""

_ANNOUNCEMENTS = f"""INSERT INTO announcement (id, subject_kind, subject_id, sequence, event, at)
    SELECT {{id n}}, 'engagement', engagement_id, {_PLACE}, 'billing_rated', :at {_IN_CHAINS}"""

_HEADS = f"""UPDATE history_head SET length = length + grown.events, hash = '{_HASH}'
    FROM (SELECT engagement_id, count(*) AS events FROM rated GROUP BY engagement_id) AS grown
    WHERE subject_kind = 'engagement' AND subject_id = grown.engagement_id"""

#: after the entries, in this order
OTHERS = (_GROUPS, _LINES, _MONTHS, _PROGRAMMES, _HISTORY, _ANNOUNCEMENTS, _HEADS)
