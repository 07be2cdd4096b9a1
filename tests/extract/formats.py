#!/usr/bin/env python3
"""What comes out of each format, piece by piece: formats.py PROGRAM.

The documents are those of tools/sample_formats.py and small variations made here. Each row says what
must be in the text, in that order, what must not, and what the metadata say.
"""
import base64
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path += [str(ROOT / "tests"), str(ROOT / "tools")]
sys.dont_write_bytecode = True
import extract_quality  # noqa: E402
import sample_formats as formats  # noqa: E402


def message(body, headers=b""):
    return b"From: a@example.org\nSubject: s\nDate: Thu, 29 Feb 2024 12:00:00 +0000\n" + headers + b"\n" + body


def sheet_with(cells, styles):
    """A workbook whose first sheet has these cells, styled by these format codes."""
    parts = formats.workbook_parts()
    codes = "".join(f'<numFmt numFmtId="{200 + i}" formatCode="{code}"/>' for i, code in enumerate(styles))
    xfs = "".join(f'<xf numFmtId="{200 + i}"/>' for i in range(len(styles)))
    rows = "".join(f'<row><c s="{style}"><v>{value}</v></c></row>' for value, style in cells)
    parts["xl/styles.xml"] = (f"<styleSheet {formats.SHEET}><numFmts>{codes}</numFmts>"
                              f"<cellXfs>{xfs}</cellXfs></styleSheet>")
    parts["xl/worksheets/sheet1.xml"] = f"<worksheet {formats.SHEET}><sheetData>{rows}</sheetData></worksheet>"
    return formats.zipped(parts)


NUMBERS = [  # value, format code as in XML, what a reader sees
    ("1234567.891", "#,##0.00", "1,234,567.89"), ("-5", "0.0;(0.0)", "(5.0)"),
    ("0.0255", "0.00%", "2.55%"), ("0.5", "# ?/?", "1/2"), ("2.75", "# ??/??", "2 3/4"),
    ("123456", "0.00E+00", "1.23E+05"), ("0.00012", "0.0E-00", "1.2E-04"),
    ("45351", "yyyy\\-mm\\-dd", "2024-02-29"), ("45351.75", "d-mmm-yy h:mm AM/PM", "29-Feb-24 6:00 PM"),
    ("45351", "dddd, mmmm d, yyyy", "Thursday, February 29, 2024"), ("1.5", "[h]:mm:ss", "36:00:00"),
    ("0.5", "[$-409]h:mm;@", "12:00"), ("59", "yyyy\\-mm\\-dd", "1900-02-28"),
    ("61", "yyyy\\-mm\\-dd", "1900-03-01"), ("1234567", "0.0,,\"M\"".replace('"', "&quot;"), "1.2M"),
    ("123456789", "000\\-00\\-0000", "123-45-6789"), ("7", "000", "007"), ("0", "0;-0;&quot;none&quot;", "none"),
    ("1234.5", "[$€-407] #,##0.00", "€ 1,234.50"), ("-1", "yyyy\\-mm\\-dd", "-1"),
    ("1e300", "0.00", "1"), ("0.1", "General", "0.1"), ("123456789012345", "General", "123456789012345"),
    ("0", "_-* 0.0_-;-* 0.0_-;_-* &quot;-&quot;??_-", "-"), ("5", "??0.?", "5"),
    ("0.000694444444444444", "mm:ss.0", "01:00.0"), ("12345678901234567890", "General", "1.23456789012346E+19"), ("nonsense", "0.00", "nonsense"),
]


def odt(body):
    return formats.open_document("text", f"<office:text>{body}</office:text>")


def twice_encrypted_mail():
    return message(b"""--b
Content-Type: application/pgp-encrypted

Version: 1

--b--
""", b'Content-Type: multipart/encrypted; boundary="b"\n')


