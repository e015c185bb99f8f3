"""What people do on the portal's pages, in their words. Each function ends when the page shows that it is done."""

import re
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect
from pyotp import TOTP

PASSWORD = "portal-demo"
EMAILS = {
    email.partition("@")[0]: email
    for email in (
        "olga@operator.example",
        "otto@operator.example",
        "ada@northbridge.example",
        "abe@northbridge.example",
        "ben@northbridge.example",
        "cy@contrail.example",
        "dot@acme.example",
        "eve@globex.example",
    )
}


def sign_in(page: Page, person: str, password: str = PASSWORD) -> None:
    """`person` is a first name of the demo, or an e-mail. Ends on the page after it, or on the one that asks for a code."""
    page.goto("/sign-in")
    fill_sign_in(page, person, password)
    page.wait_for_url(lambda url: not url.endswith("/sign-in"))


def fill_sign_in(page: Page, person: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(EMAILS.get(person, person))
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def fresh_name(words: str) -> str:
    """A name nobody else uses, so that tests can share a portal."""
    return f"{words} {uuid4().hex[:6]}"


def request_service(dot: Page, name: str, service: str = "patch-management") -> str:
    """A Pending engagement, requested by this customer; its id."""
    dot.goto(f"/catalog/{service}/request")
    dot.get_by_label("Name", exact=True).fill(name)
    dot.get_by_label("Contact number").fill("+44 20 7946 0812")
    dot.get_by_role("radio").first.check()
    if service == "incident-response":
        dot.get_by_label("Systems in scope").fill("Gate control")
        dot.get_by_label("First response within").select_option("1 hour")
    dot.get_by_role("button", name="Create").click()
    dot.wait_for_url(re.compile(r"/my/engagements/[0-9a-f-]{36}$"))
    return dot.url.rpartition("/")[2]


def decide(page: Page, verb: str, button: str | None = None, **fields: str) -> None:
    """Open the decision behind the button `verb`, fill its fields by label, confirm, and wait until the dialog is gone."""
    page.get_by_role("main").get_by_role("link", name=verb, exact=True).click()
    confirm(page, button or verb, **fields)


def confirm(page: Page, button: str, **fields: str) -> None:
    dialog = page.get_by_role("dialog")
    for label, text in fields.items():
        dialog.get_by_label(label, exact=False).fill(text)
    dialog.get_by_role("button", name=button, exact=True).click()
    expect(dialog).to_have_count(0)


def approve(ada: Page, engagement: str) -> None:
    ada.goto(f"/engagements/{engagement}")
    decide(ada, "Approve")
    expect(status(ada)).to_have_text("Active")


def status(page: Page) -> Locator:
    """The status tag beside the page's title."""
    return page.locator(".heading .tag").first


def toast(page: Page) -> Locator:
    return page.locator(".toast")


def row(page: Page, words: str) -> Locator:
    """The row of the page's list that holds these words."""
    return page.locator("#results tbody tr").filter(has_text=words)


def actions_of(page: Page, line: Locator) -> Locator:
    """Open a row's Actions menu and give the menu."""
    line.get_by_role("button", name=re.compile("^Actions")).click()
    menu = page.locator(".menu:popover-open")
    expect(menu).to_be_visible()
    return menu


def add_entry(ada: Page, engagement: str, quantity: str, notes: str = "", month: str = "November 2026") -> None:
    """Submit a billing entry; ends on the list, where it is being rated."""
    ada.goto(f"/engagements/{engagement}/billing-entries/new")
    ada.get_by_role("radio", name=re.compile(f"^{month}")).check()
    ada.get_by_label(re.compile("^Notes")).fill(notes)
    ada.get_by_label("Quantity").fill(quantity)
    ada.get_by_role("button", name="Next").click()
    ada.wait_for_url(re.compile("/billing-entries$"))


def invite(olga: Page, organisation: str, email: str = "") -> str:
    """The operator invites a member with every role to a customer's organisation; the member's e-mail."""
    email = email or f"{uuid4().hex[:8]}@new.example"
    olga.goto(f"/organisations?search={organisation.replace(' ', '+')}")
    row(olga, organisation).get_by_role("link", name=organisation).click()
    olga.get_by_role("link", name="Invite member").first.click()
    fill_invitation(olga, email)
    expect(olga.get_by_role("region", name="Open invitations")).to_contain_text(email)
    return email


def fill_invitation(page: Page, email: str) -> None:
    """Every role that is offered."""
    page.get_by_label("E-mail").fill(email)
    for role in page.get_by_role("group", name="Roles").get_by_role("checkbox").all():
        role.check()
    page.get_by_role("button", name="Invite member").click()


def open_invitation(page: Page, email: str, organisation: str = "") -> None:
    """The page behind the newest invitation (of this organisation) that was mailed to this address."""
    newest_mail(page, re.compile(f"^Invitation to act for {organisation}"), to=email)
    page.get_by_role("main").get_by_role("link", name=re.compile("invitations")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Act for"))


def join_as_new(page: Page, password: str, name: str = "Mika Sorensen") -> None:
    """On an invitation of who has no account: name, password, accept. Ends on the page after it."""
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Password, again").fill(password)
    page.get_by_role("button", name="Accept and make the account").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text(re.compile("^Act for"))


def set_up_second_factor(page: Page) -> str:
    """From the page or tile that offers it to the recovery codes; the authenticator's secret."""
    page.get_by_role("button", name="Set up the second factor").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up the second factor")
    secret = page.locator("main code").inner_text().replace(" ", "")
    page.get_by_label(re.compile("Enter the six digits")).fill(TOTP(secret).now())
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    return secret


def set_password(page: Page, password: str) -> None:
    """On the page that a mailed link opens; ends on Sign in."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Set your password")
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("New password, again").fill(password)
    page.get_by_role("button", name="Set this password").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def number_of(page: Page) -> str:
    """The engagement's number as its page says it, for example ENG-1021."""
    found = re.search(r"ENG-\d+", page.get_by_role("main").inner_text())
    assert found, page.url
    return found[0]


def newest_mail(page: Page, subject: str | re.Pattern[str], to: str) -> None:
    """Open the newest mail of this subject to this address; mail goes out every two seconds."""
    for _ in range(40):
        page.goto("/demo/mailbox")
        found = page.locator("#results tbody tr").filter(has=page.get_by_role("link", name=subject)).filter(has_text=to)
        if found.count():
            found.first.get_by_role("link").first.click()
            page.wait_for_url(re.compile("/demo/mailbox/."))
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"no mail {subject!r} to {to}")
