"""Form fields that check shape, and the form they stand in. What a value means is the rules' business.

    class AddEntry(PortalForm):
        month = MonthField(_l("Month"))
        quantity = QuantityField(_l("Quantity"))
        notes = TextField(_l("Extra notes"), most=2000, lines=True, optional=True)
    metric = SelectField(_l("Metric"), choices=offered([("hours", _l("Hours"))]))      # plain tuples are deprecated

    form = AddEntry(version=engagement.version)             # data for GET; a POST fills itself
    if form.validate_on_submit():
        try:
            entry_id, first = submit_once(form, lambda: add_billing_entry(..., by=tenancy.current()), action="add-billing-entry")
            return go_to(f"/engagements/{engagement.id}/billing-entries", toast=_("Submitted."))
        except Refused as no:
            form.refuse(no)
    return show("engagements/add_billing_entry.html", block="form", status=form.status, form=form)

`form.quantity.data` is a Decimal or None, `form.quantity.raw` always what was typed. `form.status` is 422 as soon as something
is refused. `form.form_errors` holds what belongs to no field. Three hidden fields come with each form, submission_key,
rendered_for and version: in the template `{{ ui.submission(form.submission_key.data, form.rendered_for.data) }}{{ form.version }}`,
or `hidden=form.carried` for ui.decision.
"""

import re
import unicodedata
import uuid
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask import request
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import CombinedMultiDict, MultiDict
from wtforms import FileField, HiddenField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.meta import DefaultMeta
from wtforms.validators import StopValidation
from wtforms.widgets import TextArea, TextInput

from app.foundation.billing_month import BillingMonth
from app.foundation.exact import LIMIT, SCALE, NotExact, parse_exact
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer
from app.web.figures import plain
from app.web.instants import month as month_words
from app.web.languages import locale_name
from app.web.templating import translate, viewer

CARRIED = ("submission_key", "rendered_for", "version")
_KEY = re.compile(r"[A-Za-z0-9_-]{16,80}")
_PHONE = re.compile(r"[0-9 +\-()/.x]{5,30}")
#: Control characters, lone surrogates, the marks that make text read in another order than it is written, and what stands
#: for bytes that were no text.
_UNFIT = {"Cc", "Cs"}
_UNFIT_TOO = "\u202d\u202e\ufffd"


def new_key() -> str:
    """A submission key: its holder rendered the form."""
    return uuid.uuid4().hex


class Typed(StringField):
    """A field whose text is kept as typed, in `raw`, whatever becomes of its value in `data`."""

    #: the library's name for how it is drawn, which is what the macro ui.field goes by
    shown_as = "StringField"
    data: Any

    def __init__(self, label: Any = None, *, optional: bool = False, **options: Any) -> None:
        super().__init__(label, **options)
        self.optional = optional
        self.type = self.shown_as
        if not optional:
            self.flags.required = True

    def process_formdata(self, valuelist: list[Any]) -> None:
        # A field that was not sent is empty, never its default: else a bare POST would submit what nobody typed.
        self.raw = valuelist[0] if valuelist and isinstance(valuelist[0], str) else ""
        self.data = None

    def process_data(self, value: Any) -> None:
        self.data = value
        self.raw = "" if value is None else self.written(value)

    def pre_validate(self, form: Any) -> None:
        text = self.raw.strip()
        if not text:
            self.data = None
            if not self.optional:
                raise StopValidation(_("This is missing."))
            return
        self.data = self.read(text)

    def read(self, text: str) -> Any:
        """The value of what was typed; StopValidation with a sentence if it has none."""
        return text

    def written(self, value: Any) -> str:
        return str(value)

    def _value(self) -> str:
        return self.raw.replace("\0", "\ufffd")  # the one character that no page may hold


class TextField(Typed):
    """Text of at most `most` characters. `lines`: line breaks are kept. Never a control character: databases refuse NUL.

    Optional and empty: None.
    """

    def __init__(self, label: Any = None, *, most: int = 200, lines: bool = False, **options: Any) -> None:
        super().__init__(label, **options)
        self.most, self.lines = most, lines
        self.flags.maxlength = most
        self.widget = TextArea() if lines else TextInput()
        self.type = "TextAreaField" if lines else "StringField"

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        self.data = self.raw

    def read(self, text: str) -> str:
        text = text.replace("\r\n", "\n").replace("\r", "\n") if self.lines else text
        allowed = "\n\t" if self.lines else ""
        if len(text) > self.most:
            raise StopValidation(
                _("This is %(length)s characters long; %(most)s fit.", length=f"{len(text):,}", most=f"{self.most:,}")
            )
        for character in text:
            if character not in allowed and (unicodedata.category(character) in _UNFIT or character in _UNFIT_TOO):
                code = f"{ord(character):04X}"
                raise StopValidation(
                    _("This contains a character that cannot be kept (U+%(code)s); write it without.", code=code)
                )
        return text


