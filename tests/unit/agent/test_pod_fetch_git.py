"""A source folder from a Git repository, over HTTP and without a git program, at a branch, a tag or a commit."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from dulwich import porcelain
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

from parallelrun.api.errors import SourceError
from parallelrun_agent.pod import fetch_git, words

AUTHOR = b"A <a@example.com>"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Origin:
    """A repository on a local web server: two commits on master, a branch, tags, and what checkouts stumble over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = Repo.init(str(folder), mkdir=True, default_branch=b"master")
        self.first = self.commit({"app/score.py": "one", "app/run.sh": "#!", "README": "read"})
        porcelain.tag_create(self.repository, b"v1", annotated=True, author=AUTHOR, message=b"first")
        porcelain.tag_create(self.repository, b"light")
        self.second = self.commit({"app/score.py": "two"})
        porcelain.branch_create(self.repository, b"feature")
        self.third = self.commit({"app/score.py": "three"})

    def commit(self, files: dict[str, str]) -> str:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if name.endswith(".sh") else 0o644)
        porcelain.add(self.repository, [str(self.folder / name) for name in files])
        return porcelain.commit(self.repository, message=b"m", author=AUTHOR, committer=AUTHOR).decode()

    def serve(self) -> WSGIServer:
        application = make_wsgi_chain(DictBackend({"/repo.git": self.repository}))
        server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/repo.git"
        return server


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    one = Origin(tmp_path_factory.mktemp("git") / "repo")
    server = one.serve()
    yield one
    server.shutdown()
    server.server_close()
    one.repository.close()


@pytest.mark.parametrize(
    ("ref", "text"),
    [("HEAD", "three"), ("master", "three"), ("feature", "two"), ("v1", "one"), ("light", "one"),
     ("refs/heads/feature", "two"), ("refs/tags/v1", "one")],
)  # fmt: skip
def test_branches_and_tags_give_their_newest_commit(origin, tmp_path, ref, text):
    said = fetch_git.fetch(origin.url, ref, "app", tmp_path / "to")
    assert (tmp_path / "to" / "score.py").read_text() == text
    assert said.startswith(f"fetched 2 files of {origin.url} at {ref}: commit ")


@pytest.mark.parametrize("length", [40, 10])
def test_a_commit_in_the_midst_of_history_is_found_by_its_hash(origin, tmp_path, length):
    for commit, text in ((origin.first, "one"), (origin.second, "two"), (origin.third, "three")):
        said = fetch_git.fetch(origin.url, commit[:length], "app", tmp_path / text)
        assert (tmp_path / text / "score.py").read_text() == text
        assert said.endswith(f"commit {commit}")


def test_the_whole_repository_comes_without_its_git_folder_and_with_permissions(origin, tmp_path):
    fetch_git.fetch(origin.url, "master", ".", tmp_path / "to")
    found = sorted(str(p.relative_to(tmp_path / "to")) for p in (tmp_path / "to").rglob("*") if p.is_file())
    assert found == ["README", "app/run.sh", "app/score.py"]
    assert os.access(tmp_path / "to" / "app" / "run.sh", os.X_OK)
    assert not os.access(tmp_path / "to" / "README", os.X_OK)


def test_a_file_repository_works_as_well_and_a_second_time_over_what_is_there(origin, tmp_path):
    for _ in range(2):
        fetch_git.fetch(f"file://{origin.folder}", "v1", "app", tmp_path / "to")
    assert (tmp_path / "to" / "score.py").read_text() == "one"


@pytest.mark.parametrize(
    ("ref", "path", "message", "hint"),
    [
        ("featur", "app", "has no branch, tag or commit featur.", 'Did you mean "feature"?'),
        ("0123456789", "app", "has no branch, tag or commit 0123456789.", "in the history of a branch or tag"),
        ("v1", "ap", "has no folder ap.", 'Did you mean "app"?'),
        ("v1", "README", "README in .* is not a folder.", "Name the folder it is in."),
    ],
)
def test_what_is_not_there_is_named(origin, tmp_path, ref, path, message, hint):
    with pytest.raises(SourceError, match=message) as caught:
        fetch_git.fetch(origin.url, ref, path, tmp_path / "to")
    assert hint in caught.value.hint
    assert caught.value.message.startswith("spec.source.git")


def test_a_repository_that_does_not_answer_is_named_without_its_password(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(words, "TERMINATION_LOG", str(tmp_path / "log"))
    monkeypatch.setattr(words, "end_at_sigterm", lambda: None)
    assert fetch_git.main(["http://me:secret@127.0.0.1:1/x.git", "main", ".", str(tmp_path / "to")]) == 1
    said = (tmp_path / "log").read_text()
    assert said.startswith("spec.source.git.url: http://me:***@127.0.0.1:1/x.git cannot be fetched: ")
    assert "secret" not in said + capsys.readouterr().err


def test_a_submodule_is_left_out_and_said_and_a_link_stays_a_link(tmp_path):
    origin = Origin(tmp_path / "repo")
    (origin.folder / "app" / "latest.py").symlink_to("score.py")
    porcelain.add(origin.repository, [str(origin.folder / "app" / "latest.py")])
    from dulwich.index import IndexEntry

    index = origin.repository.open_index()
    like = index[b"README"]
    index[b"app/vendor"] = IndexEntry(
        like.ctime, like.mtime, like.dev, like.ino, 0o160000, like.uid, like.gid, 0, origin.first.encode()
    )
    index.write()
    porcelain.commit(origin.repository, message=b"m", author=AUTHOR, committer=AUTHOR)
    said = fetch_git.fetch(f"file://{origin.folder}", "master", "app", tmp_path / "to")
    assert said.endswith("left out the submodules vendor")
    assert os.readlink(tmp_path / "to" / "latest.py") == "score.py"
    assert not (tmp_path / "to" / "vendor").exists()
    origin.repository.close()


def test_a_tree_that_would_write_outside_of_the_folder_is_refused(tmp_path):
    from dulwich.objects import Blob, Commit, Tree

    folder = tmp_path / "repo"
    repository = Repo.init(str(folder), mkdir=True, default_branch=b"master")
    blob, inner, outer, commit = Blob.from_string(b"x"), Tree(), Tree(), Commit()
    inner.add(b"escaped", 0o100644, blob.id)
    outer.add(b"..", 0o40000, inner.id)
    commit.tree, commit.author, commit.committer, commit.message = outer.id, AUTHOR, AUTHOR, b"m"
    commit.author_time = commit.commit_time = commit.author_timezone = commit.commit_timezone = 0
    for one in (blob, inner, outer, commit):
        repository.object_store.add_object(one)
    repository.refs[b"refs/heads/master"] = commit.id
    with pytest.raises(SourceError, match=r"has a file named '../escaped'"):
        fetch_git.fetch(f"file://{folder}", "master", ".", tmp_path / "to")
    assert not (tmp_path / "escaped").exists()
    repository.close()
