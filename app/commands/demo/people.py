"""The demo's organisations and the people who sign in to them."""

from dataclasses import dataclass, field

from sqlalchemy import select

from app.foundation import clock
from app.foundation.database import db
from app.foundation.tenancy import Capacity, Viewer, acting_for_all, current
from app.members.actions import add_member, join
from app.members.model import Member, Membership
from app.members.roles import PRICING_VIEWER, ROLES, permissions_of
from app.parties.model import Organisation

PASSWORD = "portal-demo"  # noqa: S105  the demo's sign-ins are printed for everybody to see; the demo is loopback only

OPERATOR = "Meridian Marketplace"
NORTHBRIDGE, CONTRAIL = "Northbridge Consulting", "Contrail Systems"
ACME, GLOBEX = "Acme Logistics", "Globex Retail"

#: (e-mail, name, organisation, capacity, roles or None for every role of the capacity)
SIGN_INS: tuple[tuple[str, str, str, Capacity, tuple[str, ...] | None], ...] = (
    ("olga@operator.example", "Olga Reyes", OPERATOR, "operator", None),
    ("otto@operator.example", "Otto Lindahl", OPERATOR, "operator", None),
    ("ada@northbridge.example", "Ada Marsh", NORTHBRIDGE, "partner", None),
    ("abe@northbridge.example", "Abe Adeyemi", NORTHBRIDGE, "partner", None),
    ("ben@northbridge.example", "Ben Novak", NORTHBRIDGE, "partner", (PRICING_VIEWER,)),
    ("cy@contrail.example", "Cy Tanaka", CONTRAIL, "partner", None),
    ("dot@acme.example", "Dot Hale", ACME, "customer", None),
    ("eve@globex.example", "Eve Brandt", GLOBEX, "customer", None),
)

#: what the sign-in page and the terminal say of them
SIGN_IN_SENTENCES = (
    ("olga@operator.example", "operator, all reviews"),
    ("otto@operator.example", "operator, all reviews"),
    ("ada@northbridge.example", "partner, every role"),
    ("abe@northbridge.example", "partner, every role"),
    ("ben@northbridge.example", "partner, Viewer only"),
    ("cy@contrail.example", "another partner, every role"),
    ("dot@acme.example", "customer"),
    ("eve@globex.example", "another customer"),
)

#: customers nobody signs in for, with the person who requests
OTHER_CLIENTS = (
    ("Aldgate Insurance", "Joanna Hale"),
    ("Norrland Transport", "Maja Lindqvist"),
    ("Brightwater Utilities", "Tom Osei"),
    ("Vela Pharma", "Ines Carvalho"),
    ("Marlow & Finch Retail", "Peter Finch"),
    ("Pinecrest Health", "Dr Amy Wu"),
    ("Łódź Textiles S.A.", "Wanda Zielińska"),
    ("Compagnie générale de navigation transfrontalière et de logistique portuaire", "Amélie Desrosiers-Beaumont"),
)

ZONES = {OPERATOR: "Europe/Prague", NORTHBRIDGE: "Europe/Prague", CONTRAIL: "America/Los_Angeles"}


@dataclass
class Cast:
    """Everybody in the demo, ready to act."""

    organisations: dict[str, Organisation] = field(default_factory=dict)
    #: by first name in lower case for those who sign in, by organisation for the rest
    viewers: dict[str, Viewer] = field(default_factory=dict)


def move_in() -> Cast:
    """Make organisations, members and memberships, through the members room's own actions."""
    cast = Cast()
    capacities: dict[str, Capacity] = {name: capacity for _, _, name, capacity, _ in SIGN_INS}
    capacities.update({name: "customer" for name, _ in OTHER_CLIENTS})
    for name, capacity in capacities.items():
        organisation = Organisation(
            name=name,
            is_operator=capacity == "operator",
            is_partner=capacity == "partner",
            is_customer=capacity == "customer",
            zone=ZONES.get(name, "UTC"),
            created_at=clock.now(),
        )
        db.session.add(organisation)
        cast.organisations[name] = organisation
    db.session.flush()
    for email, person, name, capacity, roles in SIGN_INS:
        organisation = cast.organisations[name]
        held = roles or tuple(key for key, role in ROLES.items() if role.capacity == capacity)
        member = add_member(person, email, password=PASSWORD, zone=ZONES.get(name, "UTC"), by=current())
        join(member, organisation, capacity, held, by=current())
        cast.viewers[email.split("@")[0]] = Viewer(
            capacity, organisation.id, name, member.id, person, permissions_of(frozenset(held), capacity)
        )
    all_roles = frozenset(ROLES)
    for name, person in OTHER_CLIENTS:
        cast.viewers[name] = Viewer(
            "customer", cast.organisations[name].id, name, None, person, permissions_of(all_roles, "customer")
        )
    return cast


def viewer_of(email: str) -> Viewer | None:
    """Who signs in with it, acting for the organisation that the demo began with; None once somebody changed that."""
    _email, person, name, capacity, roles = next(one for one in SIGN_INS if one[0] == email)
    held = roles or tuple(key for key, role in ROLES.items() if role.capacity == capacity)
    with acting_for_all("the demo's people"):
        found = db.session.execute(
            select(Membership.member_id, Membership.organisation_id)
            .join(Member, Member.id == Membership.member_id)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(Member.email == email, Organisation.name == name, Membership.capacity == capacity)
        ).one_or_none()
    if found is None:
        return None
    return Viewer(capacity, found[1], name, found[0], person, permissions_of(frozenset(held), capacity))
