"""docq in a FastAPI application.

`DurableTasks` takes the place of `BackgroundTasks` in an endpoint's signature:

    from docq.fastapi import DurableTasks

    @app.post("/upload")
    async def upload(file: UploadFile, background_tasks: DurableTasks):
        background_tasks.add_task(count_words, path)

When `add_task` returns, the call is on the disk of the docq server; so it is before the response
leaves, and the id of the task may be a part of the response. `python -m docq.worker --tasks` runs
it, in another process. Where the server cannot be reached, `add_task` raises and nothing was
promised to anybody.
"""
from __future__ import annotations

import contextlib
import inspect
import threading
from typing import (Annotated, Any, AsyncIterator, Callable, Dict, List, Optional, get_args,
                    get_origin)

from fastapi import APIRouter, Body, Depends, FastAPI, File, Form, Query, Request, UploadFile
from fastapi.dependencies import utils
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from starlette.background import BackgroundTasks
from starlette.concurrency import run_in_threadpool

from . import tasks
from .client import Client
from .errors import DocqError, Forbidden, TimedOut, Unauthorized, Unreachable
from .models import Json
from .service import DocumentQueueService

TIMEOUT_SECONDS = 10.0  # of one request to docq; an endpoint waits for it

_lock = threading.Lock()
_default: Optional[Client] = None


# ---- which server --------------------------------------------------------------------------------

def default_client() -> Client:
    """That of connect() or lifespan(); where neither was called, the server at DOCQ_URL."""
    global _default
    with _lock:
        if _default is None:
            _default = Client(timeout=TIMEOUT_SECONDS)
        return _default


def _use(app: Any, client: Client) -> None:
    global _default
    app.state.docq = client
    with _lock:
        _default = _default or client


def _stop_using(client: Client) -> None:
    global _default
    with _lock:
        _default = None if _default is client else _default
    client.close()


async def client_of(request: Request) -> Client:
    """A dependency: the client of this application."""
    client: Optional[Client] = getattr(request.app.state, "docq", None)
    return client or default_client()


def lifespan(url: Optional[str] = None, token: Optional[str] = None) -> Callable[[Any], Any]:
    """For `FastAPI(lifespan=lifespan("http://..."))`, from FastAPI 0.93 on; `connect` works with
    any."""
    @contextlib.asynccontextmanager
    async def span(app: Any) -> AsyncIterator[None]:
        client = Client(url, token, timeout=TIMEOUT_SECONDS)
        _use(app, client)
        try:
            yield
        finally:
            _stop_using(client)
    return span


def connect(app: FastAPI, url: Optional[str] = None, token: Optional[str] = None) -> Client:
    """Says which server this application uses, closes the connections when it ends, and answers
    with problem details instead of a bare 500 where docq cannot be reached."""
    client = Client(url, token, timeout=TIMEOUT_SECONDS)
    _use(app, client)
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def span(application: Any) -> AsyncIterator[Any]:
        async with inner(application) as state:
            _use(application, client)
            try:
                yield state
            finally:
                _stop_using(client)
    app.router.lifespan_context = span
    app.add_exception_handler(DocqError, _answer_error)
    return client


# ---- errors --------------------------------------------------------------------------------------

def problem(error: DocqError) -> JSONResponse:
    """What went wrong at docq, as problem details. Its refusal of *our* token is no fault of the
    caller's."""
    ours = isinstance(error, (Unauthorized, Forbidden))
    status = 503 if isinstance(error, Unreachable) else 504 if isinstance(error, TimedOut) else \
        500 if ours or not error.status else error.status
    body: Json = {"type": f"urn:docq:error:{error.code}", "title": type(error).__name__,
                  "status": status, "code": error.code, "detail": error.detail}
    if error.errors:
        body["errors"] = error.errors
    if error.request_id:
        body["request_id"] = error.request_id
    headers = {"Retry-After": "5"} if status in (503, 504) else {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def _answer_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DocqError)
    return problem(error)


# ---- tasks ---------------------------------------------------------------------------------------

