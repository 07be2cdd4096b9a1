#!/usr/bin/env python3
"""Markdown, and facts in one form: small documents and exactly what must come out.

    extract_markdown.py PROGRAM
"""
import io
import pathlib
import sys
import tempfile
import zipfile

import extract_quality

HTML = [
    ("<h2>Head <b>bold</b><br>two</h2><p>x</p>", "## Head bold two\n\nx\n"),
    ("<p>a <b>bold text</b>, <i>it</i> and <code>a*b</code></p>",
     "a **bold text**, *it* and `a*b`\n"),
    ('<a href="http://x.org/a(b)">link</a> <a href="javascript:x()">no</a> <a href="#y">nor</a>',
     "[link](http://x.org/a%28b%29) no nor\n"),
    ("<div>1. no list</div><div># no heading</div><div>- no item</div>",
     "1\\. no list\n\n\\# no heading\n\n\\- no item\n"),
    ("<p>2*3 a_b _c_ [x] &lt;b&gt; &amp;amp; 1 < 2</p>",
     "2\\*3 a_b \\_c\\_ \\[x\\] \\<b> \\&amp; 1 < 2\n"),
    ("<ol start=3><li>three<ul><li>in</li></ul></li><li>four</li></ol>",
     "3. three\n   - in\n4. four\n"),
    ("<blockquote><p>said</p></blockquote><p>not said</p>", "> said\n\nnot said\n"),
    ("<pre>\nline *1*\n  line 2\n</pre>", "```\nline *1*\n  line 2\n```\n"),
    ("<table><tr><th>a|b<th>c</tr><tr><td>1</tr></table>",
     "| a\\|b | c |\n| --- | --- |\n| 1 | |\n"),
    ("<table><tr><td>left<table><tr><td>in</table></td><td>right</td></tr></table>",
     "left\n\n| in |\n| --- |\n\nright\n"),
    ("<b><p>one</p><p>two</p></b>", "**one**\n\n**two**\n"),
    ("<p>one<br>two<br><br>three</p>", "one\\\ntwo\n\nthree\n"),
    ("<script>x</script><p>" + "<i>" * 100 + "deep" + "</i>" * 100 + "</p>", "*deep*\n"),
    ("<ul><li>" * 30 + "deep" + "</ul>" * 30, None),
    ("<table><tr><td>" * 50 + "deep" + "</table>" * 50, None),
]

CSV = [("a.csv", b"a;b\n1|2;\n3\n", "| a | b |\n| --- | --- |\n| 1\\|2 |  |\n| 3 |  |\n")]

