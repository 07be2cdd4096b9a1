"""The process that runs handlers, one item after the other:

    python -m docq._handler DESCRIPTOR

It is a child of the worker, which alone renews leases and reports. So a handler may hold the
interpreter's lock for an hour, eat all memory or crash: that costs this process and one attempt.
"""
from __future__ import annotations

import asyncio
import ctypes
import inspect
import os
import queue
import signal
import socket
import sys
import threading
import traceback
from typing import Any, Callable, Dict, List

from . import functions
from ._pipe import Message, Pipe
from .client import Client
from .errors import Cancelled, DocqError, Permanent
from .job import Job
from .models import Document, Item, Result
from .service import failure_of

PR_SET_PDEATHSIG = 1
Handler = Callable[[Job], Any]


def die_with_parent() -> None:
    """Where the worker is killed, what it started goes with it (Linux)."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        pass  # the end of the socket tells it as well, once the handler lets us read


def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls it; a coroutine is run to its end."""
    value = function(*args, **kwargs)
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def task_handler(patterns: List[str]) -> Handler:
    """The handler of tasks: what DurableTasks enqueued, if it is allowed here."""
    def handle(job: Job) -> Result:
        try:
            name, args, kwargs = functions.decode_call(job.content())
        except ValueError as error:
            raise Permanent("not_a_task", f"The document is no task: {error}.") from error
        try:
            function = functions.resolve_allowed(name, patterns)
        except PermissionError as error:
            raise Permanent("task_not_allowed", f"{error}.") from error
        except functions.NotImportable as error:
            raise Permanent("task_not_found", f"{error}.") from error
        text, problem = functions.value_text(run(function, *args, **kwargs))
        return Result(text=text, metadata={"function": name},
                      problems=[problem] if problem else None)
    return handle


class Process:
    """Reads orders in a thread of its own, so that a cancellation is heard while a handler runs."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.jobs: "queue.Queue[Message]" = queue.Queue()
        self.job: Any = None
        self.cancelled = ""  # the token of the lease that was called off last
        self.handlers: Dict[str, Handler] = {}
        self.client: Any = None

    def listen(self) -> None:
        try:
            while True:
                message = self.pipe.receive()
                if message is None:
                    continue
                if "run" in message:
                    self.jobs.put(message["run"])
                else:
                    self.cancelled = message["cancel"]
                    self.call_off()
        except (EOFError, ValueError, OSError):
            os._exit(0)  # the worker is gone: nobody would report what we do

    def call_off(self) -> None:
        job = self.job
        if job and job.token == self.cancelled:
            job._cancel()

    def begin(self) -> None:
        order = self.pipe.receive()
        if order is None:
            raise EOFError
        sys.path[:] = order["path"]
        self.client = Client(order["url"], order["token"])
        for operation, name in order["handlers"].items():
            function = functions.resolve(name)
            if not callable(function):
                raise TypeError(f"{name} cannot be called")
            self.handlers[operation] = function
        if order["allow"]:
            self.handlers[functions.OPERATION] = task_handler(order["allow"])
        self.pipe.send({"ready": True})

    def outcome(self, lease: Message) -> Message:
        item, document = Item.read(lease["item"]), Document.read(lease["document"])
        job = Job(item, document, lease["token"], self.client,
                  lambda progress: self.pipe.send({"progress": dict(progress)}))
        self.job = job
        self.call_off()
        try:
            result = Result.of(run(self.handlers[item.operation], job))
            return {"done": result.json() if result else None}
        except Cancelled:
            return {"cancelled": True}
        except Exception as error:  # the handler's own, whatever it is
            if not isinstance(error, (Permanent, DocqError)):
                traceback.print_exc()
            return {"failed": failure_of(error)}
        finally:
            self.job = None

    def main(self) -> None:
        self.begin()
        threading.Thread(target=self.listen, daemon=True).start()
        while True:
            message = self.outcome(self.jobs.get())
            try:
                self.pipe.send(message)
            except (TypeError, ValueError) as error:
                self.pipe.send({"failed": failure_of(
                    Permanent("result_invalid", f"The result is not JSON or too large: {error}."))})


def main() -> None:
    die_with_parent()
    # Ctrl-C and systemd signal the whole group: the worker decides what becomes of us. A handler of
    # ours, not SIG_IGN, so that programs which a handler starts do not inherit deafness.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    process = Process(Pipe(socket.socket(fileno=int(sys.argv[1]))))
    try:
        process.main()
    except EOFError:
        pass
    except Exception:
        traceback.print_exc()
        sys.exit(3)


if __name__ == "__main__":
    main()
