"""Webhooks at their edges: signatures as the convention's own library checks them, the tries, and where messages may go."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.foundation.refusals import Refused
from app.notices import webhook_rules as rules

NOW = datetime(2026, 11, 1, 20, 0, tzinfo=UTC)
BODY = '{"type":"engagement.approved","data":{"name":"Łódź 😀"}}'


def test_a_signature_is_what_the_conventions_library_expects() -> None:
    secret, at = rules.new_secret(), datetime.now(UTC)
    sent = rules.headers([secret], "msg_1", at, BODY)
    assert Webhook(secret).verify(BODY, sent)["type"] == "engagement.approved"
    assert Webhook(secret).sign("msg_1", at, BODY) == sent["webhook-signature"]
    for changed in ({"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(at.timestamp()) - 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(BODY, {**sent, **changed})
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + " ", sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(rules.new_secret()).verify(BODY, sent)


def test_while_a_secret_is_changed_either_is_enough() -> None:
    old, new = rules.new_secret(), rules.new_secret()
    sent = rules.headers([new, old], "msg_1", datetime.now(UTC), BODY)
    assert Webhook(old).verify(BODY, sent) == Webhook(new).verify(BODY, sent)


def test_a_message_is_tried_for_three_days() -> None:
    waits, at, tries = [], NOW, 1
    while (due := rules.next_try(tries, at)) is not None:
        waits.append(due - at)
        at, tries = due, tries + 1
    assert waits[0] == timedelta(seconds=5)
    assert waits == sorted(waits)
    assert timedelta(days=3) <= sum(waits, timedelta()) < timedelta(days=3, hours=1)
    assert tries == 10


def test_an_endpoint_rests_longer_and_longer_ten_minutes_at_most() -> None:
    rests = [rules.rest_after(failures) for failures in (1, 2, 3, 8, 500)]
    assert rests == [timedelta(seconds=n) for n in (5, 10, 20, 600, 600)]


def test_failing_for_days_is_three_days() -> None:
    assert not rules.is_given_up(None, NOW)
    assert not rules.is_given_up(NOW - timedelta(days=3) + timedelta(microseconds=1), NOW)
    assert rules.is_given_up(NOW - timedelta(days=3), NOW)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "192.0.2.1",
        "::1", "::", "fe80::1", "fe80::1%2", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "2002:a00:1::1", "fd00:ec2::254",
        "fec0::1", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "64:ff9b:1::7f00:1", "::ffff:0:127.0.0.1", "3fff::1", "5f00::1",
        "100::1", "4000::1", "2001:0:808:808::80ff:fffe",
    ],
)  # fmt: skip
def test_where_messages_never_go(address: str) -> None:
    assert not rules.may_be_called(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_where_messages_may_go(address: str) -> None:
    assert rules.may_be_called(address)


@pytest.mark.parametrize(
    "url",
    [
        "", " ", "example.com", "/hook", "ftp://example.com/", "javascript:alert(1)", "https://", "https:///x", "http://example.com/",
        "https://user:secret@example.com/", "https://user@example.com/", "https://example.com/#part", "https://example.com:0/",
        "https://example.com:99999/", "https://[::1/", "https://exämple.com/", "https://example.com/\x00", "https://example.com/a b",
        "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://10.1.2.3:8443/x", "https://169.254.169.254/latest",
        "https://[::ffff:7f00:1]/", "https://example.com/" + "x" * 500,
    ],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(Refused) as no:
        rules.check_url(url, private_allowed=False)
    assert no.value.field == "url"


def test_addresses_that_are_taken() -> None:
    for url in ("https://example.com", "https://example.com:8443/hooks?tenant=7", "https://8.8.8.8/x"):
        assert rules.check_url(f" {url} ", private_allowed=False) == url
    for url in ("http://127.0.0.1:9000/hook", "https://[::1]:8443/", "http://localhost/"):
        assert rules.check_url(url, private_allowed=True) == url
