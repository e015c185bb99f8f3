"""How a room says no. Each refusal is one exception; web/errors.py maps it to its HTTP answer."""

from typing import Any

from app.foundation.text import filled


class Refused(Exception):
    """The rule says no to what was entered: 422, shown on the field, in the person's words.

    `sentence` is marked with N_() and holds %(name)s places for `facts`, so that it can be translated.
    """

    def __init__(self, field: str, sentence: str, **facts: Any) -> None:
        self.field = field
        self.sentence = sentence
        self.facts = facts
        super().__init__(field, sentence, facts)

    def __str__(self) -> str:
        return filled(self.sentence, self.facts)


class AlreadyDone(Exception):
    """Somebody else was faster, or the state has no such action any more: 409 with the fresh panel."""

    def __init__(self, state: str, action: str) -> None:
        self.state = state
        self.action = action
        super().__init__(f"no {action!r} in state {state!r}")


class MissingRole(Exception):
    """The row is visible but the member's roles do not cover the action: 403."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__(permission)


class NotVisible(Exception):
    """No such row for this viewer, whether it exists or not: 404."""


class KeyReused(Exception):
    """A submission key came again with another body: 409, nothing was written."""
