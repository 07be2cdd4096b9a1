"""docq on a server's URL: verbs, workers that see nothing but HTTP, and what goes wrong on the way."""
import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from harness import (BINARY, BUILD, Server, check_history, environment, eventually, json_lines, mix)

FAST_SECONDS = 3  # a refusal that nobody should wait for


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def remote(url, verb, *arguments, token=None, check=True, stdin=None, timeout=120):
    """One verb on a server, in a directory where no data directory is."""
    env = dict(environment(), DOCQ_URL=url, **({"DOCQ_TOKEN": token} if token else {}))
    done = subprocess.run([BINARY, verb, *map(str, arguments)], input=stdin, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd="/")
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    if check:
        assert done.returncode == 0, (verb, arguments, done.stderr)
    return done


class Worker:
    """`docq worker --url` in a process of its own."""

    def __init__(self, url, *options, token=None):
        env = dict(environment(), **({"DOCQ_TOKEN": token} if token else {}))
        self.process = subprocess.Popen(
            [BINARY, "worker", "--url", url, "--concurrency", "2", *map(str, options)], env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/")

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=40)[1].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def slow_extractor(folder, seconds):
    path = folder / f"slow-{seconds}"
    path.write_text(f"#!/bin/sh\nsleep {seconds}\n"
                    f"exec {os.path.join(BUILD, 'docq-extract')} \"$@\"\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def new_token(data, *scopes):
    return subprocess.run([BINARY, "token", "new", "--data", str(data), "-q", "--scope",
                           ",".join(scopes)], env=environment(), check=True,
                          stdout=subprocess.PIPE).stdout.decode().strip()


# ---- verbs ---------------------------------------------------------------------------------------

def test_every_verb_works_on_a_url(data, tmp_path):
    with Server(data, workers=0) as server:
        url = server.url
        (tmp_path / "letter ä.txt").write_text("dear reader\n")
        id = remote(url, "upload", tmp_path / "letter ä.txt", "--metadata", '{"case": 17}',
                    "--owner", "anna", "--priority", 3).stdout.strip()
        document = json.loads(remote(url, "show", "--json", id[:30]).stdout)
        assert (document["filename"], document["owner"]) == ("letter ä.txt", "anna")
        assert (document["metadata"], document["item"]["priority"]) == ({"case": 17}, 3)
        piped = remote(url, "upload", "-", "--name", "pipe.txt", stdin=b"x" * 700000).stdout.strip()
        assert remote(url, "get", piped, "-o", "-").stdout == "x" * 700000

        assert json.loads(remote(url, "process", "--limit", 1).stdout)["completed"] == 1
        assert json.loads(remote(url, "process").stdout)["completed"] == 1
        assert remote(url, "text", id).stdout == "dear reader\n"
        assert remote(url, "wait", id, piped).returncode == 0
        assert len(json_lines(remote(url, "ls", "--json", "completed").stdout)) == 2
        assert len(json_lines(remote(url, "ls", "--items", "--json").stdout)) == 2
        assert remote(url, "stats", "--json").stdout == \
            subprocess.run([BINARY, "stats", "--json", "--data", str(data)], env=environment(),
                           stdout=subprocess.PIPE).stdout.decode()

        remote(url, "pause", "reprocess")
        remote(url, "reprocess", id)
        assert json.loads(remote(url, "process").stdout)["claimed"] == 0
        remote(url, "resume", "reprocess")
        item = json.loads(remote(url, "show", "--json", id).stdout)["item"]["id"]
        remote(url, "cancel", item)
        remote(url, "retry", "cancelled", "operation:reprocess")
        assert json.loads(remote(url, "process").stdout)["completed"] == 1
        history = json.loads(remote(url, "show", "--json", item).stdout)["history"]
        assert [attempt["outcome"] for attempt in history] == ["completed"]

        remote(url, "rm", piped, "--yes")
        assert remote(url, "show", piped, check=False).returncode == 5
        remote(url, "purge", "--older", "0s", "--with-documents", "--yes")
        assert remote(url, "ls", "--json").stdout == ""
        assert remote(url, "healthcheck").returncode == 0
        assert not os.path.exists("/docq-data")


def test_refusals_are_those_of_the_store(data, tmp_path):
    """The same words and exit codes, whether the store is opened or a server is asked."""
    with Server(data, workers=0) as server:
        (tmp_path / "a.txt").write_text("x")
        for verb in (["upload", tmp_path / "a.txt", "--operation", "nosuch"],
                     ["show", "01890000-0000-7000-8000-000000000000"], ["ls", "colour:red"],
                     ["text", "ffff"], ["retry", "01890000-0000-7000-8000-000000000000"],
                     ["cancel", "nosuch:1", "--yes"], ["pause", "nosuch"]):
            here = subprocess.run([BINARY, *map(str, verb), "--data", str(data)], env=environment(),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            there = remote(server.url, *verb, check=False)
            assert there.returncode == here.returncode != 0, (verb, there.stderr, here.stderr)
            # a problem's detail is made of whole sentences, with their full stops
            assert there.stderr.replace(".\n", "\n") == \
                here.stderr.decode().replace(".\n", "\n"), verb


# ---- access --------------------------------------------------------------------------------------

def test_tokens_and_their_scopes(data, tmp_path):
    with Server(data, workers=0) as server:
        url = server.url
        refused = remote(url, "token", "new", "--scope", "read", check=False)
        assert refused.returncode == 1 and "data directory" in refused.stderr
        admin = new_token(data, "admin")
        eventually(lambda: remote(url, "ls", check=False).returncode == 1, 5)

        for token in (None, "dq_0123456789abcdef_wrong", "nonsense"):
            refused = remote(url, "ls", token=token, check=False)
            assert refused.returncode == 1
            assert "token" in refused.stderr and "fix: Set DOCQ_TOKEN" in refused.stderr
        assert remote(url, "ls", token=admin).returncode == 0
        reader = remote(url, "token", "new", "--scope", "read", "-q", token=admin).stdout.strip()
        refused = remote(url, "pause", token=reader, check=False)
        assert refused.returncode == 1 and "scope operate" in refused.stderr

        path = tmp_path / "token"
        path.write_text(reader + "\n")
        assert remote(url, "ls", "--token-file", path).returncode == 0
        refused = remote(url, "ls", "--token-file", tmp_path / "missing", check=False)
        assert refused.returncode == 1 and "fix:" in refused.stderr

        listed = json_lines(remote(url, "token", "ls", "--json", token=admin).stdout)
        assert {line["scopes"] for line in listed} == {"admin", "read"}
        remote(url, "token", "revoke", reader.split("_")[1], token=admin)
        eventually(lambda: remote(url, "ls", token=reader, check=False).returncode == 1, 5)
        assert remote(url, "token", "revoke", "no/such", token=admin, check=False).returncode == 5


def test_a_token_is_never_shown(data):
    with Server(data, workers=0) as server:
        secret = new_token(data, "work", "admin")
        shown = remote(server.url, "config", token=secret).stdout
        shown += remote(server.url, "config", "--json", token=secret).stdout
        assert "token" in shown and secret not in shown and secret[20:] not in shown
        with Worker(server.url, "--token", secret) as worker:
            def line():
                with open(f"/proc/{worker.process.pid}/cmdline", "rb") as file:
                    return file.read()
            eventually(lambda: b"***" in line(), 5)
            assert secret.encode() not in line()
            log = worker.stop()
        assert secret not in log


def test_a_worker_needs_the_scope_work_and_no_more(data):
    with Server(data, workers=0) as server:
        token, reader = new_token(data, "work"), new_token(data, "read")
        admin = new_token(data, "admin")
        id = remote(server.url, "upload", "-", stdin=b"text", token=admin).stdout.strip()
        refused = Worker(server.url, token=reader)
        assert "scope work" in refused.process.communicate(timeout=20)[1].decode()
        assert refused.process.returncode == 1
        with Worker(server.url, token=token):
            assert remote(server.url, "wait", id, "--timeout", "30s", token=admin).returncode == 0


# ---- workers -------------------------------------------------------------------------------------

def test_remote_workers_do_all_the_work(data):
    """Every kind of document and of ending, over nothing but HTTP, two workers at the same time."""
    samples = mix(40, 7)
    with Server(data, workers=0) as server:
        ids = {server.upload(s.name, s.content)["id"]: s for s in samples}
        with Worker(server.url), Worker(server.url):
            for id, sample in ids.items():
                document = server.wait_done(id)
                assert document["status"] == sample.status, document
                item = server.item(document["item"]["id"])
                assert len(check_history(item)) == 1
                if sample.error:
                    assert item["error"]["code"] == sample.error
                else:
                    assert sample.word in server.text(id)


def test_a_remote_worker_starts_at_once(data):
    """An upload wakes a worker that waits, without the pause of a poll."""
    with Server(data, workers=0) as server, Worker(server.url):
        server.wait_done(server.upload("first.txt", b"warm")["id"])
        times = []
        for number in range(10):
            time.sleep(0.3)
            begin = time.monotonic()
            item = server.wait_done(server.upload("x.txt", b"x%d" % number)["id"])["item"]
            times.append(time.monotonic() - begin)
            assert item["status"] == "completed"
        assert sorted(times)[5] < 2, times


def test_a_cancelled_item_is_stopped_at_once(data, tmp_path):
    """A cancellation reaches a remote worker long before its next heartbeat would be due."""
    with Server(data, workers=0) as server, \
            Worker(server.url, "--extractor", slow_extractor(tmp_path, 60), "--lease-time", "10m"):
        id = server.upload("slow.txt", b"a long story")["id"]
        eventually(lambda: server.document(id)["status"] == "in_progress")
        next_id = server.upload("next.txt", b"one more")["id"]
        eventually(lambda: server.document(next_id)["status"] == "in_progress")
        waiting = server.upload("third.txt", b"both slots are taken")["id"]
        assert server.post(f"/v1/items/{server.document(id)['item']['id']}/cancel").status_code == 200
        eventually(lambda: server.document(waiting)["status"] == "in_progress", 5)
        assert server.document(id)["status"] == "cancelled"
        for item in (next_id, waiting):
            server.post(f"/v1/items/{server.document(item)['item']['id']}/cancel")


def test_a_killed_worker_loses_its_lease(data, tmp_path):
    """kill -9: nobody hears of it; the lease runs out, another worker finishes the item."""
    with Server(data, workers=0) as server:
        id = server.upload("a.txt", b"survives its worker")["id"]
        first = Worker(server.url, "--extractor", slow_extractor(tmp_path, 60),
                       "--lease-time", "1s")
        eventually(lambda: server.document(id)["status"] == "in_progress")
        time.sleep(1.5)  # longer than the lease: heartbeats keep it
        assert server.document(id)["status"] == "in_progress"
        first.kill()
        with Worker(server.url):
            document = server.wait_done(id)
        assert document["status"] == "completed"
        history = check_history(server.item(document["item"]["id"]))
        assert [attempt["outcome"] for attempt in history] == ["lost", "completed"]


def test_a_stopped_worker_hands_back(data, tmp_path):
    """SIGTERM: what is in hand goes back at once and is not charged."""
    with Server(data, workers=0) as server:
        id = server.upload("a.txt", b"handed back")["id"]
        worker = Worker(server.url, "--extractor", slow_extractor(tmp_path, 60), "--grace", "0s")
        eventually(lambda: server.document(id)["status"] == "in_progress")
        begin = time.monotonic()
        worker.stop()
        assert worker.process.returncode == 0 and time.monotonic() - begin < 5
        document = server.document(id)
        assert (document["status"], document["item"]["attempts"]) == ("pending", 0)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_worker_outlives_its_server(data, tmp_path, how):
    """The server goes and comes back: what was in hand is finished once, new work is found."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(data, "--listen", f"127.0.0.1:{port}", workers=0)
    with Worker(server.url, "--extractor", slow_extractor(tmp_path, 2)) as worker:
        ids = [server.upload(f"{n}.txt", f"text {n}".encode())["id"] for n in range(4)]
        eventually(lambda: server.document(ids[0])["status"] == "in_progress")
        getattr(server, how)()
        time.sleep(2.5)  # the first boxes end while nobody answers
        server.start()
        ids.append(server.upload("later.txt", b"text later")["id"])
        for id in ids:
            document = server.wait_done(id)
            assert document["status"] == "completed"
            history = check_history(server.item(document["item"]["id"]))
            assert [a["outcome"] for a in history] == ["completed"], history
        assert worker.process.poll() is None
    server.stop()


# ---- a bad way to the server ---------------------------------------------------------------------

def test_nobody_answers(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"  # bound, but nobody listens
        (tmp_path / "a.txt").write_text("x")
        for verb in (["ls"], ["upload", tmp_path / "a.txt"], ["worker"], ["process"],
                     ["show", "abcd"], ["doctor"]):
            begin = time.monotonic()
            done = remote(url, *verb, check=False)
            if verb == ["doctor"]:
                assert done.returncode == 1 and "no docq server answers" in done.stdout
            else:
                assert done.returncode == 69, (verb, done.stderr)
                assert f"no docq server answers at {url}" in done.stderr
                assert "fix: Start it with `docq serve`, or check --url." in done.stderr
            assert time.monotonic() - begin < FAST_SECONDS
    assert remote("http://nosuch.invalid", "ls", check=False).returncode == 69
    for url in ("http://", "http://a/b", "http://user:secret@host"):
        done = remote(url, "ls", check=False)
        assert done.returncode == 1 and "secret" not in done.stderr, done.stderr


class Proxy:
    """Stands between client and server. `answer(request)` says what becomes of an exchange:
    "pass", "lose" (the server gets the request, the client no answer), or bytes to answer with."""

    def __init__(self, server, answer):
        self.port = int(server.url.rsplit(":", 1)[1]) if server else None
        self.answer, self.requests = answer, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @staticmethod
    def read_message(sock):
        bytes = b""
        while b"\r\n\r\n" not in bytes:
            more = sock.recv(65536)
            if not more:
                return None
            bytes += more
        head, body = bytes.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if b"100-continue" in head.lower():
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(body) < length:
            more = sock.recv(65536)
            if not more:
                return None
            body += more
        return head, body

    def serve(self, client):
        with client:
            while True:
                message = self.read_message(client)
                if not message:
                    return
                head, body = message
                what = self.answer(head)
                self.requests.append(head)
                if isinstance(what, (bytes, list)):
                    for part in what if isinstance(what, list) else [what]:
                        try:
                            client.sendall(part)
                        except OSError:
                            return
                    return
                with socket.create_connection(("127.0.0.1", self.port)) as upstream:
                    lines = [line for line in head.split(b"\r\n")
                             if not line.lower().startswith((b"expect:", b"connection:", b"host:"))]
                    lines += [b"Connection: close", b"Host: 127.0.0.1:%d" % self.port]
                    upstream.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
                    answer = b""
                    while more := upstream.recv(65536):
                        answer += more
                if what == "lose":
                    return
                client.sendall(answer.replace(b"Connection: close\r\n", b""))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def loses(times, path):
    """Loses the first `times` answers to requests for a path."""
    left = [times]

    def answer(head):
        if path in head.split(b"\r\n")[0] and left[0] > 0:
            left[0] -= 1
            return "lose"
        return "pass"
    return answer


@pytest.mark.parametrize("size", [40, 600000])
def test_an_upload_whose_answer_is_lost_has_one_effect(data, tmp_path, size):
    (tmp_path / "a.txt").write_text("x" * size)
    with Server(data, workers=0) as server:
        with Proxy(server, loses(2, b"POST /v1/documents")) as proxy:
            id = remote(proxy.url, "upload", tmp_path / "a.txt").stdout.strip()
            sent = [head for head in proxy.requests if b"POST /v1/documents" in head]
            assert len(sent) == 3
            keys = {line for head in sent for line in head.split(b"\r\n")
                    if line.lower().startswith(b"idempotency-key:")}
            assert len(keys) == 1
        assert [d["id"] for d in server.get("/v1/documents").json()["documents"]] == [id]
        # Without a key the same would be two documents: the test can see them.
        for _ in range(2):
            server.upload("b.txt", b"twice")
        assert len(server.get("/v1/documents").json()["documents"]) == 3


def test_a_report_whose_answer_is_lost_counts_once(data):
    with Server(data, workers=0) as server:
        id = server.upload("a.txt", b"reported twice")["id"]
        with Proxy(server, loses(1, b"/complete")) as proxy, Worker(proxy.url):
            document = server.wait_done(id)
            eventually(lambda: sum(b"/complete" in head for head in proxy.requests) == 2)
        history = check_history(server.item(document["item"]["id"]))
        assert [attempt["outcome"] for attempt in history] == ["completed"]


def test_what_must_not_be_repeated_is_not(data):
    with Server(data, workers=0) as server:
        id = server.upload("a.txt", b"x")["id"]
        with Proxy(server, loses(1, b"/reprocess")) as proxy:
            done = remote(proxy.url, "reprocess", id, check=False)
            assert done.returncode == 69
            assert sum(b"/reprocess" in head for head in proxy.requests) == 1


def http(status, body, type=b"application/json", length=None):
    length = len(body) if length is None else length
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        status, type, length, body)


ID = b"01890000-0000-7000-8000-000000000000"
NONSENSE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "no JSON": http(b"200 OK", b"<html>hello</html>"),
    "another noun": http(b"200 OK", b"[1, 2, 3]"),
    "a wrong type": http(b"200 OK", b'{"id": 5, "documents": {}, "items": 3}'),
    "a long id": http(b"200 OK", b'{"documents": [{"id": "' + b"x" * 5000 + b'"}]}'),
    "a number too large": http(b"200 OK", b'{"documents": [{"id": "' + ID + b'", "filename": "a", '
                               b'"size": 1e99}]}'),
    "no name": http(b"200 OK", b'{"documents": [{"id": "' + ID + b'"}]}'),
    "deep nesting": http(b"200 OK", b"[" * 100000),
    "a broken body": http(b"200 OK", b'{"documents": [', length=5000),
    "HTML from a proxy": http(b"502 Bad Gateway", b"<h1>502</h1>", b"text/html"),
    "a problem without a code": http(b"500 Oops", b'{"detail": 7}', b"application/problem+json"),
    "a problem with an unknown code": http(b"418 Teapot", b'{"code": "teapot", "detail": "x"}'),
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "a header without end": [b"HTTP/1.1 200 OK\r\n"] + [b"X-A: " + b"y" * 60000 + b"\r\n"] * 40,
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_from_a_server_is_an_error(kind):
    """Whatever answers: one line that says so, no crash, no wait, no token sent elsewhere."""
    def answer(head):
        return http(b"200 OK", b"ok\n", b"text/plain") if b"/livez" in head else NONSENSE[kind]
    with Proxy(None, answer) as proxy:
        begin = time.monotonic()
        done = remote(proxy.url, "ls", check=False)
        assert done.returncode in (1, 69) and done.stderr.startswith("docq: "), done.stderr
        assert done.stdout == ""
        assert time.monotonic() - begin < 10
