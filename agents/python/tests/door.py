"""A front door that answers what a test wants."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

Reply = Tuple[int, Any]


class Asked(NamedTuple):
    method: str
    path: str
    headers: Dict[str, str]
    body: Any


class Door:
    """Keeps what it was asked. `answer` is called with each request; a reply is a status and JSON, or bytes."""

    def __init__(self) -> None:
        self.asked: List[Asked] = []
        self.answer: Callable[[Asked], Reply] = lambda _: (404, {"message": "Not Found"})
        self.headers: Dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                text = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, json.loads(text) if text else None)
                outer.asked.append(asked)
                status, body = outer.answer(asked)
                reply = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_PUT = do_POST  # noqa: N815 - the names of http.server

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a caller that did not wait

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def names(self) -> List[str]:
        """The calls that were made, without their paths."""
        return [one.path.rsplit("/", 1)[1] for one in list(self.asked)]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Listener:
    """A server that takes connections, and does with each what a test wants, on a thread of its own."""

    def __init__(self, serve: Optional[Callable[[socket.socket], None]]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._serve = serve
        self._kept: List[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                taken, _ = self._listening.accept()
            except OSError:
                return
            self._kept.append(taken)
            if self._serve is not None:
                threading.Thread(target=self._answer, args=(self._serve, taken), daemon=True).start()

    def _answer(self, serve: Callable[[socket.socket], None], taken: socket.socket) -> None:
        try:
            serve(taken)
        except OSError:
            # The caller may go, and the test may stop this server, while it still serves.
            taken.close()

    def stop(self) -> None:
        self._listening.close()
        for one in self._kept:
            one.close()


def problem(name: str, status: int, detail: str = "") -> Reply:
    return status, {"type": f"urn:lastbeat:problem:{name}", "title": name, "status": status, "detail": detail}


CLAIMED: Reply = (
    200,
    {
        "attempt": 1,
        "fence": 7,
        "token": "",
        "leaseSeconds": 5,
        "nextBeatSeconds": 0.1,
        "directive": "continue",
    },
)
BEATEN: Reply = (200, {"directive": "continue", "leaseSeconds": 5, "nextBeatSeconds": 0.1})
FINISHED: Reply = (200, {"state": "ended", "outcome": "succeeded"})
ACCEPTED: Reply = (202, {})


def ticket_of(run: str = "a-run", attempt: int = 1, fence: int = 7, lease_ms: int = 5000) -> str:
    """A ticket in the right form. Only the service could tell that it is not genuine."""
    return f"{run}.{attempt}.{fence}.3.{lease_ms}.k1-hsg6.{'x' * 43}"


def replies(
    *, claim: Optional[Reply] = None, beat: Reply = BEATEN, notice: Reply = ACCEPTED, finish: Reply = FINISHED
) -> Callable[[Asked], Reply]:
    """A front door that does what it should, but where a test says otherwise."""
    granted = (200, {**CLAIMED[1], "token": ticket_of()})
    by_name = {"claim": claim or granted, "beat": beat, "notice": notice, "finish": finish}
    return lambda asked: by_name[asked.path.rsplit("/", 1)[1]]
