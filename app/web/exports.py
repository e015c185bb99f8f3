"""Sends exactly what is filtered as a file, while it is being read.

    if kind:
        return download(kind, "engagements", COLUMNS, queries.every_engagement(**listing.values))

`rows` is an iterator (documents.rows_of): it runs while the answer is sent, as the viewer who asked, whatever else is asked
meanwhile. The first piece is made before the answer begins, so that what fails at once is an error page and no broken file.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any

from flask import Response, stream_with_context
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from app.documents import Column, TooManyRows, csv_chunks, write_xlsx
from app.foundation import clock, tenancy
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, viewing

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PIECE = 64 * 1024


def download(kind: str, name: str, columns: Sequence[Column], rows: Iterable[Any]) -> Response:
    """The rows as `kind`, "csv" or "xlsx", in a file named after the list and the day. Another kind: 404."""
    if kind == "csv":
        chunks = _as_viewer(csv_chunks(columns, rows), tenancy.current())
        body, content_type = chain([next(chunks)], chunks), "text/csv; charset=utf-8"
        response = Response(stream_with_context(body), content_type=content_type)
    elif kind == "xlsx":
        response = Response(stream_with_context(_pieces(_workbook(columns, rows, name))), content_type=XLSX)
    else:
        raise NotFound
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{clock.now():%Y-%m-%d}.{kind}"'
    return response


def _as_viewer(chunks: Iterator[bytes], viewer: Viewer) -> Iterator[bytes]:
    """Each piece is made as this viewer; between two pieces the server's thread may be somebody else's."""
    while True:
        with viewing(viewer):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def _workbook(columns: Sequence[Column], rows: Iterable[Any], name: str) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed by the generator that sends it
    try:
        write_xlsx(columns, rows, file, sheet=name)
    except TooManyRows as too_many:
        file.close()
        raise Refused(
            "export", _("A spreadsheet holds 1,048,575 rows; filter the list, or take the CSV.")
        ) from too_many
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
