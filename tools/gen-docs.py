#!/usr/bin/env python3
"""Writes the pages of docs/ that come from tables in the source.

    gen-docs.py [--check] [ROOT]

--check writes nothing and exits 1 where a page differs from its table.
"""
import os
import re
import sys


def rows(root, path, macro):
    """The arguments of each MACRO(...) row of a .def file, as Python values."""
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    for line in text.splitlines():
        match = re.match(rf"{macro}\((.*)\)\s*$", line)
        if match:
            yield [word.strip()[1:-1].replace('\\"', '"') if word.strip().startswith('"')
                   else word.strip()
                   for word in re.findall(r'\s*"(?:[^"\\]|\\.)*"|[^,]+', match.group(1))]


def errors(root):
    page = ["""# Errors

This page is made from `src/base/errors.def` and `src/core/failures.def` by `make docs`.

## What a call answers

The same code appears as `code` in an HTTP problem (`application/problem+json`), in the message of
the command line and, in C, as the name of the negative `enum dq_code`.

| code | C | HTTP | exit | meaning | what to do |
|---|---|---|---|---|---|"""]
    for name, slug, http, code, title, remedy in rows(root, "src/base/errors.def", "ERROR"):
        page.append(f"| `{slug}` | `{name}` | {http} | {code} | {title}. | {remedy} |")
    page.append("""
Exit codes of the command line beside these: 0 ok, 2 wrong usage, 3 an item that was waited for
failed.

## How an attempt may end badly

The code of a queue item's `error` and of each attempt in its history. Retried: the item waits for
its next attempt while the budget lasts. Crash budget: the attempt is charged to the budget for
crashes (three by default), after which the item ends with `quarantined`.
A handler may report codes of its own beside these.

| code | retried | crash budget | meaning |
|---|---|---|---|""")
    for slug, retryable, crash, sentence in rows(root, "src/core/failures.def", "FAILURE"):
        page.append(f"| `{slug}` | {yes(retryable)} | {yes(crash)} | {sentence} |")
    return "\n".join(page) + "\n"


def yes(word):
    return "yes" if word == "true" else "no"


PAGES = {"docs/errors.md": errors}


def main(arguments):
    check = "--check" in arguments
    places = [word for word in arguments if not word.startswith("--")]
    root = places[0] if places else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    stale = 0
    for path, make in PAGES.items():
        place = os.path.join(root, path)
        text = make(root)
        before = None
        if os.path.exists(place):
            with open(place, encoding="utf-8") as file:
                before = file.read()
        if before == text:
            continue
        if check:
            print(f"{path} differs from its table; run `make docs`")
            stale += 1
        else:
            with open(place, "w", encoding="utf-8") as file:
                file.write(text)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
