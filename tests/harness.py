"""What the tests in Python share: the program, a server, documents with a known outcome."""
import io
import json
import os
import random
import re
import signal
import subprocess
import tempfile
import time
import zipfile

import requests

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.abspath(os.environ.get("DOCQ_BINARY", os.path.join(ROOT, "build", "docq")))
BUILD = os.path.dirname(BINARY)
START_SECONDS_MAX = 30
DONE_SECONDS_MAX = 60


def environment():
    """The caller's environment without settings of docq."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DOCQ_")}
    return dict(clean, NO_COLOR="1", LC_ALL="C.UTF-8")


def docq(data, verb, *arguments, check=True, timeout=120, **options):
    """Runs one verb on a data directory; returns the finished process."""
    done = subprocess.run([BINARY, verb, "--data", str(data), *map(str, arguments)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment(), timeout=timeout, **options)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    if check and done.returncode != 0:
        raise AssertionError(f"docq {verb} {arguments}: exit {done.returncode}: {done.stderr}")
    return done


def eventually(condition, seconds=DONE_SECONDS_MAX, pause=0.02):
    """The first true value of condition(); fails after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {condition}"
        time.sleep(pause)


class Server:
    """`docq serve` on a free port. Survives being killed: start() begins a new one."""

    def __init__(self, data, *options, workers=1):
        self.data, self.options = str(data), [*map(str, options), "--workers", str(workers)]
        self.process, self.url = None, None
        self.log = os.path.join(os.path.dirname(self.data),
                                f"server-{os.path.basename(self.data)}.log")
        self.start()

    def start(self):
        address = os.path.join(self.data, "server.address")
        if os.path.exists(address):
            os.remove(address)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--data", self.data, "--listen", "127.0.0.1:0", *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())
        eventually(lambda: self.find_address(address), START_SECONDS_MAX, 0.005)

    def find_address(self, path):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"the server ended by itself: {log.read()[-2000:]}")
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read().strip()
            self.url = text if text.startswith("http") else f"http://{text}"
            return text and requests.get(self.url + "/readyz", timeout=5).status_code == 200
        except (OSError, requests.RequestException):
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def get(self, path, **options):
        return requests.get(self.url + path, timeout=30, **options)

    def post(self, path, body=None, **options):
        return requests.post(self.url + path, json=body, timeout=60, **options)

    def upload(self, name, content, **fields):
        answer = requests.post(self.url + "/v1/documents", files={"file": (name, content)},
                               data=fields, timeout=60)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def document(self, id):
        answer = self.get(f"/v1/documents/{id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def item(self, id):
        answer = self.get(f"/v1/items/{id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def text(self, id):
        answer = self.get(f"/v1/documents/{id}/text")
        assert answer.status_code == 200, answer.text
        return answer.content.decode()

    def wait_done(self, id, seconds=DONE_SECONDS_MAX):
        def done():
            document = self.document(id)
            return document["status"] in ("completed", "failed", "cancelled") and document
        return eventually(done, seconds)


# ---- processes -----------------------------------------------------------------------------------

def processes():
    """pid -> (parent's pid, command line) of every process that can be seen."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            with open(f"/proc/{name}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if fields[0] != "Z":
            found[int(name)] = (int(fields[1]), line)
    return found


def mentions(pid, word):
    """Whether a process names `word` on its command line or in its environment."""
    for file in ("cmdline", "environ"):
        try:
            with open(f"/proc/{pid}/{file}", "rb") as opened:
                if word.encode() in opened.read():
                    return True
        except OSError:
            pass
    return False


def workers_of(data):
    return [pid for pid, (_, line) in processes().items()
            if " worker " in line + " " and "docq" in line and mentions(pid, str(data))]


def boxes_of(data):
    """The boxes of this data directory's workers and of nobody else's."""
    everything = processes()
    owners = set(workers_of(data))
    return [pid for pid, (parent, line) in everything.items()
            if parent in owners and " worker " not in line + " "]


# ---- documents -----------------------------------------------------------------------------------

def make_pdf(text):
    """A small PDF of one page."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for place in places:
        out.write(b"%010d 00000 n \n" % place)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
              % (len(objects) + 1, start))
    return out.getvalue()


def make_docx(text):
    """A small DOCX of one paragraph."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml",
                         f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
                         'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                         f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>')
        archive.writestr("_rels/.rels",
                         f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
                         f'Type="{office}/officeDocument" Target="word/document.xml"/>'
                         '</Relationships>')
        archive.writestr("word/document.xml",
                         f'<w:document xmlns:w="{word}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r>'
                         '</w:p></w:body></w:document>')
    return out.getvalue()


def encrypt(pdf):
    """The same PDF behind a password (qpdf)."""
    with tempfile.TemporaryDirectory() as folder:
        plain, locked = os.path.join(folder, "plain.pdf"), os.path.join(folder, "locked.pdf")
        with open(plain, "wb") as file:
            file.write(pdf)
        subprocess.run(["qpdf", "--encrypt", "secret", "owner", "256", "--", plain, locked],
                       check=True)
        with open(locked, "rb") as file:
            return file.read()


class Sample:
    """A document with its outcome: the word its text holds, or the code of its failure."""

    def __init__(self, name, content, word=None, error=None):
        self.name, self.content, self.word, self.error = name, content, word, error
        self.status = "failed" if error else "completed"


def mix(count, seed):
    """Documents of all kinds, no two alike, the same for the same seed."""
    chance = random.Random(seed)
    locked = encrypt(make_pdf("nobody reads this"))
    samples = []
    for number in range(count):
        word = f"word{seed}x{number}"
        kind = chance.choice(["txt", "txt", "large", "html", "csv", "md", "pdf", "docx", "latin",
                              "damaged", "locked"])
        name = f"{number:04d}-{kind}"
        samples.append({
            "txt": lambda: Sample(name + ".txt", f"plain {word} text\n".encode(), word),
            "large": lambda: Sample(name + ".txt",
                                    f"{word} ".encode() + b"many words in a row\n" * 20000, word),
            "html": lambda: Sample(name + ".html",
                                   f"<!DOCTYPE html><title>t</title><p>{word}</p>".encode(), word),
            "csv": lambda: Sample(name + ".csv", f"a,b\n1,{word}\n2,other\n".encode(), word),
            "md": lambda: Sample(name + ".md", f"# Title\n\nA *{word}* here.\n".encode(), word),
            "pdf": lambda: Sample(name + ".pdf", make_pdf(word), word),
            "docx": lambda: Sample(name + ".docx", make_docx(word), word),
            "latin": lambda: Sample(name + ".txt",
                                    f"caf\u00e9 {word} d\u00e9j\u00e0 vu\n".encode("latin-1"), word),
            "damaged": lambda: Sample(name + ".pdf", b"%PDF-1.4\n" + word.encode() + b"\n1 0 obj\n",
                                      error="damaged_document"),
            "locked": lambda: Sample(name + ".pdf", locked + f"\n% {word}\n".encode(),
                                     error="needs_password"),
        }[kind]())
    return samples


def check_history(item):
    """Attempts are exact: numbered without a gap, epochs rise, only the last one is final."""
    history = item.get("history", [])
    assert item["attempts"] == len(history), item
    assert [attempt["number"] for attempt in history] == list(range(1, len(history) + 1)), item
    epochs = [attempt["epoch"] for attempt in history]
    assert epochs == sorted(set(epochs)), item
    for attempt in history[:-1]:
        assert attempt["outcome"] in ("retried", "released", "lost", "failed", "cancelled"), item
    assert sum(attempt["outcome"] == "completed" for attempt in history) <= 1, item
    if item["status"] == "completed":
        assert history[-1]["outcome"] == "completed", item
    return history


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def declared_functions():
    """The names that docq.h declares with DQ_API."""
    with open(os.path.join(ROOT, "include", "docq.h"), encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    return set(re.findall(r"DQ_API[^;(]*?(\bdq_\w+)\s*\(", text))
