"""On which headers of the request an answer depends."""

from flask import Response


def varies_by(response: Response, header: str) -> None:
    """response.vary.add(header), which takes the whole list apart and spells it anew, three times a page."""
    said = response.headers.get("Vary")
    response.headers["Vary"] = f"{said}, {header}" if said else header
