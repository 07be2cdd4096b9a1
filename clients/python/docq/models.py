"""The nouns: document, item, attempt, lease, statistics. What the server says beyond these fields
is kept in `raw`."""
from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Type, TypeVar

Json = Dict[str, Any]
T = TypeVar("T", bound="Record")
FINAL = ("completed", "failed", "cancelled")


def parse_time(text: Optional[str]) -> Optional[datetime]:
    """RFC 3339 as the server writes it; aware, UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


@dataclass(frozen=True)
class Record:
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def read(cls: Type[T], data: Mapping[str, Any]) -> T:
        """Fields by their names; those that end in _at are times."""
        values: Json = {"raw": dict(data)}
        for each in dataclasses.fields(cls):
            if each.name == "raw" or each.name not in data:
                continue
            value = data[each.name]
            values[each.name] = parse_time(value) if each.name.endswith("_at") else value
        return cls(**cls.nest(values))

    @classmethod
    def nest(cls, values: Json) -> Json:
        """Makes records of the objects inside."""
        return values


@dataclass(frozen=True)
class Attempt(Record):
    number: int
    epoch: int
    worker: Optional[str]
    outcome: str
    started_at: Optional[datetime]
    ended_at: Optional[datetime]
    duration_seconds: Optional[float]
    error: Optional[Json]
    signal: Optional[int]
    limit: Optional[str]
    peak_memory_bytes: Optional[int]


@dataclass(frozen=True)
class Item(Record):
    """One operation asked for on one document."""

    id: str
    document_id: str
    operation: str
    priority: int
    status: str
    attempts: int
    max_attempts: int
    crashes: int
    due_at: Optional[datetime]
    waiting: Optional[str]
    lease: Optional[Json]
    progress: Optional[Json]
    error: Optional[Json]
    created_at: Optional[datetime]
    started_at: Optional[datetime]
    finished_at: Optional[datetime]
    superseded_by: Optional[str] = None
    history: List[Attempt] = field(default_factory=list)
    created: Optional[bool] = None

    @classmethod
    def nest(cls, values: Json) -> Json:
        values["history"] = [Attempt.read(each) for each in values.get("history") or []]
        return values

    @property
    def done(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True)
class Document(Record):
    """Bytes that somebody uploaded; its status is that of its newest item."""

    id: str
    filename: str
    content_type: str
    size: int
    sha256: str
    metadata: Json
    owner: str
    created_at: Optional[datetime]
    status: str
    item: Optional[Item] = None
    result: Optional[Json] = None

    @classmethod
    def nest(cls, values: Json) -> Json:
        values["item"] = Item.read(values["item"]) if values.get("item") else None
        return values

    @property
    def done(self) -> bool:
        return self.status in FINAL

    @property
    def error(self) -> Optional[Json]:
        """Why its newest item failed: {code, message, retryable}."""
        return self.item.error if self.item else None


@dataclass(frozen=True)
class Lease(Record):
    """The right to one item for a limited time. Whoever has the token has the right."""

    token: str = field(repr=False)
    item: Item
    document: Document

    @classmethod
    def nest(cls, values: Json) -> Json:
        values["item"] = Item.read(values["item"])
        values["document"] = Document.read(values["document"])
        return values

    @property
    def expires_at(self) -> Optional[datetime]:
        return parse_time((self.item.lease or {}).get("expires_at"))


@dataclass(frozen=True)
class QueueStats(Record):
    pending: int
    in_progress: int
    completed: int
    failed: int
    cancelled: int
    documents: int
    due: int
    oldest_due_age_seconds: float
    enqueued_per_minute: int
    completed_per_minute: int
    failed_per_minute: int
    paused_at: Optional[datetime]
    workers: int
    operations: List[Json] = field(default_factory=list)


@dataclass(frozen=True)
class ProcessStats(Record):
    """What one run of process_document_queue did."""

    claimed: int = 0
    completed: int = 0
    failed: int = 0
    retried: int = 0
    released: int = 0
    duration_seconds: float = 0.0


@dataclass(frozen=True)
class Hit(Record):
    """One find of a search. `matches` are [from, to) within the snippet."""

    document_id: str
    filename: str
    page: Optional[int] = None
    snippet: str = ""
    matches: List[List[int]] = field(default_factory=list)


@dataclass
class Page:
    """One page of a list, and the cursor of the next one (None: this was the last)."""

    records: List[Any]
    next: Optional[str] = None

    def __iter__(self) -> Any:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@dataclass
class Result:
    """What a handler made of a document. `pages` are texts; `text` alone is one page."""

    text: Optional[str] = None
    pages: Optional[List[str]] = None
    metadata: Optional[Json] = None
    problems: Optional[List[str]] = None
    content_type: Optional[str] = None
    partial: bool = False

    @classmethod
    def of(cls, value: Any) -> Optional["Result"]:
        """None, a text, a mapping of these fields, or a Result."""
        if value is None or isinstance(value, Result):
            return value
        if isinstance(value, str):
            return cls(text=value)
        if isinstance(value, Mapping):
            unknown = set(value) - {each.name for each in dataclasses.fields(cls)}
            if unknown:
                raise TypeError(f"a result has no field {sorted(unknown)[0]!r}; what you want to "
                                "keep beside the text goes into `metadata`")
            return cls(**value)
        raise TypeError(f"a result is None, a str, a dict or docq.Result, not "
                        f"{type(value).__name__}")

    def json(self) -> Json:
        return {k: v for k, v in dataclasses.asdict(self).items() if v not in (None, False)}
