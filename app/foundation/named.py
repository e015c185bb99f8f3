"""Choices by name, made once and offered on many pages: {as addresses spell it: words}, and the same as pairs."""

from functools import cached_property


class Named(dict[str, str]):
    """Nobody changes it once it is made."""

    @cached_property
    def options(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.items())
