"""What browsers are told to refuse."""

from urllib.parse import urlsplit

from flask import Flask, Response

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


def may_leave_for(response: Response, address: str) -> Response:
    """Lets the page's forms end at another origin: Login with Microsoft is a form that redirects there."""
    parts = urlsplit(address)
    response.headers["Content-Security-Policy"] = CSP.replace(
        "form-action 'self'", f"form-action 'self' {parts.scheme}://{parts.netloc}"
    )
    return response


def install(app: Flask) -> None:
    settings = app.config.get("SETTINGS")
    over_tls = settings is not None and settings.secure_cookies
    always = ALWAYS | ({"Strict-Transport-Security": "max-age=31536000"} if over_tls else {})

    @app.after_request
    def _set(response: Response) -> Response:
        headers = response.headers
        said = {name.lower() for name, _value in headers}  # once: each look for one name reads them all
        for name, value in always.items():
            if name.lower() not in said:
                headers.add(name, value)
        if "cache-control" not in said:
            # A page may name amounts and holds a form token: a shared machine's Back button must not bring it back.
            signed_in = viewer().member_id is not None
            headers["Cache-Control"] = "no-store" if signed_in else "no-cache, private"
        return response
