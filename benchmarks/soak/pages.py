"""Forms as a browser without script reads them: what is hidden, ticked and chosen is sent back, whoever fills in the rest."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

#: what a form sends that asks a free question of its own: a catalog entry may ask anything
ANSWER = "As discussed on the telephone"


@dataclass
class Form:
    """`fields`: what would be sent if nothing were typed. `asked`: the text fields that are empty and required.

    `unticked`: boxes that are there and not ticked, with what they send if they are.
    """

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unticked: dict[str, str] = field(default_factory=dict)
    #: fields that come several times, such as the rows of a grid
    repeated: dict[str, list[str]] = field(default_factory=dict)

    def filled(self, **typed: str) -> dict[str, str | list[str]]:
        """With what was typed, and an answer to whatever else is required."""
        return {**self.fields, **dict.fromkeys(self.asked, ANSWER), **self.repeated, **typed}


class _Reader(HTMLParser):
    def __init__(self, here: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._here = here
        self._form: Form | None = None
        self._select: str | None = None
        self._text: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method") == "post":
            self._form = Form(given.get("action") or self._here)
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "select":
            self._select = given.get("name")
        elif tag == "option" and self._select and given.get("value"):
            if "selected" in given or self._select not in self._form.fields:
                self._form.fields[self._select] = given["value"]
        elif tag in ("input", "textarea") and given.get("name"):
            self._entered(self._form, given, tag)

        if tag == "textarea" and self._form is not None:
            self._text = given.get("name")

    def handle_data(self, text: str) -> None:
        if self._form is not None and self._text is not None:
            written = self._form.fields[self._text] + text
            self._form.fields[self._text] = written.removeprefix("\n")

    def _entered(self, form: Form, given: dict[str, str], tag: str) -> None:
        name, value = given["name"], given.get("value", "")
        kind = "text" if tag == "textarea" else given.get("type", "text")
        if kind == "radio":
            if "checked" in given or name not in form.fields:
                form.fields[name] = value
        elif kind == "checkbox":
            (form.fields if "checked" in given else form.unticked)[name] = value or "y"
        elif kind == "hidden" and name in form.fields:
            form.repeated.setdefault(name, [form.fields[name]]).append(value)
        else:
            form.fields[name] = value
            if not value and "required" in given:
                form.asked.append(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._text = None


def forms_of(page: str, here: str) -> dict[str, Form]:
    """The page's forms that write, by where they are sent; `here` for those that name nowhere."""
    reader = _Reader(here)
    reader.feed(page)
    return {form.action: form for form in reader.forms}
