"""Saved views: the menu that every list's filter bar loads when it is opened, the page of all of them, save, rename, delete."""

import uuid
from typing import Any

from flask import Blueprint, Response, current_app, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import RequestRedirect

from app.foundation import saved_views, tenancy
from app.foundation.refusals import Refused
from app.foundation.saved_views import LONGEST_NAME, MOST_A_LIST, SavedView
from app.web.fields import Carried, PortalForm, TextField
from app.web.fragments import go_to, show, wants_fragment
from app.web.guard import signed_in
from app.web.submissions import submit_once

screen = Blueprint("saved_views", __name__)


class Named(PortalForm):
    name = TextField(_l("Name"), most=LONGEST_NAME, description=_l("At most %(most)s characters", most=LONGEST_NAME))
    #: the list's path and query, of a view that is new
    list = Carried(default="")
    view = Carried(default="")


class Confirm(PortalForm):
    """A decision without a field."""


@screen.get("/views")
@signed_in
def show_all() -> Response:
    """Every view of this member in this organisation, list by list."""
    lists: dict[str, list[SavedView]] = {}
    for view in saved_views.views_of():
        lists.setdefault(view.path, []).append(view)
    return show("account/saved_views.html", lists=[(list_name(path), path, views) for path, views in lists.items()])


@screen.get("/views/menu")
@signed_in
def show_menu() -> Any:
    """The lines of one list's menu, asked for when it is opened. Without script the menu leads to the page of all."""
    path = request.args.get("list", "")
    if not wants_fragment() or not _is_list(path):
        return redirect(url_for("saved_views.show_all"))
    here = saved_views.without_place(request.args.get("view", ""))
    return show("account/saved_views.html", block="lines", views=saved_views.views_of(path), here=here)


@screen.get("/views/new")
@signed_in
def ask_name() -> Any:
    path, query = request.args.get("list", ""), request.args.get("view", "")
    if not _is_list(path):
        return redirect(url_for("saved_views.show_all"))
    return _ask(Named(data={"list": path, "view": query}))


@screen.post("/views/new")
@signed_in
def save() -> Response:
    form = Named()
    path = form.list.data or ""
    if form.validate_on_submit():
        if not _is_list(path):
            raise NotFound
        try:
            by = tenancy.current()
            submit_once(
                form,
                lambda: saved_views.save_view(path, form.view.data or "", name=form.name.data, by=by),
                action="save-view",
            )
            return go_to(_address(path, form.view.data or ""), toast=_("View %(name)s saved.", name=form.name.data))
        except Refused as no:
            form.refuse(no)
    return _ask(form)


@screen.get("/views/<uuid:view_id>/rename")
@signed_in
def ask_new_name(view_id: uuid.UUID) -> Response:
    return _ask_rename(Named(data={"name": tenancy.one(SavedView, view_id).name}), view_id)


@screen.post("/views/<uuid:view_id>/rename")
@signed_in
def rename(view_id: uuid.UUID) -> Response:
    tenancy.one(SavedView, view_id)
    form = Named()
    if form.validate_on_submit():
        try:
            by = tenancy.current()
            submit_once(
                form, lambda: saved_views.rename_view(view_id, name=form.name.data, by=by), action="rename-view"
            )
            return go_to("/views", toast=_("Renamed to %(name)s.", name=form.name.data))
        except Refused as no:
            form.refuse(no)
    return _ask_rename(form, view_id)


@screen.get("/views/<uuid:view_id>/delete")
@signed_in
def ask_delete(view_id: uuid.UUID) -> Response:
    return _ask_delete(Confirm(), tenancy.one(SavedView, view_id))


@screen.post("/views/<uuid:view_id>/delete")
@signed_in
def delete(view_id: uuid.UUID) -> Response:
    form = Confirm()
    if form.validate_on_submit():
        by = tenancy.current()
        submit_once(form, lambda: saved_views.delete_view(view_id, by=by), action="delete-view")
        return go_to("/views", toast=_("The view is deleted."))
    return _ask_delete(form, tenancy.one(SavedView, view_id))


def _ask(form: Named) -> Response:
    return _decision(
        form,
        title=_("Save view"),
        eyebrow=list_name(form.list.data or ""),
        sentence=_(
            "The list's filters and order, under a name of yours; nobody else sees it. A list keeps %(most)s views.",
            most=MOST_A_LIST,
        ),
        submit=_("Save view"),
        cancel=_address(form.list.data, form.view.data) if _is_list(form.list.data or "") else "/views",
        fields=[form.name],
    )


def _ask_rename(form: Named, view_id: uuid.UUID) -> Response:
    view = tenancy.one(SavedView, view_id)
    return _decision(
        form,
        title=_("Rename view"),
        eyebrow=list_name(view.path),
        submit=_("Rename"),
        cancel="/views",
        fields=[form.name],
    )


def _ask_delete(form: Confirm, view: SavedView) -> Response:
    return _decision(
        form,
        title=_("Delete view"),
        eyebrow=view.name,
        sentence=_("The view leaves your lists; what it shows stays as it is."),
        submit=_("Delete view"),
        kind="danger",
        cancel="/views",
    )


def _decision(form: PortalForm, **words: Any) -> Response:
    decision = {"action": request.path, "form": form, "live": True, **words}
    return show("confirm_page.html", block="decision", status=form.status, decision=decision)


def _address(path: str | None, query: str | None) -> str:
    kept = saved_views.without_place(query or "")
    return f"{path}?{kept}" if kept else f"{path}"


def _is_list(path: str) -> bool:
    """A page of this portal that the viewer may open: a view never leads elsewhere."""
    view = _view_at(path)
    if view is None or not hasattr(view, "needed_permission"):
        return bool(getattr(view, "is_public", False))
    viewer = tenancy.current()
    fits = view.needed_capacity in (None, viewer.capacity)
    return fits and (view.needed_permission is None or viewer.may(view.needed_permission))


def _view_at(path: str) -> Any:
    endpoint = _endpoint_at(path)
    return current_app.view_functions.get(endpoint) if endpoint else None


def _endpoint_at(path: str) -> str | None:
    if not path.startswith("/") or path.startswith("//") or not path.isprintable() or "\\" in path:
        return None
    try:
        endpoint, _values = current_app.url_map.bind("").match(path, "GET")
    except (HTTPException, RequestRedirect):
        return None
    return str(endpoint)


def list_name(path: str) -> str:
    """What the menu calls the list; else what its screen is called; '' where there is none."""
    for line in current_app.extensions["menu"]:
        if line.path == path:
            return _(line.label)
    screen_name = (_endpoint_at(path) or "").partition(".")[0]
    return screen_name.replace("_", " ").capitalize()