class Tasks:
    """What `DurableTasks` injects. `add_task` is that of BackgroundTasks, and more durable."""

    def __init__(self, client: Client, priority: int = 0) -> None:
        self._client, self._priority = client, priority

    def with_priority(self, priority: int) -> "Tasks":
        return Tasks(self._client, priority)

    def add_task(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> tasks.Task:
        """The call is on the server's disk when this returns. In an `async def` endpoint the event
        loop waits for that, some milliseconds; `add_task_async` lets it go on."""
        return tasks.enqueue(self._client, func, args, kwargs, priority=self._priority)

    async def add_task_async(self, func: Callable[..., Any], /, *args: Any,
                             **kwargs: Any) -> tasks.Task:
        return await run_in_threadpool(self.add_task, func, *args, **kwargs)


async def durable_tasks(client: Client = Depends(client_of)) -> Tasks:
    return Tasks(client)


DurableTasks = Annotated[Tasks, Depends(durable_tasks)]


def _dependency_in(annotation: Any) -> Any:
    """(type, Depends) of Annotated[type, Depends(...)], else None."""
    if get_origin(annotation) is not Annotated:
        return None
    kind, *rest = get_args(annotation)
    found = [each for each in rest if type(each).__name__ == "Depends"]
    return (kind, found[-1]) if found else None


def _teach_annotated() -> None:
    """FastAPI before 0.95 does not look for dependencies in Annotated: give them to it as the
    default values that it does look for."""
    original = utils.get_typed_signature

    def get_typed_signature(call: Callable[..., Any]) -> inspect.Signature:
        signature = original(call)
        parameters: List[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            found = _dependency_in(parameter.annotation)
            if found and parameter.default is inspect.Parameter.empty:
                parameter = parameter.replace(annotation=found[0], default=found[1],
                                              kind=inspect.Parameter.KEYWORD_ONLY)
            parameters.append(parameter)
        return signature.replace(parameters=sorted(parameters, key=lambda each: each.kind))
    setattr(utils, "get_typed_signature", get_typed_signature)


if not hasattr(utils, "analyze_param"):
    _teach_annotated()


# ---- without changing an endpoint ----------------------------------------------------------------

class _StandIn(type):
    """BackgroundTasks in an endpoint's signature means the class below."""

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, BackgroundTasks)


class DurableBackgroundTasks(BackgroundTasks, metaclass=_StandIn):
    """BackgroundTasks whose tasks are durable; nothing is left to do behind the response."""

    def add_task(self, func: Callable[..., Any], /, *args: Any,  # type: ignore[override]
                 **kwargs: Any) -> tasks.Task:
        return Tasks(default_client()).add_task(func, *args, **kwargs)


def install() -> None:
    """From now on every endpoint of this process that asks for BackgroundTasks gets durable ones,
    on the server of `connect`, `lifespan` or DOCQ_URL. No endpoint has to be changed."""
    setattr(utils, "BackgroundTasks", DurableBackgroundTasks)


# ---- a router ------------------------------------------------------------------------------------

class _Route(APIRoute):
    """An answer of docq that is an error becomes that of the endpoint."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def handle_errors(request: Request) -> Any:
            try:
                return await handle(request)
            except DocqError as error:
                return problem(error)
        return handle_errors


router = APIRouter(route_class=_Route)
"""Upload, reprocess, status, tasks and cron. It has no access control of its own:
`app.include_router(router, prefix="/queue", dependencies=[Depends(your_check)])`."""


@router.post("/documents", status_code=202, summary="Upload a document")
def upload(file: UploadFile = File(...), operation: Optional[str] = Form(None),
           priority: int = Form(0), client: Client = Depends(client_of)) -> Dict[str, Any]:
    document = client.upload(file.file, filename=file.filename or "document",
                             operation=operation, priority=priority)
    return document.raw


@router.post("/documents/{document_id}/reprocess", status_code=202,
             summary="The same work once more, or another operation")
def reprocess(document_id: str, operation: Optional[str] = Body(None), priority: int = Body(0),
              client: Client = Depends(client_of)) -> Dict[str, Any]:
    return client.reprocess(document_id, operation=operation, priority=priority).raw


@router.get("/documents/{document_id}", summary="A document with its status")
def status(document_id: str, client: Client = Depends(client_of)) -> Dict[str, Any]:
    return client.document(document_id).raw


@router.get("/documents/{document_id}/text", response_class=PlainTextResponse,
            summary="The extracted text")
def text(document_id: str, client: Client = Depends(client_of)) -> str:
    return client.text(document_id)


@router.get("/tasks/{task_id}", summary="What has become of a task")
def task(task_id: str, client: Client = Depends(client_of)) -> Dict[str, Any]:
    return tasks.outcome(client, task_id)


@router.get("/stats", summary="Counts by status and operation, ages, rates")
def stats(client: Client = Depends(client_of)) -> Dict[str, Any]:
    return client.stats().raw


@router.post("/process-document-queue", summary="Handle what is due and tell what was done: cron")
def process_document_queue(limit: Optional[int] = Query(None, ge=0),
                           max_seconds: int = Query(60, ge=1, le=300),
                           client: Client = Depends(client_of)) -> Dict[str, Any]:
    service = DocumentQueueService(client=client)
    return service.process_document_queue(limit=limit, max_seconds=max_seconds).raw


__all__ = ["DurableBackgroundTasks", "DurableTasks", "Tasks", "client_of", "connect",
           "default_client", "durable_tasks", "install", "lifespan", "problem", "router"]
