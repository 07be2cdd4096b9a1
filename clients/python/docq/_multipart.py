"""A document on its way to the server: multipart/form-data that is read from a file as it is sent,
so that a large document never is in memory."""
from __future__ import annotations

import io
import json
import os
import secrets
from typing import Any, Dict, IO, Iterator, Mapping, Optional, Tuple, Union

CHUNK_BYTES = 256 << 10
Source = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, IO[bytes]]


def opened(source: Source) -> Tuple[IO[bytes], Optional[str], bool]:
    """(stream, name where it has one, whether it is ours to close)"""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source), None, True
    if isinstance(source, (str, os.PathLike)):
        return open(source, "rb"), os.path.basename(os.fspath(source)), True
    if not hasattr(source, "read"):
        raise TypeError("a document is a path, bytes or an open binary file, not "
                        f"{type(source).__name__}")
    name = getattr(source, "name", None)
    return source, os.path.basename(name) if isinstance(name, str) else None, False


def remaining(stream: IO[bytes]) -> Optional[int]:
    """Bytes from here to the end; None where the stream cannot tell, such as a pipe."""
    try:
        here = stream.tell()
        end = stream.seek(0, os.SEEK_END)
        stream.seek(here)
    except (OSError, AttributeError, ValueError):
        return None
    return end - here


def escaped(name: str) -> str:
    """As browsers write a file's name in a part's header."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def fields_of(operation: Optional[str], priority: int, metadata: Optional[Mapping[str, Any]],
              owner: Optional[str]) -> Dict[str, str]:
    fields = {}
    if operation:
        fields["operation"] = operation
    if priority:
        fields["priority"] = str(priority)
    if metadata:
        fields["metadata"] = json.dumps(metadata, ensure_ascii=False, allow_nan=False)
    if owner:
        fields["owner"] = owner
    return fields


class Multipart:
    """One file and the fields beside it; iterate to get the body's bytes."""

    def __init__(self, stream: IO[bytes], filename: str, fields: Mapping[str, str]) -> None:
        boundary = "docq-" + secrets.token_hex(16)
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items())
        head += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                 f'filename="{escaped(filename)}"\r\n'
                 "Content-Type: application/octet-stream\r\n\r\n")
        self._head, self._stream = head.encode(), stream
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self._size = remaining(stream)
        if self._size is None:
            self.headers["Transfer-Encoding"] = "chunked"
        else:
            self.headers["Content-Length"] = str(len(self._head) + self._size + len(self._tail))

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        left = self._size
        while left is None or left > 0:
            chunk = self._stream.read(CHUNK_BYTES if left is None else min(left, CHUNK_BYTES))
            if isinstance(chunk, str):
                raise TypeError("the file is open for text; open it with mode 'rb'")
            if not chunk:
                break
            left = None if left is None else left - len(chunk)
            yield chunk
        if left:
            raise OSError(f"the file became {left} bytes shorter while it was being sent")
        yield self._tail
