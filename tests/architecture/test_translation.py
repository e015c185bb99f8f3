"""Every sentence can be collected by gettext's extractor, from rooms, screens and templates."""

import re
import subprocess
import sys
from pathlib import Path


def test_sentences_are_collected(repository: Path, tmp_path: Path) -> None:
    catalogue = tmp_path / "messages.pot"
    command = [
        "-m",
        "babel.messages.frontend",
        "-q",
        "extract",
        "-F",
        "babel.cfg",
        "-k",
        "N_",
        "-k",
        "_l",
        "-o",
        str(catalogue),
        ".",
    ]
    subprocess.run([sys.executable, *command], cwd=repository, check=True)
    text = catalogue.read_text()
    for sentence in (
        "Add billing entry",  # a template's
        "%(month)s closed on %(closed_at)s.",  # a rule's
        "Request rejected: %(reason)s",  # an event's
        "Partner Pricing Submitter",  # a role's
        "%(client)s asks to complete %(number)s",  # a mail's
        "Decisions passed to me",  # a type of notice
    ):
        assert f'msgid "{sentence}"' in text


def test_mails_are_wrapped_for_translation(repository: Path) -> None:
    """Words outside of an expression are no language's but the author's: {{ _("...") }}, with its facts as arguments."""
    naked = {}
    for file in sorted((repository / "templates" / "mail").glob("*.txt")):
        text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", file.read_text(), flags=re.S)
        text = re.sub(r"^(Subject:|Type: \w+)", "", text, flags=re.M)
        if words := re.findall(r"[A-Za-z]{3,}.*", text):
            naked[file.name] = words[:2]
    assert naked == {}
