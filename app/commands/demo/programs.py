"""What Northbridge's programs have: a key in use, one that was revoked, and an endpoint that waits for its receiver."""

from datetime import timedelta

from app.commands.demo.people import Cast
from app.foundation import clock
from app.foundation.tenancy import viewing
from app.members import api_keys
from app.notices import webhooks


def connect(cast: Cast) -> None:
    """Nothing is sent anywhere: the endpoint is disabled, and nobody knows the keys."""
    ada = cast.viewers["ada"]
    now = clock.now()
    with viewing(ada):
        with clock.pinned(now - timedelta(days=120)):
            old, _shown = api_keys.make("Spreadsheet export", ["engagement:view"], expires_in_days=365, by=ada)
        with clock.pinned(now - timedelta(days=40)):
            api_keys.make("Nightly billing run", api_keys.offered_to(by=ada), expires_in_days=365, by=ada)
            api_keys.revoke(old.id, by=ada)
        with clock.pinned(now - timedelta(days=9)):
            told = ["engagement.requested", "engagement.completion_requested", "billing_entry.rejected"]
            endpoint, _secret = webhooks.add(
                "https://hooks.northbridge.example/portal", told, private_allowed=False, by=ada
            )
            webhooks.disable(endpoint.id, by=ada)
