"""What history says of mail on its way."""

from app.foundation.history import Event, declare
from app.foundation.text import N_

RETRIED = declare(Event("notice_retried", N_("Mail is tried again at once"), icon="renew"))
GIVEN_UP = declare(Event("notice_given_up", N_("Mail given up"), icon="subtract"))
