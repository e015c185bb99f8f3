"""`flask check all` is green on a database that was lived in, and red after each thing an attacker with SQL might do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.billing import actions as billing
from app.engagements import actions as engagements
from app.foundation import append_only, clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import viewing
from app.jobs import engine
from app.members import invitations
from tests.databases import Restorer
from tests.makers import (
    as_customer,
    as_partner,
    ask_correction,
    close_month,
    correct,
    make_engagement,
    make_entry,
    make_member,
    make_organisation,
    make_product,
    make_programme,
)


@pytest.fixture
def lived_in(app: Flask, restore_database: Restorer) -> Flask:
    restore_database.lived("books", lambda: keep_books(app))
    return app


def keep_books(app: Flask) -> None:
    """Engagements in every state; entries rated in three price models, in review, withdrawn, waiting, corrected; a closed month."""
    with app.app_context():
        partner, acme = make_organisation("Northbridge", partner=True), make_organisation("Acme", customer=True)
        programme = make_programme(tax_percent=Decimal(19), review_threshold_minor=100_000)
        marked_up = make_programme("Marked up", remuneration="net_plus_mark_up", remuneration_percent=Decimal(25))
        hours = make_product(programme, partner, name="Hours", bands=[(None, "150.00")])
        tiers = make_product(marked_up, partner, name="Tiers", model="simple", bands=[("10", "1.00"), (None, "0.90")])
        for state in ("pending", "rejected", "withdrawn", "complete", "deleted", "completion_requested"):
            make_engagement(hours, acme, state=state)
        last_month = BillingMonth.at(clock.now()).previous
        rescue, archive = make_engagement(hours, acme, name="Rescue"), make_engagement(tiers, acme, name="Archive")
        _first, billed, doubted = (
            make_entry(rescue, quantity, month=last_month, at=last_month.starts_at + timedelta(days=20), rated=True)
            for quantity in ("1.5", "2.25", "0.75")
        )
        for quantity in ("8", "3", "0.5"):  # the second takes the month into the cheaper band
            make_entry(archive, quantity, rated=True)
        make_entry(rescue, "20", rated=True)  # 3,000.00 is looked at
        make_entry(rescue, "1")
        with viewing(as_partner(partner)) as ada:
            billing.withdraw(make_entry(rescue, "7"), by=ada)
        with viewing(as_partner(partner, member=make_member(partner, "ada@northbridge.example"))) as ada:
            for email in ("nia@northbridge.example", "leo@northbridge.example"):
                waiting = invitations.invite(email, [], by=ada)
            invitations.withdraw(waiting.id, by=ada)
        with viewing(as_customer(acme)) as dot:
            engagements.request_completion(archive, wish="Done", by=dot)
            engagements.withdraw_completion_request(archive, by=dot)
        engine.run_once(app, "freeze_months")
        with clock.pinned(last_month.next.starts_at + timedelta(days=2, seconds=1)):
            engine.run_once(app, "freeze_months")
        close_month(last_month)
        correct(billed, "2")
        ask_correction(doubted, "1.25")
        db.session.remove()


def check(app: Flask, what: str = "all") -> tuple[int, str]:
    told = app.test_cli_runner().invoke(args=["check", what])
    assert told.exception is None or isinstance(told.exception, SystemExit), told.output
    return told.exit_code, told.output


@contextmanager
def attacking(app: Flask) -> Iterator[Connection]:
    """A connection of somebody who may do everything to the database and takes care to leave its triggers as they were."""
    with app.app_context(), db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection
            return
        for trigger in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        yield connection
        append_only.protect(connection)


def test_green_when_nobody_interfered(lived_in: Flask) -> None:
    assert engine.run_once(lived_in, "check_history").failed == 0
    code, output = check(lived_in)
    assert code == 0, output
    assert "WRONG" not in output
    assert len(output.splitlines()) >= 11
    assert "(0 checked)" not in output.replace("no source is charged twice (0 checked)", "")
    assert check(lived_in, "history")[0] == 0


ENTRY = "(SELECT min(number) FROM billing_entry WHERE state = 'rated')"
THE_ENTRY = f"number = {ENTRY}"
THE_LINE = f"source_id = (SELECT id FROM billing_entry WHERE number = {ENTRY})"
THE_GROUP = (
    f"engagement_id = (SELECT engagement_id FROM billing_entry WHERE number = {ENTRY})"
    f" AND service_month = (SELECT service_month FROM billing_entry WHERE number = {ENTRY})"
)
COMPLETE = "(SELECT id FROM engagement WHERE state = 'complete')"
WHOLE_HISTORY = [f"DELETE FROM history WHERE subject_id = {COMPLETE}"]
WHOLE_HISTORY_AND_HEAD = [*WHOLE_HISTORY, f"DELETE FROM history_head WHERE subject_id = {COMPLETE}"]
TAIL = [
    f"DELETE FROM history WHERE subject_id = {COMPLETE}"
    f" AND sequence = (SELECT length FROM history_head WHERE subject_id = {COMPLETE})"
]
TAIL_AND_HEAD = [
    "UPDATE history_head SET length = length - 1, hash = (SELECT previous_hash FROM history"
    " WHERE history.subject_id = history_head.subject_id AND history.sequence = history_head.length)"
    f" WHERE subject_id = {COMPLETE}",
    f"DELETE FROM history WHERE subject_id = {COMPLETE}"
    f" AND sequence > (SELECT length FROM history_head WHERE subject_id = {COMPLETE})",
]
AMOUNT_EVERYWHERE = [
    f"UPDATE charge_line SET gross_minor = gross_minor + 10000, due_minor = due_minor + 8000, tax_minor = tax_minor + 1900 WHERE {THE_LINE}",
    f"UPDATE rating_group SET amount_minor = amount_minor + 10000 WHERE {THE_GROUP}",
    f"UPDATE billing_entry SET amount_minor = amount_minor + 10000 WHERE {THE_ENTRY}",
]
#: the entries of the hourly product that come to more than 100.00, doubled with their price
PRICE_AND_ALL_THAT_FOLLOWS = [
    """UPDATE metric_price SET bands = '[{"up_to": null, "price": "300.00"}]' WHERE model = 'per_unit'""",
    "UPDATE charge_line SET gross_minor = 2 * gross_minor, due_minor = 2 * due_minor, tax_minor = 2 * tax_minor WHERE tax_minor > 0",
    "UPDATE rating_group SET amount_minor = 2 * amount_minor WHERE amount_minor > 10000",
    "UPDATE billing_entry SET amount_minor = 2 * amount_minor WHERE amount_minor > 10000",
]

REVERSAL = "(SELECT id FROM billing_entry WHERE kind = 'reversal')"
#: the month's amount less by a euro in the entry, its group, its line and the correction itself
REVERSAL_EVERYWHERE = [
    "UPDATE rating_group SET amount_minor = amount_minor - 100 WHERE service_month = (SELECT service_month FROM billing_entry WHERE kind = 'reversal')",
    f"UPDATE charge_line SET gross_minor = gross_minor - 100, due_minor = due_minor - 80, tax_minor = tax_minor - 19 WHERE source_id = {REVERSAL}",
    "UPDATE billing_entry SET amount_minor = amount_minor - 100 WHERE kind = 'reversal'",
    "UPDATE correction SET reversal_minor = reversal_minor - 100 WHERE state = 'approved'",
]
INTO_THE_CLOSED_MONTH = [
    f"UPDATE charge_line SET booked_month = service_month WHERE source_id = {REVERSAL}",
    "UPDATE billing_entry SET booked_month = service_month WHERE kind = 'reversal'",
]
#: another event's hash in its place all along the chain, so that each follows from the one before it
ANOTHER = "(CASE WHEN {hash} LIKE 'f%' THEN '0' ELSE 'f' END) || substr({hash}, 2)"
FORGED = [
    f"UPDATE history_head SET hash = {ANOTHER.format(hash='hash')} WHERE subject_id = {COMPLETE}",
    f"UPDATE history SET hash = {ANOTHER.format(hash='hash')} WHERE subject_id = {COMPLETE}",
    f"UPDATE history SET previous_hash = {ANOTHER.format(hash='previous_hash')} WHERE subject_id = {COMPLETE} AND sequence > 1",
]

ALTERED = {
    "an amount": ([f"UPDATE billing_entry SET amount_minor = amount_minor + 1 WHERE {THE_ENTRY}"], "rated amounts follow"),
    "an amount, everywhere": (AMOUNT_EVERYWHERE, "rated amounts follow"),
    "a price and all that follows": (PRICE_AND_ALL_THAT_FOLLOWS, "billing entries are as history says"),
    "a price list that is none": (["UPDATE metric_price SET model = 'nonsense' WHERE model = 'per_unit'"], "rated amounts follow"),
    "a currency that is none": ([f"UPDATE billing_entry SET currency = 'ZZZ' WHERE {THE_ENTRY}"], "rated amounts follow"),
    "a quantity": ([f"UPDATE billing_entry SET quantity = quantity + 1000000 WHERE {THE_ENTRY}"], "rated amounts follow"),
    "a quantity reached": ([f"UPDATE billing_entry SET quantity_before = 1000000 WHERE {THE_ENTRY}"], "rated entries make up their month"),
    "an entry's state": (["UPDATE billing_entry SET state = 'rejected' WHERE state = 'in_review'"], "billing entries are as history says"),
    "a waiting entry put away": (["UPDATE billing_entry SET state = 'withdrawn' WHERE state = 'submitted'"], "billing entries are as history says"),
    "an entry gone": ([f"DELETE FROM billing_entry WHERE {THE_ENTRY}"], "each charge line of billing has its rated entry"),
    "a line's gross": ([f"UPDATE charge_line SET gross_minor = gross_minor + 1 WHERE {THE_LINE}"], "each rated entry has the charge line"),
    "a line's due": ([f"UPDATE charge_line SET due_minor = due_minor + 1 WHERE {THE_LINE}"], "each rated entry has the charge line"),
    "a line's due beyond its gross": ([f"UPDATE charge_line SET due_minor = gross_minor + 1 WHERE {THE_LINE}"], "amounts of a charge line"),
    "a line's tax": ([f"UPDATE charge_line SET tax_minor = 0 WHERE {THE_LINE}"], "each rated entry has the charge line"),
    "a line's customer": ([f"UPDATE charge_line SET customer_id = partner_id WHERE {THE_LINE}"], "each rated entry has the charge line"),
    "a line's month": ([f"UPDATE charge_line SET booked_month = booked_month + 1 WHERE {THE_LINE}"], "each rated entry has the charge line"),
    "a line gone": ([f"DELETE FROM charge_line WHERE {THE_LINE}"], "each rated entry has the charge line"),
    "a group's amount": ([f"UPDATE rating_group SET amount_minor = amount_minor - 1 WHERE {THE_GROUP}"], "rated entries make up their month"),
    "a group's quantity": ([f"UPDATE rating_group SET quantity = 0 WHERE {THE_GROUP}"], "rated entries make up their month"),
    "a group gone": ([f"DELETE FROM rating_group WHERE {THE_GROUP}"], "rated entries make up their month"),
    "an engagement's state": (["UPDATE engagement SET state = 'active' WHERE state = 'complete'"], "engagements are in the state"),
    "a completion request": (["UPDATE completion_request SET state = 'withdrawn' WHERE state = 'open'"], "a completion request is open"),
    "a reversal's amount, everywhere": (REVERSAL_EVERYWHERE, "corrections are as history says"),
    "a rebill's amount": (["UPDATE billing_entry SET amount_minor = amount_minor + 1 WHERE kind = 'rebill'"], "rated amounts follow"),
    "a correction's amount": (["UPDATE correction SET rebill_minor = rebill_minor - 100 WHERE state = 'approved'"], "corrections are as history says"),
    "a correction's state": (["UPDATE correction SET state = 'rejected' WHERE state = 'approved'"], "each reversal and each rebill has its approved"),
    "a correction put away": (["UPDATE correction SET state = 'withdrawn' WHERE state = 'requested'"], "corrections are as history says"),
    "a reversal's tax": ([f"UPDATE charge_line SET tax_minor = 0 WHERE source_id = {REVERSAL}"], "each rated entry has the charge line"),
    "a reversal gone with its line": ([f"DELETE FROM charge_line WHERE source_id = {REVERSAL}", "DELETE FROM billing_entry WHERE kind = 'reversal'"], "corrections are as history says"),
    "a reversal put into the closed month": (INTO_THE_CLOSED_MONTH, "a closed month's charge lines"),
    "a stored total": (["UPDATE month_close_total SET due_minor = due_minor + 1"], "a closed month's charge lines"),
    "a stored total gone": (["DELETE FROM month_close_total"], "a closed month's charge lines"),
    "a close gone": (["DELETE FROM month_close_total", "DELETE FROM month_close"], "months are as their history says"),
    "a root": (["UPDATE month_close SET root_hash = replace(root_hash, substr(root_hash, 1, 4), '0bad')"], "each close's root hash"),
    "a mark gone": ([f"DELETE FROM chain_mark WHERE subject_id = {COMPLETE}"], "each close's root hash"),
    "a mark": ([f"UPDATE chain_mark SET length = length - 1 WHERE subject_id = {COMPLETE}"], "each close's root hash"),
    "the tail of a chain and its mark, seen by a close": (TAIL_AND_HEAD, "history still holds every event that a close"),
    "a whole history and its mark, seen by a close": (WHOLE_HISTORY_AND_HEAD, "history still holds every event that a close"),
    "a chain forged whole, seen by a close": (FORGED, "history still holds every event that a close"),
    "a month reopened": (["UPDATE month SET state = 'open', frozen_at = NULL WHERE state = 'frozen'"], "months are as their history says"),
    "a fact of history": (["UPDATE history SET facts = replace(facts, '225.00', '252.00') WHERE event = 'billing_rated'"], "history chains verify"),
    "an actor of history": (["UPDATE history SET by_label = 'system' WHERE event = 'marked_complete'"], "history chains verify"),
    "an instant of history": ([f"UPDATE history SET at = (SELECT min(created_at) FROM organisation) WHERE subject_id = {COMPLETE}"], "history chains verify"),
    "an event in the middle": ([f"DELETE FROM history WHERE subject_id = {COMPLETE} AND sequence = 2"], "history chains verify"),
    "the tail of a chain": (TAIL, "history chains verify"),
    "the tail of a chain and its mark": (TAIL_AND_HEAD, "engagements are in the state"),
    "a whole history": (WHOLE_HISTORY, "history chains verify"),
    "a whole history and its mark": (WHOLE_HISTORY_AND_HEAD, "engagements are in the state"),
}  # fmt: skip


@pytest.mark.parametrize("what", ALTERED)
def test_red_when_altered(lived_in: Flask, what: str) -> None:
    statements, claim = ALTERED[what]
    with attacking(lived_in) as connection:
        for statement in statements:
            assert connection.execute(text(statement)).rowcount > 0, statement
    code, output = check(lived_in)
    red = [line for line in output.splitlines() if line.startswith("WRONG")]
    assert code == 1
    assert any(claim in line for line in red), output
    assert "tables that only grow" not in "".join(red)
    if claim == "history chains verify":
        assert check(lived_in, "history")[0] == 1


@pytest.mark.parametrize("table", append_only.APPEND_ONLY)
def test_red_when_the_protection_is_gone(lived_in: Flask, table: str) -> None:
    with lived_in.app_context(), db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only"))
        else:
            connection.execute(text(f"DROP TRIGGER {table}_no_update"))
    code, output = check(lived_in)
    if lived_in.config["SQLALCHEMY_DATABASE_URI"].startswith("postgresql"):
        with lived_in.app_context(), db.engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER {table}_append_only"))
    assert code == 1
    assert f"{table}: the trigger that refuses changes is missing" in output
