"""Net, due, cost, mark-up, share and margin stay between operator and partner: nothing a customer can fetch holds them."""

import io
import re
import zipfile
from decimal import Decimal

from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from tests.makers import correct, freeze_month, make_engagement, make_entry, make_product, make_programme
from tests.page import Page
from tests.screens.engagement_stage import HTMX

#: 3.7 h at net 123.37 = 456.469, so 456.47 is due; 17.3 % mark-up: 535.44 gross. 4.1 h more: 505.82 and 593.33.
PLANTED = (
    "123.37",
    "123.3700",
    "456.47",
    "45647",
    "505.82",
    "505.81",
    "50582",
    "962.29",
    "962.28",
    "17.3 %",
    "17.300000",
    "78.97",
    "87.51",
)
SHOWN = ("535.44", "593.33")


def test_no_net_figure_reaches_a_customer(app, people, as_):
    """Every page, fragment, CSV and XLSX that Dot can reach from Home, with planted net prices, dues and a mark-up."""
    with app.app_context():
        net = make_programme(
            "Marketplace",
            remuneration="net_plus_mark_up",
            remuneration_percent=Decimal("17.3"),
            tax_percent=Decimal(7),
            review_threshold_minor=90_000,
        )
        product = make_product(net, people.northbridge, name="Net service", model="per_unit", bands=[(None, "123.37")])
        engagement = make_engagement(product, people.acme)
        assert engagement.active_from is not None
        month = BillingMonth.at(engagement.active_from)
        for quantity in ("3.7", "4.1"):
            make_entry(engagement, quantity, at=engagement.active_from.replace(day=20), month=month, rated=True)
        make_entry(engagement, "3.7")
        waiting = make_entry(engagement, "100", rated=True)
        assert waiting.state == "in_review"
        db.session.remove()
    dot = as_("dot")
    seen = walked(dot, ["/", "/catalog", "/my/engagements", "/my/charges"])
    assert len(seen) > 12 and any("billing-entries/" in path for path in seen)
    whole = "\n".join(seen.values())
    assert all(figure in whole.replace(",", "") for figure in SHOWN)
    assert "456.47" in as_("ada").get(f"/engagements/{engagement.id}/billing-entries").text, (
        "what is planted is what partners are due"
    )
    assert {path.partition("?")[0].rpartition(".")[2] for path in seen} >= {"csv", "xlsx"}
    leaks = {(path, figure) for path, text in seen.items() for figure in PLANTED if figure in text.replace(",", "")}
    assert not leaks
    assert not [
        path for path, text in seen.items() if re.search(r"mark-?up|margin|\bdue\b|\bnet\b", readable(text), re.I)
    ]


def walked(client, starts):
    """address -> text of everything reachable below the customer's paths, as page and as fragment."""
    texts, todo = {}, list(starts)
    while todo:
        path = todo.pop().partition("#")[0]
        if path in texts or not re.match(r"/($|catalog|my/)", path):
            continue
        answer = client.get(path)
        if answer.status_code == 303:  # a charge leads to its explanation
            texts[path] = answer.text
            todo.append(answer.headers["Location"])
            continue
        assert answer.status_code == 200, (path, answer.status_code)
        if path.split("?")[0].endswith(".xlsx"):
            book = zipfile.ZipFile(io.BytesIO(answer.data))
            texts[path] = "\n".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
            continue
        texts[path] = answer.text
        if answer.mimetype == "text/html":
            texts[path] += client.get(path, headers=HTMX).text
            todo += [link["href"] for link in Page(answer).soup.select("main a[href^='/']")]
    return texts


def readable(text):
    """Without the service's own name and without markup's attributes, where 'net' may be part of an id."""
    return re.sub(r"Net service|net-service|<[^>]*>", " ", text)


def test_no_net_figure_of_a_correction_reaches_a_customer(app, people, as_):
    """456.47 net is taken back and 246.74 billed anew: the client reads 535.44 and 289.43, and no reason."""
    with app.app_context():
        net = make_programme("Marketplace", remuneration="net_plus_mark_up", remuneration_percent=Decimal("17.3"))
        product = make_product(net, people.northbridge, name="Net service", model="per_unit", bands=[(None, "123.37")])
        engagement = make_engagement(product, people.acme)
        assert engagement.active_from is not None
        month = BillingMonth.at(engagement.active_from)
        entry = make_entry(engagement, "3.7", at=engagement.active_from.replace(day=20), month=month, rated=True)
        freeze_month(month)
        correct(entry, "2")
        db.session.remove()
    seen = walked(as_("dot"), ["/", "/my/engagements", "/my/charges"])
    whole = "\n".join(seen.values()).replace(",", "")
    assert "289.43" in whole and "535.44" in whole
    for figure in (*PLANTED, "246.74", "209.73", "Minutes, not hours", "COR-"):
        assert figure not in whole, figure
    assert "246.74" in as_("ada").get(f"/engagements/{engagement.id}/billing-entries").text
