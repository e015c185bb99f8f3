"""Saved views of lists; what searches compare is kept folded beside each name."""

import sys
import unicodedata
from functools import reduce

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
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    return " ".join(bare.translate(PLAIN).split())


def folded_in_sql(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """What folded() makes of a text, by PostgreSQL alone, whatever its locale takes for a small letter.

    Case is folded letter by letter: of letters that cannot be taken apart, 983 change, and two of them into two letters.
    """
    form = sa.literal_column("NFKD")
    signs = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    marks = "".join(sign for sign in signs if unicodedata.combining(sign))
    large = [sign for sign in signs if sign.casefold() != sign and unicodedata.normalize("NFKD", sign) == sign]
    one_to_one = [sign for sign in large if len(sign.casefold()) == 1] + [sign for sign in map(chr, PLAIN) if len(PLAIN[ord(sign)]) == 1]
    small = "".join(PLAIN.get(ord(sign.casefold()), sign.casefold()) if len(PLAIN.get(ord(sign.casefold()), "x")) == 1 else sign.casefold() for sign in one_to_one)
    found = sa.func.normalize(text, form)
    for sign in large:
        if len(sign.casefold()) > 1:
            found = sa.func.replace(found, sign, sign.casefold())
    found = sa.func.translate(sa.func.normalize(found, form), "".join(one_to_one) + marks, small)
    for code, plain in PLAIN.items():
        if len(plain) > 1:
            found = sa.func.replace(found, chr(code), plain)
    spaces = "".join(sign for sign in signs if sign.isspace())
    return sa.func.regexp_replace(sa.func.btrim(found, spaces), f"[{spaces}]+", " ", "g")


def downgrade() -> None:
    for table, (column, _width, _parts) in FOLDED.items():
        op.drop_column(table, column)
    op.drop_table("saved_view")
