"""The job's private packages: made once, found again by what is in them. Nothing here needs a package index."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cluster_harness.wheel import WHEEL, write_wheel

from parallelrun.api.errors import EnvironmentError_
from parallelrun.api.models import Environment
from parallelrun.local import environment
from parallelrun_worker.environment import installers


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.setenv(name, "1")
    (tmp_path / "base").mkdir()
    write_wheel(tmp_path / "base")
    return tmp_path / "base"


def ensure(base: Path, said: list[str], **wanted: object) -> str | None:
    return environment.ensure(Environment.model_validate(wanted), base, base, said.append)


def value_in(python: str | None) -> str:
    assert python is not None
    program = "import tiny, pyarrow, parallelrun_worker, sys; print(tiny.VALUE, sys.prefix != sys.base_prefix)"
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_a_job_without_packages_runs_in_this_python(base: Path) -> None:
    assert ensure(base, []) is None
    assert not environment.cache().exists()


def test_a_venv_has_its_own_packages_before_ours_and_is_built_once(base: Path) -> None:
    said: list[str] = []
    python = ensure(base, said, pip=[f"./{WHEEL}"])
    assert value_in(python) == "1 True"
    assert ensure(base, said, pip=[f"./{WHEEL}"]) == python
    assert len(said) == 1
    assert "installing" in said[0]
    write_wheel(base, value=2)
    other = ensure(base, said, pip=[f"./{WHEEL}"])
    assert other != python
    assert value_in(other) == "2 True"


def test_without_uv_pip_does_the_same(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which
    monkeypatch.setattr(installers.shutil, "which", lambda name, **more: None if name == "uv" else real(name, **more))
    assert value_in(ensure(base, [], pip=[f"./{WHEEL}"])) == "1 True"


def test_runs_that_want_the_same_venv_at_once_build_it_once(base: Path) -> None:
    said: list[str] = []
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(ensure(base, said, pip=[f"./{WHEEL}"]))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert len([line for line in said if "installing" in line]) == 1
    assert value_in(found[0]) == "1 True"


def test_an_environment_that_was_deleted_is_made_again(base: Path) -> None:
    python = ensure(base, [], pip=[f"./{WHEEL}"])
    shutil.rmtree(Path(str(python)).parents[2])
    assert value_in(ensure(base, [], pip=[f"./{WHEEL}"])) == "1 True"


def test_a_requirements_file_counts_with_what_it_includes(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installers, "build", lambda recipe, place, say: os.mkdir(place))
    file = base / "requirements.txt"
    file.write_text("# ours\n-r more.txt\na==1 # why\n")
    (base / "more.txt").write_text("b==1\n")
    first = ensure(base, [], requirements="requirements.txt")
    (base / "more.txt").write_text("b==2\n")
    assert ensure(base, [], requirements="requirements.txt") != first
    (base / "more.txt").write_text("\n# a remark\nb==1\n")
    file.write_text("-r more.txt\na==1\n")
    assert ensure(base, [], requirements="requirements.txt") == first


def test_hashes_of_a_requirements_file_must_fit(base: Path) -> None:
    (base / "requirements.txt").write_text(f"./{WHEEL} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(EnvironmentError_, match=r"(?i)hash"):
        ensure(base, [], requirements="requirements.txt")


def test_a_conda_file_is_made_by_the_conda_that_is_there(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = base / "bin" / "micromamba"
    program.parent.mkdir()
    program.write_text(f"""#!/bin/sh
echo "$@" >>{base}/said
[ "$1 $2 $4" = "create --prefix --file" ] && exec {sys.executable} -m venv --without-pip "$3"
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("MAMBA_EXE", raising=False)
    (base / "conda.yml").write_text("dependencies: [python]\n")
    python = ensure(base, [], conda="conda.yml")
    assert ensure(base, [], conda="conda.yml") == python
    assert subprocess.run([str(python), "-c", "print(1)"], capture_output=True, text=True, check=True).stdout == "1\n"
    assert (base / "said").read_text().count("\n") == 1
    (base / "conda.yml").write_text("dependencies: [python=3.11]\n")
    assert ensure(base, [], conda="conda.yml") != python


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"pip": ["no-such-package-x==1"]}, r"Could not install the job's packages(.|\n)*no-such-package-x"),
        ({"pip": ["-e ."]}, r"environment.pip: -e . is a folder"),
        ({"pip": ["./"]}, r"environment.pip: ./ is a folder"),
        ({"requirements": "nothere.txt"}, r"environment.requirements: .*nothere.txt does not exist"),
        ({"conda": "nothere.yml"}, r"environment.conda: .*nothere.yml does not exist"),
    ],
)
def test_what_cannot_be_made_is_said_with_the_installer_s_last_words(
    base: Path, wanted: dict[str, object], words: str
) -> None:
    with pytest.raises(EnvironmentError_, match=words) as caught:
        ensure(base, [], **wanted)
    assert len(str(caught.value).splitlines()) < 24


def test_a_conda_file_without_any_conda_is_refused_by_name(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installers, "_CONDA_FOLDERS", ())
    monkeypatch.setenv("PATH", str(base))
    for name in ("MAMBA_EXE", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    (base / "conda.yml").write_text("dependencies: [python]\n")
    with pytest.raises(EnvironmentError_, match=r"environment.conda: neither micromamba(.|\n)*pip"):
        ensure(base, [], conda="conda.yml")


def test_a_cache_that_cannot_be_written_is_said(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(base / WHEEL))
    with pytest.raises(EnvironmentError_, match=r"cannot be written to(.|\n)*XDG_CACHE_HOME"):
        ensure(base, [], pip=["x"])
