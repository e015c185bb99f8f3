"""The demo mailbox: what the portal would mail, shown in the portal. In demo mode only, and open to everybody there.

A password link must be readable before one is signed in; outside the demo none of this exists.
"""

import ipaddress
import re
import uuid
from typing import Any, NamedTuple

from flask import Blueprint, abort, current_app, request

from app.config import Settings
from app.notices import queries
from app.web.fragments import show
from app.web.guard import public
from app.web.listing import ListOf

screen = Blueprint("mailbox", __name__)

LIST = ListOf()


class Piece(NamedTuple):
    """Part of a message: text, and where it leads if it is an address of this portal."""

    text: str
    path: str | None


@screen.before_request
def _demo_only() -> None:
    settings: Settings = current_app.config["SETTINGS"]
    if not (settings.demo and _from_this_machine()):
        abort(404)


def _from_this_machine() -> bool:
    """The demo listens on loopback only. Put on the network by another server, it must not hand out password links there."""
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


@screen.get("/demo/mailbox")
@public
def show_list() -> Any:
    listing = LIST.read()
    page = queries.demo_mailbox(after=listing.after, before=listing.before)
    return show("demo/mailbox.html", block="list", listing=listing.with_page(page), rows=page.rows, mail=None)


@screen.get("/demo/mailbox/<uuid:mail_id>")
@public
def show_mail(mail_id: uuid.UUID) -> Any:
    mail = queries.demo_mail(mail_id)
    settings: Settings = current_app.config["SETTINGS"]
    pieces = linked(mail.body, settings.portal_url, request.host_url.rstrip("/"))
    return show("demo/mailbox.html", mail=mail, pieces=pieces, rows=[], listing=None)


def linked(text: str, *portal_urls: str) -> list[Piece]:
    """The text in pieces; only addresses that begin with one of the portal's own can be followed, as paths of this portal."""
    own = re.compile(f"(?:{'|'.join(re.escape(url) for url in portal_urls)})(/[^\\s<>\"']*)?(?=\\s|$)")
    pieces, end = [], 0
    for found in own.finditer(text):
        pieces += [Piece(text[end : found.start()], None), Piece(found[0], found[1] or "/")]
        end = found.end()
    return [piece for piece in (*pieces, Piece(text[end:], None)) if piece.text]
