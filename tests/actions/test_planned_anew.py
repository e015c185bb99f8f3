"""On PostgreSQL a kept statement is prepared once it was asked often, but not where its values decide how it is read."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import String, bindparam, select, text

from app.engagements import states
from app.engagements.queries import engagements_asked
from app.foundation.database import db
from app.foundation.identity import new_id
from app.foundation.kept_statements import PLANNED_ANEW, columns_of
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation


@pytest.mark.postgres
@pytest.mark.parametrize("anew", [False, True])
def test_it_is_prepared_unless_it_is_planned_anew(app: Flask, anew: bool) -> None:
    name = bindparam("name", type_=String())
    found = select(Organisation.id.label(f"asked_{anew}")).where(Organisation.name == name)
    statement = found.execution_options(**{PLANNED_ANEW: anew})
    with app.app_context(), acting_for_all("a test asks"):
        for _ in range(8):
            assert columns_of(statement, {"name": "nobody"}) == []
        prepared = f"SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%asked_{anew}%'"  # nobody else's
        assert bool(db.session.scalar(text(prepared))) is not anew
        db.session.remove()


def test_a_clients_engagements_in_one_state_are(app: Flask) -> None:
    row_id = new_id()
    with app.app_context():
        cases: list[tuple[dict[str, Any], bool]] = [
            ({"customer_id": row_id, "states_wanted": [states.PENDING]}, True),
            ({"customer_id": row_id, "states_wanted": states.CURRENT}, db.engine.dialect.name == "sqlite"),
            ({"product_id": row_id, "states_wanted": [states.PENDING]}, False),
        ]
        for asked, anew in cases:
            found, _values = engagements_asked(**asked)
            assert found.get_execution_options().get(PLANNED_ANEW, False) is anew
