"""What the stand-in's partner sells, and to whom: names and prices for a world that looks like one. Nothing in it is real."""

from typing import NamedTuple


class Product(NamedTuple):
    name: str
    sku: str
    product_id: str
    sku_id: str
    #: a seat's or unit's list price a month, in hundredths
    price: int
    publisher: str = "Microsoft"


SEATS = (
    Product("Microsoft 365 Business Basic", "Microsoft 365 Business Basic", "CFQ7TTC0LH18", "0001", 560),
    Product("Microsoft 365 Business Standard", "Microsoft 365 Business Standard", "CFQ7TTC0LDPB", "0001", 1170),
    Product("Microsoft 365 Business Premium", "Microsoft 365 Business Premium", "CFQ7TTC0LCHC", "0002", 2060),
    Product("Exchange Online (Plan 1)", "Exchange Online (Plan 1)", "CFQ7TTC0LH16", "0001", 370),
    Product("Exchange Online (Plan 2)", "Exchange Online (Plan 2)", "CFQ7TTC0LH1P", "0001", 740),
    Product("Office 365 E3", "Office 365 E3", "CFQ7TTC0LF8R", "0001", 2150),
    Product("Microsoft 365 E5", "Microsoft 365 E5", "CFQ7TTC0LFLZ", "0002", 5340),
    Product("Microsoft Teams Phone Standard", "Microsoft Teams Phone Standard", "CFQ7TTC0LHXG", "0001", 750),
    Product("Power BI Pro", "Power BI Pro", "CFQ7TTC0L3PB", "0001", 940),
    Product("Visio Plan 2", "Visio Plan 2", "CFQ7TTC0HD32", "0001", 1410),
    Product("Defender for Business", "Microsoft Defender for Business", "CFQ7TTC0RXZ7", "0001", 280),
    Product("Intune Plan 1", "Microsoft Intune Plan 1", "CFQ7TTC0LCH4", "0001", 750),
)
USAGE = (
    Product("Azure plan", "Azure plan", "DZH318Z0BPS6", "0001", 0),
    Product("Virtual Machines Dv5 Series", "D4s v5", "DZH318Z0BPVF", "00CF", 1920),
    Product("Azure SQL Database", "vCore, General Purpose", "DZH318Z0BQLS", "0013", 2540),
    Product("Storage - Block Blobs", "Hot LRS", "DZH318Z0BQ35", "002X", 2),
    Product("Bandwidth", "Inter-Region Egress", "DZH318Z0BP93", "0003", 8),
)
RESERVATIONS = (
    Product("Reserved VM Instance", "D4s v5, 1 Year", "DZH318Z0BQ4W", "00P0", 11340),
    Product("Backup for Mailboxes", "Standard, yearly", "DZH318Z0DJJ2", "0005", 3600, "Kvitok Software"),
)

FIRST = (
    "Adler", "Alpenblick", "Aurora", "Baltic", "Bergmann", "Blue Harbour", "Böhm & Söhne", "Brunnenhof", "Castellan",
    "Cedar Ridge", "Clearwater", "Delta Marine", "Dünenweg", "Elbe", "Fennmark", "Field & Loom", "Fjordland", "Gartner",
    "Granite Peak", "Grünwald", "Hafenkontor", "Helvetia", "Holm", "Iberia", "Juniper", "Kestrel", "Kloster", "Łódź",
    "Lakeside", "Linden", "Mariposa", "Meridian", "Müller", "Niederrhein", "Northgate", "O’Malley", "Osterberg",
    "Pinewood", "Quarzwerk", "Rheinufer", "Rosenthal", "São Jorge", "Silver Birch", "Sonnenhof", "Stadtwerke", "Tannen",
    "Tidewater", "Uhlenhorst", "Vista", "Waldmeister", "Westerly", "Zürichsee", "Ørsund", "東京", "Ελπίς", "Свет",
)  # fmt: skip
SECOND = (
    "Architects", "Bakery", "Clinic", "Consulting", "Dental Care", "Engineering", "Foods", "Freight", "Gallery", "Hotel Group",
    "Insurance Brokers", "Kindergarten", "Law", "Logistics", "Machine Works", "Media", "Metals", "Optics", "Pharmacy",
    "Printing", "Real Estate", "School", "Software", "Solar", "Tax Advisers", "Timber", "Tooling", "Travel", "Veterinary",
    "Wine Estates",
)  # fmt: skip
ENDINGS = ("GmbH", "AG", "Ltd", "Inc.", "B.V.", "S.A.", "KG", "e.V.", "株式会社", "& Co. \"Nord\"", "<Holding>")  # fmt: skip
COUNTRIES = ("DE", "AT", "CH", "NL", "GB", "US", "FR", "JP")
CONTACTS = (
    ("Katrin", "Vogel"), ("Tomás", "Rocha"), ("Mei", "Tanaka"), ("Priya", "Nair"), ("Jonas", "Lindqvist"), ("Aoife", "Byrne"),
    ("Paweł", "Zieliński"), ("Sofia", "Papadaki"), ("Luc", "Moreau"), ("Hannah", "Keller"),
)  # fmt: skip
