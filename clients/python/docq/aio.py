"""The client for asyncio, on httpx (`pip install docq[async]`).

The same names as `docq.Client`, with `await`. Errors and records are the same classes.
"""
from __future__ import annotations

import asyncio
import time
from typing import Any, AsyncIterator, Dict, IO, Iterator, Mapping, Optional, Type, TypeVar

import httpx

from ._http import (ATTEMPTS_MAX, CONNECT_SECONDS, TIMEOUT_SECONDS, VERSION, Transport,
                    problem_of, token_of, url_of)
from ._multipart import Multipart, Source, fields_of, opened
from .client import (WAIT_CAP_SECONDS, WAIT_FIRST_SECONDS, WAIT_SECONDS, DocumentOrId, ItemOrId,
                     id_of)
from .errors import Busy, NotFound, TimedOut, Unreachable, Unsupported
from .models import Document, Hit, Item, Json, Page, QueueStats, Record

T = TypeVar("T", bound="AsyncClient")
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


async def chunks_of(body: Multipart) -> AsyncIterator[bytes]:
    """A file is read in a thread, so that a slow disk does not hold up the loop."""
    chunks: Iterator[bytes] = iter(body)
    loop = asyncio.get_running_loop()
    while True:
        chunk: bytes = await loop.run_in_executor(None, lambda: next(chunks, b""))
        if not chunk:
            return
        yield chunk


