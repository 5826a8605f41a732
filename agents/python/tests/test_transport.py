"""Exchanges with servers that hang, trickle, stream, redirect and lie."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import Callable, List
from urllib.parse import urlsplit

import pytest
from door import Door, Listener
from processes import until

from lastbeat.transport import Failed, Request, Response, exchange, proxy_for, why

Serve = Callable[[socket.socket], None]


def _post(url: str, timeout: float = 1.0, most: int = 1000) -> Response:
    return exchange(Request("POST", url, {"x-one": "two"}, b"{}"), timeout, most)


def _threads() -> List[str]:
    return [one.name for one in threading.enumerate() if one.name == "lastbeat-request"]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_request_has_its_path_its_query_its_headers_and_its_body(door: Door) -> None:
    door.answer = lambda _: (200, b"yes")
    response = _post(f"{door.url}/v1/runs?state=live")
    assert (response.status, response.body) == (200, b"yes")
    (asked,) = door.asked
    assert asked.path == "/v1/runs?state=live"
    assert asked.headers["x-one"] == "two"
    assert asked.headers["host"] == urlsplit(door.url).netloc
    assert asked.body == {}


def test_a_redirect_is_not_followed(door: Door) -> None:
    door.headers = {"Location": f"{door.url}/elsewhere"}
    door.answer = lambda _: (302, b"")
    assert _post(f"{door.url}/here").status == 302
    assert [one.path for one in door.asked] == ["/here"]


def _trickle(head: bytes) -> Serve:
    def serve(taken: socket.socket) -> None:
        taken.sendall(head)
        while True:
            taken.sendall(b"x")
            time.sleep(0.05)

    return serve


@pytest.mark.parametrize(
    "serve",
    [
        None,
        _trickle(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"),
        _trickle(b"HTTP/1.1 200 OK\r\n"),
        _trickle(b""),
    ],
    ids=["says nothing", "trickles a body", "trickles headers", "trickles a status"],
)
def test_a_server_that_takes_its_time_is_given_up_and_leaves_no_thread(serve: Serve) -> None:
    server = Listener(serve)
    started = time.monotonic()
    with pytest.raises(Failed, match="no answer in time"):
        _post(server.url, timeout=0.5)
    assert time.monotonic() - started < 30  # it trickles for ever
    until(lambda: not _threads(), 5)
    server.stop()


def test_a_handshake_that_hangs_is_given_up(door: Door) -> None:
    server = Listener(None)
    with pytest.raises(Failed, match="no answer in time"):
        _post(server.url.replace("http:", "https:"), timeout=0.5)
    until(lambda: not _threads(), 5)
    server.stop()


def test_a_look_up_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: object, **__: object) -> List[object]:
        released.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(Failed, match="no answer in time"):
        _post("http://far.example", timeout=0.3)
    released.set()
    until(lambda: not _threads(), 5)


def test_a_server_that_streams_does_not_fill_the_memory() -> None:
    def serve(taken: socket.socket) -> None:
        taken.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            taken.sendall(b"x" * 65536)

    server = Listener(serve)
    assert len(_post(server.url, most=1000).body) == 1001
    until(lambda: not _threads(), 5)
    server.stop()


@pytest.mark.parametrize("said", [b"", b"220 smtp.example ESMTP\r\n"])
def test_a_server_that_is_none_is_a_failure_with_a_reason(said: bytes) -> None:
    def serve(taken: socket.socket) -> None:
        taken.recv(1000)
        taken.sendall(said)
        taken.shutdown(socket.SHUT_RDWR)

    server = Listener(serve)
    with pytest.raises(Failed, match=r".+"):
        _post(server.url)
    server.stop()


def test_the_reasons_are_words_for_people(door: Door) -> None:
    with pytest.raises(Failed, match=r"the connection is refused \(ECONNREFUSED\)"):
        _post("http://127.0.0.1:1")
    with pytest.raises(Failed, match="it does not speak TLS; perhaps http:// is meant"):
        _post(door.url.replace("http:", "https:"), timeout=5)
    with pytest.raises(Failed, match="write http:// or https:// before it"):
        _post("far.example")
    assert why(socket.gaierror(socket.EAI_NONAME, "")) == "there is no host of that name (ENOTFOUND)"
    assert why(socket.gaierror(socket.EAI_AGAIN, "")) == "the host's name cannot be looked up now"
    assert "certificate verify failed" in why(ssl.SSLCertVerificationError("certificate verify failed"))
    assert why(KeyError()) == "KeyError"


def test_an_address_that_is_not_reachable_does_not_use_up_the_time_of_the_next(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = full.getsockname()[1]
    waiting = [socket.socket() for _ in range(3)]  # the queue is full: another connection is not answered
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", port))
    here = ("127.0.0.1", int(door.url.rsplit(":", 1)[1]))
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (("127.0.0.1", port), here)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    door.answer = lambda _: (200, b"yes")
    assert _post("http://two.example", timeout=1).body == b"yes"
    for one in [full, *waiting]:
        one.close()


def test_a_proxy_of_the_environment_is_asked_and_no_proxy_counts(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door.answer = lambda _: (200, b"by the proxy")
    monkeypatch.setenv("http_proxy", door.url.replace("http://", "http://user:secret@"))
    assert _post("http://far.example/v1").body == b"by the proxy"
    assert door.asked[0].path == "http://far.example/v1"
    assert door.asked[0].headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert door.asked[0].headers["host"] == "far.example"
    monkeypatch.setenv("no_proxy", "far.example")
    assert proxy_for(urlsplit("http://far.example/v1")) is None
    with pytest.raises(Failed):
        exchange(Request("GET", "http://127.0.0.1:1", {}), 1, 1000, is_direct=True)


def test_a_proxy_is_asked_for_a_tunnel_before_anything_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: List[bytes] = []

    def serve(taken: socket.socket) -> None:
        heard.append(taken.recv(1000))
        taken.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

    server = Listener(serve)
    monkeypatch.setenv("https_proxy", server.url)
    with pytest.raises(Failed, match=r"the proxy 127\.0\.0\.1 answered 407 Proxy Authentication Required"):
        _post("https://far.example/secret")
    assert heard == [b"CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\n\r\n"]
    server.stop()


@pytest.mark.parametrize("scheme", ["https", "socks5"])
def test_a_proxy_that_is_not_reached_by_http_is_refused_and_told_nothing(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    heard: List[bytes] = []
    server = Listener(lambda taken: heard.append(taken.recv(1000)))
    monkeypatch.setenv("https_proxy", server.url.replace("http://", f"{scheme}://user:secret@"))
    with pytest.raises(Failed, match=f"is to be reached by {scheme}://, and only http:// is known here") as failed:
        _post("https://far.example/secret")
    assert "secret" not in str(failed.value)
    assert heard == []
    server.stop()


def test_this_machine_is_not_reached_by_a_proxy(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door.answer = lambda _: (200, b"here")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert _post(door.url).body == b"here"
    for host in ("localhost", "front.localhost", "[::1]"):
        assert proxy_for(urlsplit(f"http://{host}:8787")) is None


def test_a_tunnel_to_an_address_of_ipv6_has_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: List[bytes] = []

    def serve(taken: socket.socket) -> None:
        heard.append(taken.recv(1000))
        taken.close()

    server = Listener(serve)
    monkeypatch.setenv("https_proxy", server.url)
    with pytest.raises(Failed):
        _post("https://[2001:db8::1]/")
    assert heard[0].startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n")
    server.stop()


def test_a_socket_is_closed_by_the_thread_that_has_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: List[str] = []

    class Socket(socket.socket):
        def close(self) -> None:
            closed.append(threading.current_thread().name)
            super().close()

    monkeypatch.setattr("lastbeat.transport.socket.socket", Socket)
    server = Listener(None)
    with pytest.raises(Failed, match="no answer in time"):
        _post(server.url, timeout=0.3)
    until(lambda: not _threads(), 5)
    assert set(closed) == {"lastbeat-request"}
    server.stop()


def test_without_threads_a_request_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(Failed, match="can't start new thread"):
        _post("http://127.0.0.1:1")
