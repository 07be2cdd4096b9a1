#!/usr/bin/env python3
"""Pictures: what is read of them, what is refused before it is decoded, and what is touched on the
way.

    extract_ocr.py PROGRAM
"""
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

import extract_quality

SAMPLES = extract_quality.ROOT / "samples"
PHRASE = "KEEP CLEAR OF THE ROCKS"
# Where the fence lets libraries, training data and their like be read.
READABLE = re.compile(r"^/(usr/|lib|etc/(ld\.so\.cache|fonts)|var/cache/fontconfig)")


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, data):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0,
                                                              0))
            + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def pixels(path):
    """Width, height and rows of a grey PNG of ours."""
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    length = struct.unpack(">I", data[33:37])[0]
    raw = zlib.decompress(data[41:41 + length])
    return width, height, b"".join(raw[y * (width + 1) + 1:(y + 1) * (width + 1)]
                                   for y in range(height))


def tiff(pages, claimed=None):
    """One strip of grey bytes a page; `claimed` is a width that is not true."""
    out = bytearray(b"II*\0\0\0\0\0")
    link = 4
    for width, height, data in pages:
        strip = len(out)
        out += data + b"\0" * (len(data) % 2)
        struct.pack_into("<I", out, link, len(out))
        tags = [(256, claimed or width), (257, claimed or height), (258, 8), (259, 1), (262, 1),
                (273, strip), (277, 1), (278, claimed or height), (279, len(data))]
        out += struct.pack("<H", len(tags))
        for tag, value in tags:
            out += struct.pack("<HHII", tag, 4, 1, value)
        link = len(out)
        out += b"\0\0\0\0"
    return bytes(out)


class Checks:
    def __init__(self, program, folder):
        self.program, self.folder, self.faults = program, folder, []

    def extract(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return extract_quality.extract(self.program, path)

    def expect(self, what, good, seen):
        if not good:
            self.faults.append(f"{what}: {seen}")

    def reading(self):
        for name in ("notice.png", "sideways.png"):
            result = extract_quality.extract(self.program, SAMPLES / name)
            self.expect(name, PHRASE in result.text, (result.fault, result.text))
            width, height = struct.unpack(">II", result.thumbnail[16:24] or b"\0" * 8)
            self.expect(f"{name}: thumbnail", max(width, height) == 320, (width, height))
        notice, turned = pixels(SAMPLES / "notice.png"), pixels(SAMPLES / "sideways.png")
        result = self.extract("pages.tif", tiff([notice, turned, notice]))
        self.expect("pages of a TIFF", [PHRASE in page for page in result.pages] == [True] * 3,
                    (result.fault, result.pages))
        result = extract_quality.extract(self.program, SAMPLES / "picture.png")
        self.expect("an empty picture", result.problems == ["page 1: OCR found no text"],
                    (result.fault, result.problems))

    def limits(self):
        huge = zlib.compress(b"\0" * 1000)
        for name, content in [("huge.png", png(100000, 100000, huge)),
                              ("wide.png", png(2 ** 31 - 1, 1, huge)),
                              ("huge.tif", tiff([(2, 2, b"\0" * 4)], claimed=100000)),
                              ("many.tif", tiff([(1, 1, b"\0")] * 1001))]:
            result = self.extract(name, content)
            self.expect(name, result.slug == "limit_exceeded", (result.slug, result.fault))
        whole = (SAMPLES / "notice.png").read_bytes()
        for name, content in [("cut.png", whole[:len(whole) // 3]), ("head.png", whole[:30]),
                              ("head.jpg", b"\xff\xd8\xff\xe0"), ("head.tif", b"II*\0\x08\0\0\0"),
                              ("head.webp", b"RIFF\0\0\0\0WEBPVP8 ")]:
            result = self.extract(name, content)
            self.expect(name, not result.fault and (result.slug == "damaged_document" or
                                                    result.pages), (result.slug, result.fault))

    def calls(self):
        """Behind the walls: no file but those, nothing written, no connection, no process."""
        if not shutil.which("strace"):
            return
        log = self.folder / "calls"
        with open(SAMPLES / "notice.png", "rb") as document:
            subprocess.run(["strace", "-f", "-o", log, "-e",
                            "trace=%file,%network,%process,seccomp", self.program], stdin=document,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        walls = [i for i, line in enumerate(lines) if "seccomp(SECCOMP_SET_MODE_FILTER" in line]
        self.expect("the filter", walls, lines[-3:])
        behind = lines[walls[-1] + 1:] if walls else []
        opened = [line for line in behind if " = -1 " not in line and "open" in line]
        self.expect("training data", any("eng.traineddata" in line for line in opened), opened)
        for line in opened:
            path = re.search(r'"([^"]*)"', line).group(1)
            self.expect("opened", READABLE.match(path) and "O_RDONLY" in line, line)
        for word in ("socket(", "connect(", "clone", "fork(", "execve(", "unlink", "rename"):
            self.expect("called", not any(word in line for line in behind), word)


def main():
    with tempfile.TemporaryDirectory() as folder:
        checks = Checks(sys.argv[1], pathlib.Path(folder))
        checks.reading()
        checks.limits()
        checks.calls()
    for fault in checks.faults:
        print("FAULT", fault)
    return 1 if checks.faults else 0


if __name__ == "__main__":
    sys.exit(main())
