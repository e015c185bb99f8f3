"""What browsers are told to refuse, and addresses that nothing of ours can have made."""

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from app.web.templating import viewer

#: No inline script, no inline style, nothing from elsewhere, no framing. A form that must leave starts with a link.
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def install(app: Flask) -> None:
    settings = app.config.get("SETTINGS")
    over_tls = settings is not None and settings.secure_cookies
    app.before_request(_refuse_broken_addresses)

    @app.after_request
    def _set(response: Response) -> Response:
        for name, value in ALWAYS.items():
            response.headers.setdefault(name, value)
        if over_tls:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if "Cache-Control" not in response.headers:
            # A page may name amounts and holds a form token: a shared machine's Back button must not bring it back.
            signed_in = viewer().member_id is not None
            response.headers["Cache-Control"] = "no-store" if signed_in else "no-cache, private"
        return response


def _refuse_broken_addresses() -> None:
    """NUL, half characters and bytes that are no UTF-8 reach no query: databases and file systems choke on them."""
    if any(sign in request.path for sign in ("\x00", "\ufffd")):
        raise NotFound
    for name, value in request.args.items(multi=True):
        if "\x00" in name or "\x00" in value:
            raise BadRequest
