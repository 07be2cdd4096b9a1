"""What a handler is given: its item and document, and the way to say how far it is."""
from __future__ import annotations

import os
import threading
from typing import Any, Callable, Mapping, Optional, Union

from ._http import Stream
from .client import Client
from .errors import Cancelled
from .models import Document, Item


class Job:
    """One attempt at one item."""

    def __init__(self, item: Item, document: Document, token: str, client: Client,
                 report: Callable[[Mapping[str, Any]], None]) -> None:
        self.item, self.document, self.token, self.client = item, document, token, client
        self._report = report
        self._cancelled = threading.Event()

    @property
    def id(self) -> str:
        return self.item.id

    @property
    def operation(self) -> str:
        return self.item.operation

    @property
    def attempt(self) -> int:
        """1 for the first. An attempt may run twice after a crash: make it repeatable."""
        return self.item.attempts

    @property
    def is_last_attempt(self) -> bool:
        return self.item.attempts >= self.item.max_attempts

    # ---- the document ----------------------------------------------------------------------------

    def content(self) -> bytes:
        return self.client.content(self.document)

    def open(self) -> Stream:
        return self.client.open(self.document)

    def download(self, path: Union[str, "os.PathLike[str]"]) -> int:
        return self.client.download(self.document, path)

    # ---- the way ---------------------------------------------------------------------------------

    def progress(self, done: int, total: int = 0, stage: Optional[str] = None) -> None:
        """Shown with the item; sent with the next heartbeat. Raises Cancelled as `check` does."""
        self.check()
        self._report({"stage": stage or self.operation, "done": int(done), "total": int(total)})

    @property
    def cancelled(self) -> bool:
        """The item was cancelled or is somebody else's: nothing that is returned will count."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raises Cancelled where there is no point in going on. A handler that neither asks nor
        returns within a few seconds is killed."""
        if self.cancelled:
            raise Cancelled(self.id)

    def _cancel(self) -> None:
        self._cancelled.set()
