"""One server over HTTP/1.1: kept connections, time-outs everywhere, retries only where they are
safe.

A request is sent again when nothing of it can have had an effect: the connection was refused, the
server said that it is busy, or the request is `safe` (it reads, or its repetition changes nothing
more). All else is reported and left to the caller.
"""
from __future__ import annotations

import http.client
import json
import os
import random
import select
import socket
import ssl
import threading
import time
from typing import Any, Dict, IO, Iterable, Iterator, List, Mapping, Optional, Tuple, Union
from urllib.parse import quote, urlencode, urlsplit

from .errors import Busy, DocqError, ServerError, TimedOut, Unreachable, from_problem

VERSION = "0.1.0"
URL_DEFAULT = "http://127.0.0.1:8080"
TIMEOUT_SECONDS = 30.0
CONNECT_SECONDS = 5.0
ATTEMPTS_MAX = 4  # of one request: the first and three more
RETRY_BASE_SECONDS = 0.1
RETRY_CAP_SECONDS = 2.0
IDLE_SECONDS_MAX = 30.0  # the server closes a silent connection after 60
IDLE_CONNECTIONS_MAX = 16
ANSWER_BYTES_MAX = 256 << 20  # of one answer that is read whole
CHUNK_BYTES = 256 << 10

Body = Union[None, bytes, IO[bytes], Iterable[bytes]]


def url_of(url: Optional[str]) -> str:
    """The URL given, else DOCQ_URL, else the address where `docq serve` listens by default."""
    return url or os.environ.get("DOCQ_URL") or URL_DEFAULT


def token_of(token: Optional[str]) -> Optional[str]:
    return token or os.environ.get("DOCQ_TOKEN") or None


def segment(value: str) -> str:
    """One segment of a path."""
    return quote(str(value), safe="")


class Answer:
    """Status, headers and the body that was read whole."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ServerError("The answer is not JSON: is this URL a docq server?",
                              status=self.status) from error


def retry_after_of(headers: Mapping[str, str]) -> Optional[float]:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def problem_of(status: int, headers: Mapping[str, str], body: bytes) -> DocqError:
    """The exception for an answer of 400 and above."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"detail": f"The server answered {status} without problem details: is this URL "
                             "a docq server?"}
    return from_problem(status, problem, retry_after_of(headers))


class Connection:
    """One connection that is used by one request at a time."""

    def __init__(self, transport: "Transport") -> None:
        kind = http.client.HTTPSConnection if transport.tls else http.client.HTTPConnection
        options: Dict[str, Any] = {"context": transport.tls} if transport.tls else {}
        self.raw = kind(transport.host, transport.port, timeout=transport.connect_timeout,
                        **options)
        self.used_at = time.monotonic()

    def open(self) -> None:
        self.raw.connect()
        self.raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def is_fresh(self) -> bool:
        """An idle connection that can be read has been closed by the server, or worse."""
        sock = self.raw.sock
        if sock is None or time.monotonic() - self.used_at > IDLE_SECONDS_MAX:
            return False
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self.raw.close()


