"""DocumentQueueService: the queue itself, for programs that take work and hand it in by hand.

`docq.worker` does all of this for you, heartbeats included.
"""
from __future__ import annotations

import threading
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ._http import segment
from ._multipart import Source
from .client import Client, DocumentOrId, ItemOrId
from .errors import Conflict, LeaseLost, Permanent, Retry
from .models import Document, Item, Json, Lease, ProcessStats, QueueStats, Result

LEASE_SECONDS = 30
CRON_SECONDS = 300  # what the server allows by default
CRON_MARGIN_SECONDS = 30

Held = Union[Lease, Item, str]


def failure_of(error: Any, retryable: bool = True, retry_after: Optional[float] = None) -> Json:
    """The error object of the protocol: of an exception, a text, or a mapping."""
    if isinstance(error, Retry):
        retry_after = error.after if retry_after is None else retry_after
        failure: Json = {"code": error.code, "message": str(error), "retryable": True}
    elif isinstance(error, Permanent):
        failure = {"code": error.code, "message": str(error), "retryable": False}
    elif isinstance(error, BaseException):
        text = f"{type(error).__name__}: {error}"
        failure = {"code": "handler_error", "message": text, "retryable": retryable}
    elif isinstance(error, Mapping):
        failure = {"code": "handler_error", "retryable": retryable, **error}
    else:
        failure = {"code": "handler_error", "message": str(error), "retryable": retryable}
    message = str(failure.get("message") or "").encode("utf-8", "replace")[:2000]
    failure["message"] = message.decode("utf-8", "ignore").replace("\0", "")
    if retry_after is not None:
        failure["retry_after_seconds"] = max(0, int(-(-retry_after // 1)))
    return failure


class DocumentQueueService:
    """The verbs of the queue. An item that was marked in progress here is remembered with its
    lease, so that `mark_completed(item, ...)` needs nothing else. May be shared by threads."""

    def __init__(self, url: Optional[str] = None, token: Optional[str] = None, *,
                 worker: str = "python", lease_seconds: int = LEASE_SECONDS,
                 client: Optional[Client] = None) -> None:
        self.client = client or Client(url, token)
        self.worker, self.lease_seconds = worker, lease_seconds
        self._lock = threading.Lock()
        self._tokens: Dict[str, str] = {}  # item id -> token

    def close(self) -> None:
        self.client.close()

    def __enter__(self) -> "DocumentQueueService":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # ---- putting work in -------------------------------------------------------------------------

    def upload_document(self, source: Source, **options: Any) -> Document:
        """As `Client.upload`; the status of the answer is pending."""
        return self.client.upload(source, **options)

    def reprocess_document(self, document: DocumentOrId, operation: Optional[str] = None,
                           priority: int = 0) -> Document:
        return self.client.reprocess(document, operation=operation, priority=priority)

    def enqueue(self, document_id: DocumentOrId, operation: str = "process",
                priority: int = 0) -> Item:
        """One item waits for a document and operation: where one does already, that one is the
        answer, with `created` False and its priority raised where a higher one is asked for."""
        id = document_id if isinstance(document_id, str) else document_id.id
        return Item.read(self.client.http.post("/v1/items", {
            "document_id": id, "operation": operation, "priority": priority}))

    # ---- taking it -------------------------------------------------------------------------------

    def get_pending_items(self, limit: int = 50) -> List[Item]:
        """What would be taken next, in order of service. Looking is not taking."""
        found = self.client.http.get("/v1/queue/pending", limit=limit)
        return [Item.read(each) for each in found["items"]]

    def mark_in_progress(self, item: ItemOrId, lease_seconds: Optional[int] = None) -> Lease:
        """Takes exactly this item. Of several callers one wins, the others get `Conflict`. The
        lease lasts `lease_seconds`; `heartbeat` renews it."""
        id = item if isinstance(item, str) else item.id
        taken = self.client.http.post("/v1/leases", {
            "item": id, "worker": self.worker,
            "lease_seconds": lease_seconds or self.lease_seconds})
        return self._keep(Lease.read(taken["leases"][0]))

    def claim(self, limit: int = 1, operations: Optional[Sequence[str]] = None, *,
              wait_seconds: int = 0, lease_seconds: Optional[int] = None) -> List[Lease]:
        """Looking and taking in one step; waits up to `wait_seconds` for work."""
        http = self.client.http
        body: Json = {"worker": self.worker, "limit": limit, "wait_seconds": wait_seconds,
                      "lease_seconds": lease_seconds or self.lease_seconds}
        if operations:
            body["operations"] = list(operations)
        answer = http.post("/v1/leases", body, timeout=http.timeout + wait_seconds)
        return [self._keep(Lease.read(each)) for each in answer["leases"]]

    def heartbeat(self, item: Held, progress: Optional[Mapping[str, Any]] = None) -> None:
        """Renews the lease. `LeaseLost`: stop, the item is somebody else's or was cancelled."""
        self._report(item, "heartbeat", {"progress": dict(progress)} if progress else {})

    # ---- handing it in ---------------------------------------------------------------------------

    def mark_completed(self, item: Held, result: Any = None) -> None:
        """Result and status in one step. `result`: None (what the document has stays), a text, a
        dict with text, pages, metadata, problems, or a `Result`."""
        given = Result.of(result)
        self._report(item, "complete", {"result": given.json()} if given else {}, final=True)

    def mark_failed(self, item: Held, error: Any, *, retryable: bool = True,
                    retry_after: Optional[float] = None) -> str:
        """`error`: an exception (`Retry` and `Permanent` say all), a text, or a dict with code,
        message, retryable. Returns what becomes of the item: pending, failed or cancelled."""
        failure = failure_of(error, retryable, retry_after)
        return str(self._report(item, "fail", {"error": failure}, final=True)["status"])

    def release(self, item: Held) -> None:
        """Hands the item back; the attempt is not charged."""
        self._report(item, "release", {}, final=True)

    # ---- the queue as a whole --------------------------------------------------------------------

    def get_queue_stats(self) -> QueueStats:
        return self.client.stats()

    def process_document_queue(self, limit: Optional[int] = None,
                               max_seconds: Optional[int] = None) -> ProcessStats:
        """Has the server handle what is due with its own handlers, and waits for the end; for
        cron. Overlapping calls are safe. Remote operations are for workers, not for this."""
        body: Json = {}
        if limit is not None:
            body["limit"] = limit
        if max_seconds is not None:
            body["max_seconds"] = max_seconds
        timeout = (max_seconds or CRON_SECONDS) + CRON_MARGIN_SECONDS
        return ProcessStats.read(self.client.http.post("/v1/cron/process-document-queue", body,
                                                       timeout=timeout))

    # ---- leases that are held here ---------------------------------------------------------------

    def _keep(self, lease: Lease) -> Lease:
        with self._lock:
            self._tokens[lease.item.id] = lease.token
        return lease

    def _report(self, item: Held, verb: str, body: Json, final: bool = False) -> Json:
        if isinstance(item, Lease):
            id, token = item.item.id, item.token
        else:
            id = item if isinstance(item, str) else item.id
            with self._lock:
                token = self._tokens.get(id, "")
        if not token:
            raise Conflict(f"Item {id} is not held here: mark_in_progress or claim it first, or "
                           "pass its Lease.")
        try:
            answer: Json = self.client.http.post(f"/v1/leases/{segment(token)}/{verb}", body,
                                                 safe=verb != "release")
        except LeaseLost:
            self._forget(id)
            raise
        if final:
            self._forget(id)
        return answer

    def _forget(self, id: str) -> None:
        with self._lock:
            self._tokens.pop(id, None)
