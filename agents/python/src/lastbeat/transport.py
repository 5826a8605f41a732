"""One HTTP exchange, bounded in time and size."""

from __future__ import annotations

import base64
import contextlib
import errno
import functools
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from typing import Dict, List, Mapping, NamedTuple, Optional
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

# Of the addresses of one name, each is tried that long before the next, or for its share of the time that is left: one
# that cannot be reached, as by IPv6 on a host without it, must not use up the time of the others.
_ADDRESS_SECONDS = 5.0


class Response(NamedTuple):
    """A response. `headers` have names in lower case. `body` may be one byte longer than what was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Failed(Exception):
    """There is no response. The message says why, in words for people."""


class Request(NamedTuple):
    method: str
    url: str
    headers: Mapping[str, str]
    body: Optional[bytes] = None


def exchange(request: Request, timeout: float, most_bytes: int, *, is_direct: bool = False) -> Response:
    """Sends a request and reads the response. Redirects are not followed: a credential is not carried elsewhere.

    Proxies are those of the environment; with `is_direct` there are none.

    `timeout` in seconds bounds the whole of it. The work is done on a daemon thread, because the look-up of a name
    takes no timeout, and because a server that sends one byte at a time never runs into that of a socket.
    """
    call = _Call(request, time.monotonic() + timeout, most_bytes, is_direct)
    thread = threading.Thread(target=call.run, name="lastbeat-request", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # no more threads, or the interpreter ends
        raise Failed(str(error)) from error
    thread.join(timeout)
    response, failure = call.response, call.error
    call.close()
    if response is not None:
        return response
    raise Failed("no answer in time" if failure is None else why(failure))


class _Call:
    """A request on its way. Once it is closed, its thread ends as soon as the system lets it."""

    def __init__(self, request: Request, until: float, most_bytes: int, is_direct: bool) -> None:
        self.response: Optional[Response] = None
        self.error: Optional[Exception] = None
        self._request = request
        self._until = until
        self._most_bytes = most_bytes
        self._is_direct = is_direct
        self._lock = threading.Lock()
        self._socket: Optional[socket.socket] = None
        self._is_closed = False

    def run(self) -> None:
        try:
            self.response = self._exchanged()
        except Exception as error:  # it is told to the one who waits
            self.error = error
        finally:
            with self._lock:
                self._is_closed = True
                if self._socket is not None:
                    self._socket.close()

    def close(self) -> None:
        """From another thread, so the socket is not closed: the thread that has it may be in the midst of TLS."""
        with self._lock:
            if not self._is_closed and self._socket is not None:
                with contextlib.suppress(OSError):  # it has ended by itself, or is not connected yet
                    # It wakes the thread that reads. That of a TLS socket would take its state away, too.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            self._is_closed = True

    def _keep(self, opened: socket.socket) -> socket.socket:
        with self._lock:
            self._socket = opened
            if self._is_closed:
                opened.close()
                raise TimeoutError("nobody waits any more")
        return opened

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is over")
        return left

    def _exchanged(self) -> Response:
        url = urlsplit(self._request.url)
        if url.scheme not in ("http", "https") or url.hostname is None:
            raise ValueError(f"{self._request.url} is not an address: write http:// or https:// before it")
        proxy = None if self._is_direct else proxy_for(url)
        if proxy is not None and proxy.scheme != "http":
            raise ValueError(
                f"the proxy {proxy.hostname} is to be reached by {proxy.scheme}://, and only http:// is known here"
            )
        through = url if proxy is None else proxy
        opened = self._keep(self._connect(through.hostname or "", through.port or _port(through)))
        if url.scheme == "https":
            if proxy is not None:
                self._tunnel(opened, url, proxy)
            opened.settimeout(self._left())
            # Two steps, so that the socket is known, and can be closed, while the other side lets the handshake wait.
            wrapped = _trust().wrap_socket(opened, server_hostname=url.hostname, do_handshake_on_connect=False)
            opened = self._keep(wrapped)
            wrapped.do_handshake()
        opened.settimeout(self._left())
        return self._answered(opened, url, proxy)

    def _connect(self, host: str, port: int) -> socket.socket:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failures: List[OSError] = []
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            share = self._left() / (len(addresses) - index)
            opened = self._keep(socket.socket(family, kind, protocol))
            try:
                opened.settimeout(min(_ADDRESS_SECONDS, share))
                opened.connect(address)
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return opened
            except OSError as error:
                opened.close()
                failures.append(error)
        raise failures[0]

    def _tunnel(self, opened: socket.socket, url: SplitResult, proxy: SplitResult) -> None:
        host = url.hostname or ""
        target = f"{f'[{host}]' if ':' in host else host}:{url.port or _port(url)}"
        head = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        head += [f"{name}: {value}" for name, value in _proxy_headers(proxy).items()]
        opened.settimeout(self._left())
        opened.sendall(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
        response = http.client.HTTPResponse(opened, method="CONNECT")
        try:
            response.begin()
        finally:
            response.close()  # not the socket, which goes on as the tunnel
        if response.status != http.client.OK:
            raise ConnectionError(f"the proxy {proxy.hostname} answered {response.status} {response.reason}")

    def _answered(self, opened: socket.socket, url: SplitResult, proxy: Optional[SplitResult]) -> Response:
        method, whole, headers, body = self._request
        connection = http.client.HTTPConnection(url.hostname or "", url.port or _port(url))
        connection.sock = opened
        path = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
        if proxy is not None and url.scheme == "http":
            path, headers = whole, {**headers, **_proxy_headers(proxy)}
        shown = {"Host": url.netloc.rpartition("@")[2], "Connection": "close", **headers}
        connection.request(method, path, body, shown)
        with connection.getresponse() as response:
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, fields, response.read(self._most_bytes + 1))


def _port(url: SplitResult) -> int:
    return http.client.HTTPS_PORT if url.scheme == "https" else http.client.HTTP_PORT


@functools.lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """The authorities of the system, or of SSL_CERT_FILE. To read them takes longer than a request."""
    return ssl.create_default_context()


def is_here(host: str) -> bool:
    """Whether a name or an address does not leave this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def proxy_for(url: SplitResult) -> Optional[SplitResult]:
    """The proxy that the environment names for an address (HTTPS_PROXY, NO_PROXY and the like), as urllib reads it.

    None for this machine itself: a proxy elsewhere would ask its own.
    """
    named = getproxies().get(url.scheme)
    if not named or is_here(url.hostname or "") or proxy_bypass(url.netloc.rpartition("@")[2]):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")


def _proxy_headers(proxy: SplitResult) -> Dict[str, str]:
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


# What OpenSSL says when the other side does not speak TLS; the second is that of OpenSSL 3.2.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")


def why(error: Exception) -> str:
    """Why a request failed, for a person who wants to reach an address. The words are those of the other agents."""
    if isinstance(error, (TimeoutError, socket.timeout)):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        is_missing = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
        return "there is no host of that name (ENOTFOUND)" if is_missing else "the host's name cannot be looked up now"
    if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
        return "the connection is refused (ECONNREFUSED)"
    if isinstance(error, ssl.SSLError) and getattr(error, "reason", "") in (
        "WRONG_VERSION_NUMBER",
        "RECORD_LAYER_FAILURE",
    ):
        return "it does not speak TLS; perhaps http:// is meant"
    return str(error) or type(error).__name__
