"""The house-style check finds what it is there for."""

import pytest

from tests.page import Fragment, Page

SHELL = '<!doctype html><html lang="en"><head><title>List \u00b7 Portal</title></head><body><a href="#content">Skip</a><main id="content">{}</main></body></html>'
GOOD = (
    '<h1>List</h1><form method="post" action="/x"><input type="hidden" name="csrf_token" value="t"><label for="q">Quantity</label>'
    '<input id="q" name="quantity" aria-describedby="q-help" value="None"><p id="q-help">Help</p>'
    '<select name="plan" aria-label="Plan"><option value="a">A</option><option value="b" selected>B</option></select>'
    '<label><input type="checkbox" name="sure" value="1"> Sure</label><button>Next</button></form><a href="/y">More</a>'
)


def test_a_good_page_passes() -> None:
    page = Page(SHELL.format(GOOD))
    page.check()
    assert page.form("/x") == {"csrf_token": "t", "quantity": "None", "plan": "b"}
    assert "Quantity Help" in page.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("<h1>Twice</h1>", "2 h1"),
        ("<p style='color:red'>x</p>", "inline code"),
        ("<p onclick='x()'>x</p>", "inline code"),
        ("<p hx-on:click='x()'>x</p>", "inline code"),
        ("<a href='javascript:x()'>x</a>", "inline code"),
        ("<script>x()</script>", "inline <script>"),
        ("<style>p{}</style>", "inline <style>"),
        ("<p id='content'>x</p>", "is there twice"),
        ("<p hx-target='#gone'>x</p>", "dead hx-target"),
        ("<p aria-describedby='gone'>x</p>", "names 'gone'"),
        ("<button popovertarget='gone'>x</button>", "names 'gone'"),
        ("<a href='#gone'>x</a>", "dead link"),
        ("<a href='/x'></a>", "empty link"),
        ("<a>x</a>", "link to nowhere"),
        ("<input name='x'>", "no label"),
        ("<label for='lx'></label><input id='lx'>", "no label"),
        ("<button></button>", "button without words"),
        ("<img src='/x.png'>", "image without alt"),
        ("<img src='https://far.example/x.png' alt='x'>", "from elsewhere"),
        ("<form action='/z'><button>x</button></form>", "without method"),
        ("<form method='post'><button>x</button></form>", "without csrf_token"),
        ("<p>None</p>", "leaks"),
        ("<p title='Undefined'>x</p>", "leaks"),
        ("<p>{{ x }}</p>", "leaks"),
        ("<p>Decimal('1')</p>", "leaks"),
        ("<p>for %(name)s</p>", "leaks"),
        ("<svg></svg>", "picture without role"),
        ("<p><div>x</div></p>", "HTML:"),
        ("<a href='https://x.example' target='_blank'>x</a>", "noopener"),
    ],
)
def test_a_wrong_one_is_told(wrong: str, said: str) -> None:
    problems = Page(SHELL.format(GOOD + wrong)).problems()
    assert any(said in problem for problem in problems), problems
    with pytest.raises(AssertionError, match="House style"):
        Page(SHELL.format(GOOD + wrong)).check()


def test_the_pages_own_frame() -> None:
    problems = "\n".join(Page("<p>x</p>").problems())
    for said in ("title is ''", "0 h1", "no lang", "exactly one main", "no skip link"):
        assert said in problems


def test_a_fragment_is_no_page() -> None:
    Fragment('<div hx-target="#list"><a href="/x">x</a></div>', holder=("list",)).check()
    assert Fragment('<div hx-target="#list"></div>').problems() == ["dead hx-target: #list"]
