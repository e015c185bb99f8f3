"""What a product's end-to-end tests have shown, as facts: for the partner's checklist and for who decides its publication.

Publication does not ask for a test; who publishes reads what there was of it.
"""

import uuid
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext

from app.billing.testing import proven, tests_and_entries
from app.web.ui import TAGS


@dataclass(frozen=True)
class TestResults:
    """`steps`: each in words, and whether a test has taken it. `entries`: '2 Rated', '1 In review'."""

    tests: int
    steps: list[tuple[str, bool]]
    entries: list[str]

    @property
    def all_done(self) -> bool:
        return all(done for _step, done in self.steps)

    @property
    def sentence(self) -> str:
        if not self.tests:
            return str(_("no test was run; none is asked for"))
        done = sum(done for _step, done in self.steps)
        said = [
            ngettext("%(num)s test", "%(num)s tests", self.tests),
            _("%(done)s of %(all)s steps proven", done=done, all=len(self.steps)),
        ]
        if self.entries:
            said.append(_("billing entries: %(entries)s", entries=", ".join(self.entries)))
        return "; ".join(str(one) for one in said)


def results_of(product_id: uuid.UUID) -> TestResults:
    """For the viewer's own product, as partner or as operator; nothing of what the viewer may not see."""
    found = proven(product_id)
    tests, entries = tests_and_entries(product_id)
    steps = [
        (_("Requested"), found.requested),
        (_("Approved"), found.approved),
        (_("Billing entry submitted"), found.submitted),
        (_("Rated"), found.rated),
        (_("Completed"), found.completed),
    ]
    return TestResults(tests, steps, [f"{count} {TAGS[state].label}" for state, count in entries])