class AsyncClient:
    def __init__(self, url: Optional[str] = None, token: Optional[str] = None, *,
                 timeout: float = TIMEOUT_SECONDS,
                 connect_timeout: float = CONNECT_SECONDS) -> None:
        self.url = url_of(url).rstrip("/")
        headers = {"User-Agent": f"docq-python/{VERSION}"}
        if token_of(token):
            headers["Authorization"] = f"Bearer {token_of(token)}"
        self.http = httpx.AsyncClient(
            base_url=self.url, headers=headers, trust_env=False,
            timeout=httpx.Timeout(timeout, connect=connect_timeout))

    async def close(self) -> None:
        await self.http.aclose()

    async def __aenter__(self: T) -> T:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    # ---- one request -----------------------------------------------------------------------------

    async def _once(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = await self.http.request(method, path, **options)
        except NEVER_SENT as error:
            raise Unreachable(f"{self.url} cannot be reached ({error}); start the server with "
                              "`docq serve`, or correct the URL (DOCQ_URL).") from error
        except httpx.TimeoutException as error:
            raise TimedOut("The server did not answer in time.") from error
        except httpx.HTTPError as error:
            raise Unreachable(f"The connection to {self.url} broke: {error}.",
                              sent=True) from error
        if answer.status_code >= 400:
            raise problem_of(answer.status_code, answer.headers, answer.content)
        return answer

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Sent again only where nothing of it can have had an effect, as in `docq.Client`."""
        once = "content" in options and not isinstance(options["content"], bytes)
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await self._once(method, path, **options)
            except (Unreachable, Busy) as error:
                harmless = method == "GET" or (not error.sent if isinstance(error, Unreachable)
                                               else error.code == "busy")
                if attempt == ATTEMPTS_MAX or not harmless or once:
                    raise
                await asyncio.sleep(Transport.pause(attempt, error))
        raise AssertionError("unreachable")

    async def _get(self, path: str, **query: Any) -> Any:
        pairs = {k: v for k, v in query.items() if v is not None}
        return (await self.request("GET", path, params=pairs)).json()

    async def _post(self, path: str, body: Optional[Mapping[str, Any]] = None) -> Any:
        return (await self.request("POST", path, json=dict(body or {}))).json()

    # ---- documents -------------------------------------------------------------------------------

    async def upload(self, source: Source, *, filename: Optional[str] = None,
                     operation: Optional[str] = None, priority: int = 0,
                     metadata: Optional[Mapping[str, Any]] = None,
                     owner: Optional[str] = None) -> Document:
        stream, name, ours = opened(source)
        try:
            body = Multipart(stream, filename or name or "document",
                             fields_of(operation, priority, metadata, owner))
            answer = await self.request("POST", "/v1/documents", content=chunks_of(body),
                                        headers=body.headers)
        finally:
            if ours:
                stream.close()
        return Document.read(answer.json())

    async def reprocess(self, document: DocumentOrId, *, operation: Optional[str] = None,
                        priority: int = 0) -> Document:
        body: Json = {"priority": priority, **({"operation": operation} if operation else {})}
        path = f"/v1/documents/{id_of(document)}/reprocess"
        return Document.read(await self._post(path, body))

    async def document(self, document: DocumentOrId) -> Document:
        return Document.read(await self._get(f"/v1/documents/{id_of(document)}"))

    async def documents(self, query: str = "", *, limit: int = 50,
                        cursor: Optional[str] = None) -> Page:
        return await self._page("/v1/documents", "documents", Document, query, limit, cursor)

    async def delete(self, document: DocumentOrId) -> None:
        await self.request("DELETE", f"/v1/documents/{id_of(document)}")

    async def content(self, document: DocumentOrId) -> bytes:
        return (await self.request("GET", f"/v1/documents/{id_of(document)}/content")).content

    async def download(self, document: DocumentOrId, file: IO[bytes]) -> int:
        """Writes the bytes to an open file, piece by piece. Returns their number."""
        size = 0
        path = f"/v1/documents/{id_of(document)}/content"
        async with self.http.stream("GET", path) as answer:
            if answer.status_code >= 400:
                raise problem_of(answer.status_code, answer.headers, await answer.aread())
            async for chunk in answer.aiter_bytes():
                file.write(chunk)
                size += len(chunk)
        return size

    async def text(self, document: DocumentOrId) -> str:
        answer = await self.request("GET", f"/v1/documents/{id_of(document)}/text")
        return answer.content.decode("utf-8")

    async def metadata(self, document: DocumentOrId) -> Json:
        found: Json = (await self._get(f"/v1/documents/{id_of(document)}/metadata"))["metadata"]
        return found

    async def search(self, query: str, *, limit: int = 20, cursor: Optional[str] = None) -> Page:
        try:
            found = await self._get("/v1/search", q=query, limit=limit, cursor=cursor)
        except NotFound as error:
            raise Unsupported("This server has no search; a newer docq has.") from error
        return Page([Hit.read(each) for each in found["results"]], found.get("next"))

    async def wait(self, document: DocumentOrId, timeout: float = WAIT_SECONDS) -> Document:
        end, pause = time.monotonic() + timeout, WAIT_FIRST_SECONDS
        while True:
            found = await self.document(document)
            if found.done:
                return found
            left = end - time.monotonic()
            if left <= 0:
                raise TimedOut(f"Document {found.id} is still {found.status} after {timeout:g} s.")
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, WAIT_CAP_SECONDS)

    # ---- items -----------------------------------------------------------------------------------

    async def enqueue(self, document: DocumentOrId, operation: str = "process",
                      priority: int = 0) -> Item:
        id = document if isinstance(document, str) else document.id
        return Item.read(await self._post("/v1/items", {
            "document_id": id, "operation": operation, "priority": priority}))

    async def item(self, item: ItemOrId) -> Item:
        return Item.read(await self._get(f"/v1/items/{id_of(item)}"))

    async def items(self, query: str = "", *, limit: int = 50,
                    cursor: Optional[str] = None) -> Page:
        return await self._page("/v1/items", "items", Item, query, limit, cursor)

    async def cancel(self, item: ItemOrId) -> Item:
        return Item.read(await self._post(f"/v1/items/{id_of(item)}/cancel"))

    async def retry(self, item: ItemOrId) -> Item:
        return Item.read(await self._post(f"/v1/items/{id_of(item)}/retry"))

    async def stats(self) -> QueueStats:
        return QueueStats.read(await self._get("/v1/queue/stats"))

    async def _page(self, path: str, name: str, kind: Type[Record], query: str, limit: int,
                    cursor: Optional[str]) -> Page:
        found: Dict[str, Any] = await self._get(path, q=query or None, limit=limit, cursor=cursor)
        return Page([kind.read(each) for each in found[name]], found.get("next"))


__all__ = ["AsyncClient"]
