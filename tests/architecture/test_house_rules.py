"""Conventions that are tests, so that nobody has to remember them. Each message says what to do instead."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "app").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
ROLE_NAMES = {"utils", "helpers", "common", "misc", "services", "managers", "base", "models", "forms"}
ROOMS = {
    "parties",
    "members",
    "catalog",
    "engagements",
    "billing",
    "usage",
    "charges",
    "months",
    "settlement",
    "csp",
    "support",
    "notices",
    "operations",
}
#: modules that may speak Core on __table__, past the tenancy listener, because they wrap the compiled, filtered select;
#: one that selects nothing but that rows are there, and the one way to write very many rows
BULK_MODULES: set[str] = {
    "app/foundation/bulk.py",
    "app/commands/backup/snapshot.py",
    "app/commands/backup/loading.py",
    "app/notices/failed_tally.py",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def in_each(paths: list[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """One test that looks at each of these files and names all that break its rule: a test a file took longer than looking."""

    def of_all(rule: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            assert len(paths) > 10
            broken = [f"{name_of(path)}: {said}" for path in paths if (said := _broken(rule, path))]
            assert not broken, "\n".join(broken)

        test.__name__, test.__doc__ = rule.__name__, rule.__doc__
        return test

    return of_all


def _broken(rule: Callable[[Path], None], path: Path) -> str:
    try:
        rule(path)
    except AssertionError as why:
        return str(why) or "breaks the rule"
    return ""


@in_each([*SOURCES, *TESTS])
def test_a_file_stays_readable(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= 400, f"{lines} lines: split it by noun, never by role (250 is where to begin thinking about it)"


@in_each(SOURCES)
def test_a_file_is_named_for_a_noun(path: Path) -> None:
    assert path.stem not in ROLE_NAMES, "a role has no natural end; name the file for what it holds"


@in_each(SOURCES)
def test_a_file_opens_with_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree), (
        "begin the file with one or two sentences: what is in here, by which rule"
    )


@in_each(SOURCES)
def test_functions_fit_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            assert length <= 75, f"{node.name} is {length} lines: it does more than one thing (30 is usual)"


@in_each(SOURCES)
def test_the_clock_is_the_only_source_of_time(path: Path) -> None:
    if name_of(path) in {"app/foundation/clock.py"}:
        return
    wrong = re.findall(
        r"datetime\.(?:now|utcnow|today)\(|date\.today\(|func\.now\(|CURRENT_TIMESTAMP", path.read_text()
    )
    assert not wrong, "ask foundation.clock.now(): tests and the demo set it, and it is always UTC and aware"


@in_each(SOURCES)
def test_rows_are_asked_for_not_remembered(path: Path) -> None:
    assert not re.search(r"db\.session(?:\(\))?\.get\(|db\.get_or_404|\.query\.get\(", path.read_text()), (
        "Session.get answers from memory, past the tenancy listener: use tenancy.one(Model, id)"
    )


@in_each(SOURCES)
def test_core_on_tables_stays_in_the_bulk_modules(path: Path) -> None:
    if name_of(path) not in BULK_MODULES:
        assert ".__table__" not in path.read_text(), (
            "Core on __table__ is not filtered by tenant: only named bulk modules may"
        )


@in_each(SOURCES)
def test_only_transaction_commits(path: Path) -> None:
    if name_of(path) in {"app/foundation/database.py"}:
        return
    assert not re.search(r"session(?:\(\))?\.commit\(\)", path.read_text()), (
        "write `with transaction():`, it commits outermost"
    )


@in_each(SOURCES)
def test_state_is_written_by_change_state_only(path: Path) -> None:
    if name_of(path) == "app/foundation/change_state.py":
        return
    allowed = {"app/engagements/actions.py": 1}  # the completion request follows its engagement, in its transaction
    wrong = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        for target in node.targets
        for part in (target.elts if isinstance(target, ast.Tuple) else [target])
        if isinstance(part, ast.Attribute)
        and part.attr == "state"
        and not (isinstance(part.value, ast.Name) and part.value.id == "self")
    ]
    assert len(wrong) <= allowed.get(name_of(path), 0), (
        "use change_state(row, action, by=...): it checks the table and writes History"
    )


@in_each(SOURCES)
def test_money_is_never_a_float(path: Path) -> None:
    if name_of(path).startswith(
        ("app/web/", "app/jobs/", "app/screens/health", "app/foundation/clock", "app/commands/serve")
    ):
        return  # seconds, fractions of a drawing
    calls = [
        n
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "float"
    ]
    assert not calls, "use Decimal and Money"


@in_each([p for p in SOURCES if p.parts[-2] in ROOMS])
def test_actors_are_keyword_only(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            positional = [argument.arg for argument in node.args.args]
            assert "by" not in positional or path.stem in {"queries"}, (
                f"{node.name}: put `by` behind the star, so that nobody forgets who"
            )


@in_each(TEMPLATES)
def test_templates_keep_the_strict_policy(path: Path) -> None:
    text = path.read_text()
    for wrong in (r"\sstyle=", r"<style", r"\son[a-z]+=", r"hx-on", r"js:", r"\|\s*safe(?!\s*\|\s*format)"):
        found = re.search(wrong, text)
        assert not found, f"{found.group(0) if found else ''}: no inline style or script, no unescaped text"
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script, "scripts live in static/"


@in_each(TEMPLATES)
def test_text_is_wrapped_for_translation(path: Path) -> None:
    """A word between tags that is neither an expression nor wrapped. Crude, and good enough to catch the usual slip."""
    text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}|<!--.*?-->", " ", path.read_text(), flags=re.S)
    text = re.sub(r"<(script|svg|title)[^>]*>.*?</\1>", " ", text, flags=re.S)
    naked = [bit.strip() for bit in re.findall(r">([^<>]*)<", text) if re.search(r"[A-Za-z]{3,}", bit)]
    assert not naked, f'wrap it: {{{{ _("...") }}}}: {naked[:3]}'


def test_no_trace_of_the_workshop() -> None:
    """No path of a machine, nothing that only its builders could open."""
    import subprocess

    found = subprocess.run(
        ["git", "grep", "-nIE", r"/(work|farm)/|\.\./(shared|\.library)", "--", ".", ":!.ci", ":!tests/architecture"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout == ""


def test_app_js_stays_small() -> None:
    lines = len((ROOT / "static" / "app.js").read_text().splitlines())
    assert lines <= 120, f"{lines} lines: most of it is htmx's or the browser's business"
