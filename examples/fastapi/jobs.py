"""The work itself, the same for both applications: slow, and it must not get lost."""
import os
import time
from pathlib import Path

SECONDS = float(os.environ.get("JOB_SECONDS", "2"))


def count_words(path: str) -> int:
    """Reads a file, thinks for a while, and leaves the number of its words beside it."""
    words = len(Path(path).read_text(encoding="utf-8", errors="replace").split())
    time.sleep(SECONDS)
    Path(path + ".words").write_text(str(words))
    return words