# name: (bytes, phrases in order, phrases that must not be there, pages, metadata, words of a problem)
CASES = {
    "cellar.xlsx": (formats.workbook(), [
        "Cellar & loft\n", "Store\tBarrels\tBought\tShare\n", "Lamp oil\t1,234.50\t29-Feb-24\t12.50%\n",
        "Flour & <meal>\t-6.00\t2024-02-29 12:00\tTRUE\n", "\nwritten in place\t\t\tab\n",
        "B3: two of them damp", "Notes (hidden)", "the key is under the mat"], ["45351", "<t>"], 2,
        {"title": "What is in the cellar", "author": "Harbour Office", "created": "2024-02-29T12:00:00Z"}, ""),
    "causeway.pptx": (formats.presentation(), [
        "Crossing the causeway\n", "1. Wear boots\n2. Carry a lantern\n", "At your own risk\n",
        "Do not mention the cow", "When to turn back", "Day\tLow water\nMonday\t06:43\n"],
        ["Click to edit", "06:43\nAt your own risk"], 2, {"title": "Crossing the causeway"}, ""),
    "gallery.odt": (formats.open_text(), [
        "From the gallery\n", "The lens  turns. It squeaks.\nBy clockwork.\n", "1. Wind it up.\n2. Oil the handle.\n",
        "Store\tBarrels\n"], ["struck out", "turns.1"], 1,
        {"title": "From the gallery", "author": "Harbour Office", "created": "2024-02-29T12:00:00"}, ""),
    "prices.ods": (formats.open_sheets(), ["Prices\nWick\t\t\t3,50 kr\n", "Empty"], ["\t\n"], 2, {}, ""),
    "signals.odp": (formats.open_slides(), ["Harbour Office\n", "Fog signals of the west coast\nslowly\n", "Any questions?"], [], 2, {}, ""),
    "nested.odt": (odt("<text:p>a<text:span>b</text:span><text:s/>c<text:tab/>d<text:line-break/>e</text:p>"
                       "<text:list><text:list-item><text:p>one</text:p><text:list><text:list-item>"
                       "<text:p>two</text:p></text:list-item></text:list></text:list-item></text:list>"
                       "<office:annotation><dc:creator>Bob</dc:creator><dc:date>2024</dc:date>"
                       "<text:p>a remark</text:p></office:annotation>"),
                   ["ab c\td\ne\n", "- one\n- two\n", "a remark"], ["Bob", "2024"], 1, {}, ""),
    "notice.rtf": (formats.RTF, [
        "Notices\n", "The buoy at Største Skær is out…\n", "Порт\n", "the chart is at hand\n", "Light\t3 flashes\n",
        "Footnoted text.\nSee the almanac.\n"], ["not for print", "HYPERLINK", "Serif", "out…?"], 1,
        {"title": "Notice to mariners", "author": "Harbour Office", "created": "2024-02-29T12:00:00",
         "producer": "make-samples"}, ""),
    "unicode.rtf": (rb"{\rtf1\ansi{\info{\upr{\title ???}{\*\ud{\title \u26085?\u26412?}}}}\uc2 \u-10179 xx\u-8704 xx"
                    rb"\uc0 \u8364 \bin3 {}}z\par\fs20{\*\unknown gone}{\pict 4142}kept}", ["😀€z\nkept"],
                    ["gone", "4142"], 1, {"title": "日本"}, ""),
    "ninedays.epub": (formats.book(), ["The lamp\n", "quarter past three", "The boat\n", "nine days"], [], 2,
                      {"title": "Nine days", "author": "Harbour Office", "language": "en"}, ""),
    "buoy.eml": (formats.MESSAGE, [
        "From: Zoë <zoe@example.org>\n", "Subject: Største Skær\n", "The buoy at Største Skær has gone adrift.\n",
        "bøyer.csv\n", "Name\tLight\tDepth\nStorste\tred\t4\n", "An older letter\n", "From: harbour@example.org\n",
        "Please look after the buoy.\n"], ["plain words", "--inner", "=C3"], 3,
        {"title": "Største Skær", "author": "Zoë <zoe@example.org>", "created": "2024-02-29T12:00:00Z"}, ""),
    "letters.mbox": (formats.MAILBOX, ["Subject: First\n", "The first of two.", "Subject: Second\n", "on quiet."],
                     ["Thu Feb 29"], 2, {}, ""),
    "japanese.eml": (message("テスト".encode("iso-2022-jp"), b"Content-Type: text/plain; charset=iso-2022-jp\n"),
                     ["テスト"], [], 1, {}, ""),
    "name.eml": (message(b"--b\nContent-Type: text/plain;\n name*0*=utf-8'en'a%20\n name*1=b.txt\nContent-Transfer-"
                         b"Encoding: base64\nContent-Disposition: attachment;\n filename*0*=utf-8''%E2%82%AC;\n "
                         b"filename*1*=%20rates; filename*2=.txt\n\n" + base64.b64encode(b"inside") + b"\n--b--\n",
                         b"Content-Type: multipart/mixed; boundary=b\n"), ["€ rates.txt\n", "inside"], [], 2, {}, ""),
    "html.eml": (message(b"<p>only <b>this</b></p><script>no</script>", b"Content-Type: text/html\n"), ["only this"],
                 ["<p>", "no"], 1, {}, ""),
    "empty.eml": (message(b"--b\nContent-Type: text/plain\n\nthe words\n--b\nContent-Type: text/html\n\n<html></html>"
                          b"\n--b--\n", b"Content-Type: multipart/alternative; boundary=b\n"), ["the words"], [], 1, {}, ""),
    "locked.eml": (twice_encrypted_mail(), ["Subject: s"], ["Version"], 1, {}, "encrypted"),
    "box.zip": (formats.archive(), [
        "readme.txt\n", "What is in this box.", "folder/inner.zip\n", "deep/letter.eml\n", "Please look after the buoy.",
        "deep/prices.ods\n", "Wick\t\t\t3,50 kr", "picture.psd"], ["__MACOSX"], None, {},
        "picture.psd is not read: it is an image"),
    "shelf.tar.gz": (formats.tarball(), ["notice.rtf\n", "is out…", "bøker/nine days.epub\n", "quarter past three"], [],
                     None, {}, ""),
    "partly.zip": (formats.zipped({"a.txt": "fine", "b.pdf": "%PDF-1.4 broken", "c.rtf": "{\\rtf1 also fine}"}),
                   ["a.txt\n", "fine", "b.pdf\n", "c.rtf\n", "also fine"], [], None, {}, "b.pdf: The PDF file is damaged"),
}
CASES["numbers.xlsx"] = (sheet_with([(value, i) for i, (value, _, _) in enumerate(NUMBERS)],
                                    [code for _, code, _ in NUMBERS]),
                         [shown for _, _, shown in NUMBERS], [], 2, {}, "")

