"""How a try to sign in ended, in words: for the member's own list, and for the admin of an organisation they act for."""

from flask_babel import lazy_gettext as _l

from app.documents import Column

#: outcome -> (words, whether it is one to look at)
OUTCOMES = {
    "signed-in": (_l("Signed in"), False),
    "failed": (_l("Wrong password or code"), True),
    "throttled": (_l("Refused: too many tries"), True),
    "code-awaited": (_l("Password right, code awaited"), False),
    "confirmed": (_l("Password asked again, right"), False),
    "link-asked": (_l("Password link asked for"), False),
    "link-used": (_l("Password set by mailed link"), False),
    "sign-up": (_l("Sign-up asked for"), False),
}
COLUMNS = (
    Column(_l("At (UTC)"), "at"),
    Column(_l("From"), "source"),
    Column(_l("How it ended"), lambda row: str(OUTCOMES[row.outcome][0])),
)
