"""Nothing is ever written to Microsoft: GET, and posts of sign-in and of an export's order alone."""

import ast
import re
from pathlib import Path

import app.csp.microsoft
from app.commands.stand_in import StandIn
from tests.sources.stage import InMemory, client_of, read_everything

FOLDER = Path(app.csp.microsoft.__file__).parent
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def test_what_the_wire_sends_while_it_reads_everything(stand_in: StandIn, memory: InMemory) -> None:
    read_everything(lambda: client_of(memory), "due")
    client_of(memory).invoice(stand_in.world.documents[0].number)
    pdf = b"".join(client_of(memory).pdf(stand_in.world.documents[0].number))
    assert pdf.startswith(b"%PDF") and pdf.rstrip().endswith(b"%%EOF")
    posted = {call.partition("?")[0] for call in stand_in.calls if not call.startswith("GET ")}
    assert posted == {
        f"POST /{stand_in.world.tenant_id}/oauth2/v2.0/token",
        "POST /v1.0/reports/partners/billing/reconciliation/billed/export",
        "POST /v1.0/reports/partners/billing/usage/billed/export",
    }
    assert stand_in.complaints == []


def test_the_wire_knows_no_other_method() -> None:
    words = [
        (path.name, node.value)
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in METHODS
    ]
    assert sorted(words) == [
        ("calls.py", "GET"),
        ("connections.py", "GET"),
        ("export.py", "POST"),
        ("sign_in.py", "POST"),
    ]


def test_addresses_are_settings_and_defaults() -> None:
    """Scopes keep their real spelling; no other address is written down."""
    found = {
        (path.name, address)
        for path in FOLDER.glob("*.py")
        for address in re.findall(r"https?://[a-z0-9./_A-Z]+", path.read_text())
    }
    assert {name for name, _address in found} == {"bases.py"}