class Stream:
    """An answer whose body is read piece by piece. Close it, or use it in a `with`."""

    def __init__(self, transport: "Transport", connection: Connection,
                 answer: http.client.HTTPResponse) -> None:
        self._transport, self._connection, self._answer = transport, connection, answer
        self.status = answer.status
        self.headers = {k.lower(): v for k, v in answer.getheaders()}
        self._closed = False

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """At most `size` bytes; b"" is the end of the body, and only that."""
        try:
            content = self._answer.read(size)
            if content or size == 0 or not self._answer.length:
                return content
            raise http.client.IncompleteRead(b"", self._answer.length)
        except socket.timeout as error:
            self.close()
            raise TimedOut("The server stopped in the middle of its answer.") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"The connection broke within the answer: {error}.",
                              sent=True) from error

    def read_all(self) -> bytes:
        chunks: List[bytes] = []
        size = 0
        while size <= ANSWER_BYTES_MAX:
            chunk = self.read()
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            size += len(chunk)
        self.close()
        raise ServerError(f"The answer is larger than {ANSWER_BYTES_MAX} bytes; read it as a "
                          "stream.", status=self.status)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        whole = self._answer.isclosed() and not self._answer.will_close
        self._answer.close()
        self._transport.give_back(self._connection, whole)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class Transport:
    """May be shared by threads; after a fork the child opens connections of its own."""

    def __init__(self, url: Optional[str] = None, token: Optional[str] = None,
                 timeout: float = TIMEOUT_SECONDS,
                 connect_timeout: float = CONNECT_SECONDS,
                 tls: Optional[ssl.SSLContext] = None) -> None:
        self.url = url_of(url).rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{self.url!r} is not the URL of a server; it begins with http:// or "
                             "https://, for example " + URL_DEFAULT)
        self.host, self.prefix = parts.hostname, parts.path
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self.token = token_of(token)
        self.timeout, self.connect_timeout = timeout, connect_timeout
        self._lock = threading.Lock()
        self._idle: List[Connection] = []
        self._pid = os.getpid()

    # ---- connections -----------------------------------------------------------------------------

    def _take(self) -> Connection:
        with self._lock:
            if self._pid != os.getpid():  # the parent's connections are not ours to use
                self._idle, self._pid = [], os.getpid()
            while self._idle:
                connection = self._idle.pop()
                if connection.is_fresh():
                    return connection
                connection.close()
        connection = Connection(self)
        try:
            connection.open()
        except socket.timeout as error:
            raise Unreachable(f"{self.url} does not answer within {self.connect_timeout:g} s; is "
                              "the address right?") from error
        except OSError as error:
            raise Unreachable(f"{self.url} cannot be reached ({error}); start the server with "
                              "`docq serve`, or correct the URL (DOCQ_URL).") from error
        return connection

    def give_back(self, connection: Connection, reusable: bool) -> None:
        connection.used_at = time.monotonic()
        with self._lock:
            if reusable and self._pid == os.getpid() and len(self._idle) < IDLE_CONNECTIONS_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    # ---- requests --------------------------------------------------------------------------------

    def _headers(self, extra: Optional[Mapping[str, str]]) -> Dict[str, str]:
        headers = {"User-Agent": f"docq-python/{VERSION}", "Accept": "application/json, */*;q=0.5"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        headers.update(extra or {})
        return headers

    def _send(self, method: str, target: str, body: Body, headers: Mapping[str, str],
              timeout: float) -> Tuple[Connection, http.client.HTTPResponse]:
        connection = self._take()
        raw = connection.raw
        assert raw.sock is not None
        raw.sock.settimeout(timeout)
        try:
            try:
                raw.request(method, target, body=body, headers=dict(headers),
                            encode_chunked="Transfer-Encoding" in headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused in the middle of the body: the answer says why
            return connection, raw.getresponse()
        except socket.timeout as error:
            connection.close()
            raise TimedOut(f"The server did not answer within {timeout:g} s.") from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreachable(f"The connection to {self.url} broke: "
                              f"{error or type(error).__name__}.", sent=True) from error

    def open(self, method: str, path: str, *, query: Optional[Mapping[str, Any]] = None,
             body: Body = None, headers: Optional[Mapping[str, str]] = None,
             timeout: Optional[float] = None) -> Stream:
        """One request, once. An answer of 400 and above is raised."""
        pairs = {k: v for k, v in (query or {}).items() if v is not None}
        target = self.prefix + path + ("?" + urlencode(pairs, quote_via=quote) if pairs else "")
        connection, answer = self._send(method, target, body, self._headers(headers),
                                        self.timeout if timeout is None else timeout)
        stream = Stream(self, connection, answer)
        if stream.status < 400:
            return stream
        with stream:
            raise problem_of(stream.status, stream.headers, stream.read_all())

    def request(self, method: str, path: str, *, query: Optional[Mapping[str, Any]] = None,
                json_body: Any = None, body: Body = None,
                headers: Optional[Mapping[str, str]] = None, timeout: Optional[float] = None,
                safe: Optional[bool] = None) -> Answer:
        """The whole answer. `safe` (by default: reading) allows to send it again."""
        headers = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body, ensure_ascii=False, separators=(",", ":"),
                              allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        if safe is None:
            safe = method in ("GET", "HEAD")
        repeatable = body is None or isinstance(body, bytes)
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                with self.open(method, path, query=query, body=body, headers=headers,
                               timeout=timeout) as stream:
                    return Answer(stream.status, stream.headers, stream.read_all())
            except (Unreachable, Busy) as error:
                harmless = safe or (not error.sent if isinstance(error, Unreachable)
                                    else error.code == "busy")
                if attempt == ATTEMPTS_MAX or not harmless or not repeatable:
                    raise
                time.sleep(self.pause(attempt, error))
        raise AssertionError("unreachable")

    @staticmethod
    def pause(attempt: int, error: DocqError) -> float:
        if error.retry_after is not None:
            return min(error.retry_after, RETRY_CAP_SECONDS)
        longest = min(RETRY_BASE_SECONDS * 3.0 ** (attempt - 1), RETRY_CAP_SECONDS)
        return random.uniform(longest / 2, longest)

    def get(self, path: str, **query: Any) -> Any:
        return self.request("GET", path, query=query).json()

    def post(self, path: str, body: Any = None, *, safe: bool = False,
             timeout: Optional[float] = None) -> Any:
        return self.request("POST", path, json_body={} if body is None else body, safe=safe,
                            timeout=timeout).json()
