"""Saved views: the member's own, thirty a list, one of a name; and what an address keeps."""

import uuid

import pytest

from app.foundation import saved_views
from app.foundation.refusals import NotVisible, Refused
from app.foundation.saved_views import MOST_A_LIST, without_place
from app.foundation.tenancy import PUBLIC, Viewer, viewing
from tests.makers import as_partner, make_member, make_organisation

LIST = "/engagements"


@pytest.fixture
def ada() -> Viewer:
    northbridge = make_organisation("Northbridge", partner=True)
    return as_partner(northbridge, member=make_member(northbridge, "ada@northbridge.example"))


def save(name: str, by: Viewer, query: str = "status=active", path: str = LIST) -> saved_views.SavedView:
    with viewing(by):
        return saved_views.save_view(path, query, name=name, by=by)


def names(by: Viewer, path: str | None = None) -> list[str]:
    with viewing(by):
        return [view.name for view in saved_views.views_of(path)]


def test_a_view_is_its_members_alone(ada: Viewer) -> None:
    northbridge = make_organisation("Second", partner=True)
    ben = as_partner(northbridge, member=make_member(northbridge, "ben@second.example"))
    view = save("  Mine,   active ", ada, "after=x&status=active&empty=&before=y&search=łódź")
    assert (view.name, view.query) == ("Mine, active", "status=active&search=%C5%82%C3%B3d%C5%BA")
    assert names(ada) == names(ada, LIST) == ["Mine, active"]
    assert names(ada, "/products") == names(ben) == []
    for do in (
        lambda: saved_views.rename_view(view.id, name="x", by=ben),
        lambda: saved_views.delete_view(view.id, by=ben),
        lambda: saved_views.delete_view(uuid.uuid4(), by=ben),
    ):
        with viewing(ben), pytest.raises(NotVisible):
            do()
    with viewing(PUBLIC), pytest.raises(NotVisible):
        saved_views.save_view(LIST, "", name="x", by=PUBLIC)


def test_another_organisation_of_the_same_member_has_views_of_its_own(ada: Viewer) -> None:
    from dataclasses import replace

    save("Mine", ada)
    elsewhere = replace(ada, organisation_id=make_organisation("Second", partner=True).id)
    assert names(elsewhere) == []
    save("Mine", elsewhere)


def test_names_are_one_a_list_and_thirty_are_enough(ada: Viewer) -> None:
    first = save("v0", ada)
    with pytest.raises(Refused):
        save("v0", ada)
    save("v0", ada, path="/products")
    for n in range(1, MOST_A_LIST):
        save(f"v{n}", ada)
    with pytest.raises(Refused):
        save("one more", ada)
    with viewing(ada):
        with pytest.raises(Refused):
            saved_views.rename_view(first.id, name="v1", by=ada)
        assert saved_views.rename_view(first.id, name="v0", by=ada).name == "v0"
        assert saved_views.rename_view(first.id, name="Another", by=ada).name == "Another"
        saved_views.delete_view(first.id, by=ada)
    save("one more", ada)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\0b", "\ud800", "a\u202eb"])
def test_a_name_is_short_and_printable(ada: Viewer, name: str) -> None:
    with pytest.raises(Refused) as no:
        save(name, ada)
    assert no.value.field == "name"


@pytest.mark.parametrize(
    ("query", "kept"),
    [("", ""), ("a=1&after=2", "a=1"), ("a=" + "x" * 2000, ""), ("&&==&%zz=%zz", "%25zz=%25zz"), ("a", "")],
)
def test_what_an_address_keeps(query: str, kept: str) -> None:
    assert without_place(query) == kept
    assert without_place(kept) == kept
