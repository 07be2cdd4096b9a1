#!/usr/bin/env python3
"""Makes samples/: small documents that show every way a document can end.

Beside sample_formats.py only the standard library is used, and the same bytes come out each time; encrypted.pdf alone needs
qpdf, and stays as it is where qpdf is not installed.
"""
import pathlib
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib

import sample_formats as formats

LETTER = [
    ["Harbour Office", "12 Quay Street", "",
     "Dear reader,", "",
     "Thank you for your letter about the lighthouse at Saltholm. The keeper's",
     "diary for the winter of 1911 has been found in the attic of the old",
     "customs house, and we have copied the pages that you asked for."],
    ["The second page lists what the diary mentions:", "",
     "3 November: fog from four in the morning, the bell rung by hand.",
     "4 November: the supply boat could not land; flour for nine days left.",
     "9 November: wind north-west, the lamp was lit at a quarter past three."],
    ["The third page is short. We are open on weekdays from nine to five,",
     "and we would be glad to show you the original.", "",
     "Yours sincerely,", "The archivist"],
]


def pdf_objects(pages, title):
    """The bodies of all objects, number 1 first."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>",
               f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    for i, lines in enumerate(pages):
        shown = " T* ".join("(" + line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
                            + ") Tj" for line in lines)
        stream = f"BT /F1 12 Tf 16 TL 72 760 Td {shown} ET".encode("cp1252")
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * i} "
                       "0 R /Resources << /Font << /F1 3 0 R >> >> >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    objects.append(f"<< /Title ({title}) /Author (Harbour Office) /Producer (make-samples) "
                   "/CreationDate (D:20240229120000Z) >>".encode())
    return objects


def pdf(pages, title):
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    objects = pdf_objects(pages, title)
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, len(objects), table)
    return bytes(out)


CONTENT_TYPES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>
<Override PartName="/word/numbering.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.numbering+xml"/>
<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/>
<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>
</Types>"""
RELATIONS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>
<Relationship Id="r2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/>
</Relationships>"""
WORD_RELATIONS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/numbering" Target="numbering.xml"/>
<Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>
</Relationships>"""
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
STYLES = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:styles {WORD}><w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/>
<w:rPr><w:b/><w:sz w:val="32"/></w:rPr></w:style></w:styles>"""
NUMBERING = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:numbering {WORD}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/>
<w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>"""
CORE = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>The winter stores</dc:title>
<dc:creator>Harbour Office</dc:creator>
<dcterms:created xsi:type="dcterms:W3CDTF">2024-02-29T12:00:00Z</dcterms:created></cp:coreProperties>"""


def paragraph(text, properties=""):
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def table(rows):
    cells = ["".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows]
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def report_body():
    heading = '<w:pStyle w:val="Heading1"/>'
    item = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    return "".join([
        paragraph("The winter stores", heading),
        paragraph("What the lighthouse had in its cellar when the ice came."),
        table([["Store", "Barrels", "Condition"], ["Lamp oil", "14", "good"],
               ["Flour", "6", "two of them damp"], ["Salted herring", "9", "good"]]),
        paragraph("What to do in spring", heading),
        paragraph("Mend the north gallery rail.", item),
        paragraph("Order wicks before the first of May.", item),
        paragraph("Paint the boat, and not only the side that faces the harbour.", item),
    ])


def docx(body):
    document = (f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<w:document {WORD}>'
                f"<w:body>{body}</w:body></w:document>")
    return {"[Content_Types].xml": CONTENT_TYPES, "_rels/.rels": RELATIONS,
            "word/document.xml": document, "word/_rels/document.xml.rels": WORD_RELATIONS,
            "word/styles.xml": STYLES, "word/numbering.xml": NUMBERING, "docProps/core.xml": CORE}


def write_zip(path, parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, (2024, 2, 29, 12, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)


# Each letter by rows of five dots, as bits.
FONT = {
    "A": (14, 17, 17, 31, 17, 17, 17), "B": (30, 17, 17, 30, 17, 17, 30),
    "C": (14, 17, 16, 16, 16, 17, 14), "D": (30, 17, 17, 17, 17, 17, 30),
    "E": (31, 16, 16, 30, 16, 16, 31), "F": (31, 16, 16, 30, 16, 16, 16),
    "G": (14, 17, 16, 23, 17, 17, 15), "H": (17, 17, 17, 31, 17, 17, 17),
    "I": (14, 4, 4, 4, 4, 4, 14), "K": (17, 18, 20, 24, 20, 18, 17),
    "L": (16, 16, 16, 16, 16, 16, 31), "M": (17, 27, 21, 21, 17, 17, 17),
    "N": (17, 25, 21, 19, 17, 17, 17), "O": (14, 17, 17, 17, 17, 17, 14),
    "P": (30, 17, 17, 30, 16, 16, 16), "R": (30, 17, 17, 30, 20, 18, 17),
    "S": (15, 16, 16, 14, 1, 1, 30), "T": (31, 4, 4, 4, 4, 4, 4),
    "U": (17, 17, 17, 17, 17, 17, 14), "V": (17, 17, 17, 17, 17, 10, 4),
    "W": (17, 17, 17, 21, 21, 27, 17), "Y": (17, 17, 10, 4, 4, 4, 4),
}
NOTICE = ["NOTICE TO ALL SHIPS", "THE LANTERN IS OUT", "KEEP CLEAR OF THE ROCKS",
          "SOUND YOUR HORN TWICE", "WHEN THE FOG IS THICK"]


def drawn(lines, dot=5):
    """Black on white, one byte a pixel: dots as squares whose edges are softened."""
    width = (max(map(len, lines)) * 6 + 8) * dot
    height = (len(lines) * 12 + 8) * dot
    rows = [bytearray(b"\xff" * width) for _ in range(height)]
    for number, line in enumerate(lines):
        for place, letter in enumerate(line):
            for y, bits in enumerate(FONT.get(letter, ())):
                for x in range(5):
                    if bits >> (4 - x) & 1:
                        left, top = (4 + place * 6 + x) * dot, (6 + number * 12 + y) * dot
                        for row in rows[top:top + dot]:
                            row[left:left + dot] = bytes(dot)
    soft = [bytes(sum(rows[min(max(y + j, 0), height - 1)][min(max(x + i, 0), width - 1)]
                      for j in (-1, 0, 1) for i in (-1, 0, 1)) // 9 for x in range(width))
            for y in range(height)]
    return soft


def turned(rows):
    """A quarter to the right."""
    return [bytes(row[x] for row in reversed(rows)) for x in range(len(rows[0]))]


def gradient(width, height):
    """There is nothing in it to read."""
    return [bytes((x * 255 // width) ^ (y * 255 // height) for x in range(width))
            for y in range(height)]


def png(lines):
    rows = b"".join(b"\0" + line for line in lines)
    width, height = len(lines[0]), len(lines)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9))
            + chunk(b"IEND", b""))


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Tides at Saltholm</title>
<meta name="author" content="Harbour Office">
<meta name="description" content="When the causeway can be crossed.">
<style>body { color: #123 }</style>
<script>document.title = "not text";</script>
</head>
<body>
<h1>Tides at Saltholm</h1>
<p>The causeway is dry for <b>two hours</b> on either side of low water. Don&rsquo;t start late:
the channel fills faster than a person walks.</p>
<ul><li>Wear boots.</li><li>Carry a lantern after four o'clock.</li></ul>
<table>
<tr><th>Day</th><th>Low water</th><th>Height</th></tr>
<tr><td>Monday</td><td>06:43</td><td>0.3&nbsp;m</td></tr>
<tr><td>Tuesday</td><td>07:29</td><td>0.4&nbsp;m</td></tr>
</table>
</body>
</html>
"""

