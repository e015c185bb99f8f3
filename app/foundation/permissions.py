"""Permissions: named `resource:verb`, declared by the room that guards with them, collected here.

Roles grant them in members/roles.py; the roles page is rendered from both tables.
"""

PERMISSIONS: dict[str, str] = {}


def declare(permission: str, sentence: str) -> str:
    """Register a permission with the sentence the roles page shows. Names are unique across the portal."""
    resource, colon, verb = permission.partition(":")
    if not (resource and colon and verb):
        raise ValueError(f"{permission!r} is not resource:verb")
    if PERMISSIONS.setdefault(permission, sentence) != sentence:
        raise ValueError(f"{permission!r} is declared twice")
    return permission
