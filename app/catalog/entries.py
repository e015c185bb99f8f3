"""What a partner writes of a product: its name, its catalog entry, its custom parameters, its support details.

What was published may be edited too: each change is a new edition of the catalog entry, and an engagement keeps the number
of the edition that it answered. While the operator reads the entry for its publication, it stays as it is.
"""

import uuid
from collections.abc import Sequence

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.catalog import listing_events as events
from app.catalog import listing_rules as rules
from app.catalog import states
from app.catalog.actions import EDIT_PRODUCT
from app.catalog.listing_queries import own_product
from app.catalog.listing_rules import ParameterDraft
from app.catalog.model import CustomParameter, Product, Programme
from app.catalog.queries import parameters_of
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.text import N_

#: said by the form as well, together with what else it lacks
CHOOSE_PROGRAMME = N_("Choose the programme that it is sold under.")


def create_product(*, name: str, slug: str, programme_id: uuid.UUID | None, by: Viewer) -> Product:
    """Create a product > Next > Start now: a draft under one of the programmes. Its programmatic name is for good."""
    by.must(EDIT_PRODUCT)
    name = " ".join(rules.required_text("name", name, 120).split())
    slug = rules.programmatic_name("slug", slug)
    programme = db.session.scalar(select(Programme).where(Programme.id == programme_id))
    if programme is None:
        raise Refused("programme", CHOOSE_PROGRAMME)
    with transaction() as session:
        with acting_for_all("a programmatic name is unique among all partners"):
            taken = session.scalar(select(Product.id).where(Product.slug == slug))
        if taken:
            raise _taken(slug)
        product = Product(
            programme_id=programme.id,
            seller_id=programme.seller_id,
            partner_id=by.organisation_id,
            name=name,
            slug=slug,
            request_email="",
            created_at=clock.now(),
        )
        try:
            with session.begin_nested():
                session.add(product)
        except IntegrityError as race:  # another partner took the name between our look and our write
            raise _taken(slug) from race
        history.record(product, events.CREATED, by=by, to_state=states.DRAFT, programme=programme.name)
    return product


def _taken(slug: str) -> Refused:
    return Refused("slug", N_("%(slug)s is taken; choose another programmatic name."), slug=slug)


def change_catalog_entry(
    product: Product,
    *,
    version: int,
    name: str,
    category: str,
    summary: str,
    description: str,
    request_email: str,
    by: Viewer,
) -> Product:
    """Everything but support and parameters. AlreadyDone when somebody changed the product since `version`."""
    by.must(EDIT_PRODUCT)
    written = {
        "name": " ".join(rules.required_text("name", name, 120).split()),
        "category": " ".join(rules.required_text("category", category, 60).split()),
        "summary": rules.required_text("summary", summary, 200),
        "description": rules.required_text("description", description, 10_000),
        "request_email": _address("request_email", request_email),
    }
    with transaction():
        product = _entry(product, version, by)
        if any(getattr(product, column) != value for column, value in written.items()):
            for column, value in written.items():
                setattr(product, column, value)
            history.record(product, events.ENTRY_CHANGED, by=by, edition=_next_edition(product))
    return product


def change_support(product: Product, *, version: int, support: str, by: Viewer) -> Product:
    """Hours and ways to reach support, as the catalog shows them."""
    by.must(EDIT_PRODUCT)
    support = rules.required_text("support", support, 4000)
    with transaction():
        product = _entry(product, version, by)
        if product.support != support:
            product.support = support
            history.record(product, events.SUPPORT_CHANGED, by=by, edition=_next_edition(product))
    return product


def add_parameter(product: Product, *, version: int, draft: ParameterDraft, by: Viewer) -> CustomParameter:
    """One more field of the request form, at its end."""
    by.must(EDIT_PRODUCT)
    with transaction() as session:
        product = _entry(product, version, by)
        others = parameters_of(product.id)
        if len(others) >= rules.MOST_PARAMETERS:
            raise Refused(
                "label", N_("A request form has at most %(most)s custom parameters."), most=rules.MOST_PARAMETERS
            )
        draft = rules.checked_parameter(draft, (other.label for other in others))
        parameter = CustomParameter(
            product_id=product.id,
            position=max((other.position for other in others), default=0) + 1,
            key=rules.code_for(draft.label, (other.key for other in others), 40),
        )
        _write(parameter, draft)
        session.add(parameter)
        _note(product, parameter, "added", by)
    return parameter


def change_parameter(
    product: Product, *, version: int, parameter_id: uuid.UUID, draft: ParameterDraft, by: Viewer
) -> CustomParameter:
    by.must(EDIT_PRODUCT)
    with transaction():
        product = _entry(product, version, by)
        parameter, others = _one_of(product, parameter_id)
        draft = rules.checked_parameter(draft, (other.label for other in others if other is not parameter))
        _write(parameter, draft)
        _note(product, parameter, "changed", by)
    return parameter


def move_parameter(product: Product, *, version: int, parameter_id: uuid.UUID, upwards: bool, by: Viewer) -> Product:
    """One place up or down; at the end it stays where it is."""
    by.must(EDIT_PRODUCT)
    with transaction():
        product = _entry(product, version, by)
        parameter, others = _one_of(product, parameter_id)
        order = list(others)
        here = order.index(parameter)
        there = here - 1 if upwards else here + 1
        if 0 <= there < len(order):
            order[here], order[there] = order[there], order[here]
            for place, other in enumerate(order, 1):
                other.position = place
            _note(product, parameter, "moved", by)
    return product


def remove_parameter(product: Product, *, version: int, parameter_id: uuid.UUID, by: Viewer) -> Product:
    """The form asks it no more; what clients answered stays with their engagements, label and all."""
    by.must(EDIT_PRODUCT)
    with transaction() as session:
        product = _entry(product, version, by)
        parameter, _others = _one_of(product, parameter_id)
        session.delete(parameter)
        _note(product, parameter, "removed", by)
    return product


def _entry(product: Product, version: int, by: Viewer) -> Product:
    """The own product, locked, where its entry may be edited; its version is counted up for whoever else has it open."""
    product = own_product(product.id, by=by, lock=True)
    if product.version != version:
        raise AlreadyDone("changed", "edit")
    if product.state in states.ENTRY_UNDER_REVIEW:
        raise Refused("entry", N_("The operator reviews it for publication; until that is decided it stays as it is."))
    product.version += 1
    return product


def _next_edition(product: Product) -> int:
    if product.state in states.SHOWN:
        product.edition += 1
    return product.edition


def _note(product: Product, parameter: CustomParameter, how: str, by: Viewer) -> None:
    history.record(
        product, events.PARAMETER_CHANGED, by=by, label=parameter.label, how=how, edition=_next_edition(product)
    )


def _write(parameter: CustomParameter, draft: ParameterDraft) -> None:
    parameter.label, parameter.kind = draft.label, draft.kind
    parameter.options, parameter.required = list(draft.options), draft.required


def _one_of(product: Product, parameter_id: uuid.UUID) -> tuple[CustomParameter, Sequence[CustomParameter]]:
    others = parameters_of(product.id)
    parameter = next((other for other in others if other.id == parameter_id), None)
    if parameter is None:
        raise NotVisible
    return parameter, others


def _address(field: str, text: str) -> str:
    try:
        return str(validate_email(rules.required_text(field, text, 254), check_deliverability=False).normalized)
    except EmailNotValidError as wrong:
        raise Refused(field, N_("Write an e-mail address, such as name@example.com.")) from wrong
