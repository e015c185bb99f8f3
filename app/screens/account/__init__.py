"""What everybody has: signing in, the own account, and whom one acts for."""

from typing import Any

from flask import Response
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import InputRequired

from app.web.fields import PortalForm


class PersonalForm(PortalForm):
    """A form about oneself, of no organisation. Sent twice it does the same again, so it carries no submission key."""

    submission_key = None  # type: ignore[assignment]
    rendered_for = None  # type: ignore[assignment]
    version = None  # type: ignore[assignment]

    def validate(self, extra_validators: Any = None) -> bool:
        return FlaskForm.validate(self, extra_validators=extra_validators) and self._storable()


def password_field(label: Any) -> PasswordField:
    """A password as it was typed, spaces and all; never shown again. A template says where it is a new one."""
    known = {"autocomplete": "current-password"}
    return PasswordField(label, validators=[InputRequired(_l("This field is empty."))], render_kw=known)


def secret(page: Response) -> Response:
    """A page whose address or content opens a door: kept nowhere, its address told to nobody."""
    page.headers["Cache-Control"] = "no-store"
    page.headers["Referrer-Policy"] = "no-referrer"
    return page
