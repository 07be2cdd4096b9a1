"""Lets the tests find tests/harness.py."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import pytest  # noqa: E402

from harness import Server  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server without workers for all tests of a file: nothing moves by itself."""
    with Server(tmp_path_factory.mktemp("http") / "data", workers=0) as running:
        yield running
        assert running.process.poll() is None, "the server died under the tests"
