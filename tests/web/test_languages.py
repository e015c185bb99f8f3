"""`_()` in templates: any fact may stand in a sentence, whatever it is called, and none of them is markup."""

from flask import Flask
from markupsafe import Markup

from app.web.languages import said


def test_a_fact_may_have_any_name(small: Flask) -> None:
    with small.test_request_context("/"):
        assert said("%(sentence)s, now %(state)s", sentence="Approved", state="Active") == "Approved, now Active"


def test_facts_are_text_unless_they_say_that_they_are_markup(small: Flask) -> None:
    with small.test_request_context("/"):
        assert said("%(a)s and %(b)s", a="<i>", b=Markup("<b>x</b>")) == "&lt;i&gt; and <b>x</b>"
