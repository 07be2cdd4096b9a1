"""Lets the tests find tests/harness.py; a data directory in which every kind of end has come."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import pytest  # noqa: E402

from harness import docq, json_lines, make_pdf  # noqa: E402

FILES = {
    "good.txt": b"a good text\n", "page.html": b"<!DOCTYPE html><title>T</title><p>word</p>",
    "letter.pdf": make_pdf("a letter"), "broken.pdf": b"%PDF-1.4\nbroken\n1 0 obj\n",
}


class Store:
    """A data directory and the ids of its documents by name."""

    def __init__(self, data, ids):
        self.data, self.ids = str(data), ids

    def run(self, verb, *arguments, **options):
        return docq(self.data, verb, *arguments, check=False, **options)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Processed: three documents are completed, one has failed. Two wait, one is cancelled."""
    folder = tmp_path_factory.mktemp("cli")
    data = folder / "data"
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    paths = [folder / name for name in FILES]
    ids = dict(zip(FILES, docq(data, "upload", *paths).stdout.split()))
    docq(data, "process")
    for name in ("waiting.txt", "urgent.txt", "cancelled.txt"):
        (folder / name).write_bytes(name.encode())
        priority = 9 if name == "urgent.txt" else 0
        ids[name] = docq(data, "upload", folder / name, "--priority", priority, "--owner",
                         name.split(".")[0]).stdout.strip()
    docq(data, "cancel", ids["cancelled.txt"])
    found = {row["id"]: row["status"] for row in json_lines(docq(data, "ls", "--json").stdout)}
    assert [found[ids[name]] for name in ids] == ["completed"] * 3 + ["failed"] + \
        ["pending"] * 2 + ["cancelled"]
    return Store(data, ids)
