"""A real portal in a process of its own, a real Chromium, and no patience for console errors.

`visit("ada")` gives a page on which Ada is signed in, in a browser context of her own. `page` is nobody's yet. `axe(page)`
looks at a page in light and in dark. All tests of a process share one portal with the demo's year in it, so a test makes the
rows that it changes; `own_portal` starts another one, for a test that moves the clock or stops the portal.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from playwright.sync_api import Error as BrowserError

from tests.browser.pages import sign_in
from tests.browser.portal import DATABASE, Portal, copy_of

#: for a Chromium as root, in a container, on a closed network
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REPORT_CSP_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", e =>
  console.error(`CSP violation: ${e.effectiveDirective} blocked ${e.blockedURI || "inline"} in ${document.URL}`))
"""
#: for a machine that is busy with other tests
PATIENCE_MILLISECONDS = 20_000
expect.set_options(timeout=PATIENCE_MILLISECONDS)
Visit = Callable[..., Page]
Look = Callable[[Page], None]
Contexts = Callable[..., BrowserContext]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="write the README's pictures to docs/screenshots")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's year as the first start leaves it: lived through once, whichever xdist worker comes first."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "seeded"
    with (shared / "seeding.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            Portal(folder).start().stop()
            (folder / "done").touch()
    return folder / DATABASE


@pytest.fixture(scope="session")
def portal(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    shared = copy_of(seeded, tmp_path_factory.mktemp("portal"))
    try:
        yield shared.start()
    finally:
        shared.stop()


@pytest.fixture(scope="session")
def base_url(portal: Portal) -> str:
    """Where the portal answers; `page.goto("/")` works."""
    return portal.url


@pytest.fixture
def own_portal(seeded: Path, tmp_path: Path) -> Iterator[Portal]:
    """A portal that this test has to itself."""
    alone = copy_of(seeded, tmp_path)
    try:
        yield alone.start()
    finally:
        alone.stop()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    executable = next((found for name in names if name and (found := shutil.which(name))), None)
    chosen = {"executable_path": executable} if executable else {}
    return {**browser_type_launch_args, **chosen, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Without the address, which each context is given: a test may have a portal to itself."""
    return {name: value for name, value in browser_context_args.items() if name != "base_url"}


class Complaints:
    """What the browser complained about; a complaint that a test expects is named before it is provoked."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        # Chromium says so of every refused form; the page itself is what a test looks at.
        self.expected = ["status of 422"]

    def expect(self, pattern: str) -> None:
        """For example `complaints.expect("status of 404")`, in a test that visits a page that is not there."""
        self.expected.append(pattern)

    def unexpected(self) -> list[str]:
        return [line for line in self.heard if not any(re.search(pattern, line) for pattern in self.expected)]

    def listen(self, context: BrowserContext) -> None:
        context.add_init_script(REPORT_CSP_VIOLATIONS)
        context.on("console", lambda said: self.heard.append(said.text) if said.type == "error" else None)
        context.on("weberror", lambda error: self.heard.append(str(error.error)))


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    complaints = Complaints()
    yield complaints
    assert not complaints.unexpected()


@pytest.fixture
def new_context(
    new_context: Callable[..., BrowserContext], complaints: Complaints, base_url: str
) -> Callable[..., BrowserContext]:
    """Every context is listened to: `page`'s own and those of a test's further people."""

    def listened(**options: Any) -> BrowserContext:
        context = new_context(**{"base_url": base_url, **options})
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        complaints.listen(context)
        return context

    return listened


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext]) -> Visit:
    """`visit("dot")`: a page of Dot's own, signed in with her password; options are the browser context's."""

    def enter(person: str, **options: Any) -> Page:
        page = new_context(**options).new_page()
        sign_in(page, person)
        return page

    return enter


#: a page may go elsewhere while it is looked at: a click whose answer had not come, a redirect
LOOKS = 5


@pytest.fixture(scope="session")
def axe() -> Look:
    """`axe(page)` fails with every accessibility violation of the page as it stands, in light and in dark.

    A page that goes elsewhere meanwhile is looked at again where it has arrived; what axe finds is never looked past.
    """

    def check(page: Page) -> None:
        for left in reversed(range(LOOKS)):
            page.wait_for_load_state()
            try:
                found = _violations(page)
                break
            except BrowserError as gone:
                if not left or not re.search(r"context was destroyed|navigati|of null", str(gone)):
                    raise
        assert not found, "\n".join([page.url, *found])

    return check


#: what it finds is all that comes back: a page's hundreds of passes take longer to hand over than to check
RUN_AXE = "axe.run({ resultTypes: ['violations'] }).then(found => found.violations)"


def _violations(page: Page) -> list[str]:
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(Axe().axe_script)
    before = page.evaluate("document.documentElement.dataset.theme || ''")
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        for violation in page.evaluate(RUN_AXE):
            where = "; ".join(" ".join(node["target"]) for node in violation["nodes"][:5])
            found.append(f"{theme}: {violation['impact']} {violation['id']}: {violation['help']} ({where})")
    page.emulate_media(color_scheme="light")
    page.evaluate(
        "t => t ? document.documentElement.dataset.theme = t : delete document.documentElement.dataset.theme", before
    )
    return found
