"""Only an end-to-end test is rated with a price that nobody approved yet: whoever asks for prices says which of both it is."""

import ast
from pathlib import Path

import pytest


def _calls(repository: Path) -> list[tuple[str, ast.Call]]:
    found = []
    for path in sorted((repository / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and any(keyword.arg == "drafts" for keyword in node.keywords):
                found.append((str(path.relative_to(repository)), node))
    return found


def test_drafts_follow_from_the_engagement_alone(repository: Path) -> None:
    """drafts=<something>.is_test, or True where a test begins. A constant elsewhere would rate real work with a draft."""
    allowed = {"app/engagements/testing.py", "app/catalog/queries.py"}
    calls = _calls(repository)
    assert calls, "nobody asks for drafts: then nothing can be tested"
    wrong = []
    for path, call in calls:
        value = next(keyword.value for keyword in call.keywords if keyword.arg == "drafts")
        if path not in allowed and not (isinstance(value, ast.Attribute) and value.attr == "is_test"):
            wrong.append(f"{path}:{call.lineno}: write drafts=engagement.is_test")
    assert wrong == []


@pytest.mark.parametrize("room", ["billing", "engagements"])
def test_rooms_that_rate_ask_for_prices_of_an_engagement(repository: Path, room: str) -> None:
    """prices_of(plan_id) without `drafts` would leave tests without a price: take billing.rating.prices_for(engagement)."""
    wrong = []
    for path in sorted((repository / "app" / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"prices_of", "priced_metrics"}:
                if not any(keyword.arg == "drafts" for keyword in node.keywords):
                    wrong.append(f"{path.relative_to(repository)}:{node.lineno}")
    assert wrong == []
