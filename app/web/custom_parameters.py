"""Custom parameters as fields: the same on the client's request form and where the partner looks at what it will be."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from wtforms import BooleanField, Field, Form, SelectField

from app.catalog.model import CustomParameter
from app.web.fields import TextField, offered


def parameter_field(parameter: CustomParameter) -> Any:
    """An unbound field for a form class; that it is required is a flag to set on the bound one."""
    optional = not parameter.required
    match parameter.kind:
        case "checkbox":
            return BooleanField(parameter.label)
        case "selection":
            choices = offered([("", _("Choose")), *((option, option) for option in parameter.options)])
            return SelectField(parameter.label, choices=choices, validate_choice=False, default="")
        case "paragraph":
            return TextField(parameter.label, most=2000, lines=True, optional=optional)
        case _:
            return TextField(parameter.label, most=200, optional=optional)


def fields_to_look_at(parameters: Sequence[CustomParameter]) -> list[Field]:
    """The fields bound and empty, to be shown outside any form that is sent."""
    own = {f"parameter-{parameter.key}": parameter_field(parameter) for parameter in parameters}
    form = type("Looked", (Form,), own)()
    for parameter in parameters:
        form[f"parameter-{parameter.key}"].flags.required = parameter.required
    return list(form)
