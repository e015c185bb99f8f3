"""Short numbers that people say aloud: ENG-2041, BE-3107. One series a prefix, without gaps."""

from sqlalchemy import Integer, String, select
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
    series = db.session.scalar(select(NumberSeries).where(NumberSeries.prefix == prefix).with_for_update().execution_options(populate_existing=True))
    if series is None:
        series = NumberSeries(prefix=prefix, last=first - 1)
        db.session.add(series)
    series.last += 1
    db.session.flush()
    return f"{prefix}-{series.last}"
