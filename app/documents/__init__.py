"""Files made of rows: CSV and XLSX, one way to make each, whoever asks. Rows flow through; nothing holds them all.

    COLUMNS = (
        Column(_l("Reference"), "reference"),                       # an attribute of the row
        Column(_l("Month"), "month"),
        Column(_l("Quantity"), "quantity"),                         # Decimals stay exact decimals
        Column(_l("Amount"), Minor("gross_minor")), Column(_l("Currency"), "currency"),
        Column(_l("Submitted at (UTC)"), "submitted_at"),
    )
    rows_of(statement)      every row of a select, read a thousand at a time
    csv_of(columns, rows)   the pieces of a CSV; where rows are a select's and columns its own or Words, Minor and LookedUp of
                            them, the database makes the cells: declare them so wherever a list may be long

A screen sends them with app.web.exports.download.
"""

from app.documents.cells import LookedUp, Minor, Words
from app.documents.columns import Column
from app.documents.csv_in_sql import csv_of
from app.documents.csv_stream import csv_chunks
from app.documents.row_stream import rows_of
from app.documents.xlsx_file import TooManyRows, write_xlsx

__all__ = ["Column", "LookedUp", "Minor", "TooManyRows", "Words", "csv_chunks", "csv_of", "rows_of", "write_xlsx"]
