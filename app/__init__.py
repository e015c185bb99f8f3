"""Partner Portal. `create_app` reads as the table of contents."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_migrate import Migrate

from app import screens
from app.config import HERE, settings_from
from app.foundation import clock
from app.foundation.database import configure_engine, db
from app.web import assets, errors, guard, logs, metrics, request_viewer, security_headers, shell, sign_in, templating, ui

migrate = Migrate()


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """The portal as a WSGI application. `overrides` take the place of environment variables of the same names."""
    import os

    settings = settings_from({**os.environ, **{k: str(v) for k, v in (overrides or {}).items() if v is not None}})
    app = Flask("portal", root_path=str(HERE), template_folder="templates", static_folder="static", instance_path=str(settings.instance_path))
    settings.instance_path.mkdir(parents=True, exist_ok=True)
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        MAX_CONTENT_LENGTH=1024 * 1024,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
    )
    clock.follow(settings.instance_path / "demo-clock" if settings.demo else None)

    db.init_app(app)
    migrate.init_app(app, db, directory=str(HERE / "migrations"))
    with app.app_context():
        configure_engine(db.engine)

    logs.install(app)
    security_headers.install(app)
    metrics.install(app)
    sign_in.install(app)
    request_viewer.install(app)
    guard.install(app)
    templating.install(app)
    assets.install(app)
    ui.install_ui(app)
    shell.install(app)
    errors.install(app)
    screens.install(app)
    _commands(app)
    return app


def _commands(app: Flask) -> None:
    from app import commands

    commands.install(app)
