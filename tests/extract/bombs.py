#!/usr/bin/env python3
"""Documents that ask for too much: bombs.py PROGRAM.

Each is made here, runs in the box with the limits of the worker's settings, and must end as its row
says: by its own code, in time, and in memory that stays far below the limit.
"""
import bz2
import gzip
import io
import lzma
import os
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path += [str(ROOT / "tests"), str(ROOT / "tools")]
sys.dont_write_bytecode = True
import extract_quality  # noqa: E402
import sample_formats as formats  # noqa: E402

MEMORY = 1 << 30
SECONDS = 20       # told to the parser
SECONDS_MAX = 30   # that the test waits
PEAK_MIB_MAX = 500
MIB = 1 << 20
ZEROS = bytes(MIB)


def zeros_zip(mebibytes, members=1):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for i in range(members):
            entry = zipfile.ZipInfo(f"{i}.txt")
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as member:
                for _ in range(mebibytes):
                    member.write(ZEROS)
    return out.getvalue()


def many_entries(count):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i in range(count):
            archive.writestr(zipfile.ZipInfo(f"{i}"), b"")
    return out.getvalue()


def overlapping(count):
    """So many names for the same compressed bytes: the directory points to one place again and again."""
    data = formats.zipped({"a.txt": bytes(b"eat me\n" * 150000)})
    directory, end = data.find(b"PK\1\2"), data.find(b"PK\5\6")
    row = data[directory:end]
    rows = row * count
    return data[:directory] + rows + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, count, count, len(rows), directory, 0)


def nested(levels, pack):
    body = b"the innermost\n"
    for _ in range(levels):
        body = pack(body)
    return body


def into_zip(body):
    return formats.zipped({"next.zip": body})


def fan(levels, width):
    """Archives full of archives: small on each level, endless together."""
    body = zeros_zip(8)
    for _ in range(levels):
        body = formats.zipped({f"{i}.zip": body for i in range(width)})
    return body


def sparse_tar():
    """One member of 8 GiB that is a hole but for its last byte (GNU, type S)."""
    size = 8 << 30
    header = bytearray(tarfile.TarInfo("hole.txt").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"%011o\0" % 1
    header[156:157] = b"S"
    header[386:398], header[398:410] = b"%011o " % (size - 1), b"%011o " % 1
    header[483:495] = b"%011o " % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"x" + bytes(511) + bytes(1024)


ENTITIES = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "lol"}">' for i in range(12))
LAUGHS = f"<!DOCTYPE x [{ENTITIES}]>"


def sheet(rows):
    return formats.zipped({**formats.workbook_parts(), "xl/worksheets/sheet1.xml":
                           f'<worksheet {formats.SHEET}><dimension ref="A1:XFD1048576"/><sheetData>{rows}'
                           "</sheetData></worksheet>"})


def laughing_workbook():
    return formats.zipped({**formats.workbook_parts(), "xl/sharedStrings.xml":
                           f"{LAUGHS}<sst {formats.SHEET}><si><t>&e11;</t></si></sst>"})


def laughing_text():
    body = formats.open_document("text", "<office:text><text:p>&e11;</text:p></office:text>")
    parts = {name: zipfile.ZipFile(io.BytesIO(body)).read(name) for name in ("mimetype", "content.xml")}
    parts["content.xml"] = parts["content.xml"].replace(b"?>\n", b"?>\n" + LAUGHS.encode(), 1)
    return formats.zipped(parts, ("mimetype",))


def slides(count):
    """A show of one slide, again and again."""
    parts = {name: zipfile.ZipFile(io.BytesIO(formats.presentation())).read(name)
             for name in zipfile.ZipFile(io.BytesIO(formats.presentation())).namelist()}
    rows = '<p:sldId r:id="r1"/>' * count
    parts["ppt/presentation.xml"] = f"<p:presentation {formats.DRAWING}><p:sldIdLst>{rows}</p:sldIdLst></p:presentation>"
    parts["ppt/slides/slide1.xml"] = formats.slide(formats.shape(formats.run("again ")) * 3000)
    return formats.zipped(parts)


def spine(count):
    item = '<itemref idref="a"/>' * count
    return formats.zipped({
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>',
        "b.opf": f'<package><manifest><item id="a" href="a.html"/></manifest><spine>{item}</spine></package>',
        "a.html": "<p>" + "turn the page " * 200000}, ("mimetype",))


def multiparts(levels):
    head = b"Subject: deep\n"
    for i in range(levels):
        head += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)
    return head + b"\nthe innermost\n"


def letters_in_letters(levels):
    return b"From: a@example.org\nSubject: deep\nDate: today\nContent-Type: message/rfc822\n\n" * levels + b"end\n"


def parts(count):
    return b"Subject: wide\nContent-Type: multipart/mixed; boundary=b\nMIME-Version: 1.0\n\n" + b"--b\n\nx\n" * count


def open_sheet(repeats):
    cell = f'<table:table-cell table:number-columns-repeated="{repeats}"><text:p>again</text:p></table:table-cell>'
    row = f'<table:table-row table:number-rows-repeated="{repeats}">{cell}</table:table-row>'
    return formats.open_document("spreadsheet", f"<office:spreadsheet><table:table>{row * 200}</table:table>"
                                                "</office:spreadsheet>")




def corners():
    return "".join(f'<row r="{i}"><c r="A{i}"><v>1</v></c><c r="XFD{i}"><v>2</v></c></row>' for i in range(1, 60000))


def gaps():
    return "".join(f'<row r="{i}"/>' for i in range(1, 1 << 20, 7))


