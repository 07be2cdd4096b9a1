"""Requests that break the protocol: one answer, which is a refusal, and a closed connection.

Behind each of them stands a sound request. A server that is wrong about where the broken one ends
would answer that as well: the ground of request smuggling.
"""
import socket
import time

import pytest

from harness import Server, docq
from wire import Wire, check_problem

GET = b"GET /livez HTTP/1.1\r\n"
POST = b"POST /v1/items HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1:@\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = POST + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
SOUND = GET + HOST + b"\r\n"
MULTIPART = b"POST /v1/documents HTTP/1.1\r\n" + HOST

# name: (bytes, status). @ stands for the server's port.
REFUSED = {
    "two lengths that differ": (POST + HOST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
                                400),
    "two lengths alike": (POST + HOST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    "lengths in one header": (POST + HOST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    "length and chunks": (POST + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"0\r\n\r\n", 400),
    "chunks and length": (POST + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
                          b"0\r\n\r\n", 400),
    "length with sign": (POST + HOST + b"Content-Length: +2\r\n\r\n{}", 400),
    "length below zero": (POST + HOST + b"Content-Length: -1\r\n\r\n", 400),
    "length in hexadecimal": (POST + HOST + b"Content-Length: 0x2\r\n\r\n{}", 400),
    "length with blanks": (POST + HOST + b"Content-Length: 1 0\r\n\r\n{}        ", 400),
    "length empty": (POST + HOST + b"Content-Length:\r\n\r\n", 400),
    "length beyond 64 bits": (POST + HOST + b"Content-Length: 18446744073709551618\r\n\r\n{}", 400),
    "length with underscore": (POST + HOST + b"Content-Length: 1_0\r\n\r\n{}        ", 400),
    "length as an Arabic digit": (POST + HOST + b"Content-Length: \xd9\xa2\r\n\r\n{}", 400),
    "coding other than chunked": (POST + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "coding list": (POST + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    "coding chunked twice": (POST + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
                             400),
    "coding header twice": (POST + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: "
                            b"identity\r\n\r\n0\r\n\r\n", 400),
    "coding identity": (POST + HOST + b"Transfer-Encoding: identity\r\n\r\n", 400),
    "coding chunked with tail": (POST + HOST + b"Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", 400),
    "coding in quotes": (POST + HOST + b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
    "coding behind vertical tab": (POST + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
                                   400),
    "coding in HTTP/1.0": (b"POST /v1/items HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked"
                           b"\r\n\r\n0\r\n\r\n", 400),
    "blank before the colon": (POST + HOST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "tab before the colon": (GET + HOST + b"X-A\t: b\r\n\r\n", 400),
    "folded header": (GET + HOST + b"X-A: b\r\n c\r\n\r\n", 400),
    "folded with tab": (GET + HOST + b"X-A: b\r\n\tc\r\n\r\n", 400),
    "folded first header": (GET + b" X-A: b\r\n" + HOST + b"\r\n", 400),
    "bare LF behind the request line": (b"GET /livez HTTP/1.1\n" + HOST + b"\r\n", 400),
    "bare LF behind a header": (GET + HOST[:-2] + b"\n\r\n", 400),
    "bare LF as the end": (GET + HOST + b"\n", 400),
    "bare CR in a header": (GET + HOST + b"X-A: b\rX-B: c\r\n\r\n", 400),
    "CR CR LF": (GET + HOST[:-2] + b"\r\r\n\r\n", 400),
    "NUL in a value": (GET + HOST + b"X-A: b\0c\r\n\r\n", 400),
    "NUL in a name": (GET + HOST + b"X\0A: b\r\n\r\n", 400),
    "NUL in the target": (b"GET /livez\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "control byte in a value": (GET + HOST + b"X-A: \x01\r\n\r\n", 400),
    "delete byte in a value": (GET + HOST + b"X-A: \x7f\r\n\r\n", 400),
    "header without a name": (GET + HOST + b": b\r\n\r\n", 400),
    "header without a colon": (GET + HOST + b"X-A\r\n\r\n", 400),
    "header name with blank": (GET + HOST + b"X A: b\r\n\r\n", 400),
    "header name in UTF-8": (GET + HOST + b"X-\xc3\xa4: b\r\n\r\n", 400),
    "header name with parentheses": (GET + HOST + b"X(A): b\r\n\r\n", 400),
    "no Host": (GET + b"\r\n", 400),
    "two Hosts": (GET + HOST + HOST + b"\r\n", 400),
    "two Hosts that differ": (GET + HOST + b"Host: elsewhere\r\n\r\n", 400),
    "empty Host": (GET + b"Host:\r\n\r\n", 400),
    "Host with user": (GET + b"Host: me@127.0.0.1:@\r\n\r\n", 400),
    "Host with path": (GET + b"Host: 127.0.0.1:@/x\r\n\r\n", 400),
    "Host list": (GET + b"Host: 127.0.0.1:@, elsewhere\r\n\r\n", 400),
    "Host with odd port": (GET + b"Host: 127.0.0.1:8x\r\n\r\n", 400),
    "Host with unclosed bracket": (GET + b"Host: [::1\r\n\r\n", 400),
    "method unknown": (b"BREW /livez HTTP/1.1\r\n" + HOST + b"\r\n", (400, 405, 501)),
    "method in small letters": (b"get /livez HTTP/1.1\r\n" + HOST + b"\r\n", (400, 405, 501)),
    "method with brackets": (b"G[T /livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "method missing": (b" /livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\n", 400),
    "version 2": (b"GET /livez HTTP/2\r\n" + HOST + b"\r\n", (400, 505)),
    "version 1.2": (b"GET /livez HTTP/1.2\r\n" + HOST + b"\r\n", (400, 505)),
    "version 0.9": (b"GET /livez\r\n" + HOST + b"\r\n", (400, 505)),
    "version in small letters": (b"GET /livez http/1.1\r\n" + HOST + b"\r\n", 400),
    "version with tail": (b"GET /livez HTTP/1.1x\r\n" + HOST + b"\r\n", 400),
    "version with two digits": (b"GET /livez HTTP/1.10\r\n" + HOST + b"\r\n", (400, 505)),
    "blank behind the version": (b"GET /livez HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    "two blanks before the target": (b"GET  /livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "tab between the parts": (b"GET\t/livez\tHTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "blank in the target": (b"GET /li vez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "empty line first": (b"\r\n" + GET + HOST + b"\r\n", 400),
    "target without slash": (b"GET livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target with fragment": (b"GET /livez#x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target with backslash": (b"GET /\\livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target of another host": (b"GET http://elsewhere/livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target of a proxy": (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target asterisk for GET": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target raw UTF-8": (b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "escape NUL": (b"GET /livez%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "escape CR LF": (b"GET /livez%0d%0aX:%20y HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "escape broken": (b"GET /livez%2 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "escape no digit": (b"GET /livez%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "escape no UTF-8": (b"GET /%ff%fe HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "escape overlong slash": (b"GET /v1%c0%aflivez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "climbing path": (b"GET /v1/../livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "climbing path, escaped": (b"GET /v1/%2e%2e/livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "request line too long": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
    "one header too long": (GET + HOST + b"X-A: " + b"b" * 40000 + b"\r\n\r\n", 431),
    "too many headers": (GET + HOST + b"X-A: b\r\n" * 120 + b"\r\n", 431),
    "endless header": (GET + HOST + b"X-A: " + b"b" * 200000, 431),
    "expectation unknown": (POST + HOST + b"Expect: miracle\r\nContent-Length: 2\r\n\r\n{}", 417),
    "chunk size empty": (CHUNKED + b"\r\n{}\r\n0\r\n\r\n", 400),
    "chunk size with sign": (CHUNKED + b"+2\r\n{}\r\n0\r\n\r\n", 400),
    "chunk size below zero": (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", 400),
    "chunk size 0x": (CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n", 400),
    "chunk size no digit": (CHUNKED + b"g\r\n{}\r\n0\r\n\r\n", 400),
    "chunk size behind a blank": (CHUNKED + b" 2\r\n{}\r\n0\r\n\r\n", 400),
    "chunk size before a blank": (CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n", 400),
    "chunk size beyond 64 bits": (CHUNKED + b"10000000000000002\r\n{}\r\n0\r\n\r\n", 400),
    "chunk size of many zeros": (CHUNKED + b"0" * 5000 + b"2\r\n{}\r\n0\r\n\r\n", 400),
    "chunk line with bare LF": (CHUNKED + b"2\n{}\r\n0\r\n\r\n", 400),
    "chunk line with bare CR": (CHUNKED + b"2\r{}\r\n0\r\n\r\n", 400),
    "chunk longer than it says": (CHUNKED + b"1\r\n{}\r\n0\r\n\r\n", 400),
    "chunk data without its end": (CHUNKED + b"2\r\n{}0\r\n\r\n", 400),
    "chunk data ended by LF": (CHUNKED + b"2\r\n{}\n0\r\n\r\n", 400),
    "chunk extension with NUL": (CHUNKED + b"2;a=\0\r\n{}\r\n0\r\n\r\n", 400),
    "chunk extension too long": (CHUNKED + b"2;" + b"a" * 5000 + b"\r\n{}\r\n0\r\n\r\n", 400),
    "chunk extension with bare LF": (CHUNKED + b"2;a\nb\r\n{}\r\n0\r\n\r\n", 400),
    "trailer with bare LF": (CHUNKED + b"2\r\n{}\r\n0\r\nX: y\n\r\n", 400),
    "trailer with NUL": (CHUNKED + b"2\r\n{}\r\n0\r\nX: \0\r\n\r\n", 400),
    "trailer too long": (CHUNKED + b"2\r\n{}\r\n0\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 400),
    "trailer folded": (CHUNKED + b"2\r\n{}\r\n0\r\n X: y\r\n\r\n", 400),
    "body for a route without one, too long": (GET + HOST + b"Content-Length: 100000\r\n\r\n", 413),
    "JSON body too long": (POST + HOST + JSON + b"Content-Length: 5000000\r\n\r\n", 413),
    "upload too long": (MULTIPART + b"Content-Length: 99999999999999\r\n\r\n", 413),
    "chunked JSON too long": (CHUNKED + (b"100000\r\n" + b" " * 0x100000 + b"\r\n") * 5, 413),
}

SOUND_ALONE = {
    "plain": SOUND,
    "length zero": POST + HOST + JSON + b"Content-Length: 2\r\n\r\n[]",
    "chunked": CHUNKED + b"2;a=b\r\n[]\r\n0\r\nX-Trailer: y\r\n\r\n",
    "chunk size with zeros": CHUNKED + b"0002\r\n[]\r\n000\r\n\r\n",
    "absolute target": b"GET http://127.0.0.1:@/livez HTTP/1.1\r\n" + HOST + b"\r\n",
    "odd but sound header": GET + HOST + b"X-A: b \t c\x80\xff\r\nX-B:\r\n\r\n",
}


def with_port(raw, server):
    return raw.replace(b":@", b":" + server.url.rsplit(":", 1)[1].encode())


def talk(server, raw, halves=False):
    raw = with_port(raw + SOUND, server)
    middle = len(raw) // 2
    with Wire(server.url) as wire:
        if halves:
            wire.send(raw[:middle], raw[middle:], pause=0.01)
        else:
            wire.send(raw)
        return wire.answers()


@pytest.mark.parametrize("halves", [False, True], ids=["whole", "halves"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_once_and_closed(server, name, halves):
    raw, expected = REFUSED[name]
    answers = talk(server, raw, halves)
    assert len(answers) == 1, answers
    allowed = expected if isinstance(expected, tuple) else (expected,)
    assert answers[0].status in allowed, answers
    assert answers[0].headers["connection"] == "close"
    check_problem(answers[0], answers[0].status)


@pytest.mark.parametrize("name", SOUND_ALONE)
def test_sound_ones_get_two_answers(server, name):
    """What the test above counts is really counted."""
    raw = with_port(SOUND_ALONE[name], server)
    with Wire(server.url) as wire:
        wire.send(raw, raw)
        assert [wire.answer().status // 100 for _ in range(2)] == [2, 2]
        wire.send(with_port(GET + HOST + b"Connection: close\r\n\r\n", server))
        assert [answer.status for answer in wire.answers()] == [200]


def test_nothing_came_of_it(server):
    stats = server.get("/v1/queue/stats").json()
    assert (stats["documents"], stats["pending"]) == (0, 0)


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """Deadlines short enough to wait for."""
    limits = {"header-ms": 600, "idle-ms": 900, "body-grace-ms": 400, "body-ms": 1500,
              "body-bytes-per-second-min": 1000, "linger-ms": 200, "write-ms": 700}
    options = [word for name, value in limits.items() for word in (f"--{name}", value)]
    with Server(tmp_path_factory.mktemp("strict") / "data", *options, workers=0) as running:
        yield running


def drip(wire, raw, pause, seconds):
    """Sends byte by byte until an answer comes. Returns it and how long that took."""
    begun = time.monotonic()
    wire.socket.settimeout(pause)
    for place in range(len(raw)):
        wire.send(raw[place:place + 1])
        try:
            if not wire.more() or b"\r\n\r\n" in wire.bytes:
                break
        except TimeoutError:
            assert time.monotonic() - begun < seconds, "no deadline holds"
    wire.socket.settimeout(5)
    return wire.answers(), time.monotonic() - begun


def test_header_deadline_is_absolute(strict):
    """A byte every now and then does not keep a head alive."""
    with Wire(strict.url) as wire:
        answers, took = drip(wire, with_port(GET + HOST, strict) + b"X-A: b\r\n" * 200, 0.05, 4)
    assert [answer.status for answer in answers] == [408]
    check_problem(answers[0], 408, "request_timeout")
    assert 0.5 < took < 2


def test_header_deadline_counts_from_each_first_byte(strict):
    with Wire(strict.url) as wire:
        for _ in range(3):
            time.sleep(0.4)
            wire.send(with_port(SOUND, strict))
            assert wire.answer().status == 200


def test_body_minimum_speed(strict):
    raw = MULTIPART + b"Content-Type: text/plain\r\nContent-Length: 5000\r\n\r\n"
    with Wire(strict.url) as wire:
        wire.send(with_port(raw, strict))
        answers, took = drip(wire, b"x" * 5000, 0.02, 4)
    assert [answer.status for answer in answers] == [408]
    assert "body-bytes-per-second-min" in answers[0].json()["detail"]
    assert 0.3 < took < 1.4


def test_body_deadline_is_absolute(strict):
    """Fast enough for the minimum, and still not for ever."""
    raw = MULTIPART + b"Content-Type: text/plain\r\nContent-Length: 100000000\r\n\r\n"
    with Wire(strict.url) as wire:
        wire.send(with_port(raw, strict))
        begun = time.monotonic()
        wire.socket.settimeout(0.02)
        while b"\r\n\r\n" not in wire.bytes:
            assert time.monotonic() - begun < 5, "no deadline holds"
            wire.send(b"x" * 500)
            try:
                if not wire.more():
                    break
            except TimeoutError:
                pass
        wire.socket.settimeout(5)
        answers = wire.answers()
    assert [answer.status for answer in answers] == [408]
    assert "body-ms" in answers[0].json()["detail"]
    assert strict.get("/v1/documents").json()["documents"] == []


def test_idle_connection_is_closed(strict):
    with Wire(strict.url) as wire:
        begun = time.monotonic()
        wire.send(with_port(SOUND, strict))
        assert wire.answer().status == 200
        assert wire.answer() is None
        assert 0.5 < time.monotonic() - begun < 3


def test_slow_reader_is_cut_off(strict, tmp_path):
    """Who asks for much and takes nothing does not hold the server."""
    (tmp_path / "big.bin").write_bytes(b"x" * 30_000_000)
    id = docq(strict.data, "upload", tmp_path / "big.bin").stdout.strip()
    with Wire(strict.url) as wire:
        wire.send(with_port(b"GET /v1/documents/" + id.encode() + b"/content HTTP/1.1\r\n" + HOST +
                            b"\r\n", strict))
        time.sleep(2)
        taken = 0
        while wire.more():
            taken, wire.bytes = taken + len(wire.bytes), b""
        assert taken < 30_000_000


def test_half_a_request_leaves_nothing(strict):
    raw = MULTIPART + b"Content-Type: text/plain\r\nContent-Length: 3000000\r\n\r\n"
    before = len(strict.get("/v1/documents").json()["documents"])
    for _ in range(5):
        with Wire(strict.url) as wire:
            wire.send(with_port(raw, strict) + b"x" * 1000000)
    assert len(strict.get("/v1/documents").json()["documents"]) == before


def test_a_body_that_comes_while_the_tokens_are_read(server):
    """They are read anew once a second, in a step of its own; the body goes on behind it."""
    body = b"x" * 600_000
    raw = MULTIPART + b"Content-Type: text/plain\r\nContent-Length: 600000\r\n\r\n"
    for _ in range(3):
        time.sleep(1.1)
        with Wire(server.url) as wire:
            wire.send(with_port(raw, server) + body)
            assert wire.answer().status == 202
    time.sleep(1.1)
    with Wire(server.url) as wire:
        wire.send(with_port(raw, server) + body[:300_000])
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.answers() == []


def test_speed_minimum_zero_means_none(tmp_path):
    """0 switches the minimum off; the deadline stays."""
    options = ("--body-bytes-per-second-min", 0, "--body-grace-ms", 0, "--body-ms", 800)
    with Server(tmp_path / "data", *options, workers=0) as server:
        raw = MULTIPART + b"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n"
        with Wire(server.url) as wire:
            wire.send(with_port(raw, server), b"a", b"b", b"c", pause=0.15)
            assert wire.answer().status == 202
        with Wire(server.url) as wire:
            wire.send(with_port(raw, server))
            assert [answer.status for answer in wire.answers()] == [408]