class EmailText(TextField):
    """An e-mail address, its domain in lower case. Nobody is asked whether it exists."""

    widget = TextInput("email")

    def __init__(self, label: Any = None, **options: Any) -> None:
        options.setdefault("most", 254)
        super().__init__(label, **options)
        self.widget = TextInput("email")

    def read(self, text: str) -> str:
        text = super().read(text)
        try:
            return str(validate_email(text, check_deliverability=False).normalized)
        except EmailNotValidError as wrong:
            raise StopValidation(_("Write an e-mail address, such as name@example.com.")) from wrong


class PhoneText(TextField):
    """A telephone number as people write it: 5 to 30 of digits, space, + - ( ) / . and x for an extension."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        options.setdefault("most", 30)
        super().__init__(label, **options)
        self.widget = TextInput("tel")

    def read(self, text: str) -> str:
        if not _PHONE.fullmatch(text) or sum(character.isdigit() for character in text) < 3:
            raise StopValidation(_("Write a telephone number, such as +1 555 010 2030."))
        return text


class QuantityField(Typed):
    """A plain decimal above zero, below `limit`, with at most `places` decimals. `zero`: nothing is a quantity as well."""

    shown_as = "DecimalField"

    def __init__(
        self, label: Any = None, *, places: int = SCALE, limit: Decimal = LIMIT, zero: bool = False, **options: Any
    ) -> None:
        options["render_kw"] = {"inputmode": "decimal", "autocomplete": "off", **(options.get("render_kw") or {})}
        super().__init__(label, **options)
        self.places, self.limit, self.zero = places, limit, zero

    def read(self, text: str) -> Decimal:
        try:
            value = parse_exact(text, places=self.places, limit=self.limit)
        except NotExact as wrong:
            raise StopValidation(self._why(str(wrong), text)) from wrong
        if value == 0 and not self.zero:
            raise StopValidation(_("Enter more than zero."))
        return value

    def _why(self, reason: str, text: str) -> str:
        if reason == "too-many-decimals":
            return _("Write at most %(places)s decimals.", places=self.places)
        if reason == "too-large" or re.fullmatch(r"[0-9]{21,}", text):
            return _("This is too large; it must be below %(limit)s.", limit=plain(self.limit, 0, 0))
        if re.fullmatch(r"[-\u2212][0-9.]{1,40}", text):
            return _("Enter more than zero.")
        if re.fullmatch(r"[0-9]{1,20}(,[0-9]{1,6})+([.][0-9]*)?", text):
            return _(
                "Write it without a comma: a point before the decimals, as in 1200.50, and no thousands separators."
            )
        return _("Write a plain number, such as 12 or 7.50.")

    def written(self, value: Any) -> str:
        return f"{value:f}" if isinstance(value, Decimal) else str(value)


class MonthField(Typed):
    """A billing month, sent as YYYY-MM; `data` is a BillingMonth. Which months are open is the rules' business."""

    def read(self, text: str) -> BillingMonth:
        try:
            return BillingMonth.parse(text)
        except ValueError as wrong:
            raise StopValidation(_("Choose a month, or write it as 2026-10.")) from wrong


class MonthCards(RadioField):
    """One of the months offered, as radio cards: `form.month.offer(open_months(now, policy))`; `data` is a BillingMonth.

    A month that closed while the form was open is read all the same: the rule refuses it and says since when.
    """

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, choices=[], validate_choice=False, coerce=_month_of, **options)
        self.type = "RadioField"
        self.flags.required = True

    def offer(self, months: list[BillingMonth]) -> None:
        self.choices = offered([(month, month_words(month)) for month in months])

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        with suppress(ValueError, TypeError):  # said below, in one sentence with nothing chosen
            self.data = _month_of(valuelist[0]) if valuelist else None

    def pre_validate(self, form: Any) -> None:
        if self.data is None:
            raise StopValidation(_("Choose a month."))


