"""Messages between a worker and its handler processes: one JSON object a line, over a socket."""
from __future__ import annotations

import json
import select
import socket
import threading
from typing import Any, Dict, Optional

MESSAGE_BYTES_MAX = 128 << 20
RECEIVE_BYTES = 256 << 10

Message = Dict[str, Any]


class Pipe:
    """One end. Sending may be done by several threads, receiving by one."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()
        self._lock = threading.Lock()
        self._searched = 0

    def fileno(self) -> int:
        return self.sock.fileno()

    def send(self, message: Message) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if len(line) > MESSAGE_BYTES_MAX:
            raise ValueError(f"{len(line)} bytes in one message, {MESSAGE_BYTES_MAX} at most")
        with self._lock:
            self.sock.sendall(line)

    def receive(self, timeout: Optional[float] = None) -> Optional[Message]:
        """The next message; None after `timeout` seconds. EOFError: the other end is gone."""
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[:end + 1]
                self._searched = 0
                message: Message = json.loads(line)
                return message
            self._searched = len(self._buffer)
            if self._searched > MESSAGE_BYTES_MAX:
                raise EOFError("a message is too long")
            if not select.select([self.sock], [], [], timeout)[0]:
                return None
            try:
                chunk = self.sock.recv(RECEIVE_BYTES)
            except OSError:
                chunk = b""
            if not chunk:
                raise EOFError("the other end is gone")
            self._buffer += chunk

    def close(self) -> None:
        self.sock.close()
