"""Every sentence can be collected by gettext's extractor, from rooms, screens and templates."""

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
