"""Django's admin over the portal's own table of engagements, for peers.py: unmanaged models, its sign-ins in a file of its own.

It is given what the portal's list has: one partner's rows in the order of the same index, client and product in the same
statement. PEER_PARTNER names the partner; PEER_COUNTS=0 leaves out the count of all rows that the admin shows by default.
"""

import os
from typing import Any

import django
from django.apps import AppConfig
from django.conf import settings
from sqlalchemy import URL, make_url

import benchmarks
from benchmarks.ground import KEPT


def _database(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.database}
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": url.database, "USER": url.username, "PASSWORD": url.password or "",
        "HOST": url.host or url.query.get("host", ""), "PORT": url.port or "", "CONN_MAX_AGE": None,
    }  # fmt: skip


class Portal(AppConfig):
    name = "benchmarks"
    label = "portal"


settings.configure(
    SECRET_KEY="bench",  # noqa: S106
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    STATIC_URL="/static/",
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(KEPT / "django.sqlite3")},
        "portal": _database(make_url(os.environ["DATABASE_URL"])),
    },
    INSTALLED_APPS=[
        *(f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")),
        Portal("benchmarks", benchmarks),
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
)
django.setup()

from django.contrib import admin  # noqa: E402  Django wants its settings first
from django.contrib.auth.models import User  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402


class Organisation(models.Model):
    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200)

    class Meta:
        app_label, managed, db_table = "portal", False, "organisation"

    def __str__(self) -> str:
        return str(self.name)


class Product(models.Model):
    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200)

    class Meta:
        app_label, managed, db_table = "portal", False, "product"

    def __str__(self) -> str:
        return str(self.name)


class Engagement(models.Model):
    id = models.UUIDField(primary_key=True)
    number = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=30)
    requested_at = models.DateTimeField()
    partner_id = models.UUIDField()
    customer = models.ForeignKey(Organisation, models.DO_NOTHING)
    product = models.ForeignKey(Product, models.DO_NOTHING)

    class Meta:
        app_label, managed, db_table = "portal", False, "engagement"


class EngagementAdmin(admin.ModelAdmin):
    list_display = ("number", "name", "customer", "product", "state", "requested_at")
    list_select_related = ("customer", "product")
    list_per_page = 50
    ordering = ("-requested_at", "-id")
    show_full_result_count = os.environ.get("PEER_COUNTS") != "0"

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).using("portal").filter(partner_id=os.environ["PEER_PARTNER"])


admin.site.register(Engagement, EngagementAdmin)
urlpatterns = [path("admin/", admin.site.urls)]
call_command("migrate", verbosity=0)
if not User.objects.filter(username="peer").exists():
    User.objects.create_superuser("peer", password=os.environ["PEER_PASSWORD"])
application = WSGIHandler()
