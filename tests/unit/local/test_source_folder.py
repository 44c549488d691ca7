"""The copy of a job's source: all of its code, nothing else, and a hash that sees every change."""

import os
from pathlib import Path

import pytest

from parallelrun.api import source_files
from parallelrun.api.errors import InputChanged, SourceError
from parallelrun.local import run_folder, source


@pytest.fixture
def code(tmp_path: Path) -> Path:
    root = tmp_path / "code"
    (root / "pkg").mkdir(parents=True)
    (root / "score.py").write_text("x")
    (root / "pkg" / "a b\n.py").write_text("y")
    (root / "tool.sh").write_text("z")
    (root / "tool.sh").chmod(0o555)
    return root


def names(root: Path, skip: Path | None = None) -> list[str]:
    return [file.name for file in source.files(root, skip)]


def test_copies_are_writable_and_keep_what_is_executable(code: Path, tmp_path: Path) -> None:
    digests = source.copy(code, source.files(code), tmp_path / "copy")
    assert list(digests) == ["pkg/a b\n.py", "score.py", "tool.sh"]
    assert (tmp_path / "copy" / "pkg" / "a b\n.py").read_text() == "y"
    assert (tmp_path / "copy" / "tool.sh").stat().st_mode & 0o777 == 0o755
    assert source_files.digests(code, source.files(code)) == digests


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n---\nkind: Secret\r\nstringData: {accountKey: x}\n",
        'items: [{"kind": "Secret"}]',
        "secretGenerator:\n- name: key\n  literals: [accountKey=x]\n",
    ],
)
def test_secrets_are_left_out(code: Path, text: str) -> None:
    (code / "pkg" / "lake.yaml").write_text(text)
    (code / "conf.yaml").write_text("kind: SecretStore\nmodel: x\n")
    assert names(code) == ["conf.yaml", "pkg/a b\n.py", "score.py", "tool.sh"]


def test_version_control_caches_and_runs_are_left_out(code: Path) -> None:
    for name in (".git", "__pycache__", ".venv", "pkg/__pycache__"):
        (code / name).mkdir()
        (code / name / "junk").write_text("")
    folder, lock = run_folder.new("job", code / "runs" / "job-1")
    (folder / "results").write_text("")
    lock.close()
    (code / "mine").mkdir()
    (code / "mine" / "x").write_text("")
    assert names(code, code / "mine") == ["pkg/a b\n.py", "score.py", "tool.sh"]


def test_links_are_followed_but_not_in_circles_and_not_to_nowhere(code: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "util.py").write_text("shared")
    (code / "shared").symlink_to(tmp_path / "shared")
    (code / "pkg" / "up").symlink_to(code)
    (code / ".#score.py").symlink_to("nobody@nowhere")
    os.mkfifo(code / "pipe")
    assert names(code) == ["pkg/a b\n.py", "score.py", "shared/util.py", "tool.sh"]


def test_names_that_are_not_utf8_are_copied(code: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    (code / name).write_text("x")
    digests = source.copy(code, source.files(code), tmp_path / "copy")
    assert (tmp_path / "copy" / name).exists()
    run_folder.write_json(tmp_path, "digests.json", digests)
    assert run_folder.read_json(tmp_path, "digests.json") == digests
    assert source_files.combined(digests)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda root: (root / "score.py").write_text("X"), "score.py has changed"),
        (lambda root: (root / "score.py").unlink(), "score.py was removed"),
        (lambda root: (root / "new.py").write_text(""), "new.py was added"),
        (lambda root: (root / "tool.sh").chmod(0o644), "tool.sh has changed"),
        (lambda root: (root / "score.py").rename(root / "a.py"), "a.py was added, and 1 more"),
    ],
)
def test_every_change_changes_the_hash_and_is_named(code: Path, change: object, said: str) -> None:
    before = source_files.digests(code, source.files(code))
    assert source_files.difference(before, source_files.digests(code, source.files(code))) == ""
    change(code)  # type: ignore[operator]
    now = source_files.digests(code, source.files(code))
    assert source_files.combined(now) != source_files.combined(before)
    assert source_files.difference(before, now) == said


def test_a_folder_above_the_limits_is_refused_with_its_largest_part(
    code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code / "data").mkdir()
    for number in range(5):
        (code / "data" / str(number)).write_text("")
    monkeypatch.setattr(source_files, "MAX_FILES", 4)
    with pytest.raises(SourceError, match=r"above 4 files, most of it in data(.|\n)*hold only code"):
        source.files(code)


def test_one_huge_file_is_refused_before_it_is_read(code: Path) -> None:
    with open(code / "data.csv", "wb") as file:
        file.truncate(source_files.MAX_BYTES + 1)
    with pytest.raises(SourceError, match=r"above 300 MB, most of it in data.csv"):
        source.files(code)


def test_a_source_that_is_missing_or_a_file_is_refused(code: Path) -> None:
    with pytest.raises(SourceError, match=r'source.directory: .*cod does not exist(.|\n)*Did you mean "code"'):
        source_files.folder("spec.source.directory", code.parent / "cod")
    with pytest.raises(SourceError, match=r"is a file, not a folder(.|\n)*Name the folder it is in"):
        source_files.folder("--source", code / "score.py")


def test_an_earlier_run_s_copy_is_copied_without_what_its_script_made(code: Path, tmp_path: Path) -> None:
    digests = source.copy(code, source.files(code), tmp_path / "first")
    (tmp_path / "first" / "made-by-script").write_text("")
    source.copy_again(tmp_path / "first", digests, tmp_path / "second")
    assert names(tmp_path / "second") == list(digests)
    (tmp_path / "first" / "score.py").write_text("changed by itself")
    with pytest.raises(InputChanged, match=r"score.py is not what it was(.|\n)*--source"):
        source.copy_again(tmp_path / "first", digests, tmp_path / "third")
    (tmp_path / "first" / "score.py").unlink()
    with pytest.raises(InputChanged, match=r"score.py is no longer there"):
        source.copy_again(tmp_path / "first", digests, tmp_path / "fourth")
