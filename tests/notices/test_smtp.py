"""SMTP_URL's three schemes, with sign-in and certificates, against a real server."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.notices.smtp import Delayed, MailServer, RefusedForGood
from tests.notices.conftest import Inbox


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = "Trial"
    mail.set_content("Does it arrive?")
    return mail


def send(url: str, *to: str) -> dict[str, str]:
    with MailServer(url) as server:
        return server.send(message(), "portal@localhost", to or ("ada@northbridge.example",))


def knows_the_portal(_server: object, _session: object, _envelope: object, _mechanism: str, auth: object) -> AuthResult:
    known = isinstance(auth, LoginPassword) and (auth.login, auth.password) == (b"portal@host", b"p:a/s s")
    return AuthResult(success=known, handled=False)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS; the certificate signs itself and lies in tmp_path/server.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "server.key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    return context


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_signs_in_with_percent_encoded_words(start_server: Callable[..., Inbox]) -> None:
    inbox = start_server(authenticator=knows_the_portal, auth_required=True, auth_require_tls=False)
    send(f"smtp://portal%40host:p%3Aa%2Fs%20s@127.0.0.1:{inbox.port}")
    assert len(inbox.mail) == 1
    with pytest.raises(Delayed, match="535") as no:
        send(f"smtp://portal%40host:wrong@127.0.0.1:{inbox.port}")
    assert no.value.server_is_away  # our setting is wrong, not the address: every mail waits


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_tls_only_with_a_certificate_that_is_trusted(
    scheme: str,
    start_server: Callable[..., Inbox],
    tls: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inbox = start_server(ssl_context=tls) if scheme == "smtps" else start_server(tls_context=tls, require_starttls=True)
    url = f"{scheme}://127.0.0.1:{inbox.port}"
    with pytest.raises(Delayed, match="CERTIFICATE_VERIFY_FAILED"):
        send(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    send(url)
    assert len(inbox.mail) == 1


def test_an_address_that_mail_servers_do_not_take(inbox: Inbox) -> None:
    with pytest.raises(RefusedForGood):
        send(f"smtp://127.0.0.1:{inbox.port}", "zoë@acme.example")


def test_goes_on_after_the_server_has_hung_up(inbox: Inbox) -> None:
    inbox.says_to_data = "421 shutting down"
    with MailServer(f"smtp://127.0.0.1:{inbox.port}") as server:
        with pytest.raises(Delayed):
            server.send(message(), "portal@localhost", ["ada@northbridge.example"])
        inbox.says_to_data = None
        server.send(message(), "portal@localhost", ["ada@northbridge.example"])
    assert len(inbox.mail) == 1
