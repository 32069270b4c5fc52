"""Real servers on loopback, started by the tests and stopped with them; connections as Airflow keeps them."""

import asyncio
import atexit
import email.utils
import http.server
import imaplib
import ipaddress
import json
import logging
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tuquan import channels, load, warehouse
from tuquan.simulate import simulate

HOST = "127.0.0.1"
LOGIN = "tuquan"
PASSWORD = "kh0ng-ai-duoc-biet"  # searched for in everything that is logged
HOME = tempfile.mkdtemp(prefix="tuquan-channels-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.setdefault("AIRFLOW_HOME", HOME)


def needs(package):
    """Import a server; where tests are judged, one that is missing is a failure and no skip."""
    if os.environ.get("CI"):
        return __import__(package)
    return pytest.importorskip(package)


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


@pytest.fixture(scope="session", autouse=True)
def _airflow():
    """Import Airflow before a test watches what is printed: it remembers where it logs to."""
    import airflow.sdk  # noqa: F401


@pytest.fixture
def connect(monkeypatch):
    """Keep a connection where Airflow looks first: ``connect("tuquan_sftp", host=…)``."""

    def keep(conn_id, **facts):
        facts = {"login": LOGIN, "password": PASSWORD, **facts}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(facts))

    return keep


@pytest.fixture
def no_secret_in_logs(caplog, capfd):
    """Fail when a password was logged or printed, at whatever level."""
    caplog.set_level(logging.DEBUG)
    yield
    printed = "".join(capfd.readouterr()) + caplog.text
    assert PASSWORD not in printed


@pytest.fixture(scope="session")
def workbooks(tmp_path_factory):
    """Filled forms of three communes, as (name, bytes)."""
    folder = tmp_path_factory.mktemp("forms")
    simulate(3, 1, folder)
    return [(path.name, path.read_bytes()) for path in sorted(folder.rglob("*.xlsx"))]


class Office:
    """The receiving office: passes over a channel as the DAG makes them, and what is in the warehouse then."""

    @staticmethod
    def receive(channel):
        from airflow.sdk import Connection, ObjectStoragePath

        channels.receive(channel, Connection.get, ObjectStoragePath)
        load.load_registered()

    @staticmethod
    def send(channel):
        from airflow.sdk import Connection, ObjectStoragePath

        channels.send_replies(channel, Connection.get, ObjectStoragePath)

    @staticmethod
    def query(sql):
        with warehouse.connect() as connection:
            return connection.execute(sql).fetchall()

    def outcomes(self):
        """Name, outcome and number of figures of each file, in the order of arrival."""
        return self.query(
            "select declared_name, arrivals.status, count(cells.obs_value) from raw.arrivals "
            "left join raw.submissions using (arrival_id) left join raw.cells using (submission_id) "
            "group by arrival_id, declared_name, arrivals.status order by arrival_id"
        )

    def checks(self):
        return [check for (check,) in self.query("select check_name from raw.findings order by arrival_id")]


@pytest.fixture
def office(home, no_secret_in_logs):
    return Office()


# SFTP


@dataclass
class SftpServer:
    """An SSH server whose files lie in ``root``."""

    root: Path
    port: int
    host_key: str


