"""How messages are signed, how long they are tried, and where they may go. Pure: values in, values out.

By the Standard Webhooks convention (https://www.standardwebhooks.com): the headers webhook-id, webhook-timestamp and
webhook-signature, whose signatures "v1,<base64>" are HMAC-SHA256 over "id.timestamp.body" with the secret behind "whsec_".
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from app.foundation.refusals import Refused
from app.foundation.text import N_

#: How long after its first, second ... try a message is tried again; after the tenth it is given up. 72 hours and a half in all.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=21),
)
#: An endpoint that nothing has reached for so long, and that a message was given up for, is disabled.
DISABLED_AFTER = timedelta(days=3)
#: A rotated secret signs beside the new one for so long.
OVERLAP = timedelta(hours=24)
#: After failures in a row an endpoint is left alone: 5 s, 10 s, 20 s ... 10 minutes at most.
_FIRST_REST, _LONGEST_REST = timedelta(seconds=5), timedelta(minutes=10)
_SECRET_BYTES = 32
_PREFIX = "whsec_"
#: the open part of IPv6, but for what is documented with; addresses elsewhere are somebody's own, or mean something else
_OPEN, _FOR_DOCUMENTS = IPv6Network("2000::/3"), IPv6Network("3fff::/20")
#: IPv4 addresses inside IPv6 ones: NAT64
_NAT64 = IPv6Network("64:ff9b::/96")
LONGEST_URL = 500


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, at: datetime, body: str) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message_id}.{int(at.timestamp())}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(keys: Sequence[str], message_id: str, at: datetime, body: str) -> dict[str, str]:
    """One signature a secret: while one is changed for another a receiver may hold either."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signature(key, message_id, at, body) for key in keys),
    }


def next_try(tries: int, now: datetime) -> datetime | None:
    """When a message that has failed `tries` times is tried again; None: it is given up."""
    return now + WAITS[tries - 1] if tries <= len(WAITS) else None


def rest_after(failures: int) -> timedelta:
    return min(_FIRST_REST * 2 ** min(failures - 1, 10), _LONGEST_REST)


def is_given_up(failing_since: datetime | None, now: datetime) -> bool:
    """Whether an endpoint has failed for days: exactly three days are enough."""
    return failing_since is not None and now - failing_since >= DISABLED_AFTER


def check_url(text: str, *, private_allowed: bool) -> str:
    """An address that may be an endpoint's. Names are looked up when a message is sent, each time anew."""
    url = text.strip()
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused("url", N_("Write an address of at most %(most)s ASCII characters."), most=LONGEST_URL)
    parts = _split(url)
    if parts is None or not parts.hostname or parts.scheme not in ("https", "http"):
        raise Refused("url", N_("Write an address such as https://example.com/webhooks."))
    if parts.scheme == "http" and not private_allowed:
        raise Refused("url", N_("The address must begin with https://."))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Refused("url", N_("The address must hold neither a password nor a #."))
    if not private_allowed and (parts.hostname == "localhost" or _is_private_literal(parts.hostname)):
        raise Refused("url", N_("This address lies inside a private network, where webhooks may not go."))
    return url


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _is_private_literal(host: str) -> bool:
    try:
        return not may_be_called(host)
    except ValueError:
        return False


def may_be_called(address: str) -> bool:
    """Whether an address lies in the open internet: not loopback, private, link-local (a cloud's metadata), or reserved.

    An IPv6 address is in the open part, or stands for an IPv4 one as it is (mapped, NAT64); one that carries an IPv4 address
    is judged by that as well. ValueError: it is no address.
    """
    found = ip_address(address)
    if isinstance(found, IPv4Address):
        return _is_open(found)
    stands_for = IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else found.ipv4_mapped
    if stands_for is not None:
        return _is_open(stands_for)
    carried = found.sixtofour or (found.teredo[1] if found.teredo else None)
    in_the_open = found in _OPEN and found not in _FOR_DOCUMENTS
    return in_the_open and _is_open(found) and (carried is None or _is_open(carried))


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast
