"""Sends exactly what is filtered as a file, while it is being read.

    if kind:
        return download(kind, "engagements", COLUMNS, queries.every_engagement(**listing.values))

`rows` is an iterator (documents.rows_of): it runs while the answer is sent, as the viewer who asked, whatever else is asked
meanwhile. The first piece is made before the answer begins, so that what fails at once is an error page and no broken file.
"""

import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import IO, Any, cast

from flask import Response, stream_with_context
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from app.documents import Column, TooManyRows, csv_of, write_xlsx
from app.foundation import clock, tenancy
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, viewing

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PIECE = 64 * 1024
Pieces = Generator[bytes, None, None]


def download(kind: str, name: str, columns: Sequence[Column], rows: Iterable[Any]) -> Response:
    """The rows as `kind`, "csv" or "xlsx", in a file named after the list and the day. Another kind: 404."""
    if kind == "csv":
        response = Response(_begun(csv_of(columns, rows)), content_type="text/csv; charset=utf-8")
    elif kind == "xlsx":
        response = Response(stream_with_context(_pieces(_workbook(columns, rows, name))), content_type=XLSX)
    else:
        raise NotFound
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{clock.now():%Y-%m-%d}.{kind}"'
    return response


def _begun(chunks: Pieces) -> Iterator[bytes]:
    """The pieces, of which the first is made now, within the context that the others will be made in.

    The context is entered here and left with the last piece, or when the server closes what nobody reads any more. Entered
    later, as the server asks for pieces, the request's end would come in between: it takes the database session, and what it
    is reading, away.
    """
    body = cast(Pieces, stream_with_context(_as_viewer(chunks, tenancy.current())))
    return _Begun(next(body), body)


class _Begun(Iterator[bytes]):
    """A first piece, and the others behind it; closed with them, though nobody may have begun to read."""

    def __init__(self, first: bytes, others: Pieces) -> None:
        self._first: bytes | None = first
        self._others = others

    def __next__(self) -> bytes:
        first, self._first = self._first, None
        return next(self._others) if first is None else first

    def close(self) -> None:
        self._others.close()


def _as_viewer(chunks: Pieces, viewer: Viewer) -> Pieces:
    """Each piece is made as this viewer; between two pieces the server's thread may be somebody else's."""
    try:
        while True:
            with viewing(viewer):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk
    finally:
        chunks.close()


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