NOTES = """---
title: Notes from the gallery
author: Harbour Office
---

# Notes from the gallery

The *lens* was turned by a clockwork that had to be **wound every four hours**.

- the weight falls nine metres
- the handle squeaks on damp days

> A quiet night is a night with a wet handle.

```
lamp: 3 flashes, 12 seconds
```
"""

TABLE = ('Lager;Straße;Ort;Bemerkung\r\n'
         'Ölkeller;Hafenstraße 3;Lübeck;"Schild: ""Moin""; Schlüssel oben"\r\n'
         'Bådehus;Strandvej 12;Dragør;mit Hund\r\n'
         'Almacén;Calle Mayor 7;Cádiz;"zwei\r\nZeilen"\r\n')

LATIN1 = ("Der Leuchtturmwärter schrieb täglich über das Wetter.\n"
          "Am späten Nachmittag zog Nebel auf; die Glocke wurde von Hand geläutet.\n"
          "Größere Schiffe ankerten draußen und warteten auf den nächsten Morgen.\n")

UTF16 = ("The keeper's signal book\r\n\r\n"
         "One ball: ship in sight. Two balls: ship in need. \u26f5 \u2693\r\n"
         "Κανένα πλοίο. Ни одного корабля. Ninguna nave.\r\n")

JAPANESE = ("灯台守の日記\r\n\r\n"
            "十一月三日、朝四時から霧が出た。鐘を手で鳴らした。\r\n"
            "十一月四日、補給船は上陸できなかった。小麦粉は九日分残っている。\r\n"
            "十一月九日、北西の風。三時十五分に灯をともした。\r\n")

