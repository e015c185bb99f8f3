"""Tells reselling, where the portal starts, how this installation reaches Microsoft and what seals its tokens."""

from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask

from app.config import Settings
from app.csp.accounts import application, sealing
from app.csp.accounts.application import Application
from app.csp.microsoft.bases import Bases

CALLBACK = "/csp/callback"


def install(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    sealing.follow(settings.token_encryption_keys or (_derived(settings.secret_key),))
    application.follow(_application(settings))


def _application(settings: Settings) -> Application | None:
    if not (settings.microsoft_client_id and settings.microsoft_client_secret):
        return None
    return Application(
        Bases(settings.microsoft_login_base, settings.partner_center_api_base, settings.microsoft_graph_base),
        settings.microsoft_client_id,
        settings.microsoft_client_secret,
        settings.portal_url + CALLBACK,
    )


def _derived(secret_key: str) -> str:
    """Where nobody gave a key of its own: one that SECRET_KEY makes, the same in every process."""
    key = HKDF(SHA256(), length=32, salt=None, info=b"partner-portal csp tokens").derive(secret_key.encode())
    return urlsafe_b64encode(key).decode()