FACTS = [
    ("date", "2024-02-29T12:00:00+02:00", "created", "2024-02-29T10:00:00Z"),
    ("date", "2024-02-29 12:00:00.123Z", "created", "2024-02-29T12:00:00Z"),
    ("date", "2024-02-29T12:00", "created", "2024-02-29T12:00:00"),
    ("date", "2024-02", "created", "2024-02"),
    ("date", "29 February 2024", "created", None),
    ("date", "2024-13-01", "created", None),
    ("date", "2024-02-29T25:00:00Z", "created", None),
    ("article:modified_time", "1999-12-31T23:59:60Z", "modified", "2000-01-01T00:00:00Z"),
]
LANGUAGES = [("de", "de"), ("de_DE.UTF-8", "de-DE"), ("pt-BR", "pt-BR"), ("English (US)", None),
             ("x", None), ("en-", None)]

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def paragraph(text, properties=""):
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def docx(body):
    parts = {
        "[Content_Types].xml": '<Types><Override PartName="/word/document.xml" ContentType="application'
        '/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/><Override PartName="/'
        'word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.'
        'styles+xml"/><Override PartName="/word/numbering.xml" ContentType="application/vnd.'
        'openxmlformats-officedocument.wordprocessingml.numbering+xml"/></Types>',
        "word/styles.xml": f'<w:styles {W}><w:style w:styleId="berschrift2"><w:name w:val="heading 2"/>'
        '</w:style><w:style w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="berschrift2"/>'
        "</w:style></w:styles>",
        "word/numbering.xml": f'<w:numbering {W}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0">'
        '<w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl><w:lvl '
        'w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%2)"/></w:lvl>'
        '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>',
        "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return data.getvalue()


def item(level):
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>'


def row(*cells):
    return "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in cells) + "</w:tr>"


BREAK = '<w:r><w:br w:type="page"/></w:r>'
DOCX = [
    (paragraph("Big", '<w:pStyle w:val="Mine"/>') + paragraph("Text with * and # more"),
     ["## Big\n\nText with \\* and # more\n"]),
    (paragraph("Small", '<w:outlineLvl w:val="2"/>') + paragraph("- not an item"),
     ["### Small\n\n\\- not an item\n"]),
    (paragraph("one", item(0)) + paragraph("sub", item(1)) + paragraph("two", item(0)),
     ["1. one\n    - a) sub\n2. two\n"]),
    ("<w:tbl>" + row("a", "b|c") + row("1", "") + "</w:tbl>" + paragraph("after"),
     ["| a | b\\|c |\n| --- | --- |\n| 1 |  |\n\nafter\n"]),
    (paragraph("one") + f"<w:p>{BREAK}</w:p>" + paragraph("*two*"), [None, "\\*two\\*\n"]),
]

PARAGRAPHS = [
    ("A line that reaches the margin of the page\nand goes on here. A second one that is long too\n"
     "and ends.\nA new paragraph begins as the last was short\nand it goes on.\n",
     "A line that reaches the margin of the page and goes on here. A second one that is long too "
     "and ends.\n\nA new paragraph begins as the last was short and it goes on.\n"),
    ("1. first thing to do, with a long description\n2. second thing to do, which is as long as\n",
     "1\\. first thing to do, with a long description\n\n2\\. second thing to do, which is as long "
     "as\n"),
]


def pdf(lines):
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    stream = f"BT /F1 10 Tf 14 TL 40 760 Td {shown} ET"
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
               "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << "
               "/Font << /F1 3 0 R >> >> >>",
               f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream"]
    body = "".join(f"{i} 0 obj\n{text}\nendobj\n" for i, text in enumerate(objects, 1))
    return f"%PDF-1.4\n{body}trailer\n<< /Size 6 /Root 1 0 R >>\n".encode()


class Checks:
    def __init__(self, program, folder):
        self.program, self.folder, self.faults, self.count = program, folder, [], 0

    def run(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        self.count += 1
        return extract_quality.extract(self.program, path)

    def same(self, what, expected, got):
        if expected != got:
            self.faults.append(f"{what}:\n  expected {expected!r}\n  got      {got!r}")

    def html(self):
        for source, expected in HTML:
            result = self.run("a.html", f"<html><body>{source}</body></html>".encode())
            if expected is None:  # too deep for marks, but whole
                self.same(source[:40], ("", True), (result.fault, "deep" in result.markdown.get(1, result.text)))
            else:
                self.same(source[:60], expected, result.markdown.get(1, result.text))
        for name, value, fact, expected in FACTS:
            source = f'<html><head><meta name="{name}" content="{value}"></head><p>x</html>'
            self.same(source, expected, self.run("a.html", source.encode()).metadata.get(fact))
        for value, expected in LANGUAGES:
            source = f'<html lang="{value}"><p>x</html>'
            self.same(source, expected, self.run("a.html", source.encode()).metadata.get("language"))

    def others(self):
        for name, content, expected in CSV:
            self.same(name, expected, self.run(name, content).markdown.get(1))
        for body, pages in DOCX:
            result = self.run("a.docx", docx(body))
            self.same(body[:80], pages, [result.markdown.get(i + 1) for i in range(len(pages))])
        for text, expected in PARAGRAPHS:
            result = self.run("a.pdf", pdf(text.splitlines()))
            self.same(text[:40], expected, result.markdown.get(1))
        for name in ("a.txt", "a.md"):  # as they are
            self.same(name, {}, self.run(name, b"# *x*\n").markdown)


def main():
    with tempfile.TemporaryDirectory() as folder:
        checks = Checks(sys.argv[1], pathlib.Path(folder))
        checks.html()
        checks.others()
    for fault in checks.faults:
        print("FAULT", fault)
    print(f"{checks.count} documents")
    return 1 if checks.faults else 0


if __name__ == "__main__":
    sys.exit(main())
