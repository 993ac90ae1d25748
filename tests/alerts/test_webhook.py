"""The signed webhook: what arrives can be checked, and only an address that was looked at is called."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mediameter.alerts import addresses
from mediameter.alerts.addresses import Refused, is_public
from mediameter.alerts.message import Message
from mediameter.alerts.notify import Delivery, notify
from mediameter.alerts.webhook import Webhook
from mediameter.settings import Channel
from tests.alerts.tls import self_signed, server_context
from tests.listener import Listener, listening

KEY = "0123456789abcdef"
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
MESSAGE = Message("k-1", "warning", "[warning] errors", (("Rule", "error_rate"),), "errors-app", {"value": 0.02})


def told(url: str, key: str = KEY, timeout_s: float = 5, allow_private: bool = True) -> Delivery:
    channel = Channel(url=url, signing_key=key)
    (delivery,) = notify(MESSAGE, [channel], timeout_s=timeout_s, allow_private=allow_private)
    return delivery


def is_genuine(headers: dict[str, str], body: bytes, key: str, now: float) -> bool:
    """The receiver's side, as the documentation has it."""
    (code,) = re.findall(r"```python\n(import hashlib.*?)```", OPERATIONS.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    names["time"] = SimpleNamespace(time=lambda: now)
    return bool(names["is_genuine"](headers, body, key))


def test_what_arrives_is_json_and_signed() -> None:
    with listening() as hook:
        delivery = told(hook.url("http"))
    assert delivery == Delivery("http://127.0.0.1", delivered=True)
    (headers,), (body,) = hook.headers, hook.bodies
    assert headers["idempotency-key"] == "k-1" and headers["content-type"] == "application/json"
    assert is_genuine(headers, body, KEY, time.time())
    assert not is_genuine(headers, body + b" ", KEY, time.time())
    assert not is_genuine(headers, body, KEY + "0", time.time())
    assert not is_genuine(headers, body, KEY, time.time() + 301)
    assert json.loads(body) == {
        "version": 1,
        "key": "k-1",
        "severity": "warning",
        "type": "warning",
        "is_resolved": False,
        "title": "[warning] errors",
        "message": "Rule: error_rate\nKey: k-1",
        "lines": [["Rule", "error_rate"]],
        "fingerprint": "errors-app",
        "data": {"value": 0.02},
    }


def test_without_a_key_it_is_not_signed_and_a_login_is_sent() -> None:
    with listening() as hook:
        assert told(hook.url("http", credentials="me:s%40t@"), key="").delivered
    (headers,) = hook.headers
    assert "x-mediameter-signature" not in headers and headers["authorization"] == "Basic bWU6c0B0"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"status": 500}, "it answered 500"),
        ({"status": 404}, "it answered 404"),
        ({"status": 307, "location": "http://127.0.0.1:1/"}, "it answered 307, and redirects are not followed"),
    ],
)
def test_any_answer_but_200_is_told(how: dict[str, Any], why: str) -> None:
    with listening(**how) as hook:
        delivery = told(hook.url("http"))
    assert (delivery.delivered, delivery.reason) == (False, why)


def test_nobody_at_the_port_is_told_without_the_secrets_of_the_url() -> None:
    with listening() as hook:
        port = hook.server_port
    delivery = told(f"http://u:S3CR3T@127.0.0.1:{port}/S3CR3T")
    assert "refused" in delivery.reason and "S3CR3T" not in delivery.reason


@contextmanager
def dripping(answer: bytes) -> Iterator[int]:
    """A server that sends a byte (or none) each 50 ms, for ever if need be; its port."""
    server = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            while not is_over.wait(0.05):
                try:
                    connection.send(answer)
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        is_over.set()
        server.close()
        thread.join(5)


@pytest.mark.parametrize(("scheme", "answer"), [("http", b"H"), ("http", b""), ("https", b"")])
def test_an_answer_that_never_ends_costs_the_timeout(scheme: str, answer: bytes) -> None:
    """Also where not even the TLS handshake begins."""
    with dripping(answer) as port:
        began = time.monotonic()
        with pytest.raises(TimeoutError, match=r"no answer within 0\.6 s"):
            Webhook(f"{scheme}://127.0.0.1:{port}/", KEY, allow_private=True).post("k", "{}", 0.6)
        assert time.monotonic() - began < 20  # it would go on for ever


