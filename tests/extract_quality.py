#!/usr/bin/env python3
"""What docq-extract makes of documents that nobody here wrote.

    extract_quality.py PROGRAM [--min FORMAT=RECALL ...]

Reads the corpus that DOCQ_CORPUS names (documents.tsv, documents/, hostile/, truth/), and the
samples beside this project. Fails where a document does not end as the protocol says, where a
sample does not end as samples/expected.tsv says, or where the recall of a format is too low. Skips
the corpus (77) where there is none.
"""
import collections
import json
import os
import pathlib
import re
import resource
import struct
import subprocess
import sys
import time

NAMES = {1: "progress", 2: "type", 3: "page", 4: "metadata", 5: "problem", 6: "error", 7: "end",
         8: "markdown", 9: "thumbnail"}
FAULTS = {"damaged_document", "needs_password", "unsupported_format", "limit_exceeded"}
SECONDS = 60
WORD = re.compile(r"\w+", re.UNICODE)
ROOT = pathlib.Path(__file__).resolve().parent.parent


class Result:
    def __init__(self):
        self.type, self.slug, self.message, self.fault = "", "", "", ""
        self.pages, self.problems, self.metadata, self.ended = [], [], {}, False
        self.markdown, self.thumbnail = {}, b""

    @property
    def text(self):
        return "\n".join(self.pages)


def take(result, kind, body):
    """One frame; raises where it breaks the protocol."""
    if result.ended:
        raise ValueError("a frame behind the end")
    if kind == "page":
        if struct.unpack("<I", body[:4])[0] != len(result.pages) + 1:
            raise ValueError("a page out of order")
        result.pages.append(body[4:].decode("utf-8"))
    elif kind == "markdown":
        number = struct.unpack("<I", body[:4])[0]
        if number != len(result.pages) or number in result.markdown:
            raise ValueError("Markdown that does not follow its page")
        result.markdown[number] = body[4:].decode("utf-8")
    elif kind == "thumbnail":
        if result.thumbnail or not body.startswith(b"\x89PNG"):
            raise ValueError("a second thumbnail, or none that is a PNG")
        result.thumbnail = body
    elif kind == "type":
        result.type = body.decode("utf-8")
    elif kind == "metadata":
        result.metadata = json.loads(body)
    elif kind == "problem":
        result.problems.append(body.decode("utf-8"))
    elif kind == "error":
        slug, message = body.split(b"\0", 1)
        result.slug, result.message = slug.decode(), message.decode("utf-8")
    elif kind == "end":
        result.ended = True
    elif kind != "progress":
        raise ValueError("an unknown frame")


def decode(data, result):
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise ValueError("half a header")
        kind, length = struct.unpack_from("<II", data, at)
        if at + 8 + length > len(data):
            raise ValueError("half a frame")
        take(result, NAMES.get(kind), data[at + 8:at + 8 + length])
        at += 8 + length
    if not result.ended:
        raise ValueError("no end")
    if result.slug and result.slug not in FAULTS:
        raise ValueError(f"unknown failure {result.slug}")
    if not result.slug and (not result.metadata or not result.pages):
        raise ValueError("neither result nor failure")


def extract(program, path):
    result = Result()
    with open(path, "rb") as document:
        try:
            done = subprocess.run([program, "--name", path.name], stdin=document,
                                  capture_output=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            result.fault = f"no end in {SECONDS} s"
            return result
    if done.returncode != 0:
        result.fault = f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}"
        return result
    try:
        decode(done.stdout, result)
    except (ValueError, struct.error) as error:
        result.fault = str(error)
    return result


def words(text):
    return collections.Counter(word.lower() for word in WORD.findall(text))


def overlap(truth, text):
    """Word recall and precision."""
    wanted, got = words(truth), words(text)
    common = sum((wanted & got).values())
    return common / max(1, sum(wanted.values())), common / max(1, sum(got.values()))


def squeeze(text):
    return re.sub(r"\s+", " ", text)


def phrases(truth, text):
    wanted = json.loads(truth)
    hits = [phrase for phrase in wanted.get("must", []) if squeeze(phrase) in squeeze(text)]
    missed = [phrase for phrase in wanted.get("must", []) if phrase not in hits]
    return len(hits), missed, [p for p in wanted.get("must_not", []) if squeeze(p) in squeeze(text)]


