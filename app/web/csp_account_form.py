"""The form of a CSP account, and how partners buy."""

from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import RadioField

from app.csp.accounts import states
from app.csp.accounts.actions import PERCENTAGES
from app.web.fields import PortalForm, TextField, offered
from app.web.percent_field import PercentField

MODELS = {
    states.DIRECT: _l("Direct partner"),
    states.INDIRECT_PROVIDER: _l("Indirect provider"),
    states.INDIRECT_RESELLER: _l("Indirect reseller"),
}
#: What each model means for what the portal can show.
MEANS = {
    states.DIRECT: _l("Microsoft bills you"),
    states.INDIRECT_PROVIDER: _l("Microsoft bills you, and your resellers sell"),
    states.INDIRECT_RESELLER: _l("Your provider bills you: customers and subscriptions, but no invoices"),
}


class AccountForm(PortalForm):
    name = TextField(_l("Account Name"), most=200)
    account_id = TextField(_l("Account Id"), most=60)
    model = RadioField(_l("How you buy from Microsoft"), choices=offered(MODELS.items()), validate_choice=False)
    mpn_id = TextField(_l("PartnerID (MPN)"), most=20, optional=True)
    managed_mark_up = PercentField(_l("Mark-up, managed customers"), optional=True)
    not_managed_mark_up = PercentField(_l("Mark-up, customers not managed"), optional=True)
    tax_rate = PercentField(_l("Tax rate"), optional=True)
    microsoft_discount = PercentField(_l("Microsoft Discount"), optional=True)


def cards() -> list[dict[str, Any]]:
    return [{"value": model, "label": label, "small": MEANS[model]} for model, label in MODELS.items()]


def percentages_of(form: AccountForm) -> dict[str, Decimal | None]:
    return {name: form[name].data for name in PERCENTAGES}
