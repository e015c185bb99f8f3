"""Saved views of lists; what searches compare is kept folded beside each name."""

import sys
import unicodedata
from functools import cache, reduce

import sqlalchemy as sa
from alembic import context, op

revision = "b1770f0c5a12"
down_revision = "b1770f0c5a11"
branch_labels = None
depends_on = None

#: table -> (column, its width, what it is made of)
FOLDED = {
    "organisation": ("search_name", 400, ("name",)),
    "product": ("search_name", 300, ("name",)),
    "engagement": ("search_text", 300, ("number", "name")),
}
PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})
BATCH = 1000


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.String(length=1000), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_saved_view_member_id_member")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_saved_view_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint(
            "member_id",
            "organisation_id",
            "path",
            "name",
            name=op.f("uq_saved_view_member_id_organisation_id_path_name"),
        ),
    )
    for table, (column, width, parts) in FOLDED.items():
        op.add_column(table, sa.Column(column, sa.String(length=width), server_default="", nullable=False))
        if context.is_offline_mode():  # no rows to read: one statement that comes to the same
            rows = sa.table(table, sa.column(column), *(sa.column(part) for part in parts))
            said = reduce(lambda left, right: left + " " + right, (rows.c[part] for part in parts))
            op.execute(sa.update(rows).values({column: sa.func.left(folded_in_sql(said), width)}))
        else:
            fill(table, column, width, parts)


def fill(table: str, column: str, width: int, parts: tuple[str, ...]) -> None:
    """Row by row in batches, in the order of ids, so that memory stays flat however many there are."""
    connection = op.get_bind()
    rows = sa.table(table, sa.column("id", sa.Uuid()), sa.column(column), *(sa.column(part) for part in parts))
    write = sa.update(rows).where(rows.c.id == sa.bindparam("row_id")).values({column: sa.bindparam("text")})
    last = None
    while True:
        some = sa.select(rows.c.id, *(rows.c[part] for part in parts)).order_by(rows.c.id).limit(BATCH)
        found = connection.execute(some if last is None else some.where(rows.c.id > last)).all()
        if not found:
            return
        connection.execute(write, [{"row_id": row.id, "text": folded(" ".join(row[1:]))[:width]} for row in found])
        last = found[-1].id


def folded(text: str) -> str:
    return " ".join(bare(unicodedata.normalize("NFKD", text)).split())


def bare(apart: str) -> str:
    return "".join(
        c for c in unicodedata.normalize("NFKD", apart.casefold()) if not unicodedata.combining(c)
    ).translate(PLAIN)


def folded_in_sql(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """What folded() makes of a text, by PostgreSQL alone, whatever its locale takes for a small letter."""
    becomes, spaces = signs()
    one = {sign: plain for sign, plain in becomes.items() if len(plain) == 1}
    marks = "".join(sign for sign, plain in becomes.items() if not plain)
    found = sa.func.normalize(text, sa.literal_column("NFKD"))
    for sign, plain in becomes.items():
        if len(plain) > 1:
            found = sa.func.replace(found, sign, plain)
    found = sa.func.translate(found, "".join(one) + marks, "".join(one.values()))
    return sa.func.regexp_replace(sa.func.btrim(found, spaces), f"[{spaces}]+", " ", "g")


@cache
def signs() -> tuple[dict[str, str], str]:
    """What becomes of each sign that cannot be taken apart, where it changes, and all that parts words.

    Some nine hundred letters have a small one, a few become two, and as many marks go.
    """
    every = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    becomes = {sign: bare(sign) for sign in every if unicodedata.normalize("NFKD", sign) == sign}
    changed = {sign: plain for sign, plain in becomes.items() if plain != sign}
    return changed, "".join(sign for sign in every if sign.isspace())


def downgrade() -> None:
    for table, (column, _width, _parts) in FOLDED.items():
        op.drop_column(table, column)
    op.drop_table("saved_view")
