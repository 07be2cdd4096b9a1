"""A worker: leases items, has a process of its own run your function, renews, reports.

    python -m docq.worker app.images:thumbnail --operation thumbnail
    python -m docq.worker --operation thumbnail=app.images:thumbnail --operation scan=app.virus:scan
    python -m docq.worker --tasks --allow 'app.*'

This process leases, renews and reports and runs nothing of yours; the functions run in children,
one each for `--concurrency`. SIGTERM (or Ctrl-C) takes nothing new, lets work finish for `--grace`
seconds and hands the rest back without charging an attempt; a second one does not wait.
"""
from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Union

from . import functions
from ._http import token_of, url_of
from ._pipe import Message
from ._slot import HandlersFailed, Slot, Work, order_for
from .client import Client
from .errors import DocqError, Invalid, LeaseLost, Unauthorized, Forbidden
from .models import Lease
from .service import DocumentQueueService

LEASE_SECONDS = 30.0
GRACE_SECONDS = 20.0
WAIT_SECONDS = 2  # of one request for work: how soon an idle worker hears that it is to stop
PAUSE_CAP_SECONDS = 10.0  # between tries while the server is away
HEART_SECONDS = 1.0  # between two heartbeats of one item at least, short leases apart
RENEWALS_PER_LEASE = 3
REPORT_SECONDS_MAX = 60.0  # how long a report is tried again

log = logging.getLogger("docq.worker")

HandlerName = Union[str, Callable[..., Any]]


