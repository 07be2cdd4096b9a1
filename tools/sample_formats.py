"""The samples of make-samples.py beside PDF and DOCX: spreadsheets, slides, OpenDocument, RTF, books,
messages and archives. Each function returns bytes, and the same ones each time."""
import gzip
import io
import tarfile
import zipfile

WHEN = (2024, 2, 29, 12, 0, 0)
SECONDS = 1709208000
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
MAIN = "application/vnd.openxmlformats-officedocument."


def zipped(parts, stored=()):
    """A ZIP of {name: text or bytes}; those in `stored` are not deflated."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in parts.items():
            entry = zipfile.ZipInfo(name, WHEN)
            entry.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, body, compresslevel=9)
    return out.getvalue()


def relations(rows):
    """rows: (id, type, target)."""
    inner = "".join(f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"/>'
                    for key, kind, target in rows)
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def content_types(rows):
    inner = "".join(f'<Override PartName="{part}" ContentType="{kind}"/>' for part, kind in rows)
    return (f'{XML}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType='
            f'"application/vnd.openxmlformats-package.relationships+xml"/>{inner}</Types>')


def core(title):
    return (f'{XML}<cp:coreProperties xmlns:cp="{PACKAGE}/metadata/core-properties" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
            f"<dc:title>{title}</dc:title><dc:creator>Harbour Office</dc:creator>"
            "<dcterms:created>2024-02-29T12:00:00Z</dcterms:created></cp:coreProperties>")


# ---- spreadsheets ----

SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ' \
        f'xmlns:r="{OFFICE}"'
STRINGS = ["Store", "Barrels", "Bought", "Share", "Lamp oil", "Flour & <meal>"]


def workbook_parts():
    strings = "".join(f"<si><t>{text.replace('&', '&amp;').replace('<', '&lt;')}</t></si>"
                      for text in STRINGS)
    head = "".join(f'<c r="{column}1" t="s"><v>{i}</v></c>' for i, column in enumerate("ABCD"))
    rows = (f'<row r="1">{head}</row>'
            '<row r="2"><c r="A2" t="s"><v>4</v></c><c r="B2" s="1"><v>1234.5</v></c>'
            '<c r="C2" s="2"><v>45351</v></c><c r="D2" s="3"><v>0.125</v></c></row>'
            '<row r="3"><c r="A3" t="s"><v>5</v></c><c r="B3" s="1"><v>-6</v></c>'
            '<c r="C3" s="4"><v>45351.5</v></c><c r="D3" t="b"><v>1</v></c></row>'
            '<row r="5"><c r="A5" t="inlineStr"><is><r><t>written </t></r><r><t>in place</t></r></is>'
            '</c><c r="D5" t="str"><f>"a"&amp;"b"</f><v>ab</v></c></row>')
    hidden = '<row r="1"><c r="A1" t="inlineStr"><is><t>the key is under the mat</t></is></c></row>'
    return {
        "[Content_Types].xml": content_types([
            ("/xl/workbook.xml", MAIN + "spreadsheetml.sheet.main+xml"),
            ("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml")]),
        "_rels/.rels": relations([("r1", "officeDocument", "xl/workbook.xml")]),
        "docProps/core.xml": core("What is in the cellar"),
        "xl/workbook.xml": f'{XML}<workbook {SHEET}><sheets>'
                           '<sheet name="Cellar &amp; loft" sheetId="1" r:id="r2"/>'
                           '<sheet name="Notes" sheetId="2" state="hidden" r:id="r1"/>'
                           '</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations([
            ("r1", "worksheet", "worksheets/sheet2.xml"), ("r2", "worksheet", "worksheets/sheet1.xml"),
            ("r3", "sharedStrings", "sharedStrings.xml"), ("r4", "styles", "styles.xml")]),
        "xl/sharedStrings.xml": f"{XML}<sst {SHEET}>{strings}</sst>",
        "xl/styles.xml": f'{XML}<styleSheet {SHEET}><numFmts><numFmt numFmtId="164" '
                         'formatCode="yyyy\\-mm\\-dd\\ hh:mm"/></numFmts><cellXfs><xf numFmtId="0"/>'
                         '<xf numFmtId="4"/><xf numFmtId="15"/><xf numFmtId="10"/>'
                         '<xf numFmtId="164"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f'{XML}<worksheet {SHEET}><dimension ref="A1:D5"/><sheetData>'
                                    f"{rows}</sheetData></worksheet>",
        "xl/worksheets/_rels/sheet1.xml.rels": relations([("r1", "comments", "../comments1.xml")]),
        "xl/comments1.xml": f'{XML}<comments {SHEET}><commentList><comment ref="B3"><text><r>'
                            "<t>two of them damp</t></r></text></comment></commentList></comments>",
        "xl/worksheets/sheet2.xml": f"{XML}<worksheet {SHEET}><sheetData>{hidden}</sheetData>"
                                    "</worksheet>",
    }


def workbook():
    return zipped(workbook_parts())


# ---- slides ----

DRAWING = ('xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
           f'xmlns:r="{OFFICE}" xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"')


def shape(*paragraphs):
    inner = "".join(f"<a:p>{paragraph}</a:p>" for paragraph in paragraphs)
    return f"<p:sp><p:txBody><a:bodyPr/>{inner}</p:txBody></p:sp>"


def run(text, properties=""):
    return f"{properties}<a:r><a:t>{text}</a:t></a:r>"


def slide(inner):
    return f"{XML}<p:sld {DRAWING}><p:cSld><p:spTree>{inner}</p:spTree></p:cSld></p:sld>"


def presentation():
    number = '<a:pPr><a:buAutoNum type="arabicPeriod"/></a:pPr>'
    cells = "".join("<a:tr>" + "".join(f"<a:tc><a:txBody><a:p>{run(cell)}</a:p></a:txBody></a:tc>"
                                       for cell in row) + "</a:tr>"
                    for row in [("Day", "Low water"), ("Monday", "06:43")])
    table = f"<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{cells}</a:tbl></a:graphicData>" \
            "</a:graphic></p:graphicFrame>"
    return zipped({
        "[Content_Types].xml": content_types([
            ("/ppt/presentation.xml", MAIN + "presentationml.presentation.main+xml"),
            ("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml")]),
        "_rels/.rels": relations([("r1", "officeDocument", "ppt/presentation.xml")]),
        "docProps/core.xml": core("Crossing the causeway"),
        "ppt/presentation.xml": f'{XML}<p:presentation {DRAWING}><p:sldIdLst>'
                                '<p:sldId id="256" r:id="r2"/><p:sldId id="257" r:id="r1"/>'
                                "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations([
            ("r1", "slide", "slides/slide1.xml"), ("r2", "slide", "slides/slide2.xml")]),
        "ppt/slides/slide1.xml": slide(shape(run("When to turn back")) + table),
        "ppt/slides/slide2.xml": slide(shape(run("Crossing the causeway"))
                                       + shape(run("Wear boots", number), run("Carry a lantern", number))),
        "ppt/slides/_rels/slide1.xml.rels": relations([
            ("r1", "slideLayout", "../slideLayouts/slideLayout1.xml")]),
        "ppt/slides/_rels/slide2.xml.rels": relations([
            ("r1", "notesSlide", "../notesSlides/notesSlide1.xml"),
            ("r2", "slideLayout", "../slideLayouts/slideLayout1.xml")]),
        "ppt/slideLayouts/slideLayout1.xml": slide(
            "<p:sp><p:nvSpPr><p:nvPr><p:ph/></p:nvPr></p:nvSpPr><p:txBody><a:p>"
            + run("Click to edit the title") + "</a:p></p:txBody></p:sp>"
            + shape(run("At your own risk"))),
        "ppt/notesSlides/notesSlide1.xml":
            f"{XML}<p:notes {DRAWING}><p:cSld><p:spTree>{shape(run('Do not mention the cow'))}"
            "</p:spTree></p:cSld></p:notes>",
    })


# ---- OpenDocument ----

def open_namespaces():
    names = ["office", "text", "table", "style", "meta", "presentation", "manifest"]
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
                      for name in names)
    return (spaces + ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
            ' xmlns:dc="http://purl.org/dc/elements/1.1/"')


def open_document(kind, body, styles="", extra=None):
    meta = (f"{XML}<office:document-meta {open_namespaces()}><office:meta>"
            "<meta:initial-creator>Harbour Office</meta:initial-creator><dc:title>From the gallery"
            "</dc:title><meta:creation-date>2024-02-29T12:00:00</meta:creation-date></office:meta>"
            "</office:document-meta>")
    content = (f"{XML}<office:document-content {open_namespaces()}><office:automatic-styles>{styles}"
               f"</office:automatic-styles><office:body>{body}</office:body>"
               "</office:document-content>")
    parts = {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content,
             "meta.xml": meta}
    parts.update(extra or {})
    return zipped(parts, ("mimetype",))


def open_text_body():
    return ("<office:text><text:tracked-changes><text:changed-region><text:deletion>"
            "<text:p>struck out long ago</text:p></text:deletion></text:changed-region>"
            "</text:tracked-changes>"
            '<text:h text:outline-level="1">From the gallery</text:h>'
            "<text:p>The lens<text:s text:c=\"2\"/>turns.<text:note><text:note-citation>1"
            "</text:note-citation><text:note-body><text:p>By clockwork.</text:p></text:note-body>"
            "</text:note> It squeaks.</text:p>"
            '<text:list text:style-name="L1"><text:list-item><text:p>Wind it up.</text:p>'
            "</text:list-item><text:list-item><text:p>Oil the handle.</text:p></text:list-item>"
            "</text:list><table:table><table:table-row><table:table-cell><text:p>Store</text:p>"
            "</table:table-cell><table:table-cell><text:p>Barrels</text:p></table:table-cell>"
            "</table:table-row></table:table></office:text>")


def open_text():
    style = ('<text:list-style style:name="L1"><text:list-level-style-number text:level="1" '
             'style:num-format="1" style:num-suffix="."/></text:list-style>')
    return open_document("text", open_text_body(), style)


def open_sheets():
    rows = ('<table:table-row><table:table-cell office:value-type="string"><text:p>Wick</text:p>'
            '</table:table-cell><table:table-cell table:number-columns-repeated="2"/>'
            '<table:table-cell office:value-type="float" office:value="3.5"><text:p>3,50 kr</text:p>'
            '</table:table-cell><table:table-cell table:number-columns-repeated="16380"/>'
            '</table:table-row><table:table-row table:number-rows-repeated="1048570">'
            '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>')
    tables = "".join(f'<table:table table:name="{name}">{inner}</table:table>'
                     for name, inner in [("Prices", rows), ("Empty", "")])
    return open_document("spreadsheet", f"<office:spreadsheet>{tables}</office:spreadsheet>")


def open_slides():
    pages = "".join(f'<draw:page draw:name="{name}"><draw:frame><draw:text-box><text:p>{text}</text:p>'
                    "</draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box>"
                    f"<text:p>{note}</text:p></draw:text-box></draw:frame></presentation:notes>"
                    "</draw:page>" for name, text, note in
                    [("a", "Fog signals of the west coast", "slowly"), ("b", "Any questions?", "")])
    footer = '<presentation:footer-decl presentation:name="f">Harbour Office</presentation:footer-decl>'
    return open_document("presentation", f"<office:presentation>{footer}{pages}</office:presentation>")


def locked_text():
    manifest = (f"{XML}<manifest:manifest {open_namespaces()}><manifest:file-entry "
                'manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>'
                "</manifest:manifest>")
    return open_document("text", "<office:text/>", extra={"META-INF/manifest.xml": manifest})


# ---- RTF, EPUB ----

RTF = (r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Serif;}{\f1\fcharset204 Serif Cyr;}}"
       r"{\info{\title Notice to mariners}{\author Harbour Office}"
       r"{\creatim\yr2024\mo2\dy29\hr12\min0}}{\*\generator make-samples;}" + "\n"
       r"{\header Notices}\pard The buoy at St\'f8rste Sk\'e6r is out\u8230?\par" + "\n"
       r"{\v not for print}\f1 \'cf\'ee\'f0\'f2\f0\par" + "\n"
       r"{\field{\*\fldinst HYPERLINK x}{\fldrslt the chart}} is at hand\par" + "\n"
       r"\trowd\cellx1000\cellx2000\pard\intbl Light\cell 3 flashes\cell\row\pard" + "\n"
       r"Footnoted{\footnote See the almanac.} text.\par}").encode("ascii")


def book():
    chapters = [("one", "The lamp", "It was lit at a quarter past three."),
                ("two", "The boat", "She could not land for nine days.")]
    package = ('<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/'
               '" version="3.0"><metadata><dc:title>Nine days</dc:title><dc:creator>Harbour Office'
               '</dc:creator><dc:language>en</dc:language><dc:date>2024-02-29</dc:date></metadata>'
               "<manifest>" + "".join(f'<item id="{name}" href="text/{name}%201.xhtml"/>'
                                      for name, _, _ in reversed(chapters))
               + "</manifest><spine>" + "".join(f'<itemref idref="{name}"/>' for name, _, _ in chapters)
               + "</spine></package>")
    parts = {"mimetype": "application/epub+zip",
             "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
                                       'container"><rootfiles><rootfile full-path="OPS/book.opf"/>'
                                       "</rootfiles></container>",
             "OPS/book.opf": package}
    for name, title, text in chapters:
        parts[f"OPS/text/{name} 1.xhtml"] = (
            '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>'
            f'<h1>{title}</h1><a id="x"/><p>{text}</p></body></html>')
    return zipped(parts, ("mimetype",))


# ---- messages and archives ----

MESSAGE = b"""From: =?utf-8?q?Zo=C3=AB?= <zoe@example.org>
To: office@example.org
Subject: =?iso-8859-1?Q?St=F8rste?= =?iso-8859-1?Q?_Sk=E6r?=
Date: Thu, 29 Feb 2024 13:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