@pytest.fixture
def sftp_server(tmp_path):
    asyncssh = needs("asyncssh")
    root = tmp_path / "sftp"
    root.mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()

    class Door(asyncssh.SSHServer):
        def password_auth_supported(self):
            return True

        def validate_password(self, username, password):
            return (username, password) == (LOGIN, PASSWORD)

    async def start():
        return await asyncssh.listen(
            HOST,
            0,
            server_factory=Door,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(root)),
        )

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    yield SftpServer(root, listener.get_port(), key.export_public_key().decode())

    async def stop():
        listener.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run_coroutine_threadsafe(stop(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


# S3


@pytest.fixture(scope="session")
def s3_server():
    """One server for all tests: Airflow keeps what it knows of a storage as long as its process lives."""
    needs("moto")
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield boto3.client(
        "s3",
        endpoint_url=f"http://{HOST}:{port}",
        aws_access_key_id=LOGIN,
        aws_secret_access_key=PASSWORD,
        region_name="us-east-1",
    )
    server.stop()


@pytest.fixture
def bucket(s3_server):
    """An empty bucket "tinh-xa" of an S3-compatible server, as a client of it."""
    httpx.post(f"{s3_server.meta.endpoint_url}/moto-api/reset")
    s3_server.create_bucket(Bucket="tinh-xa")
    return s3_server


# Mail


@dataclass
class Mailbox:
    """A mailbox of a real IMAP server."""

    port: int
    sent: list = field(default_factory=list)

    def open(self):
        mailbox = imaplib.IMAP4(HOST, self.port)
        mailbox.login(LOGIN, PASSWORD)
        return mailbox

    def put(self, message, folder="INBOX"):
        content = message if isinstance(message, bytes) else message.as_bytes()
        with self.open() as mailbox:
            assert mailbox.append(folder, None, None, content)[0] == "OK"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for this machine that nobody trusts, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*plain))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def mailbox():
    needs("pymap")
    port = free_port()
    pymap = str(Path(sys.executable).with_name("pymap"))
    options = [
        "--host",
        HOST,
        "--port",
        str(port),
        "--no-tls",
        "dict",
        "--demo-user",
        LOGIN,
        "--demo-password",
        PASSWORD,
    ]
    server = subprocess.Popen([pymap, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port)
    yield Mailbox(port)
    server.terminate()
    server.wait(10)


@pytest.fixture
def mail():
    """Return a builder of mails; attachments are (name, bytes)."""

    def write(*attachments, sender="can-bo@xa.example", subject="Báo cáo", message_id=None, **headers):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, "thong-ke@tinh.example", subject
        message["Message-ID"] = message_id or email.utils.make_msgid(domain="xa.example")
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content("Kính gửi, xã gửi báo cáo.")
        for name, content in attachments:
            message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
        return message

    return write


@dataclass
class PostOffice:
    """A real SMTP server: what it took, and whom it refuses with which answer."""

    port: int
    taken: list = field(default_factory=list)
    refused: dict = field(default_factory=dict)


@pytest.fixture
def post_office(request, certificate):
    """Speaks in the open, or encrypted from the first byte where a test asks for ``tls``."""
    needs("aiosmtpd")
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    logging.getLogger("mail.log").setLevel(logging.ERROR)  # the server's own; it names recipients
    office = PostOffice(free_port())

    class Clerk:
        async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
            if address in office.refused:
                return office.refused[address]
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
            office.taken.append((envelope.rcpt_tos, envelope.content))
            return "250 OK"

    def login(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login.decode(), data.password.decode()) == (LOGIN, PASSWORD), handled=False)

    encrypted = None
    if getattr(request, "param", None) == "tls":
        encrypted = ssl.SSLContext(ssl.PROTOCOL_TLS)  # aiosmtpd uses it at both ends
        encrypted.load_cert_chain(*certificate)
    controller = Controller(
        Clerk(),
        hostname=HOST,
        port=office.port,
        ssl_context=encrypted,
        authenticator=login,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    yield office
    controller.stop()


# Webhook


class WebhookServer(http.server.ThreadingHTTPServer):
    """Takes JSON at one secret place; answers with the codes that a test lays out, then with 200."""

    def __init__(self):
        super().__init__((HOST, 0), _Webhook)
        self.taken, self.codes = [], []


class _Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        code = self.server.codes.pop(0) if self.server.codes else 200
        if self.path != f"/hooks/{PASSWORD}":
            code = 404
        if code == 200:
            self.server.taken.append((self.headers["Content-Type"], json.loads(body)))
        self.send_response(code)
        self.send_header("Content-Length", "0")
        if code == 302:
            self.send_header("Location", "http://elsewhere.example/")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def webhook_server():
    with WebhookServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def webhook(webhook_server, connect):
    """The server, and the connection to it."""
    connect("tuquan_webhook", conn_type="http", host=f"http://{HOST}:{webhook_server.server_port}/hooks")
    return webhook_server


# Kobo


class KoboServer(http.server.ThreadingHTTPServer):
    """What version 2 of the API answers about submissions, in pages."""

    def __init__(self):
        super().__init__((HOST, 0), _Kobo)
        self.submissions, self.page, self.count, self.failures, self.asked = [], 2, None, [], []
        self.next_host = None


class _Kobo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, address = self.server, urlsplit(self.path)
        server.asked.append((self.path, self.headers["Authorization"]))
        if server.failures:
            self._answer(server.failures.pop(0), {"detail": "later"})
        elif self.headers["Authorization"] != f"Token {PASSWORD}":
            self._answer(401, {"detail": "Invalid token."})
        elif not address.path.startswith("/api/v2/assets/aTQ01/data.json"):
            self._answer(404, {"detail": "Not found."})
        else:
            start = int(parse_qs(address.query).get("start", ["0"])[0])
            rest = server.submissions[start + server.page :]
            host = server.next_host or f"http://{HOST}:{server.server_port}"
            following = f"{host}{address.path}?format=json&limit={server.page}&start={start + server.page}"
            count = len(server.submissions) if server.count is None else server.count
            results = server.submissions[start : start + server.page]
            self._answer(
                200, {"count": count, "next": following if rest else None, "previous": None, "results": results}
            )

    def _answer(self, code, content):
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def kobo_server():
    with KoboServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def post(post_office, connect):
    """A mail server, and the connection to it."""
    extra = {"use_ssl": False, "from_email": "thong-ke@tinh.example"}
    connect("tuquan_smtp", conn_type="smtp", host=HOST, port=post_office.port, extra=extra)
    return post_office