def check_samples(program):
    faults = []
    lines = (ROOT / "samples" / "expected.tsv").read_text(encoding="utf-8").splitlines()[1:]
    for line in lines:
        name, status, code, phrase = line.split("\t")
        result = extract(program, ROOT / "samples" / name)
        ended = ("failed", result.slug) if result.slug else ("completed", "-")
        if result.fault or ended != (status, code):
            faults.append(f"{name}: {result.fault or ended}")
        elif phrase != "-" and squeeze(phrase) not in squeeze(result.text):
            faults.append(f"{name}: '{phrase}' is not in its text")
    print(f"samples: {len(lines) - len(faults)} of {len(lines)} as expected")
    return faults


def check_documents(program, corpus, verbose):
    faults, recalls = [], collections.defaultdict(list)
    endings = collections.Counter()
    lines = (corpus / "documents.tsv").read_text(encoding="utf-8").splitlines()
    fields = lines[0].split("\t")
    for line in lines[1:]:
        row = dict(zip(fields, line.split("\t")))
        started = time.monotonic()
        result = extract(program, corpus / "documents" / row["file"])
        if result.fault:
            faults.append(f"{row['file']}: {result.fault}")
            continue
        endings[result.slug or "completed"] += 1
        note = result.slug or f"{len(result.pages)} pages, {len(result.text)} characters"
        if row["truth_kind"] == "phrases" and not result.slug:
            truth = (corpus / "truth" / row["truth_file"]).read_text(encoding="utf-8")
            hits, missed, bad = phrases(truth, result.text)
            note += f", phrases {hits}/{hits + len(missed)} missed {missed} must not {bad}"
        elif row["truth_file"] and not result.slug:
            truth = (corpus / "truth" / row["truth_file"]).read_text(encoding="utf-8")
            recall, precision = overlap(truth, result.text)
            kind = "scan" if "no-text-layer" in row["oddity"] else row["format"]
            recalls[kind].append(recall)
            note += f", recall {recall:.3f} precision {precision:.3f} ({row['truth_kind']})"
        if verbose:
            print(f"{row['file']}: {row['oddity']} {note} {time.monotonic() - started:.3f} s")
            for problem in result.problems[:3]:
                print("    problem:", problem)
    print("documents:", dict(endings))
    for kind, values in sorted(recalls.items()):
        print(f"recall {kind}: {sum(values) / len(values):.3f} of {len(values)}, "
              f"lowest {min(values):.3f}")
    return faults, {kind: sum(values) / len(values) for kind, values in recalls.items()}


def check_hostile(program, corpus, verbose):
    faults, endings = [], collections.Counter()
    for path in sorted((corpus / "hostile").iterdir()):
        result = extract(program, path)
        if result.fault:
            faults.append(f"{path.name}: {result.fault}")
            continue
        endings[result.slug or "completed"] += 1
        if verbose:
            print(f"{path.name}: {result.type} {result.slug or len(result.text)} {result.message}")
    print("hostile:", dict(endings))
    return faults


def main():
    program, verbose = sys.argv[1], "-v" in sys.argv
    floors = dict(word.split("=") for word in sys.argv[2:] if "=" in word)
    faults = check_samples(program)
    corpus = pathlib.Path(os.environ.get("DOCQ_CORPUS", "/nonexistent"))
    if corpus.is_dir():
        more, recalls = check_documents(program, corpus, verbose)
        faults += more + check_hostile(program, corpus, verbose)
        faults += [f"recall of {kind} is {recalls.get(kind, 0):.3f}, below {floor}"
                   for kind, floor in floors.items() if recalls.get(kind, 0) < float(floor)]
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"processor {usage.ru_utime + usage.ru_stime:.1f} s, "
              f"largest process {usage.ru_maxrss // 1024} MiB")
    for fault in faults:
        print("FAULT", fault)
    if faults:
        return 1
    return 0 if corpus.is_dir() else 77


if __name__ == "__main__":
    sys.exit(main())
