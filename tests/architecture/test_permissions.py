"""One table grants, every permission is declared, every route says what it needs."""

from flask import Flask

from app.foundation.permissions import PERMISSIONS
from app.members.roles import EVERY_MEMBER, GRANTS, ROLES

#: Every route that answers without a sign-in; a longer list is a decision.
PUBLIC = {
    "static",
    # signing in, and what a mailed link opens before there is a sign-in
    "sign_in.show", "sign_in.enter", "sign_in.show_code", "sign_in.enter_code", "sign_in.leave",
    "sign_in.show_forgotten", "sign_in.ask_for_link", "sign_in.show_new_password", "sign_in.set_password",
    "sign_up.show", "sign_up.ask", "sign_up.show_confirm", "sign_up.confirm",
    "invited.show", "invited.accept", "invited.decline",
    # the reference says what there is, never what anybody has
    "api_docs.specification", "api_docs.reference",
    # each looks at who asks by itself: loopback or a token, the demo only
    "health.alive", "health.ready", "health.metrics", "mailbox.show_list", "mailbox.show_mail",
}  # fmt: skip


def test_what_is_public_is_on_the_list(app: Flask) -> None:
    open_to_all = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint == "static" or getattr(app.view_functions[rule.endpoint], "is_public", False)
    }
    assert open_to_all == PUBLIC, "a route for everybody is a decision: put it on the list, with its reason"


def test_what_is_granted_is_declared(app: Flask) -> None:
    granted = {name for name, _ in GRANTS} | {name for names in EVERY_MEMBER.values() for name in names}
    assert granted - set(PERMISSIONS) == set(), "declare it in the room that guards with it"
    assert set(PERMISSIONS) - granted == set(), "nobody is granted it: add a row to GRANTS or drop it"


def test_grants_name_roles_of_their_capacity() -> None:
    for (permission, capacity), roles in GRANTS.items():
        for role in roles:
            assert ROLES[role].capacity == capacity, f"{permission}: {role} is no role of a {capacity}"


def test_every_route_says_what_it_needs(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if getattr(view, "is_public", False) or rule.endpoint == "static":
            continue
        assert hasattr(view, "needed_permission"), f"{rule}: put @needs(...), @signed_in or @public below the route"
        needed = view.needed_permission
        assert needed is None or needed in PERMISSIONS, f"{rule}: {needed} is not declared by any room"
        for permission in getattr(view, "needed_by_capacity", {}).values():
            assert permission in PERMISSIONS, f"{rule}: {permission} is not declared by any room"


def test_addresses_are_kebab_case_and_typed(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        for part in rule.rule.replace(".", "/").split("/"):
            if part.startswith("<"):
                assert ":" in part, f"{rule}: give the parameter a type, as <uuid:engagement_id>"
            else:
                assert part == part.lower().replace("_", "-"), f"{rule}: addresses are kebab-case"
