"""Invented names for what a load needs many of. The same place in the list gives the same name."""

_FIRST = (
    "Alder", "Ambervale", "Aspen", "Balfour", "Beacon", "Birchwood", "Blackmere", "Bluepeak", "Bramley", "Brookfield",
    "Calder", "Cardinal", "Castellan", "Cedar", "Clearwater", "Cobalt", "Copperfield", "Corvus", "Crestline", "Dalton",
    "Eastgate", "Elmhurst", "Evergreen", "Fairmont", "Falcon", "Fenwick", "Fjordland", "Foxglove", "Glenmore", "Granite",
    "Greyfriars", "Halden", "Harborline", "Hawthorn", "Heron", "Highmoor", "Hollybank", "Ironbridge", "Juniper", "Kestrel",
    "Kingsway", "Lakeside", "Larkspur", "Linden", "Longreach", "Lowland", "Malvern", "Maple", "Meridale", "Millbrook",
    "Montrose", "Nordhavn", "Northgate", "Oakridge", "Orchard", "Osprey", "Pennine", "Quarry", "Ravens", "Redwood",
    "Rivermouth", "Rosedale", "Rowan", "Saltmarsh", "Sandstone", "Silverton", "Skylark", "Southport", "Sterling", "Stonegate",
    "Sycamore",
)  # fmt: skip
_SECOND = (
    "Aerospace", "Analytics", "Apparel", "Automotive", "Aviation", "Bakeries", "Bank", "Beverages", "Biotech", "Brewing",
    "Broadcasting", "Cables", "Capital", "Cement", "Ceramics", "Chemicals", "Clinics", "Coatings", "Construction", "Cosmetics",
    "Dairy", "Dental", "Diagnostics", "Distribution", "Electric", "Electronics", "Energy", "Engineering", "Estates", "Farms",
    "Ferries", "Film", "Finance", "Fisheries", "Foods", "Forestry", "Freight", "Furniture", "Gas", "Glass",
    "Grocers", "Hospitals", "Hotels", "Housing", "Insurance", "Irrigation", "Laboratories", "Leasing", "Logistics", "Machinery",
    "Marine", "Media", "Metals", "Mills", "Mining", "Mobility", "Motors", "Museums", "Optics", "Packaging",
    "Paper", "Pharma", "Plastics", "Ports", "Power", "Press", "Rail", "Retail", "Robotics", "Shipping",
    "Steel", "Textiles", "Water",
)  # fmt: skip
_TRADES = (
    "Consulting",
    "Systems",
    "Digital",
    "Cloud Services",
    "Managed IT",
    "Technologies",
    "Data Partners",
    "Networks",
)
_PEOPLE = (
    "Anna Kowalska", "Ben Okafor", "Carla Rossi", "Dmitri Volkov", "Elif Demir", "Farid Haddad", "Grace Mbeki", "Hugo Lindqvist",
    "Ines Duarte", "Jonas Weber", "Kamala Iyer", "Luca Bianchi", "Marta Novotná", "Noah Fischer", "Olivia Hart", "Petr Svoboda",
    "Quentin Lefèvre", "Rosa Jiménez", "Søren Dahl", "Tomás Herrera", "Ulla Nyberg", "Viktor Ilić", "Wen Zhao", "Yuki Tanabe",
)  # fmt: skip
_PLACES = (
    "Antwerp", "Bergen", "Bilbao", "Brno", "Cardiff", "Cork", "Dresden", "Gdańsk", "Genoa", "Ghent", "Graz", "Kaunas", "Leeds",
    "Linz", "Lyon", "Malmö", "Nantes", "Ostrava", "Porto", "Riga", "Rotterdam", "Seville", "Tampere", "Turin", "Utrecht",
    "Vaasa", "Wrocław", "Zagreb",
)  # fmt: skip
_SYSTEMS = (
    "order entry", "the warehouse", "payroll", "the call centre", "two branches", "the web shop", "the data lake", "finance",
    "the plant floor", "the mail system", "customer portal", "field service", "the archive", "head office", "the print works",
)  # fmt: skip


def customer(place: int) -> str:
    """Different for the first 5183 places: both lists' lengths have no common part."""
    return f"{_FIRST[place % len(_FIRST)]} {_SECOND[place % len(_SECOND)]}"


def partner(place: int) -> str:
    """Different for the first 568 places."""
    return f"{_FIRST[place * 3 % len(_FIRST)]} {_TRADES[place % len(_TRADES)]}"


def person(place: int) -> str:
    return _PEOPLE[place % len(_PEOPLE)]


def engagement(product: str, first: int, second: int) -> str:
    """'Managed backup for payroll, Bergen'; `first` and `second` are any whole numbers."""
    return f"{product} for {_SYSTEMS[first % len(_SYSTEMS)]}, {_PLACES[second % len(_PLACES)]}"


NOTES = (
    "", "As agreed on the telephone", "Night shift, storage controller failover", "On-call week", "Quarterly drill, two teams",
    "Window of the second Sunday", "Restore test with report", "Handover and runbook", "Weekend cover", "Audit evidence collected",
)  # fmt: skip
WISHES = ("Everything we agreed on is handed over.", "The runbook is accepted; nothing is open.", "")
NOT_NOW = (
    "Our team is fully booked this quarter.",
    "Outside the regions that we serve.",
    "A credit check is still open.",
)
NOT_YET = ("Two findings of the acceptance test are open.", "The handover is planned for next week.")
ENDED = ("The result was never accepted; we end it here.", "The site was sold.")
A_SLIP = "Looks like minutes, not hours. Please submit again."
