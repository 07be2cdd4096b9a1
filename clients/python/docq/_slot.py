"""One slot of a worker: a handler process and the item that is in it."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from ._pipe import Message, Pipe
from .models import Json, Lease

START_SECONDS_MAX = 120.0  # to import the application
CANCEL_SECONDS = 5.0  # from the word that an item is lost to the kill
CLOSE_SECONDS = 5.0
TICK_SECONDS = 0.2

Clock = Callable[[], float]


class HandlersFailed(RuntimeError):
    """The handler process could not import what it is to run; its own words are on stderr."""


class HandlerProcess:
    """`python -m docq._handler`, told what to run through a socket."""

    def __init__(self, order: Message) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # PATH of modules: the child finds docq as we did, before it hears of ours.
            here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
            path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
            self.child = subprocess.Popen(
                [sys.executable, "-m", "docq._handler", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                env=dict(os.environ, PYTHONPATH=path))
        self.pipe = Pipe(ours)
        try:
            self.pipe.send(order)
            ready = self.pipe.receive(START_SECONDS_MAX)
        except (EOFError, OSError):
            ready = None
        if not ready:
            self.kill()
            raise HandlersFailed("a handler process did not start; see above for its reason")

    def ask(self, message: Message) -> bool:
        """False: it is dead."""
        try:
            self.pipe.send(message)
            return True
        except OSError:
            return False

    def kill(self) -> int:
        """Its exit status, negative for a signal. Nothing of it is left afterwards."""
        if self.child.poll() is None:
            self.child.kill()
        self.pipe.close()
        return self.child.wait()

    def close(self) -> None:
        """It ends by itself once it sees the end of the socket."""
        self.pipe.close()
        try:
            self.child.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


class Work:
    """A lease that is held, as the heart and the slot see it."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.lost = threading.Event()
        self.progress: Optional[Json] = None
        self.renewed_at = self.tried_at = time.monotonic()

    @property
    def name(self) -> str:
        return f"item {self.lease.item.id} ({self.lease.item.operation})"


def died(status: int) -> Dict[str, Any]:
    """The failure for a handler process that ended by itself. `crash` charges it to the crash
    budget: an item that kills its handlers is put aside as quarantined."""
    failure = {"code": "handler_died", "retryable": True, "crash": True}
    if status >= 0:
        return dict(failure, message=f"The handler's process ended with exit status {status}.")
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return dict(failure, signal=-status, message=f"The handler's process was killed by {name}.")


class Slot:
    """Runs one item at a time. `deadline()` is when work is to be given up because the worker
    stops (monotonic; infinity: not at all)."""

    def __init__(self, order: Message, timeout: Optional[float], deadline: Clock) -> None:
        self.order, self.timeout, self.deadline = order, timeout, deadline
        self.process: Optional[HandlerProcess] = None

    def prepare(self) -> HandlerProcess:
        if self.process is None:
            self.process = HandlerProcess(self.order)
        return self.process

    def drop(self) -> int:
        """Kills the process; the next item gets a new one."""
        process, self.process = self.process, None
        return process.kill() if process else 0

    def close(self) -> None:
        process, self.process = self.process, None
        if process:
            process.close()

    def run(self, work: Work) -> Message:
        """{"done": result}, {"failed": error}, {"released": True} or {"lost": True}."""
        process = self.prepare()
        lease = work.lease
        if not process.ask({"run": {"token": lease.token, "item": lease.item.raw,
                                    "document": lease.document.raw}}):
            return {"failed": died(self.drop())}
        end = time.monotonic() + self.timeout if self.timeout else float("inf")
        called_off = float("inf")
        while True:
            try:
                message = process.pipe.receive(TICK_SECONDS)
            except (EOFError, ValueError):
                status = self.drop()
                return {"lost": True} if work.lost.is_set() else {"failed": died(status)}
            if message and "progress" in message:
                work.progress = message["progress"]
            elif message:
                return {"lost": True} if work.lost.is_set() else message
            now = time.monotonic()
            if work.lost.is_set() and called_off == float("inf"):
                called_off = now + CANCEL_SECONDS
                process.ask({"cancel": lease.token})
            if now > called_off:
                self.drop()
                return {"lost": True}
            if now > self.deadline():
                self.drop()
                return {"released": True}
            if now > end:
                self.drop()
                return {"failed": {"code": "time_limit", "retryable": True, "crash": True,
                                   "limit": "time",
                                   "message": f"The handler took more than {self.timeout:g} s."}}


def order_for(url: str, token: Optional[str], handlers: Dict[str, str],
              allow: List[str]) -> Message:
    return {"path": sys.path, "url": url, "token": token, "handlers": handlers, "allow": allow}
