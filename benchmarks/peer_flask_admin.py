"""Flask-Admin over the portal's own table of engagements, for peers.py, behind Flask-Login.

It is given what the portal's list has: one partner's rows in the order of the same index, client and product in the same
statement. PEER_PARTNER names the partner; PEER_COUNTS=0 takes its pager that counts nothing.
"""

import os
import uuid
from datetime import datetime
from typing import Any

from flask import Flask, redirect
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from flask_login import LoginManager, UserMixin, current_user, login_user
from sqlalchemy import ForeignKey, Uuid, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, scoped_session, sessionmaker

PARTNER = uuid.UUID(os.environ["PEER_PARTNER"])
url = os.environ["DATABASE_URL"]
session = scoped_session(sessionmaker(create_engine(url)))


class Table(DeclarativeBase):
    pass


class Organisation(Table):
    __tablename__ = "organisation"
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str]

    def __str__(self) -> str:
        return self.name


class Product(Table):
    __tablename__ = "product"
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str]

    def __str__(self) -> str:
        return self.name


class Engagement(Table):
    __tablename__ = "engagement"
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    number: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    requested_at: Mapped[datetime]
    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"))
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("product.id"))
    customer: Mapped[Organisation] = relationship()
    product: Mapped[Product] = relationship()


class Member(Table, UserMixin):
    __tablename__ = "member"
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    email: Mapped[str]


class Engagements(ModelView):
    column_list = ("number", "name", "customer", "product", "state", "requested_at")
    column_default_sort = [("requested_at", True), ("id", True)]
    page_size = 50
    simple_list_pager = os.environ.get("PEER_COUNTS") == "0"

    def is_accessible(self) -> bool:
        return bool(current_user.is_authenticated)

    def get_query(self) -> Any:
        return super().get_query().filter(Engagement.partner_id == PARTNER)

    def get_count_query(self) -> Any:
        return self.session.query(func.count("*")).select_from(Engagement).filter(Engagement.partner_id == PARTNER)


application = Flask(__name__)
application.secret_key = "bench"  # noqa: S105  of a server that lives for a minute
Babel(application)
login = LoginManager(application)
Admin(application, name="Peer").add_view(Engagements(Engagement, session, endpoint="engagement"))


@login.user_loader
def member_of(member_id: str) -> Member | None:
    return session.get(Member, uuid.UUID(member_id))


@application.get("/login")
def show_login() -> str:
    return "<form method=post></form>"


@application.post("/login")
def log_in() -> Any:
    login_user(session.scalars(select(Member).order_by(Member.id).limit(1)).one())
    return redirect("/admin/engagement/", 303)


@application.teardown_appcontext
def end(_error: BaseException | None) -> None:
    session.remove()