# --- which address is called -------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://[::1]/hook",
        "https://[::ffff:7f00:1]/hook",
        "https://[64:ff9b::7f00:1]/hook",
        "https://[2002:7f00:1::]/hook",
        "https://2130706433/hook",
        "https://0.0.0.0/hook",
        "https://10.1.2.3/hook",
        "https://169.254.169.254/latest",
        "https://224.0.0.1/hook",
        "https://[fe80::1]/hook",
        "https://[fd00::1]/hook",
        "http://93.184.216.34/hook",
    ],
)
def test_a_private_address_and_no_tls_are_refused(url: str) -> None:
    delivery = told(url, allow_private=False)
    assert not delivery.delivered and "allow_private_channels" in delivery.reason


@pytest.mark.parametrize("url", ["https:///x", "https://", "https://host:99999/", "https://no-such-host.invalid/"])
def test_what_is_no_address_is_told(url: str) -> None:
    delivery = told(url, timeout_s=8)
    assert not delivery.delivered and delivery.reason


Resolver = Callable[..., list[tuple[Any, ...]]]


def answers(*in_turn: str) -> tuple[Resolver, list[str]]:
    """A resolver that says another address each time, and the names that it was asked for."""
    asked: list[str] = []

    def resolve(host: str, port: Any, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        if host in in_turn:  # an address, of the connection itself
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (in_turn[min(len(asked), len(in_turn)) - 1], port))]

    return resolve, asked


def test_a_name_is_resolved_once_and_that_address_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose owner says another address the second time leads nowhere else."""
    called: list[Any] = []

    def connect(address: Any, timeout: float) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError("no")

    resolve, asked = answers("93.184.216.34", "127.0.0.1")
    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        Webhook("https://hook.example/x", KEY).post("k", "{}", 5)
    assert asked == ["hook.example"] and called == [("93.184.216.34", 443)]


def test_one_private_address_among_several_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(Refused, match="private or local"):
        Webhook("https://hook.example/x", KEY).post("k", "{}", 5)


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """An https server that has a certificate for hook.example, which is trusted, and whose name leads to it."""
    pem = self_signed("hook.example", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with listening() as hook:
        hook.socket = server_context(pem).wrap_socket(hook.socket, server_side=True)
        resolve, _ = answers("127.0.0.1")
        monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)
        yield hook


def test_the_certificate_is_held_against_the_name_though_an_address_is_called(secure: Listener) -> None:
    delivery = told(f"https://hook.example:{secure.server_port}/x?y=1")
    assert delivery.delivered, delivery.reason
    (headers,), (body,) = secure.headers, secure.bodies
    assert headers["host"] == f"hook.example:{secure.server_port}" and is_genuine(headers, body, KEY, time.time())


def test_a_certificate_for_another_name_is_refused(secure: Listener) -> None:
    delivery = told(f"https://other.example:{secure.server_port}/x")
    assert not delivery.delivered and "CERTIFICATE_VERIFY_FAILED" in delivery.reason
    assert not secure.received


PUBLIC = ("93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "2002:5db8:d822::1")
NOT_PUBLIC = (
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1", "224.0.0.1", "::", "::1",
    "fec0::1", "fe80::1%eth0", "fc00::1", "ff02::1", "100::1", "2001:db8::1", "2001:2::1", "3fff::1", "5f00::1",
    "4000::1", "64:ff9b:1::1", "64:ff9b:1::5db8:d822",
)  # fmt: skip
PRIVATE = ("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0")


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*NOT_PUBLIC, *PRIVATE])
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("inner", PRIVATE)
def test_a_private_address_is_found_wherever_ipv6_hides_it(inner: str) -> None:
    """Mapped, translated, compatible, NAT64, 6to4, and both ends of a Teredo tunnel (the client's bits are turned)."""
    v4 = IPv4Address(inner)
    high, low = f"{int(v4) >> 16:x}", f"{int(v4) & 0xFFFF:x}"
    turned = f"{~int(v4) >> 16 & 0xFFFF:x}:{~int(v4) & 0xFFFF:x}"
    for hidden in (f"::ffff:{v4}", f"::ffff:0:{high}:{low}", f"::{v4}", f"64:ff9b::{v4}", f"2002:{high}:{low}::1",
                   f"2001:0:{high}:{low}:0:0:a247:27dd", f"2001:0:5db8:d822:0:0:{turned}"):  # fmt: skip
        assert not is_public(hidden), hidden