def processors() -> int:
    """Those that this process may use, where the system tells."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


class Worker:
    """`handlers`: operation -> function (or "module:function") that takes a `Job` and returns
    None, a text, a dict or a `Result`. `allow`: patterns of functions that may run as tasks."""

    def __init__(self, url: Optional[str] = None, token: Optional[str] = None, *,
                 handlers: Optional[Mapping[str, HandlerName]] = None,
                 allow: Sequence[str] = (), concurrency: int = 0,
                 lease_seconds: float = LEASE_SECONDS, grace_seconds: float = GRACE_SECONDS,
                 timeout_seconds: Optional[float] = None, name: Optional[str] = None) -> None:
        self.handlers: Dict[str, str] = {}
        for operation, function in (handlers or {}).items():
            self.handlers[operation] = (function if isinstance(function, str)
                                        else functions.name_of(function))
            functions.split_name(self.handlers[operation])
        self.allow = list(allow)
        self.operations = sorted({*self.handlers, *([functions.OPERATION] if allow else [])})
        if not self.operations:
            raise ValueError("a worker needs an operation with its function, or --tasks --allow")
        self.concurrency = concurrency or processors()
        self.lease_seconds, self.grace_seconds = lease_seconds, grace_seconds
        self.timeout_seconds = timeout_seconds
        self.service = DocumentQueueService(
            client=Client(url, token, timeout=max(2.0, min(lease_seconds, 30.0))),
            worker=name or f"{socket.gethostname()}:{os.getpid()}",
            lease_seconds=max(1, round(lease_seconds)))
        self._order = order_for(url_of(url), token_of(token), self.handlers, self.allow)
        self._stopping = threading.Event()
        self._deadline = float("inf")
        self._looking = threading.Lock()
        self._lock = threading.Lock()
        self._held: Set[Work] = set()
        self._done = threading.Event()
        self._failure: Optional[BaseException] = None

    # ---- from start to end -----------------------------------------------------------------------

    def handler(self, operation: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Names a function's operation: `@worker.handler("thumbnail")`."""
        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.handlers[operation] = f"{function.__module__}:{function.__qualname__}"
            self.operations = sorted({*self.operations, operation})
            self._order["handlers"] = self.handlers
            return function
        return register

    def stop(self, grace: Optional[float] = None) -> None:
        """Takes nothing new. What runs may go on for `grace` seconds. May be called by any thread
        and more than once; the earliest end counts."""
        end = time.monotonic() + (self.grace_seconds if grace is None else grace)
        self._deadline = min(self._deadline, end)
        self._stopping.set()

    def _on_signal(self, number: int, _: Any) -> None:
        again = self._stopping.is_set()
        log.info("%s: %s", signal.Signals(number).name,
                 "giving back what is in progress" if again else
                 f"finishing within {self.grace_seconds:g} s")
        self.stop(0 if again else None)

    def run(self) -> None:
        """Until it is told to stop. In the main thread it minds SIGTERM and SIGINT."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._on_signal)
        slots = [Slot(self._order, self.timeout_seconds, lambda: self._deadline)
                 for _ in range(self.concurrency)]
        threads = [threading.Thread(target=self._serve, args=[slot], daemon=True)
                   for slot in slots]
        heart = threading.Thread(target=self._beat, daemon=True)
        try:
            slots[0].prepare()  # a function that cannot be imported is told before taking work
            log.info("working on %s for %s, %d at once", ", ".join(self.operations),
                     self.service.client.url, self.concurrency)
            for thread in (*threads, heart):
                thread.start()
            for thread in threads:
                while thread.is_alive():  # a join without end would not let signals through
                    thread.join(0.2)
        finally:
            self._done.set()
            for slot in slots:
                slot.close()
            self.service.close()
        if self._failure:
            raise self._failure

    # ---- a slot's thread -------------------------------------------------------------------------

    def _serve(self, slot: Slot) -> None:
        try:
            while not self._stopping.is_set():
                slot.prepare()
                lease = self._take()
                if lease:
                    self._work(slot, lease)
        except BaseException as error:
            self._failure = error
            self.stop()

    def _take(self) -> Optional[Lease]:
        """One idle slot looks at a time, so that a new item wakes one of them."""
        pause = 0.5
        with self._looking:
            while not self._stopping.is_set():
                try:
                    leases = self.service.claim(1, self.operations, wait_seconds=WAIT_SECONDS)
                except (Invalid, Unauthorized, Forbidden):
                    raise  # waiting does not mend it
                except DocqError as error:
                    log.warning("no work to be had: %s", error)
                    self._stopping.wait(pause)
                    pause = min(pause * 2, PAUSE_CAP_SECONDS)
                    continue
                if leases:
                    return leases[0]
                pause = 0.5
        return None

    def _work(self, slot: Slot, lease: Lease) -> None:
        work = Work(lease)
        with self._lock:
            self._held.add(work)
        outcome: Message = {"released": True}
        try:
            if not self._stopping.is_set():
                outcome = slot.run(work)
            self._report(work, outcome)
        except HandlersFailed:
            self._report(work, {"released": True})
            raise
        finally:
            with self._lock:
                self._held.discard(work)

    def _report(self, work: Work, outcome: Message) -> None:
        """Every report goes through here. It is tried again while the server is away: the lease is
        still renewed, and the same report twice gets the same answer."""
        end = time.monotonic() + REPORT_SECONDS_MAX
        while True:
            try:
                self._report_once(work, outcome)
                return
            except LeaseLost:
                log.warning("%s: lost; its result does not count", work.name)
                return
            except DocqError as error:
                away = error.status is None or error.status >= 500
                if away and time.monotonic() < end:
                    log.warning("%s: not reported yet: %s", work.name, error)
                    time.sleep(1)
                elif "failed" in outcome or away:
                    log.error("%s: not reported: %s", work.name, error)
                    return
                else:  # the server does not want this result; say so instead
                    outcome = {"failed": {"code": "result_invalid", "retryable": False,
                                          "message": str(error)[:2000]}}

    def _report_once(self, work: Work, outcome: Message) -> None:
        service, lease = self.service, work.lease
        if "done" in outcome:
            service.mark_completed(lease, outcome["done"])
            log.info("%s: completed", work.name)
        elif "failed" in outcome:
            error = outcome["failed"]
            status = service.mark_failed(lease, error)
            log.warning("%s: %s: %s; now %s", work.name, error["code"], error["message"], status)
        elif "lost" in outcome or work.lost.is_set():
            log.warning("%s: cancelled or lost, so it was stopped", work.name)
        else:
            service.release(lease)
            log.info("%s: handed back", work.name)

    # ---- the heart's thread ----------------------------------------------------------------------

    def _beat(self) -> None:
        """Renews what is held; tells a slot when its item is lost."""
        every = self.lease_seconds / RENEWALS_PER_LEASE
        least = min(HEART_SECONDS, every)
        while not self._done.wait(least / 2):
            with self._lock:
                held = list(self._held)
            now = time.monotonic()
            for work in held:
                wanted = least if work.progress else every
                due = now - work.renewed_at >= wanted and now - work.tried_at >= least
                if due and not work.lost.is_set():
                    self._renew(work)

    def _renew(self, work: Work) -> None:
        progress, work.progress = work.progress, None
        known = work.renewed_at == work.tried_at  # the last try succeeded
        work.tried_at = time.monotonic()
        try:
            self.service.heartbeat(work.lease, progress)
            work.renewed_at = work.tried_at
        except LeaseLost:
            work.lost.set()
        except DocqError as error:
            work.progress = work.progress or progress
            # Only the server can say that a lease is lost. While it is away nobody else gets it.
            if known:
                log.warning("%s: not renewed, and tried again every second: %s", work.name, error)


# ---- the command line ----------------------------------------------------------------------------

def parse(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m docq.worker", description="Runs your functions for a docq server.",
        epilog="The function takes a docq.job.Job and returns None, a text, a dict or a Result.")
    add = parser.add_argument
    add("function", nargs="?", metavar="MODULE:FUNCTION", help="what --operation NAME runs")
    add("--operation", action="append", default=[], metavar="NAME[=MODULE:FUNCTION]",
        help="operation to work on; repeatable with its own function")
    add("--tasks", action="store_true", help="run what docq.fastapi.DurableTasks enqueues")
    add("--allow", action="append", default=[], metavar="PATTERN",
        help="functions that may run as tasks, such as 'app.*'; repeatable")
    add("--url", help="the server (DOCQ_URL; default http://127.0.0.1:8080)")
    add("--token", help="better in DOCQ_TOKEN: a token with the scopes work and read")
    add("--concurrency", type=int, default=0, metavar="N",
        help="items at once; 0: number of processors")
    add("--lease-time", type=float, default=LEASE_SECONDS, metavar="SECONDS",
        help="how soon another worker takes over after this one vanished (default 30)")
    add("--grace", type=float, default=GRACE_SECONDS, metavar="SECONDS",
        help="how long work may go on after SIGTERM (default 20)")
    add("--timeout", type=float, default=None, metavar="SECONDS",
        help="longest run of one attempt (default: none)")
    add("--quiet", action="store_true", help="say only what goes wrong")
    options = parser.parse_args(arguments)
    if options.tasks != bool(options.allow):
        parser.error("--tasks and --allow PATTERN belong together: nothing runs that is not "
                     "allowed")
    options.handlers = {}
    for given in options.operation:
        name, _, function = given.partition("=")
        if not function and not options.function:
            parser.error(f"--operation {name} needs a function: MODULE:FUNCTION before it, or "
                         f"--operation {name}=MODULE:FUNCTION")
        options.handlers[name] = function or options.function
    if options.function and options.function not in options.handlers.values():
        parser.error("say which operation it is for: --operation NAME")
    if not options.handlers and not options.tasks:
        parser.error("nothing to do: give MODULE:FUNCTION --operation NAME, or --tasks")
    if options.lease_time < 1:
        parser.error("--lease-time is at least 1 second")
    return options


def main(arguments: Optional[List[str]] = None) -> int:
    options = parse(arguments)
    logging.basicConfig(level=logging.WARNING if options.quiet else logging.INFO,
                        format="docq.worker: %(message)s", stream=sys.stderr)
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        Worker(options.url, options.token, handlers=options.handlers, allow=options.allow,
               concurrency=options.concurrency, lease_seconds=options.lease_time,
               grace_seconds=options.grace, timeout_seconds=options.timeout).run()
    except (DocqError, HandlersFailed, ValueError, TypeError) as error:
        print(f"docq.worker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
