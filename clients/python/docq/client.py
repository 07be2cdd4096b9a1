"""Documents and items of one docq server."""
from __future__ import annotations

import os
import time
from typing import Any, Iterator, List, Mapping, Optional, Type, TypeVar, Union

from ._http import Stream, Transport, segment
from ._multipart import Multipart, Source, fields_of, opened
from .errors import NotFound, TimedOut, Unsupported
from .models import Document, Hit, Item, Json, Page, QueueStats, Record

T = TypeVar("T")
WAIT_FIRST_SECONDS = 0.05
WAIT_CAP_SECONDS = 1.0
WAIT_SECONDS = 300.0
COPY_BYTES = 256 << 10

DocumentOrId = Union[Document, str]
ItemOrId = Union[Item, str]


def id_of(value: Any) -> str:
    return segment(value if isinstance(value, str) else value.id)


class Client:
    """Talks to one server. May be shared by threads. `timeout` is for one request, in seconds;
    a read or write that makes no progress for so long ends with `TimedOut`."""

    def __init__(self, url: Optional[str] = None, token: Optional[str] = None, *,
                 timeout: float = 30.0, connect_timeout: float = 5.0) -> None:
        self.http = Transport(url, token, timeout, connect_timeout)

    @property
    def url(self) -> str:
        return self.http.url

    def close(self) -> None:
        self.http.close()

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # ---- documents -------------------------------------------------------------------------------

    def upload(self, source: Source, *, filename: Optional[str] = None,
               operation: Optional[str] = None, priority: int = 0,
               metadata: Optional[Mapping[str, Any]] = None, owner: Optional[str] = None,
               timeout: Optional[float] = None) -> Document:
        """Sends a path, bytes or an open binary file, piece by piece. When it returns, document
        and queue item are on the server's disk. Never sent twice by itself."""
        stream, name, ours = opened(source)
        try:
            body = Multipart(stream, filename or name or "document",
                             fields_of(operation, priority, metadata, owner))
            answer = self.http.request("POST", "/v1/documents", body=body, headers=body.headers,
                                       timeout=timeout)
        finally:
            if ours:
                stream.close()
        return Document.read(answer.json())

    def reprocess(self, document: DocumentOrId, *, operation: Optional[str] = None,
                  priority: int = 0) -> Document:
        """The same work once more, or another operation on the same document."""
        body: Json = {"priority": priority}
        if operation:
            body["operation"] = operation
        return Document.read(self.http.post(f"/v1/documents/{id_of(document)}/reprocess", body))

    def document(self, document: DocumentOrId) -> Document:
        return Document.read(self.http.get(f"/v1/documents/{id_of(document)}"))

    def documents(self, query: str = "", *, limit: int = 50,
                  cursor: Optional[str] = None) -> Page:
        """One page, newest first. `query` is a filter such as "failed since:2h"."""
        return self._page("/v1/documents", "documents", Document, query, limit, cursor)

    def all_documents(self, query: str = "") -> Iterator[Document]:
        """Every document that matches, page after page."""
        return self._every(self.documents, query)

    def delete(self, document: DocumentOrId) -> None:
        """Removes the document, its items and its results."""
        self.http.request("DELETE", f"/v1/documents/{id_of(document)}")

    def open(self, document: DocumentOrId) -> Stream:
        """The bytes as a stream: `read(size)`, iterate, and close it."""
        return self.http.open("GET", f"/v1/documents/{id_of(document)}/content")

    def content(self, document: DocumentOrId) -> bytes:
        """The bytes, whole, in memory; `download` is for large ones."""
        return self.http.request("GET", f"/v1/documents/{id_of(document)}/content").body

    def download(self, document: DocumentOrId, path: Union[str, "os.PathLike[str]"]) -> int:
        """Writes the bytes to a new file, which appears only once it is whole. Returns its size."""
        part = f"{os.fspath(path)}.part"
        try:
            with self.open(document) as stream, open(part, "wb") as file:
                for chunk in stream:
                    file.write(chunk)
                size = file.tell()
            os.replace(part, path)
        except BaseException:
            if os.path.exists(part):
                os.remove(part)
            raise
        return size

    def text(self, document: DocumentOrId) -> str:
        """The extracted text, pages separated by form feeds. `NotProcessed`: none yet."""
        answer = self.http.request("GET", f"/v1/documents/{id_of(document)}/text")
        return answer.body.decode("utf-8")

    def page(self, document: DocumentOrId, number: int) -> str:
        path = f"/v1/documents/{id_of(document)}/pages/{int(number)}"
        return self.http.request("GET", path).body.decode("utf-8")

    def metadata(self, document: DocumentOrId) -> Json:
        """What the parser found out; the caller's own metadata is `document.metadata`."""
        found: Json = self.http.get(f"/v1/documents/{id_of(document)}/metadata")["metadata"]
        return found

    def search(self, query: str, *, limit: int = 20, cursor: Optional[str] = None) -> Page:
        """Full-text search, best first. `Unsupported`: this server has none."""
        try:
            found = self.http.get("/v1/search", q=query, limit=limit, cursor=cursor)
        except NotFound as error:
            raise Unsupported("This server has no search; a newer docq has.",
                              request_id=error.request_id) from error
        return Page([Hit.read(each) for each in found["results"]], found.get("next"))

    def wait(self, document: DocumentOrId, timeout: float = WAIT_SECONDS) -> Document:
        """Until its newest item is completed, failed or cancelled; the document tells which.
        `TimedOut`: not within `timeout` seconds."""
        end, pause = time.monotonic() + timeout, WAIT_FIRST_SECONDS
        while True:
            found = self.document(document)
            if found.done:
                return found
            left = end - time.monotonic()
            if left <= 0:
                raise TimedOut(f"Document {found.id} is still {found.status} after "
                               f"{timeout:g} s; wait longer, or ask `docq show` why it waits.")
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, WAIT_CAP_SECONDS)

    # ---- items -----------------------------------------------------------------------------------

    def item(self, item: ItemOrId) -> Item:
        """One item with its history."""
        return Item.read(self.http.get(f"/v1/items/{id_of(item)}"))

    def items(self, query: str = "", *, limit: int = 50, cursor: Optional[str] = None) -> Page:
        return self._page("/v1/items", "items", Item, query, limit, cursor)

    def all_items(self, query: str = "") -> Iterator[Item]:
        return self._every(self.items, query)

    def cancel(self, item: ItemOrId) -> Item:
        return Item.read(self.http.post(f"/v1/items/{id_of(item)}/cancel"))

    def retry(self, item: ItemOrId) -> Item:
        """A failed or cancelled item once more, with its budgets anew."""
        return Item.read(self.http.post(f"/v1/items/{id_of(item)}/retry"))

    def stats(self) -> QueueStats:
        return QueueStats.read(self.http.get("/v1/queue/stats"))

    def pause(self, operation: Optional[str] = None) -> None:
        """Stops handing out items, of one operation or all; those in progress go on."""
        self.http.post("/v1/queue/pause", {"operation": operation}, safe=True)

    def resume(self, operation: Optional[str] = None) -> None:
        self.http.post("/v1/queue/resume", {"operation": operation}, safe=True)

    # ---- what both kinds of list share -----------------------------------------------------------

    def _page(self, path: str, name: str, kind: Type[Record], query: str, limit: int,
              cursor: Optional[str]) -> Page:
        found = self.http.get(path, q=query or None, limit=limit, cursor=cursor)
        return Page([kind.read(each) for each in found[name]], found.get("next"))

    @staticmethod
    def _every(list_page: Any, query: str) -> Iterator[Any]:
        cursor: Optional[str] = None
        while True:
            page: Page = list_page(query, limit=500, cursor=cursor)
            records: List[Any] = page.records
            yield from records
            cursor = page.next
            if cursor is None:
                return
