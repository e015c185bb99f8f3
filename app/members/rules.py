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

#: How long an invitation and the link that confirms a sign-up work, counted from the mail.
INVITED_FOR, SIGN_UP_FOR = timedelta(days=7), timedelta(hours=24)
#: The same invitation is not mailed again sooner, and no more may be open at once for one organisation and capacity.
RESEND_AFTER, MOST_INVITATIONS = timedelta(minutes=10), 200

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


def has_expired(sent_at: datetime, now: datetime) -> bool:
    """Mailed on 2 March 10:00:00, it can be answered at 9 March 09:59:59 and no more at 10:00:00."""
    return now >= sent_at + INVITED_FOR


def check_resend(sent_at: datetime, now: datetime, *, field: str = "invitation") -> None:
    """A mail that was sent just now is on its way; whoever presses again must not fill a mailbox."""
    if now < sent_at + RESEND_AFTER:
        raise Refused(
            field,
            N_("It was mailed less than %(minutes)s minutes ago. Wait a little, then send it again."),
            minutes=int(RESEND_AFTER.total_seconds() // 60),
        )


def check_reset(*, own: bool, has_one: bool, acts_elsewhere: bool, by_operator: bool) -> None:
    """Whose second factor an admin may take away: a colleague's who has one and acts for nobody else. The operator: anybody's else.

    Who acts for another organisation too is protected there by the same factor, which this admin must not weaken.
    """
    if own:
        raise Refused("reason", N_("Nobody resets their own second factor. Ask another admin, or use a recovery code."))
    if not has_one:
        raise Refused("reason", N_("This member has no second factor."))
    if acts_elsewhere and not by_operator:
        raise Refused("reason", N_("Only the operator can reset this member's second factor."))


_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"), ("curl/", "curl"), ("python-requests", "a program"),
)  # fmt: skip
_SYSTEMS = (
    ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def device_of(user_agent: str | None) -> str:
    """What a browser says of itself, in a few words of ours: 'Firefox on Windows'. Nothing of its own text is kept."""
    said = (user_agent or "")[:1000]
    browser = next((words for sign, words in _BROWSERS if sign in said), "")
    system = next((words for sign, words in _SYSTEMS if sign in said), "")
    return f"{browser or 'Browser'} on {system}" if system else browser or "Unknown device"


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
