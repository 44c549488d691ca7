"""The job's private packages: a venv built once, found again by what is in it. Nothing here needs a package index."""

import shutil
import subprocess
import threading
import zipfile
from pathlib import Path

import pytest

from parallelrun.api.errors import EnvironmentError_
from parallelrun.api.models import Environment
from parallelrun.local import environment

WHEEL = "tiny-1.0-py3-none-any.whl"


def write_wheel(folder: Path, value: int = 1) -> Path:
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("tiny.py", f"VALUE = {value}\n")
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(
            "tiny-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    return folder / WHEEL


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.setenv(name, "1")
    (tmp_path / "base").mkdir()
    write_wheel(tmp_path / "base")
    return tmp_path / "base"


def ensure(base: Path, said: list[str], **wanted: object) -> str | None:
    requirements = wanted.pop("requirements_file", None)
    assert requirements is None or isinstance(requirements, Path)
    return environment.ensure(Environment.model_validate(wanted), requirements, base, said.append)


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
    monkeypatch.setattr(environment.shutil, "which", lambda name: None if name == "uv" else real(name))
    assert value_in(ensure(base, [], pip=[f"./{WHEEL}"])) == "1 True"


def test_runs_that_want_the_same_venv_at_once_build_it_once_and_a_torn_one_again(base: Path) -> None:
    said: list[str] = []
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(ensure(base, said, pip=[f"./{WHEEL}"]))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(said) == 1
    folder = Path(str(found[0])).parent.parent
    (folder / ".parallelrun-complete").unlink()
    shutil.rmtree(folder / "lib")
    assert value_in(ensure(base, said, pip=[f"./{WHEEL}"])) == "1 True"


def test_a_requirements_file_counts_with_what_it_includes(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(environment, "_build", lambda folder, *rest: (built.append(folder.name), folder.mkdir()))
    file = base / "requirements.txt"
    file.write_text("# ours\n-r more.txt\na==1 # why\n")
    (base / "more.txt").write_text("b==1\n")
    first = ensure(base, [], requirements_file=file)
    (base / "more.txt").write_text("b==2\n")
    assert ensure(base, [], requirements_file=file) != first
    (base / "more.txt").write_text("\n# a remark\nb==1\n")
    file.write_text("-r more.txt\na==1\n")
    shutil.rmtree(environment.cache() / built[0])
    assert ensure(base, [], requirements_file=file) == first


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"conda": "env.yml"}, r"environment.conda: env.yml cannot be made by a local run(.|\n)*pip"),
        ({"pip": ["no-such-package-x==1"]}, r"Could not install the job's packages(.|\n)*no-such-package-x"),
        ({"pip": ["-e ."]}, r"environment.pip: -e . is a folder on this machine"),
        ({"pip": ["./"]}, r"environment.pip: ./ is a folder on this machine"),
        ({"requirements_file": Path("nothere.txt")}, r"environment.requirements: .*nothere.txt does not exist"),
    ],
)
def test_what_cannot_be_made_is_said_with_the_installer_s_last_words(
    base: Path, wanted: dict[str, object], words: str
) -> None:
    wanted = {key: base / value if isinstance(value, Path) else value for key, value in wanted.items()}
    with pytest.raises(EnvironmentError_, match=words) as caught:
        ensure(base, [], **wanted)
    assert len(str(caught.value).splitlines()) < 24


def test_a_cache_that_cannot_be_written_is_said(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(base / WHEEL))
    with pytest.raises(EnvironmentError_, match=r"cannot be written to(.|\n)*XDG_CACHE_HOME"):
        ensure(base, [], pip=["x"])
