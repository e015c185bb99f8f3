"""Custom parameters as fields: the same on the client's request form, on the partner's test of it, and where it is looked at."""

from collections.abc import Sequence
from typing import Any, TypeVar

from flask_babel import gettext as _
from wtforms import BooleanField, Field, Form, SelectField

from app.catalog.model import CustomParameter
from app.foundation.refusals import Refused
from app.web.fields import PortalForm, TextField, offered
from app.web.templating import translate


class AsksParameters(PortalForm):
    """A form that a service's custom parameters are added to, as fields named `parameter-<key>`: see `asking`."""

    def refuse(self, refused: Refused) -> None:
        """The rules name a parameter's field as it stands in the form, dash and all."""
        if refused.field in self._fields:
            field = self._fields[refused.field]
            field.errors = [*field.errors, translate(refused)]
        else:
            super().refuse(refused)

    @property
    def parameters(self) -> list[Field]:
        return [field for name, field in self._fields.items() if name.startswith("parameter-")]

    @property
    def given(self) -> dict[str, Any]:
        """Key -> what was answered, for the rules."""
        return {field.name.removeprefix("parameter-"): field.data for field in self.parameters}


AForm = TypeVar("AForm", bound=AsksParameters)


def asking(form: type[AForm], parameters: Sequence[CustomParameter], **shown: Any) -> AForm:
    """The form of this service, bound, its parameters in the catalog entry's order after its own fields."""
    own = {f"parameter-{parameter.key}": parameter_field(parameter) for parameter in parameters}
    bound: AForm = type(f"{form.__name__}OfService", (form,), own)(**shown)
    for parameter in parameters:
        bound[f"parameter-{parameter.key}"].flags.required = parameter.required
    return bound


def parameter_field(parameter: CustomParameter) -> Any:
    """An unbound field for a form class; that it is required is a flag to set on the bound one."""
    optional = not parameter.required
    match parameter.kind:
        case "checkbox":
            return BooleanField(_("%(label)s (optional)", label=parameter.label) if optional else parameter.label)
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
