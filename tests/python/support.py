"""Workers, proxies and handlers that the tests of the Python client start."""
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading

from harness import ROOT, environment

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(ROOT, "clients", "python")
REMOTE = "task,job,slow"


def python_environment(url, **more):
    paths = os.pathsep.join([PACKAGE, HERE])
    common = {"PYTHONPATH": paths, "DOCQ_URL": url, "PYTHONDONTWRITEBYTECODE": "1",
              "PYTHONUNBUFFERED": "1"}
    return {**environment(), **common, **more}


class WorkerProcess:
    """`python -m docq.worker` with a log of its own."""

    def __init__(self, server, folder, *arguments, **more):
        self.log = os.path.join(str(folder), f"worker-{len(os.listdir(str(folder)))}.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "docq.worker", *map(str, arguments)], cwd=str(folder),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=python_environment(server.url, **more))

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def children(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            first = file.read().split()
        found = []
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(OSError):
                with open(f"/proc/{self.pid}/task/{thread}/children", encoding="ascii") as file:
                    found += file.read().split()
        return sorted({int(pid) for pid in first + found})

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=30):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the worker did not stop: {self.said()}") from None
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


class Listener:
    """A server that does what `script(connection, number)` says with each connection."""

    def __init__(self, script):
        self.script, self.count = script, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.count += 1
                thread = threading.Thread(target=self.serve, args=(connection, self.count),
                                          daemon=True)
                thread.start()

    def serve(self, connection, number):
        with contextlib.suppress(OSError), connection:
            self.script(connection, number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def read_request(connection):
    """One request without a body, or with one of known length; None at the end."""
    text = b""
    while b"\r\n\r\n" not in text:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        text += chunk
    head, _, body = text.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head.decode()


def answer(connection, status, body=b"{}", *headers):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode() + body)