BOMBS = {  # name: (maker, how it must end, what a problem must say)
    "ratio.zip": (lambda: zeros_zip(300), "limit_exceeded", ""),
    "members.zip": (lambda: zeros_zip(40, 10), "limit_exceeded", ""),
    "fan.zip": (lambda: fan(4, 12), "limit_exceeded", ""),
    "entries.zip": (lambda: many_entries(60000), "limit_exceeded", ""),
    "overlap.zip": (lambda: overlapping(2000), "completed", ""),
    "deep.zip": (lambda: nested(100, into_zip), "limit_exceeded", ""),
    "ratio.txt.gz": (lambda: gzip.compress(ZEROS * 300, 1), "limit_exceeded", ""),
    "ratio.txt.bz2": (lambda: bz2.compress(ZEROS * 300, 1), "limit_exceeded", ""),
    "ratio.txt.xz": (lambda: lzma.compress(ZEROS * 300, preset=0), "limit_exceeded", ""),
    "deep.gz": (lambda: nested(100, gzip.compress), "limit_exceeded", ""),
    "sparse.tar": (sparse_tar, "limit_exceeded", ""),
    "laughs.xlsx": (laughing_workbook, "damaged_document", ""),
    "laughs.odt": (laughing_text, "damaged_document", ""),
    "corner.xlsx": (lambda: sheet('<row r="1048576"><c r="XFD1048576"><v>7</v></c></row>'), "completed", ""),
    "wide.xlsx": (lambda: sheet(corners()), "completed", ""),
    "tall.xlsx": (lambda: sheet(gaps()), "completed", ""),
    "nested.xlsx": (lambda: sheet("<x>" * 100000), "limit_exceeded", ""),
    "hungry.xlsx": (lambda: sheet('<row><c t="str"><v>eat me</v></c></row>' * 1500000), "limit_exceeded", ""),
    "again.pptx": (lambda: slides(9000), "limit_exceeded", ""),
    "again.epub": (lambda: spine(900), "limit_exceeded", ""),
    "repeat.ods": (lambda: open_sheet(1 << 31), "completed", ""),
    "nested.odt": (lambda: formats.open_document("text", "<text:section>" * 100000), "limit_exceeded", ""),
    "nested.rtf": (lambda: b"{\\rtf1" + b"{" * 1000000, "limit_exceeded", ""),
    "binary.rtf": (lambda: b"{\\rtf1 before\\bin2147483647 behind}", "completed", ""),
    "unicode.rtf": (lambda: b"{\\rtf1\\uc99999" + b"\\u-10179\\u8364?" * 300000 + b"}", "completed", ""),
    "fonts.rtf": (lambda: b"{\\rtf1" + b"".join(b"{\\f%d\\fcharset128 x}" % i for i in range(100000)) + b"}",
                  "completed", ""),
    "deep.eml": (lambda: multiparts(1000), "completed", "nested too deeply"),
    "letters.eml": (lambda: letters_in_letters(1000), "completed", "8 deep"),
    "parts.eml": (lambda: parts(100000), "completed", "more than 1000 parts"),
    "words.eml": (lambda: b"Subject: " + b"=?utf-8?q?" * 100000 + b"\nFrom: x\nDate: y\n\nbody\n", "completed", ""),
    "header.eml": (lambda: b"From: x\nTo: y\nSubject: " + b"long\n " * 3000000 + b"\n\nbody\n", "completed", ""),
    "empty.mbox": (lambda: b"From a Thu Feb 29 12:00:00 2024\nA: b\n\n" * 150000, "limit_exceeded", ""),
}


def make(maker, path):
    """In a process of its own: what this one holds would be counted as the parser's memory."""
    child = os.fork()
    if child == 0:
        path.write_bytes(maker())
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError(f"{path.name} cannot be made")


def run(program, path):
    """(slug or completed or what went wrong, seconds, MiB, problems)."""
    started = time.monotonic()
    with open(path, "rb") as document, tempfile.TemporaryFile() as out:
        command = [program, "--name", path.name, "--seconds", str(SECONDS), "--memory", str(MEMORY)]
        child = subprocess.Popen(command, stdin=document, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while True:
            piece = child.stdout.read(1 << 20)
            if not piece:
                break
            out.write(piece)
            if time.monotonic() - started > SECONDS_MAX:
                child.kill()
        _, status, usage = os.wait4(child.pid, 0)
        out.seek(0)
        data = out.read()
    seconds, peak = time.monotonic() - started, usage.ru_maxrss // 1024
    result = extract_quality.Result()
    if status != 0:
        return f"wait status {status}", seconds, peak, result
    try:
        extract_quality.decode(data, result)
    except ValueError as error:
        return str(error), seconds, peak, result
    if result.metadata.get("partial"):
        return "partial", seconds, peak, result
    return result.slug or "completed", seconds, peak, result


def main():
    program, faults = sys.argv[1], []
    chosen = sys.argv[2:] or list(BOMBS)
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            maker, wanted, problem = BOMBS[name]
            path = pathlib.Path(folder, name)
            make(maker, path)
            ended, seconds, peak, result = run(program, path)
            print(f"{name}: {path.stat().st_size} bytes, {ended}, {seconds:.2f} s, {peak} MiB, "
                  f"{len(result.text)} characters, {result.message or result.problems[:1]}")
            path.unlink()
            if ended != wanted:
                faults.append(f"{name}: {ended}, not {wanted}")
            if problem and not any(problem in line for line in result.problems):
                faults.append(f"{name}: no problem says {problem!r}: {result.problems[:3]}")
            if seconds > SECONDS_MAX or peak > PEAK_MIB_MAX:
                faults.append(f"{name}: {seconds:.1f} s, {peak} MiB")
    for fault in faults:
        print("FAULT", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