ENDINGS = {  # name: (bytes, slug)
    "locked.odt": (formats.locked_text(), "needs_password"),
    "locked.zip": (formats.locked_archive(), "needs_password"),
    "old.doc": (formats.old_word(), "unsupported_format"),
    "half.xlsx": (formats.workbook()[:900], "damaged_document"),
    "half.gz": (b"\x1f\x8b\x08\0\0\0\0\0\0\3", "damaged_document"),
    "nothing.odt": (formats.zipped({"mimetype": "application/vnd.oasis.opendocument.text"}, ("mimetype",)),
                    "damaged_document"),
    "torn.odt": (formats.open_document("text", "<office:text><text:p>torn"), "damaged_document"),
    "chapterless.epub": (formats.zipped({"mimetype": "application/epub+zip"}, ("mimetype",)), "damaged_document"),
}


def check(case, result):
    body, phrases, forbidden, pages, metadata, problem = case
    if result.fault or result.slug:
        return [result.fault or f"{result.slug}: {result.message}"]
    faults, at = [], 0
    text = re.sub(r"\n\n+", "\n", "\n".join(result.pages)) if len(phrases) > 1 else result.text
    for phrase in phrases:
        found = text.find(phrase.lstrip("\n"), at)
        if found < 0:
            faults.append(f"{phrase!r} is not behind {text[max(0, at - 20):at]!r} in {text!r}")
            break
        at = found + len(phrase.strip("\n"))
    faults += [f"{phrase!r} is in {text!r}" for phrase in forbidden if phrase in text]
    if pages is not None and len(result.pages) != pages:
        faults.append(f"{len(result.pages)} pages, not {pages}")
    faults += [f"{key} is {result.metadata.get(key)!r}, not {value!r}" for key, value in metadata.items()
               if result.metadata.get(key) != value]
    if problem and not any(problem in line for line in result.problems):
        faults.append(f"no problem says {problem!r}: {result.problems}")
    return faults


def main():
    program, faults = sys.argv[1], []
    with tempfile.TemporaryDirectory() as folder:
        for name, case in CASES.items():
            path = pathlib.Path(folder, name)
            path.write_bytes(case[0])
            faults += [f"{name}: {fault}" for fault in check(case, extract_quality.extract(program, path))]
        for name, (body, slug) in ENDINGS.items():
            path = pathlib.Path(folder, name)
            path.write_bytes(body)
            result = extract_quality.extract(program, path)
            if result.fault or result.slug != slug:
                faults.append(f"{name}: {result.fault or result.slug or result.text!r}, not {slug}")
    for fault in faults:
        print("FAULT", fault)
    print(f"{len(CASES) + len(ENDINGS)} documents, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
