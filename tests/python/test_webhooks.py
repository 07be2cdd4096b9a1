"""A webhook for an operation: signed as Standard Webhooks describes, tried again where that may
help, and never believed more than it may be."""
import base64
import hashlib
import hmac
import http.server
import threading
import time
import urllib.parse

import pytest

from harness import Server, check_history, docq, eventually

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """A server that answers with script(number, headers, body) -> (status, headers, body)."""

    def __init__(self, script):
        self.seen = seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                seen.append((dict(self.headers), body))
                status, headers, answer = script(len(seen), self.headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer.handle_error = lambda *_: None  # who left did so on purpose
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?a=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook(tmp_path):
    """hook(script) -> (server whose operation `own` is that webhook, receiver)"""
    opened = []
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")

    def start(script):
        receiver = Receiver(script)
        server = Server(tmp_path / "data", "--programs", f"own={receiver.url}",
                        "--webhook-secret-file", secret, workers=1)
        docq(tmp_path / "data", "operation", "set", "own", "--backoff-base", "50ms",
             "--backoff-factor", 1, "--max-attempts", 3)
        opened.extend([server.stop, receiver.close])
        return server, receiver
    yield start
    for close in opened:
        close()


def ended(server, content=b"hello", name="a.txt"):
    document = server.wait_done(server.upload(name, content, operation="own")["id"])
    return document, check_history(server.item(document["item"]["id"]))


def verify(headers, body, key=KEY):
    """As a receiver does that knows the Standard Webhooks specification and nothing of docq."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 60
    return fresh and f"v1,{expected}" in headers["webhook-signature"].split(" ")


@pytest.mark.parametrize("size", [0, 5, 300000])
def test_document_is_posted_with_its_signature(hook, size):
    server, receiver = hook(lambda n, headers, body: (200, {}, b"%d bytes\fpage two" % len(body)))
    content = (b"0123456789" * (size // 10 + 1))[:size]
    document, _ = ended(server, content, name="l\u00e9tter 1.txt")
    assert server.text(document["id"]) == f"{size} bytes\fpage two"
    headers, body = receiver.seen[0]
    assert body == content and verify(headers, body)
    assert not verify(headers, body + b"x") and not verify(headers, body, b"another key")
    assert headers["webhook-id"] == document["item"]["id"]
    assert headers["docq-document-id"] == document["id"]
    assert urllib.parse.unquote(headers["docq-filename"]) == "l\u00e9tter 1.txt"
    assert (headers["docq-operation"], headers["docq-attempt"]) == ("own", "1")
    assert headers["Content-Type"] == document["content_type"]


def test_the_same_id_in_every_attempt(hook):
    """So that a receiver can tell a repetition."""
    server, receiver = hook(lambda n, *_: (503, {}, b"") if n < 3 else (204, {}, b""))
    document, history = ended(server)
    assert document["status"] == "completed" and document["result"] is None
    assert [attempt["outcome"] for attempt in history] == ["retried", "retried", "completed"]
    assert len({headers["webhook-id"] for headers, _ in receiver.seen}) == 1
    assert [headers["docq-attempt"] for headers, _ in receiver.seen] == ["1", "2", "3"]
    assert all(verify(*each) for each in receiver.seen)


def test_retry_after_is_honoured(hook):
    server, _ = hook(lambda n, *_: (429, {"Retry-After": "2"}, b"") if n == 1 else (200, {}, b"ok"))
    began = time.monotonic()
    document, _ = ended(server)
    assert document["status"] == "completed" and time.monotonic() - began >= 2


@pytest.mark.parametrize("answer, code, attempts, words", [
    ((404, {}, b"no such\r\nhook"), "webhook_refused", 1, "answered 404: no such  hook"),
    ((422, {}, b""), "webhook_refused", 1, "answered 422."),
    ((302, {"Location": "http://127.0.0.1:9/"}, b""), "webhook_refused", 1, "answered 302"),
    ((500, {}, b"\xff\xfe"), "handler_error", 3, "answered 500"),
    ((200, {}, b"\xff\xfe"), "output_invalid", 1, "UTF-8"),
])
def test_refusals(hook, answer, code, attempts, words):
    server, receiver = hook(lambda *_: answer)
    document, history = ended(server)
    assert (document["status"], document["item"]["error"]["code"]) == ("failed", code)
    assert len(history) == len(receiver.seen) == attempts
    assert words in document["item"]["error"]["message"]


def test_nobody_answers(hook):
    server, receiver = hook(lambda *_: (200, {}, b""))
    receiver.close()
    document, history = ended(server)
    assert document["item"]["error"]["code"] == "handler_error" and len(history) == 3
    assert "cannot be reached" in document["item"]["error"]["message"]


@pytest.fixture
def release():
    """Lets a webhook answer that keeps everybody waiting; at the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


def test_a_silent_webhook_is_given_up(hook, release, tmp_path):
    server, _ = hook(lambda *_: release.wait(60) and (200, {}, b"late"))
    docq(tmp_path / "data", "operation", "set", "own", "--timeout", "1s", "--max-attempts", 1)
    document, _ = ended(server)
    assert "in time" in document["item"]["error"]["message"]


def test_cancelling_leaves_a_silent_webhook(hook, release, tmp_path):
    server, _ = hook(lambda *_: release.wait(60) and (200, {}, b"late"))
    items = [server.upload(f"{n}.txt", b"x", operation="own")["item"]["id"] for n in range(8)]
    held = eventually(lambda: [id for id in items if server.item(id)["status"] == "in_progress"])
    for id in items:
        assert server.post(f"/v1/items/{id}/cancel").status_code == 200
    after = server.upload("c.txt", b"x")["id"]  # the slots are free for others
    assert server.wait_done(after)["status"] == "completed"
    release.set()
    assert server.item(held[0])["status"] == "cancelled"


@pytest.mark.parametrize("secret, words", [
    (None, "is needed"), ("", "24 to 64 bytes"), ("whsec_c2hvcnQ=", "24 to 64 bytes"),
    ("whsec_not base64!", "24 to 64 bytes"), ("whsec_" + "A" * 240, "24 to 64 bytes"),
])
def test_a_webhook_needs_a_secret(tmp_path, secret, words):
    options = ["--programs", "own=https://hook.example/"]
    if secret is not None:
        (tmp_path / "secret").write_text(secret)
        options += ["--webhook-secret-file", tmp_path / "secret"]
    done = docq(tmp_path / "data", "serve", *options, check=False, timeout=30)
    assert done.returncode == 1 and words in done.stderr, done.stderr


def test_the_remedy_that_is_told_works(tmp_path):
    """The command that makes a secret, word for word."""
    import subprocess
    said = docq(tmp_path / "data", "process", "--programs", "own=http://h/", check=False).stderr
    command = said.split("`")[1].replace("FILE", str(tmp_path / "made"))
    subprocess.run(["bash", "-c", command], check=True)
    assert docq(tmp_path / "data", "process", "--programs", "own=http://h/",
                "--webhook-secret-file", tmp_path / "made").returncode == 0
