"""The package itself: it installs without a network, its types hold, asyncio works as well."""
import asyncio
import io
import os
import shutil
import subprocess
import sys

import pytest

import docq
from docq.aio import AsyncClient
from harness import Server
from support import PACKAGE, REMOTE, Listener, python_environment, read_request


def test_installs_without_network(tmp_path):
    copy = tmp_path / "source"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-index",
                    "--no-build-isolation", "--no-deps", "--disable-pip-version-check",
                    "--root-user-action=ignore", "--target", str(tmp_path / "there"), str(copy)],
                   check=True, stdin=subprocess.DEVNULL, timeout=120)
    done = subprocess.run([sys.executable, "-c", "import docq; print(docq.__file__)"],
                          env=dict(os.environ, PYTHONPATH=str(tmp_path / "there")),
                          stdout=subprocess.PIPE, text=True, check=True, cwd=str(tmp_path))
    assert done.stdout.strip() == str(tmp_path / "there" / "docq" / "__init__.py")
    assert (tmp_path / "there" / "docq" / "py.typed").exists()


def mypy(*arguments):
    return subprocess.run([sys.executable, "-m", "mypy", "--strict", "--python-version=3.9",
                           *arguments],
                          stdout=subprocess.PIPE, text=True, timeout=300,
                          env=python_environment("", MYPYPATH=PACKAGE))


def test_types_hold_for_us_and_for_users(tmp_path):
    cache = f"--cache-dir={tmp_path / 'cache'}"
    done = mypy(cache, "-p", "docq")
    assert done.returncode == 0, done.stdout
    user = tmp_path / "user.py"
    user.write_text("import docq\ndocument: int = docq.Client().upload(b'x')\n")
    assert "incompatible type" in mypy(cache, str(user)).stdout.lower()


def test_asyncio(tmp_path):
    async def go(url):
        async with AsyncClient(url) as client:
            first, second = await asyncio.gather(
                client.upload(b"first words", filename="a.txt", metadata={"n": 1}),
                client.upload(io.BytesIO(b"second words"), filename="b.txt"))
            first, second = await asyncio.gather(client.wait(first, 30), client.wait(second, 30))
            assert first.status == second.status == "completed" and first.metadata == {"n": 1}
            assert "first" in await client.text(first) and await client.content(second) == \
                b"second words"
            copy = io.BytesIO()
            assert await client.download(second, copy) == 12 and copy.getvalue()[:6] == b"second"
            assert (await client.stats()).completed == 2
            assert {each.id for each in await client.documents()} == {first.id, second.id}
            item = await client.enqueue(first, "job", priority=2)
            assert (await client.item(item)).priority == 2
            assert (await client.cancel(item)).status == "cancelled"
            assert (await client.retry(item)).status == "pending"
            with pytest.raises(docq.TimedOut):
                await client.wait(first, 0.2)
            with pytest.raises(docq.Invalid) as caught:
                await client.enqueue(first, "nonsense")
            assert caught.value.request_id
            assert (await client.reprocess(second)).item.operation == "reprocess"
            await client.wait(second, 30)
            await client.delete(second)
            with pytest.raises(docq.NotFound):
                await client.document(second)
    with Server(tmp_path / "data", "--remote-operations", REMOTE, workers=1) as server:
        asyncio.run(go(server.url))


def test_asyncio_and_a_server_that_breaks():
    async def go(url):
        async with AsyncClient(url, timeout=5) as client:
            with pytest.raises(docq.Unreachable) as caught:
                await client.upload(b"once", filename="a.txt")
            assert caught.value.sent
    with Listener(lambda connection, number: read_request(connection)) as listener:
        asyncio.run(go(listener.url))
        assert listener.count == 1
    with pytest.raises(docq.Unreachable) as caught:
        asyncio.run(go_nowhere())
    assert not caught.value.sent


async def go_nowhere():
    async with AsyncClient("http://127.0.0.1:9") as client:
        await client.stats()
