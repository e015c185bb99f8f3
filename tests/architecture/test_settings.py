"""Every setting stands in README's table, every bad one stops the start with a sentence."""

import re
from pathlib import Path

import pytest

from app.config import BadSetting, settings_from

REAL = {"DEMO": "0", "SECRET_KEY": "x" * 32}


def test_readme_lists_every_setting(repository: Path) -> None:
    source = (repository / "app" / "config.py").read_text()
    read = set(re.findall(r'env\.get\("([A-Z_]+)"|_(?:switch|base)\(env, "([A-Z_]+)"', source))
    names = {one or other for one, other in read} | {"HOST"}
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", (repository / "README.md").read_text(), re.M))
    assert table == names


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"DEMO": "maybe"}, "write 1 or 0"),
        ({"PORT": "eighty"}, "from 1 to 65535"),
        ({"PORT": "70000"}, "from 1 to 65535"),
        ({"DATABASE_URL": "mysql://x"}, "neither sqlite"),
        ({"DEMO": "0"}, "SECRET_KEY is not set"),
        ({"DEMO": "0", "SECRET_KEY": "short"}, "shorter than 32"),
        ({"PORTAL_URL": "portal.example.com"}, "PORTAL_URL"),
        ({"SMTP_URL": "mail.example.com"}, "SMTP_URL"),
        ({"PROXIES": "many"}, "PROXIES"),
        ({"HISTORY_READ_THROUGH_DAYS": "0"}, "days from 1 to 366"),
        ({"HISTORY_READ_THROUGH_DAYS": "\uff13\uff10"}, "days from 1 to 366"),
        ({"DEMO_NOW": "tomorrow", "DEMO": "1"}, "DEMO_NOW"),
        ({"MICROSOFT_LOGIN_BASE": "login.example"}, "MICROSOFT_LOGIN_BASE"),
        ({"PARTNER_CENTER_API_BASE": "http://api.example"}, "only for a stand-in"),
        ({"MICROSOFT_GRAPH_BASE": "ftp://graph.example"}, "MICROSOFT_GRAPH_BASE"),
        ({"TOKEN_ENCRYPTION_KEYS": "a,b"}, "no key"),
        ({"DEMO_NOW": "2026-11-02T23:59:50", "DEMO": "1"}, "DEMO_NOW"),
        ({**REAL, "DEMO_NOW": "2026-11-02T23:59:50Z"}, "only the demo's clock"),
    ],
)
def test_a_bad_setting_stops_the_start(wrong: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=words):
        settings_from({"INSTANCE_PATH": str(tmp_path), **wrong})


def test_the_demo_keeps_its_key_and_cookies_follow_the_address(tmp_path: Path) -> None:
    environment = {"INSTANCE_PATH": str(tmp_path), "PORT": "8123"}
    first, second = settings_from(environment), settings_from(environment)
    assert first.secret_key == second.secret_key
    assert (first.portal_url, first.secure_cookies, first.demo) == ("http://127.0.0.1:8123", False, True)
    assert settings_from({**environment, **REAL, "PORTAL_URL": "https://p.example/"}).secure_cookies
