"""What the documentation shows is so: links lead somewhere, manifests are right, the tutorial does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md")])
BLOCK = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
#: Pages with blocks that are marked to be run here ("```sh run").
RUN = [page for page in PAGES if "\n```sh run\n" in page.read_text()]


def command(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``parallelrun`` with these arguments."""
    words = [sys.executable, "-m", "parallelrun.cli.main", *map(str, arguments)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page):
    """Every relative link of a page names a file or folder of the repository."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def test_every_page_can_be_found_from_the_index():
    """No page of docs/ is left out of docs/README.md."""
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")]
    assert [page for page in pages if page != "README.md" and f"({page})" not in index] == []


def test_the_readme_s_manifest_is_the_mnist_example_s():
    """The manifest in README.md is right, and says what examples/mnist/job.yaml says."""
    shown = next(text for kind, _, text in BLOCK.findall((ROOT / "README.md").read_text()) if kind == "yaml")
    spec = yaml.safe_load(shown)["spec"]
    example = yaml.safe_load((ROOT / "examples" / "mnist" / "job.yaml").read_text())["spec"]
    assert {key: example[key] for key in spec} == spec


def test_the_pages_that_are_run_are_known():
    """A page whose marks got lost would not be run any more, and nobody would notice."""
    assert [page.name for page in RUN] == ["move-from-azure-ml.md", "pipelines.md", "register.md", "first-job.md"]


def test_fields_named_in_the_pages_exist():
    """Tables and text name fields that a manifest has."""
    reference = (ROOT / "docs" / "reference" / "manifest.md").read_text()
    fields = {path.rpartition(".")[2] for path in re.findall(r"^\| `([^`]+)`", reference, re.MULTILINE)}
    for line in (ROOT / "docs" / "how-to" / "failures.md").read_text().splitlines():
        named = re.match(r"\| `(\w+)` \|", line)
        assert named is None or named[1] in fields, line


def test_pages_on_fields_are_made_from_the_schemas(tmp_path):
    """They are what tools/manifest_reference.py makes of crds/: otherwise run `make generate`."""
    subprocess.run([sys.executable, ROOT / "tools" / "manifest_reference.py", ROOT / "crds", tmp_path], check=True)
    for page in ("manifest.md", "registered.md", "pipelines.md"):
        assert (tmp_path / page).read_text() == (ROOT / "docs" / "reference" / page).read_text()


@pytest.mark.engine
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_a_page_with_commands_does_what_it_says(page, tmp_path):
    """Its files are written, its commands run in order in one shell, and what they print is what is shown."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "parallelrun"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m parallelrun.cli.main "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    folder, printed, checked = tmp_path, "", 0
    for kind, what, body in BLOCK.findall(page.read_text()):
        if what.startswith("file="):
            target = tmp_path / what.removeprefix("file=")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(body)
        elif what == "run":
            script = f"set -e\n{body}\npwd > {tmp_path}/folder"
            done = subprocess.run(
                ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, f"{body}\n{done.stderr}"
            printed, folder = done.stdout, Path((tmp_path / "folder").read_text().strip())
        elif not kind:
            assert printed.endswith(body), f"the page shows {body!r}, printed was {printed!r}"
            checked += 1
    assert checked


@pytest.mark.engine
def test_the_tutorial_s_failing_job_shows_the_user_s_error(tmp_path):
    """A failed item fails the job with exit status 1 and the script's own exception."""
    text = (ROOT / "docs" / "tutorial" / "first-job.md").read_text()
    (tmp_path / "first" / "code").mkdir(parents=True)
    (tmp_path / "first" / "numbers").mkdir()
    for _, what, body in BLOCK.findall(text):
        if what.startswith("file="):
            (tmp_path / what.removeprefix("file=")).write_text(body)
    (tmp_path / "first" / "numbers" / "7.txt").write_text("seven\n")
    done = command("run", "job.yaml", "--output", "failed", cwd=tmp_path / "first")
    assert done.returncode == 1
    assert "invalid literal for int() with base 10: 'seven" in done.stderr
    assert "7.txt" in done.stderr
