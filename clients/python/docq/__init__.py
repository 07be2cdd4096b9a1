"""docq: the client, the queue's verbs and the worker for a docq server.

    from docq import Client
    client = Client("http://127.0.0.1:8080")
    document = client.upload("letter.pdf")
    print(client.text(client.wait(document)))
"""
from ._http import VERSION as __version__
from .client import Client
from .errors import (Busy, Cancelled, Conflict, DocqError, Forbidden, Invalid, LeaseLost, NoSpace,
                     NotFound, NotProcessed, Permanent, Retry, ServerError, TimedOut, TooLarge,
                     Unauthorized, Unreachable, Unsupported)
from .models import (Attempt, Document, Hit, Item, Lease, Page, ProcessStats, QueueStats, Result)
from .service import DocumentQueueService

__all__ = [
    "Attempt", "Busy", "Cancelled", "Client", "Conflict", "Document", "DocumentQueueService",
    "DocqError", "Forbidden", "Hit", "Invalid", "Item", "Lease", "LeaseLost", "NoSpace", "NotFound",
    "NotProcessed", "Page", "Permanent", "ProcessStats", "QueueStats", "Result", "Retry",
    "ServerError", "TimedOut", "TooLarge", "Unauthorized", "Unreachable", "Unsupported",
    "__version__",
]
