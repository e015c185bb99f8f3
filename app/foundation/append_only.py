"""Tables that only grow: the database itself refuses UPDATE and DELETE.

Written as SQL for both databases and put in place after every migration, because rebuilding a table on SQLite drops its
triggers. TRUNCATE stays possible for the owner of a PostgreSQL database, who could drop the trigger as well: the hash
chain is what makes that visible.
"""

from sqlalchemy import Connection, inspect, text

#: Tables that nobody changes once written; each is protected from the migration on that makes it.
APPEND_ONLY = (
    "history", "charge_line", "month_close", "month_close_total", "chain_mark",
    "csp_statement", "csp_statement_line", "csp_statement_share", "csp_statement_cost", "csp_statement_line_cost",
)  # fmt: skip


def protect(connection: Connection) -> None:
    """Create the triggers that are missing. Safe to run again."""
    present = set(inspect(connection).get_table_names())
    for table in APPEND_ONLY:
        if table in present:
            for statement in _statements(table, connection.dialect.name):
                connection.execute(text(statement))


def guarded(dialect: str) -> list[str]:
    """The same for a script that runs where nobody can look first which tables there are. PostgreSQL alone takes such scripts."""
    if dialect != "postgresql":
        return []
    function, _trigger = _statements(APPEND_ONLY[0], dialect)
    triggers = "; ".join(
        f"IF to_regclass('{table}') IS NOT NULL THEN {_statements(table, dialect)[1]}; END IF" for table in APPEND_ONLY
    )
    return [function, f"DO $triggers$ BEGIN {triggers}; END $triggers$"]


def _statements(table: str, dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [
            f"""CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table}
                BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
            for verb in ("UPDATE", "DELETE")
        ]
    return [
        """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$""",
        f"""CREATE OR REPLACE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
    ]


def unprotected(connection: Connection) -> list[str]:
    """The tables whose triggers are not there, or on PostgreSQL are switched off."""
    if connection.dialect.name == "sqlite":
        wanted = {table: {f"{table}_no_update", f"{table}_no_delete"} for table in APPEND_ONLY}
        found = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")))
    else:
        wanted = {table: {f"{table}_append_only"} for table in APPEND_ONLY}
        found = set(
            connection.scalars(text("SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') AND NOT tgisinternal"))
        )
    return [table for table, triggers in wanted.items() if not triggers <= found]
