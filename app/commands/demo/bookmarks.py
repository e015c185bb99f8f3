"""Views that the demo's people keep of their lists."""

from app.commands.demo.people import Cast
from app.foundation.saved_views import save_view
from app.foundation.tenancy import viewing

#: (who, list, its filters, name)
VIEWS = (
    ("ada", "/engagements", "status=pending", "Requests to decide"),
    ("ada", "/engagements", "status=active&search=incident+response", "Incident response, active"),
    ("ada", "/engagements/bulk-entry", "search=patch+management", "Patch management, monthly"),
    ("dot", "/my/engagements", "status=active", "What runs now"),
    ("olga", "/engagements", "status=completion_requested", "Asked to complete"),
)


def keep_views(cast: Cast) -> None:
    for who, path, query, name in VIEWS:
        with viewing(cast.viewers[who]) as by:
            save_view(path, query, name=name, by=by)
