"""Files through a pod: whole, or not there at all; and what is told when something is wrong."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from exec_server import V4, ExecServer, serving

from parallelrun.cluster import transfer
from parallelrun.cluster.job_files import part
from parallelrun.kube.errors import Unavailable

BIG = 5_000_000


def files_below(root: Path) -> dict[str, str]:
    """Digests by name."""
    found = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): digest(path.read_bytes()) for path in found}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "sub" / "deep").mkdir(parents=True)
    for number in range(200):
        (root / "sub" / f"{number}.txt").write_text(f"file {number}")
    (root / "empty").touch()
    (root / "ümlaut name").write_bytes(b"\x00")
    (root / "sub" / "deep" / "big.bin").write_bytes(os.urandom(BIG))
    return root


def download(server: ExecServer, parts, target: Path, hashes=None) -> int:
    async def work() -> int:
        async with serving(server) as pod:
            return await transfer.download(pod, parts, target, lambda _: None, hashes)

    return asyncio.run(work())


def upload(server: ExecServer, parts, target: Path, tell=lambda _: None) -> int:
    async def work() -> int:
        async with serving(server) as pod:
            return await transfer.upload(pod, parts, str(target), tell)

    return asyncio.run(work())


def test_a_folder_comes_as_it_is(tree, tmp_path):
    assert download(ExecServer(), [part([""], str(tree), required=True)], tmp_path / "back") == 203
    assert files_below(tmp_path / "back") == files_below(tree)


@pytest.mark.parametrize("protocol", [V4, "v5.channel.k8s.io"])
def test_a_folder_goes_as_it_is_with_either_protocol(tree, tmp_path, protocol):
    assert upload(ExecServer(protocol=protocol), [part([""], str(tree), required=True)], tmp_path / "there") == 203
    assert files_below(tmp_path / "there") == files_below(tree)


def test_commands_are_short_enough_for_a_url(tree, tmp_path):
    server = ExecServer()
    download(server, [part([""], str(tree))], tmp_path / "back")
    assert sum(map(len, server.commands[0])) < 500


def test_only_what_was_named_comes(tree, tmp_path):
    download(ExecServer(), [part(["sub/1?.txt", "empty", "nosuch"], str(tree), prefix="x")], tmp_path / "back")
    assert sorted(files_below(tmp_path / "back")) == sorted(["x/empty", *(f"x/sub/1{n}.txt" for n in range(10))])


def test_a_hollow_file_has_its_size_and_nothing_else(tree, tmp_path):
    download(ExecServer(), [part(["sub/deep/*"], str(tree), hollow=True)], tmp_path / "back")
    assert (tmp_path / "back" / "sub" / "deep" / "big.bin").read_bytes().count(0) == BIG


def test_a_connection_that_breaks_leaves_no_half_file(tree, tmp_path):
    with pytest.raises(Unavailable, match="broke off"):
        download(ExecServer(breaks_after=2_000_000), [part([""], str(tree))], tmp_path / "back")
    whole = files_below(tree)
    for name, content in files_below(tmp_path / "back").items():
        assert content == whole[name]


def test_a_file_with_another_hash_is_not_put_in_place(tree, tmp_path):
    right = digest(b"file 1")
    parts = [part(["1.txt"], str(tree / "sub"))]
    download(ExecServer(), parts, tmp_path / "back", {"1.txt": right})
    (tree / "sub" / "1.txt").write_text("file x")
    with pytest.raises(transfer.TransferError, match=right):
        download(ExecServer(), parts, tmp_path / "other", {"1.txt": right})
    assert files_below(tmp_path / "other") == {}


def test_a_name_that_is_not_there_is_named(tree, tmp_path):
    with pytest.raises(transfer.NoSuchFile, match="tree/nosuch"):
        download(ExecServer(), [part(["nosuch"], str(tree), required=True)], tmp_path / "back")


def test_a_full_disk_here_is_said_and_ends_the_transfer(tree):
    with pytest.raises(OSError, match="full"):
        download(ExecServer(), [part([""], str(tree))], Path("/dev/full"))


def test_a_folder_there_that_cannot_be_written_is_named(tree):
    with pytest.raises(transfer.TransferError, match="/proc/nosuch"):
        upload(ExecServer(), [part([""], str(tree))], Path("/proc/nosuch"))


def test_what_cannot_be_read_here_ends_an_upload(tree, tmp_path):
    """The other side waits for more, and must not wait for ever."""

    def stop(_: int) -> None:
        raise OSError(5, "Input/output error", "images/7.png")

    with pytest.raises(OSError, match=r"images/7\.png"):
        upload(ExecServer(), [part([""], str(tree))], tmp_path / "there", stop)


def test_links_that_lead_out_are_left(tree, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tree / "out").symlink_to(tmp_path / "secret")
    (tree / "inside").symlink_to(tree / "empty")
    (tree / "circle").symlink_to(tree)
    download(ExecServer(), [part([""], str(tree))], tmp_path / "back")
    found = files_below(tmp_path / "back")
    assert "out" not in found
    assert found["inside"] == digest(b"")
    assert not any(name.startswith("circle") for name in found)


def test_a_file_is_shown_and_its_absence_said(tree):
    shown: list[bytes] = []

    async def work(name: str) -> None:
        async with serving(ExecServer()) as pod:
            await transfer.show(pod, str(tree / name), shown.append)

    asyncio.run(work("sub/deep/big.bin"))
    assert digest(b"".join(shown)) == digest((tree / "sub" / "deep" / "big.bin").read_bytes())
    with pytest.raises(transfer.TransferError, match="nosuch"):
        asyncio.run(work("nosuch"))


def test_a_folder_is_removed_and_none_is_fine(tree):
    async def work() -> None:
        async with serving(ExecServer()) as pod:
            await transfer.delete(pod, str(tree))
            await transfer.delete(pod, str(tree))

    asyncio.run(work())
    assert not tree.exists()
