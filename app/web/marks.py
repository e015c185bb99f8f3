"""Cells that are the same in many rows but for the row's own address, number and id: made once, with marks in these places.

{% set end %}<a href="{{ marks.here }}/approve">Approve<span class="hidden"> {{ marks.number }}</span></a>{% endset %}
{{ end|own(row.id, "/engagements/" ~ row.id, row.number) }}
"""

from typing import NamedTuple

from markupsafe import Markup, escape


class Marks(NamedTuple):
    """Letters of Unicode's private use, which no name of ours may hold."""

    here: str = "\ue000"
    number: str = "\ue001"
    id: str = "\ue002"


MARKS = Marks()


def own(cells: Markup, row_id: str, here: str, number: str) -> Markup:
    """The cells as this row's. `here`: the row's address."""
    made = str(cells).replace(MARKS.here, here).replace(MARKS.number, escape(number)).replace(MARKS.id, row_id)
    return Markup(made)  # noqa: S704  the cells came out of a template, an id holds no markup
