"""HTTP as bytes on a socket: what goes out is exactly what the test says."""
import json
import socket
import time
from urllib.parse import urlsplit

ANSWER_SECONDS_MAX = 10
READ_BYTES = 65536


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class Wire:
    """One connection. Reads answers by their Content-Length and nothing else."""

    def __init__(self, url):
        place = urlsplit(url)
        self.host = place.netloc
        self.socket = socket.create_connection((place.hostname, place.port), ANSWER_SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *pieces, pause=0):
        for number, piece in enumerate(pieces):
            if number and pause:
                time.sleep(pause)
            try:
                self.socket.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                return  # refused already: the answer tells why
        return

    def more(self):
        """Reads on; False at the end."""
        try:
            piece = self.socket.recv(READ_BYTES)
        except ConnectionResetError:
            piece = b""
        self.bytes += piece
        return bool(piece)

    def answer(self, method="GET"):
        """The next answer, None where the connection ends first."""
        while b"\r\n\r\n" not in self.bytes:
            if not self.more():
                assert self.bytes == b"", f"half an answer: {self.bytes!r}"
                return None
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        lines = head.decode("ascii").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            assert name.lower() not in headers, f"{name} stands there twice"
            headers[name.lower()] = value
        length = 0 if method == "HEAD" or status in ("100", "204", "304") else \
            int(headers["content-length"])
        while len(self.bytes) < length:
            assert self.more(), "the answer ends before its length"
        body, self.bytes = self.bytes[:length], self.bytes[length:]
        return Answer(int(status), headers, body)

    def answers(self):
        """Every answer until the server closes."""
        found = []
        while True:
            answer = self.answer()
            if answer is None:
                return found
            found.append(answer)


def check_problem(answer, status, code=None, pointer=None):
    """An RFC 9457 problem that says what to do, under a stable code. Takes answers of both kinds."""
    found = answer.status if hasattr(answer, "status") else answer.status_code
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert found == status, f"{found} instead of {status}: {answer!r} " \
        f"{getattr(answer, 'text', '')[:300]}"
    assert headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert code is None or problem["code"] == code, problem
    assert problem["type"].endswith(problem["code"]) and problem["title"]
    assert len(problem["detail"]) > 20 and problem["detail"][-1] in ".`", problem
    assert problem["request_id"] and problem["request_id"] == headers["x-request-id"]
    assert problem["request_id"] in problem["instance"]
    pointers = [error["pointer"] for error in problem.get("errors", [])]
    assert all(each == "" or each.startswith("/") for each in pointers), problem
    assert pointer is None or pointers == [pointer], problem
    assert all(error["detail"] for error in problem.get("errors", [])), problem
    return problem
