"""A packed source folder: the same bytes for the same files, and nothing leads out of where it is unpacked."""

from __future__ import annotations

import io
import tarfile

import pytest

from parallelrun.api import source_archive
from parallelrun.api.errors import SourceError
from parallelrun.cluster import packing


def folder(tmp_path, name="code"):
    root = tmp_path / name
    (root / "pkg").mkdir(parents=True)
    (root / "score.py").write_text("def run(m): return m\n")
    (root / "pkg" / "ümlaut.txt").write_bytes(b"\x00\xff")
    (root / "run.sh").write_text("true")
    (root / "run.sh").chmod(0o755)
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "x.pyc").touch()
    return root


def test_what_is_packed_is_unpacked_without_caches_and_with_permissions(tmp_path):
    root = folder(tmp_path)
    source_archive.unpack(packing.KEY, packing.archive(root), tmp_path / "out")
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == ["pkg/ümlaut.txt", "run.sh", "score.py"]
    assert (tmp_path / "out" / "pkg" / "ümlaut.txt").read_bytes() == b"\x00\xff"
    assert (tmp_path / "out" / "run.sh").stat().st_mode & 0o111


def test_the_same_files_have_the_same_bytes_and_name(tmp_path):
    one = packing.config_map(packing.archive(folder(tmp_path, "a")), "mnist", "team")
    two = packing.config_map(packing.archive(folder(tmp_path, "b")), "mnist", "team")
    assert one == two
    assert one["metadata"]["name"].startswith("mnist-source-")


def test_another_file_is_another_name(tmp_path):
    root = folder(tmp_path)
    before = packing.config_map(packing.archive(root), "mnist", "team")["metadata"]["name"]
    (root / "score.py").write_text("def run(m): return []\n")
    assert packing.config_map(packing.archive(root), "mnist", "team")["metadata"]["name"] != before


def test_a_long_job_name_leaves_room_for_the_hash(tmp_path):
    name = packing.config_map(b"x", "j" * 253, "team")["metadata"]["name"]
    assert len(name) == 253
    assert "-source-" in name


def test_a_folder_above_the_limit_is_refused_with_both_sizes_and_what_is_large(tmp_path):
    import random

    root = folder(tmp_path)
    (root / "model.bin").write_bytes(random.Random(1).randbytes(packing.LIMIT))
    with pytest.raises(SourceError, match=r"1,0\d\d KB, above the 1,024 KB .* model.bin \(1,024 KB\)"):
        packing.archive(root)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (tarfile.TarInfo("../out.py"), "leads out"),
        (tarfile.TarInfo("/etc/out.py"), "leads out"),
        (tarfile.TarInfo("a/../../out.py"), "leads out"),
    ],
)
def test_a_name_that_leads_out_is_refused(tmp_path, entry, said):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(b""))
    with pytest.raises(SourceError, match=said):
        source_archive.unpack("x.tar", data.getvalue(), tmp_path / "out")
    assert not (tmp_path / "out.py").exists()


def test_a_link_is_refused_by_name(tmp_path):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        link = tarfile.TarInfo("passwd")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(SourceError, match=r"x\.tar cannot be unpacked: passwd is neither"):
        source_archive.unpack("x.tar", data.getvalue(), tmp_path / "out")


def test_a_damaged_archive_is_refused_by_name(tmp_path):
    data = packing.archive(folder(tmp_path))
    with pytest.raises(SourceError, match=r"x\.tar\.gz cannot be unpacked"):
        source_archive.unpack("x.tar.gz", data[: len(data) // 2], tmp_path / "out")
