"""What a first visit to Home brings over the line: compressed, with the Latin fonts, below 120 kB."""

import gzip
import re

from tests.screens import billing_stage

MOST = 120_000
#: of the fonts a page in English fetches these
FONTS = ("Light", "Regular", "SemiBold")


def test_home_weighs_little_the_first_time_and_next_to_nothing_the_second(app, people, as_):
    billing_stage.set_stage(app, people)
    packed = {"Accept-Encoding": "gzip"}
    with billing_stage.at():
        ada = as_("ada")
        home = ada.get("/", headers=packed)
    assert home.headers["Content-Encoding"] == "gzip"
    html = gzip.decompress(home.data).decode()
    files = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', html))
    assert len(files) >= 7
    sizes = {}
    for file in files:
        answer = ada.get(file, headers=packed)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", file
        sizes[file] = len(answer.data)
    for weight in FONTS:
        font = f"/static/vendor/plex/IBMPlexSans-{weight}-Latin1.woff2"
        sizes[font] = len(ada.get(font).data)
    assert len(home.data) + sum(sizes.values()) <= MOST, sizes
    assert len(home.data) < 10_000, "what is fetched each time"
