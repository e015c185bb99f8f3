"""Files made of rows: CSV and XLSX, one way to make each, whoever asks. Rows flow through; nothing holds them all.

    COLUMNS = (
        Column(_l("Reference"), "reference"),                       # an attribute of the row
        Column(_l("Month"), "month"),
        Column(_l("Quantity"), "quantity"),                         # Decimals stay exact decimals
        Column(_l("Amount"), lambda row: row.gross and row.gross.amount), Column(_l("Currency"), "currency"),
        Column(_l("Submitted at (UTC)"), "submitted_at"),
    )
    rows_of(statement)      every row of a select, read a thousand at a time

A screen sends them with app.web.exports.download.
"""

from app.documents.columns import Column
from app.documents.csv_stream import csv_chunks
from app.documents.row_stream import rows_of
from app.documents.xlsx_file import TooManyRows, write_xlsx

__all__ = ["Column", "TooManyRows", "csv_chunks", "rows_of", "write_xlsx"]
