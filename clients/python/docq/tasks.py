"""Tasks: calls of functions, kept by docq as documents and run by `python -m docq.worker --tasks`.

A task is a document of {function, args, kwargs} with an item of the operation `task`. The call is
on the server's disk when `add_task` returns, and a worker makes it even if this program is gone.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence

from . import functions
from .client import Client
from .errors import DocqError, Invalid
from .models import Document, Json


class TasksNotServed(DocqError):
    """The server does not know the operation `task`."""

    default_code = "tasks_not_served"


@dataclass(frozen=True)
class Task:
    """A call that is on the server's disk. `id` is that of its document."""

    id: str
    function: str
    document: Document


def enqueue(client: Client, function: Callable[..., Any], args: Sequence[Any] = (),
            kwargs: Optional[Mapping[str, Any]] = None, *, priority: int = 0) -> Task:
    """Durable when it returns. TypeError, with advice, where the function cannot be found by its
    name in another process or an argument is not JSON."""
    call = functions.encode_call(function, args, kwargs or {})
    name = functions.name_of(function)
    try:
        document = client.upload(call, filename=name.replace(":", ".") + ".json",
                                 operation=functions.OPERATION, priority=priority)
    except Invalid as error:
        if error.field != "/operation":
            raise
        raise TasksNotServed("The server does not know the operation `task`; start it with "
                             "`docq serve --remote-operations task`.", status=error.status,
                             request_id=error.request_id) from error
    return Task(document.id, name, document)


def outcome(client: Client, task_id: str) -> Json:
    """{id, function, status, attempts, result, error}: `result` is what the function returned."""
    document = client.document(task_id)
    found = document.result or {}
    function = (found.get("metadata") or {}).get("function")
    if function is None and document.filename.endswith(".json"):
        function = ":".join(document.filename[:-len(".json")].rsplit(".", 1))
    value: Optional[Any] = None
    if document.status == "completed":
        value = json.loads(client.text(document) or "null")
    return {"id": document.id, "function": function, "status": document.status,
            "attempts": document.item.attempts if document.item else 0,
            "result": value, "error": document.error}
