"""In which capacity somebody looks and acts. Pure, so that roles and rules may name it."""

from typing import Literal

Capacity = Literal["public", "system", "operator", "partner", "customer"]
