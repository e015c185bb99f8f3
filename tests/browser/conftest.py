"""A real portal in a process of its own, a real Chromium, and no patience for console errors.

A test asks for `page` (already pointed at the portal, so `page.goto("/")` works) and, where it wants to, `axe`.
The portal runs the demo on one SQLite file for the whole session: a test must not count on rows that another may change.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

REPOSITORY = Path(__file__).parents[2]
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
START_WITHIN_SECONDS = 60
REPORT_CSP_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", e =>
  console.error(`CSP violation: ${e.effectiveDirective} blocked ${e.blockedURI || "inline"} in ${document.URL}`))
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the portal answers, once it does."""
    folder = tmp_path_factory.mktemp("portal")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "PORT": str(port),
        "PORTAL_URL": url,
        "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
        "INSTANCE_PATH": str(folder),
        "DEMO": "1",
    }
    log = folder / "portal.log"
    with log.open("w") as out:
        portal = subprocess.Popen(
            [sys.executable, "-m", "app.commands.serve"], cwd=REPOSITORY, env=environment, stdout=out, stderr=out
        )
    try:
        wait_for(f"{url}/healthz", portal, log)
        yield url
    finally:
        portal.terminate()
        try:
            portal.wait(15)
        except subprocess.TimeoutExpired:
            portal.kill()
            portal.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, portal: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_SECONDS
    while time.monotonic() < deadline and portal.poll() is None:
        try:
            with urlopen(url, timeout=START_WITHIN_SECONDS):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"the portal did not start:\n{log.read_text()[-3000:]}", pytrace=False)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    executable = next((found for name in names if name and (found := shutil.which(name))), None)
    chosen = {"executable_path": executable} if executable else {}
    return {**browser_type_launch_args, **chosen, "args": FLAGS}


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
def new_context(new_context: Callable[..., BrowserContext], complaints: Complaints) -> Callable[..., BrowserContext]:
    """Every context is listened to: `page`'s own and those of a test's further people."""

    def listened(**options: Any) -> BrowserContext:
        context = new_context(**options)
        complaints.listen(context)
        return context

    return listened


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], None]:
    """`axe(page)` fails with every accessibility violation of the page as it stands, in light and in dark."""

    def check(page: Page) -> None:
        found = []
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            for violation in Axe().run(page).response["violations"]:
                where = "; ".join(" ".join(node["target"]) for node in violation["nodes"][:5])
                found.append(f"{theme}: {violation['impact']} {violation['id']}: {violation['help']} ({where})")
        assert not found, "\n".join([page.url, *found])

    return check