def offered(pairs: Iterable[tuple[Any, Any]]) -> list[SelectChoice]:
    """(value, words) pairs as the library wants them: SelectField(_l("Plan"), choices=offered(...))."""
    return [SelectChoice(value, words) for value, words in pairs]


def _month_of(value: BillingMonth | str) -> BillingMonth:
    return value if isinstance(value, BillingMonth) else BillingMonth.parse(value)


class Carried(HiddenField):
    """A hidden field that the page carries back. Not sent: empty, never its default."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.type = "HiddenField"

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = valuelist[0] if valuelist and isinstance(valuelist[0], str) else ""


def acting_as(viewer: Viewer) -> str:
    """Whom a form is for: "<organisation id>:<capacity>", as Choice.key has it; empty for nobody's."""
    return f"{viewer.organisation_id}:{viewer.capacity}" if viewer.organisation_id else ""


def _acting() -> str:
    return acting_as(viewer())


class PortalForm(FlaskForm):
    """The base of every form that writes. Its hidden fields are checked by app.web.submissions."""

    form_errors: list[str]
    submission_key = Carried(default=new_key)
    rendered_for = Carried(default=_acting)
    version = Carried(default="")

    class Meta(FlaskForm.Meta):
        @property
        def locales(self) -> tuple[str, ...]:
            return (locale_name(),)

        def get_translations(self, form: Any) -> Any:
            # FlaskForm's reads WTForms' catalogue from the disk for every request that shows a form; this one keeps it.
            return DefaultMeta.get_translations(self, form)

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            # FlaskForm ignores an empty body and would then accept the defaults as if they had been sent.
            if formdata is None or hasattr(formdata, "getlist"):
                return formdata
            if not (request and request.method in ("POST", "PUT", "PATCH", "DELETE")):
                return None
            # A file where text belongs is no text: it reaches only the fields that take files.
            takes = {field.name for field in form._fields.values() if isinstance(field, FileField)}
            files = MultiDict((name, file) for name, file in request.files.items(multi=True) if name in takes)
            return CombinedMultiDict((files, request.form)) if files else request.form

    def validate(self, extra_validators: Any = None) -> bool:
        fine = super().validate(extra_validators=extra_validators)
        if not _KEY.fullmatch(self.submission_key.data or ""):
            self.submission_key.data = new_key()
            self.form_errors = [
                *self.form_errors,
                _("This form came without its submission key. Check what you entered and send it again."),
            ]
            return False
        if len(self.rendered_for.data) > 60 or not re.fullmatch(r"[0-9]{0,9}", self.version.data):
            self.rendered_for.data, self.version.data = _acting(), ""
            self.form_errors = [
                *self.form_errors,
                _("This form did not arrive whole. Reload the page and send it again."),
            ]
            return False
        return self._storable() and fine

    def _storable(self) -> bool:
        """Choices and plain fields of the library are not Typed: no NUL and no half character gets through them either."""
        for field in self._fields.values():
            if (
                isinstance(field.data, str)
                and not isinstance(field, Typed)
                and any(unicodedata.category(c) == "Cs" or c == "\0" for c in field.data)
            ):
                field.data = ""
                self.form_errors = [
                    *self.form_errors,
                    _("This form did not arrive whole. Reload the page and send it again."),
                ]
                return False
        return True

    def refuse(self, refused: Refused) -> None:
        """Put a rule's no on the field it names, in the person's words; on the form where it names none."""
        sentence = translate(refused)
        field = self._fields.get(refused.field.replace("-", "_"))
        if field is None or isinstance(field, HiddenField):
            self.form_errors = [*self.form_errors, sentence]
        else:
            field.errors = [*field.errors, sentence]

    @property
    def status(self) -> int:
        return 422 if self.errors else 200

    @property
    def seen_version(self) -> int | None:
        """The version of the row that the page showed."""
        return int(self.version.data) if self.version.data else None

    @property
    def carried(self) -> dict[str, str]:
        """The hidden fields by name, for ui.decision(hidden=form.carried); csrf_token comes with the macro."""
        return {name: self._fields[name].data for name in CARRIED}

    def own_fields(self) -> dict[str, Any]:
        """What the person entered: the body that a repeated submit is compared with."""
        return {
            name: field.data
            for name, field in self._fields.items()
            if name not in ("csrf_token", "submission_key", "rendered_for")
        }
