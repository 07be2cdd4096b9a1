"""Lets the tests find tests/harness.py, and both them and what they start the package docq."""
import os
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(TESTS, "python")
PACKAGE = os.path.join(os.path.dirname(TESTS), "clients", "python")

sys.path[:0] = [HERE, TESTS, PACKAGE]