plain words that say the same

--inner
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<p>The buoy at <b>St=F8rste Sk=E6r</b> has gone =
adrift.</p>

--inner--

--outer
Content-Type: text/csv; name="list.csv"
Content-Disposition: attachment; filename*=utf-8''b%C3%B8yer.csv
Content-Transfer-Encoding: base64

TmFtZTtMaWdodDtEZXB0aApTdG9yc3RlO3JlZDs0CkxpbGxlO3doaXRlOzcK

--outer
Content-Type: message/rfc822

From: harbour@example.org
Subject: An older letter
Content-Type: text/plain; charset=utf-8

Please look after the buoy.

--outer--
"""

MAILBOX = b"""From a@example.org Thu Feb 29 12:00:00 2024
From: a@example.org
Subject: First
Date: Thu, 29 Feb 2024 12:00:00 +0000

The first of two.

From b@example.org Thu Feb 29 12:05:00 2024
From: b@example.org
Subject: Second
Date: Thu, 29 Feb 2024 12:05:00 +0000

The second, and >From here on quiet.
"""


def archive():
    inner = zipped({"deep/letter.eml": MESSAGE, "deep/prices.ods": open_sheets()})
    return zipped({"readme.txt": "What is in this box.\n", "__MACOSX/._readme.txt": b"\0\5\x16\7",
                   "folder/inner.zip": inner, "picture.psd": b"8BPS\0\1 not a picture"})


def tarball():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, body in [("notice.rtf", RTF), ("bøker/nine days.epub", book())]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(body), SECONDS
            tar.addfile(entry, io.BytesIO(body))
    return gzip.compress(out.getvalue(), 9, mtime=0)


def locked_archive():
    """Says of its only member that it is encrypted."""
    data = bytearray(zipped({"secret.txt": b"0123456789abcdef"}, ("secret.txt",)))
    for sign, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.find(sign) + at] |= 1
    return bytes(data)


def old_word():
    """The first sectors of an OLE2 file with a stream of that name."""
    name = "WordDocument".encode("utf-16-le")
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + name + bytes(128 - len(name)) + bytes(384)
