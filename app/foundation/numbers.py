"""Short numbers that people say aloud: ENG-2041, BE-3107. One series a prefix, without gaps."""

from contextlib import suppress

from sqlalchemy import Integer, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.database import Base, db
from app.foundation.tenancy import ForEverybody


class NumberSeries(ForEverybody, Base):
    __tablename__ = "number_series"

    #: what stands before the dash
    prefix: Mapped[str] = mapped_column(String(10), primary_key=True)
    last: Mapped[int] = mapped_column(Integer, default=0)


def next_number(prefix: str, *, first: int = 1001) -> str:
    """The next number of the series, inside the caller's transaction; the row's lock makes it unique."""
    return next_numbers(prefix, 1, first=first)[0]


def next_numbers(prefix: str, count: int, *, first: int = 1001) -> list[str]:
    """The next `count` numbers of the series, taken in one go."""
    wanted = (
        select(NumberSeries)
        .where(NumberSeries.prefix == prefix)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    series = db.session.scalar(wanted)
    if series is None:
        with (
            suppress(IntegrityError),
            db.session.begin_nested(),
        ):  # another worker may begin the series in the same moment
            db.session.add(NumberSeries(prefix=prefix, last=first - 1))
        series = db.session.scalars(wanted).one()
    begin = series.last + 1
    series.last += count
    db.session.flush()
    return [f"{prefix}-{number}" for number in range(begin, begin + count)]
