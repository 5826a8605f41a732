"""The calls of runners and owners to the front doors of a deployment."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, TypeVar, Union
from urllib.parse import quote, urlencode, urlsplit

from .answer import (
    MOST_BYTES,
    Answer,
    Fields,
    Ok,
    Unclear,
    any_body,
    beat_body,
    claim_body,
    finish_body,
    interpret,
    parsed,
    problem_name,
    retry_after,
)
from .errors import NotLastbeats, Refused, Unanswered
from .failover import Failover, addresses_of
from .folder import on_disk, read_text
from .signing import Signer
from .ticket import parse_credential
from .transport import Failed, Request, Response, exchange, is_here
from .wire import BeatBody, ClaimBody, FinishBody, Progress, Report

Body = TypeVar("Body")

Json = Dict[str, Any]

# Longer than the 30 s after which an HTTP API gives up.
TIMEOUT_SECONDS = 35.0

# A list has up to 500 runs, and a record up to 200 attempts with messages of 4 KiB; API Gateway passes 10 MB.
_MOST_OWNER_BYTES = 10 * 1024 * 1024

# Throttled or contended: nothing was done, and a later try may succeed.
_BUSY = (429, 503)
_TRIES = 5
# An owner waits for an answer, so a server does not send them away for longer.
_LONGEST_PAUSE_SECONDS = 10.0

# A header of ours may have that much at the front doors of AWS. A token of a cluster has less than 2 KiB.
_MOST_IDENTITY_BYTES = 10 * 1024

# What is valid in a header. A token that is being replaced may be empty for a moment.
_VISIBLE = re.compile(r"[\x21-\x7e]+")


def is_address(text: str) -> bool:
    """Whether a text is the address of a front door."""
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and url.hostname is not None and url.port != 0
    except ValueError:
        return False


def front_doors(urls: Union[str, Sequence[str]]) -> List[str]:
    """The addresses of a list, or of a text with commas. Raises NotLastbeats for what is no address."""
    addresses = addresses_of(urls) if isinstance(urls, str) else list(urls)
    if not addresses:
        raise NotLastbeats("there is no front door: name one, as in https://lastbeat.example.com")
    for address in addresses:
        if not is_address(address):
            raise NotLastbeats(f"{address!r} is not an address: write http:// or https:// before it")
    return addresses


def is_near(address: str) -> bool:
    """Whether an address does not leave this machine."""
    return is_here(urlsplit(address).hostname or "")


def is_as_safe(url: Optional[str], door: str) -> bool:
    """Whether a token may be sent to `url`: it has TLS, or the front door has none either."""
    if url is None or not is_address(url):
        return False
    return urlsplit(url).scheme in ("https", urlsplit(door).scheme)


def segment_of(name: str) -> str:
    """A run or a host as one segment of a path: `~` stands for `/`."""
    return quote(name.replace("/", "~"), safe="~")


class Client:
    """The front doors of one deployment, for runners and for owners.

    A runner's call (claim, beat, notice, finish) never raises for what a server does: it returns Ok, Problem or
    Unclear. An owner's call returns the JSON of the answer, and raises Refused or Unanswered. Both may be made from any
    thread.
    """

    def __init__(
        self,
        urls: Union[str, Sequence[str]],
        *,
        identity_file: Union[str, Path, None] = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        region: Optional[str] = None,
        sign: Optional[bool] = None,
    ) -> None:
        """Names the front doors: a list, or a text with commas. When one fails, the next is asked.

        `identity_file` has a token of the cluster, for a front door with a JWT authorizer; it is read for each call.
        `timeout_seconds` bounds each call. `region` is for the signature of owners' calls, if the host name does not
        tell it. `sign` says whether to sign them; by default they are signed unless the front door is on this machine.
        """
        self._all = Failover(front_doors(urls))
        self._beats = self._all
        self._identity_file = None if identity_file is None else Path(identity_file)
        self._timeout = timeout_seconds
        self._sign = sign
        self._signer = Signer(region)

    # Runners

    def claim(self, ticket: str, holder: Mapping[str, str]) -> Answer[ClaimBody]:
        """Opens the attempt of a ticket. `holder` has an `id` of 32 hex digits, and facts such as `host`.

        Beats go to the address that the answer names, if it names one. When it fails, the front doors take them.
        """
        answer = self._all.ask(lambda door: self._call(door, "claim", ticket, {"holder": dict(holder)}, claim_body))
        beat_url = answer.body.beat_url if isinstance(answer, Ok) else None
        if beat_url is not None and is_as_safe(beat_url, self._all.addresses[0]):
            self._beats = Failover([beat_url, *self._all.addresses])
        return answer

    def beat(self, token: str, progress: Optional[Progress] = None) -> Answer[BeatBody]:
        """Says that the attempt is alive, and how far it is."""
        body: Fields = {} if progress is None else {"progress": progress.to_wire()}
        return self._beats.ask(lambda door: self._call(door, "beat", token, body, beat_body))

    def notice(self, token: str, kind: str, at: str, deadline: Optional[str] = None) -> Answer[Fields]:
        """Says that this runner is about to be taken. `kind` is sigterm, spot or rebalance; instants are RFC 3339."""
        body: Fields = {"kind": kind, "at": at, **({} if deadline is None else {"deadline": deadline})}
        return self._all.ask(lambda door: self._call(door, "notice", token, body, any_body))

    def finish(self, token: str, report: Report) -> Answer[FinishBody]:
        """Reports the end of the attempt. The same report may be sent again."""
        return self._all.ask(lambda door: self._call(door, "finish", token, report.to_wire(), finish_body))

    def _call(
        self, door: str, name: str, credential: str, body: Fields, read: Callable[[Fields], Optional[Body]]
    ) -> Answer[Body]:
        claims = parse_credential(credential)
        if claims is None:
            raise NotLastbeats("this is no ticket or token: take it from the registration or from the requeue message")
        headers = {"authorization": f"Bearer {credential}", "content-type": "application/json"}
        identity = self._identity()
        if identity is not None:
            headers["x-lastbeat-identity"] = f"Bearer {identity}"
        url = f"{door.rstrip('/')}/v1/runs/{segment_of(claims.run)}/{name}"
        try:
            request = Request("POST", url, headers, json.dumps(body).encode())
            response = exchange(request, self._timeout, MOST_BYTES)
        except Failed as error:
            return Unclear(str(error))
        status = 200 if name == "notice" and response.status == 202 else response.status  # a notice is accepted
        return interpret(status, response.body, response.headers.get("retry-after"), read)

    def _identity(self) -> Optional[str]:
        """The token of the cluster. It is read for each call, because the kubelet replaces it before it expires."""
        file = self._identity_file
        if file is None:
            return None
        try:
            token = on_disk(lambda: read_text(file, _MOST_IDENTITY_BYTES)).strip()
        except (OSError, ValueError):
            return None
        return token if _VISIBLE.fullmatch(token) else None

    # Owners

    def register(self, run: str, spec: Optional[Mapping[str, object]] = None) -> Json:
        """Registers a run. The answer has the ticket of attempt 1, unless the spec says `start: dispatch`."""
        return self._own("PUT", f"/v1/runs/{segment_of(run)}", spec or {})

    def ticket(self, run: str) -> Json:
        """The ticket of the attempt that is queued now, and its state. Without an attempt that is queued, no ticket."""
        return self._own("POST", f"/v1/runs/{segment_of(run)}/ticket", {})

    def run(self, run: str) -> Json:
        """The record of a run, with its ledger in order of attempt."""
        return self._own("GET", f"/v1/runs/{segment_of(run)}")

    def runs(
        self,
        state: Optional[str] = None,
        limit: Optional[int] = None,
        since: Optional[str] = None,
        cursor: Optional[str] = None,
    ) -> Json:
        """One page of runs. It may have few runs, or none, and a cursor: follow the cursor."""
        given = {"state": state, "limit": limit, "since": since, "cursor": cursor}
        query = urlencode({name: value for name, value in given.items() if value is not None}, quote_via=quote)
        return self._own("GET", f"/v1/runs{'?' if query else ''}{query}")

    def cancel(self, run: str, reason: Optional[str] = None) -> Json:
        """Stops a run for good."""
        return self._own("POST", f"/v1/runs/{segment_of(run)}/cancel", _given(reason=reason))

    def requeue(self, run: str, reason: Optional[str] = None, attempt: Optional[int] = None) -> Json:
        """Releases the current attempt. Without `attempt` a repeated call may release two attempts."""
        body = _given(reason=reason, attempt=attempt)
        return self._own("POST", f"/v1/runs/{segment_of(run)}/requeue", body, is_repeatable=attempt is not None)

    def drain(self, host: str, deadline_seconds: Optional[float] = None, reason: Optional[str] = None) -> Json:
        """Asks all attempts on a host to leave."""
        body = _given(deadlineSeconds=deadline_seconds, reason=reason)
        return self._own("POST", f"/v1/hosts/{segment_of(host)}/drain", body)

    def _own(
        self, method: str, path: str, body: Optional[Mapping[str, object]] = None, *, is_repeatable: bool = True
    ) -> Json:
        # Where the answer of one front door was lost, the call may have been carried out.
        doors = self._all.addresses if is_repeatable else self._all.addresses[:1]
        for tries in range(1, _TRIES + 1):
            response = self._ask_each(doors, method, path, body)
            answer = parsed_owner(response.body)
            if 200 <= response.status < 300 and answer is not None:
                return answer
            if response.status not in _BUSY or tries == _TRIES:
                break
            time.sleep(_pause(response, tries))
        raise refusal(response, answer)

    def _ask_each(self, doors: Sequence[str], method: str, path: str, body: Optional[Mapping[str, object]]) -> Response:
        """The response of the first front door that gives one."""
        reasons: List[str] = []
        for door in doors:
            try:
                return exchange(self._request(door, method, path, body), self._timeout, _MOST_OWNER_BYTES)
            except Failed as error:
                reasons.append(f"{door}: {error}")
        raise Unanswered("; ".join(reasons))

    def _request(self, door: str, method: str, path: str, body: Optional[Mapping[str, object]]) -> Request:
        headers = {} if body is None else {"content-type": "application/json"}
        request = Request(
            method, f"{door.rstrip('/')}{path}", headers, None if body is None else json.dumps(body).encode()
        )
        is_signed = not is_near(door) if self._sign is None else self._sign
        return request._replace(headers=self._signer.sign(request)) if is_signed else request


def _given(**fields: object) -> Dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _pause(response: Response, tries: int) -> float:
    """Seconds: as the answer asks, or 1, 2, 4, 8; and up to half of that, so that not all callers come back at once."""
    asked = (retry_after(response.headers.get("retry-after")) or 0) / 1000
    wait = min(asked, _LONGEST_PAUSE_SECONDS) if asked > 0 else 2.0 ** (tries - 1)
    return wait * (1 + random.random() / 2)  # noqa: S311 - dice, not a secret


def parsed_owner(text: bytes) -> Optional[Json]:
    found = parsed(text, _MOST_OWNER_BYTES)
    return found if isinstance(found, dict) else None


def refusal(response: Response, body: Optional[Json]) -> Refused:
    """What to raise for an answer that is no success."""
    name = problem_name(body)
    if body is None or name is None:
        said = response.body[:200].decode("utf-8", "replace")
        return Refused("gateway", response.status, f"the answer is none of Lastbeat's: {said}")
    detail, errors = body.get("detail"), body.get("errors")
    fields = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    return Refused(name, response.status, detail if isinstance(detail, str) else "", fields)
