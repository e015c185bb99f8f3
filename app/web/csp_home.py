"""Home's two tiles for who resells: how the last discovery of each account went, and who is over budget."""

from typing import Any

from app.csp.customers.queries import today
from app.csp.dashboard import queries
from app.csp.permissions import VIEW_CUSTOMERS
from app.foundation.tenancy import Viewer
from app.web.csp_dashboard_page import standing_shown

#: accounts shown; the dashboard has the rest
SHOWN = 3


def tiles(viewer: Viewer) -> dict[str, Any]:
    """Nothing for who may not see CSP customers, or has no account."""
    accounts = queries.standings(limit=SHOWN) if viewer.may(VIEW_CUSTOMERS) else []
    if not accounts:
        return {}
    return {"csp": {"accounts": [standing_shown(one) for one in accounts], "budgets": queries.budgets(None, today())}}
