"""What holds for members, their passwords and their roles. Pure: values in, values out."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil

from app.foundation.capacity import Capacity
from app.foundation.refusals import Refused
from app.foundation.text import N_
from app.members.roles import CUSTOMER_ADMIN, OPERATOR_ADMIN, PARTNER_ADMIN, ROLES

#: Length is what makes a password hard to guess (NIST SP 800-63B); no rule about signs and digits.
PASSWORD_LEAST, PASSWORD_MOST = 10, 128

#: Failed tries within the window after which one waits: for one e-mail, and from one address of the network.
TRIES_WINDOW = timedelta(minutes=15)
TRIES_PER_EMAIL, TRIES_PER_SOURCE = 5, 20
#: How far the clocks of two machines that count tries together may be apart.
CLOCKS_APART = timedelta(minutes=1)

#: Who may manage members, in each capacity: the role of which an organisation keeps at least one holder.
ADMIN_ROLE: dict[Capacity, str] = {"partner": PARTNER_ADMIN, "customer": CUSTOMER_ADMIN, "operator": OPERATOR_ADMIN}


def normal_email(text: str) -> str:
    """The one spelling under which a member is found: NFC, lower case, no outer spaces, nothing a database refuses."""
    return unicodedata.normalize("NFC", text.replace("\0", "")).strip().lower()


def check_password(password: str, *, email: str, name: str, field: str = "password") -> None:
    """10 to 128 characters, and not the member's own name or e-mail."""
    if len(password) < PASSWORD_LEAST:
        raise Refused(field, N_("A password has at least %(least)s characters."), least=PASSWORD_LEAST)
    if len(password) > PASSWORD_MOST:
        raise Refused(field, N_("A password has at most %(most)s characters."), most=PASSWORD_MOST)
    plain = password.strip().lower()
    if plain in (email, email.partition("@")[0], name.lower()):
        raise Refused(field, N_("Your own name or e-mail is the first thing that is tried. Choose another password."))
    if len(set(plain)) < 4:
        raise Refused(field, N_("This password repeats the same few characters. Choose another one."))


def check_roles(roles: Iterable[str], capacity: Capacity) -> list[str]:
    """The roles in the order of the roles table. Refuses one that this capacity does not have."""
    wanted = set(roles)
    fitting = [key for key, role in ROLES.items() if role.capacity == capacity and key in wanted]
    if len(fitting) != len(wanted):
        raise Refused("roles", N_("One of these roles does not exist here. Choose from the list."))
    return fitting


def check_admin_left(holders_before: int, holders_after: int) -> None:
    """An organisation never loses its last admin: nobody could give the role back."""
    if holders_before and not holders_after:
        raise Refused("roles", N_("Nobody else is organisation admin. Give that role to another member first."))


def seconds_to_wait(failed_at: Sequence[datetime], now: datetime, allowed: int) -> int:
    """How long until another try is let in; 0: now. `failed_at`: the failures that count, newest first.

    The fifth failure at 10:00:00 and the first at 09:50:00 wait until 10:05:00, when the first is 15 minutes old.
    """
    within = [at for at in failed_at if at > now - TRIES_WINDOW]
    if len(within) < allowed:
        return 0
    return max(1, ceil((within[allowed - 1] + TRIES_WINDOW - now).total_seconds()))


def source_of(address: str | None) -> str:
    """Whose tries count together: one IPv4 address, or the /64 network that one IPv6 customer is given."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"
    return str(parsed)