EXPECTED = [
    ("letter.pdf", "completed", "-", "for the winter of 1911"),
    ("report.docx", "completed", "-", "two of them damp"),
    ("page.html", "completed", "-", "the channel fills faster than a person walks"),
    ("notes.md", "completed", "-", "wound every four hours"),
    ("table.csv", "completed", "-", "Hafenstraße 3"),
    ("latin1.txt", "completed", "-", "Größere Schiffe ankerten draußen"),
    ("utf16.txt", "completed", "-", "Ни одного корабля"),
    ("japanese.txt", "completed", "-", "鐘を手で鳴らした"),
    ("cellar.xlsx", "completed", "-", "1,234.50"),
    ("causeway.pptx", "completed", "-", "Do not mention the cow"),
    ("gallery.odt", "completed", "-", "2. Oil the handle."),
    ("prices.ods", "completed", "-", "3,50 kr"),
    ("signals.odp", "completed", "-", "Fog signals of the west coast"),
    ("notice.rtf", "completed", "-", "Største Skær is out…"),
    ("ninedays.epub", "completed", "-", "could not land for nine days"),
    ("buoy.eml", "completed", "-", "The buoy at Største Skær has gone adrift."),
    ("letters.mbox", "completed", "-", "The second, and"),
    ("box.zip", "completed", "-", "Please look after the buoy."),
    ("shelf.tar.gz", "completed", "-", "lit at a quarter past three"),
    ("damaged.pdf", "failed", "damaged_document", "-"),
    ("damaged.xlsx", "failed", "damaged_document", "-"),
    ("locked.odt", "failed", "needs_password", "-"),
    ("locked.zip", "failed", "needs_password", "-"),
    ("old.doc", "failed", "unsupported_format", "-"),
    ("encrypted.pdf", "failed", "needs_password", "-"),
    ("hungry.docx", "failed", "limit_exceeded", "-"),
    ("picture.png", "completed", "-", "-"),
    ("notice.png", "completed", "-", "KEEP CLEAR OF THE ROCKS"),
    ("sideways.png", "completed", "-", "THE LANTERN IS OUT"),
]


FORMATS = {
    "cellar.xlsx": formats.workbook(),
    "causeway.pptx": formats.presentation(),
    "gallery.odt": formats.open_text(),
    "prices.ods": formats.open_sheets(),
    "signals.odp": formats.open_slides(),
    "notice.rtf": formats.RTF,
    "ninedays.epub": formats.book(),
    "buoy.eml": formats.MESSAGE,
    "letters.mbox": formats.MAILBOX,
    "box.zip": formats.archive(),
    "shelf.tar.gz": formats.tarball(),
    "locked.odt": formats.locked_text(),
    "locked.zip": formats.locked_archive(),
    "old.doc": formats.old_word(),
}


def encrypt(source, target):
    """Random by nature, so it is made only once."""
    if target.exists() or not shutil.which("qpdf"):
        return
    subprocess.run(["qpdf", "--encrypt", "seagull", "seagull", "256", "--", source, target], check=True)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1
                        else pathlib.Path(__file__).resolve().parent.parent / "samples")
    root.mkdir(exist_ok=True)
    letter = pdf(LETTER, "About the lighthouse at Saltholm")
    (root / "letter.pdf").write_bytes(letter)
    (root / "damaged.pdf").write_bytes(b"%PDF-1.4\n" + letter[300:500].replace(b"obj", b"jbo"))
    encrypt(root / "letter.pdf", root / "encrypted.pdf")
    write_zip(root / "report.docx", docx(report_body()))
    write_zip(root / "hungry.docx", docx(paragraph("eat me") * 160000))
    (root / "page.html").write_text(PAGE, encoding="utf-8")
    (root / "notes.md").write_text(NOTES, encoding="utf-8")
    (root / "table.csv").write_bytes(TABLE.encode("latin-1"))
    (root / "latin1.txt").write_bytes(LATIN1.encode("latin-1"))
    (root / "utf16.txt").write_bytes(b"\xff\xfe" + UTF16.encode("utf-16-le"))
    (root / "japanese.txt").write_bytes(JAPANESE.encode("shift_jis"))
    (root / "picture.png").write_bytes(png(gradient(96, 64)))
    notice = drawn(NOTICE)
    (root / "notice.png").write_bytes(png(notice))
    (root / "sideways.png").write_bytes(png(turned(notice)))
    for name, body in FORMATS.items():
        (root / name).write_bytes(body)
    (root / "damaged.xlsx").write_bytes(FORMATS["cellar.xlsx"][:900])
    lines = ["\t".join(row) for row in [("file", "status", "code", "phrase")] + EXPECTED]
    (root / "expected.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
