"""Manifests with something wrong in them, or in what they name, and what has to be said of each.

Here: the case itself, and what is refused before anything runs; ``bad_inputs`` and ``bad_scripts`` have what only a run
finds out. Every case starts from one job that works and changes what its name says. ``status`` is the exit status: 2
where nothing of the user's was started, 1 where the job ran and failed, 0 where the thresholds tolerate it or nothing
is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SCRIPT = """\
import os

def init():
    pass

def run(mini_batch):
    return [os.path.basename(path) for path in mini_batch]
"""

TABLE_SCRIPT = "def run(mini_batch):\n    return mini_batch\n"

JOB = """\
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {name: bad}
spec:
  source: {directory: ./code}
  entryScript: script.py
  inputs: [{name: files, type: File, paths: ["in/*.txt"]}]
  miniBatchSize: 1
"""

ONE_TRY = {"runMaxTry": 1}

FILES: dict[str, str | bytes] = {f"in/{n}.txt": str(n) for n in range(4)}


@dataclass(frozen=True)
class Case:
    """One thing that is wrong. ``says``: regular expressions that stderr has to match, each somewhere."""

    name: str
    status: int
    says: tuple[str, ...]
    spec: dict[str, Any] = field(default_factory=dict)  # fields of the spec that replace those of JOB; None removes
    script: str = SCRIPT
    manifest: str | bytes | None = None  # in place of JOB
    files: dict[str, str | bytes] = field(default_factory=dict)  # besides the job's
    arrange: Callable[[Path], None] | None = None  # what files alone cannot say
    words: tuple[str, ...] | None = None  # in place of "run job.yaml --output out"; {here} is the folder
    environment: dict[str, str] = field(default_factory=dict)  # of the command; {here} is the folder
    output: str | bytes | None = None  # the result, where status is 0; its lines in any order where ``unordered``
    unordered: bool = False

    def write(self, folder: Path) -> list[str]:
        """Lay the case out in ``folder``; the words of its command."""
        for name, content in {**FILES, "code/script.py": self.script, "job.yaml": self.text(), **self.files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if self.arrange is not None:
            self.arrange(folder)
        words = self.words or ("run", "{here}/job.yaml", "--output", "{here}/out")
        return [word.replace("{here}", str(folder)) for word in words]

    def text(self) -> str | bytes:
        """The manifest."""
        if self.manifest is not None:
            return self.manifest
        document = yaml.safe_load(JOB)
        document["spec"].update(self.spec)
        document["spec"] = {name: value for name, value in document["spec"].items() if value is not None}
        return yaml.safe_dump(document, sort_keys=False)


def run_with(*words: str) -> tuple[str, ...]:
    return ("run", "{here}/job.yaml", "--output", "{here}/out", *words)


def changed(old: str, new: str) -> str:
    assert old in JOB
    return JOB.replace(old, new)


def files_from(*paths: str, **more: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "files", "type": "File", "paths": list(paths), **more}]}


def table_from(*paths: str, size: str | None = "1MB", **more: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "rows", "type": "Tabular", "paths": list(paths), **more}], "miniBatchSize": size}


def raising(where: str) -> str:
    return SCRIPT.replace("def run(mini_batch):\n", f"def run(mini_batch):\n    {where}\n")


def returning(value: str) -> str:
    return SCRIPT.replace("[os.path.basename(path) for path in mini_batch]", value)


# --- the manifest: refused before anything is looked at --------------------------------------------------------------

MANIFESTS = [
    Case(
        "no-such-manifest",
        2,
        (r"jbo\.yaml: the manifest cannot be read", r"Did you mean .*job\.yaml"),
        words=("run", "{here}/jbo.yaml"),
    ),
    Case("a-folder-as-manifest", 2, (r"is a directory", r"give a file: .*job\.yaml"), words=("run", "{here}")),
    Case("no-manifest-given", 2, ("neither was given", "Example: parallelrun run job.yaml"), words=("run",)),
    Case("an-unknown-option", 2, ("--outptu",), words=("run", "{here}/job.yaml", "--outptu", "x")),
    Case("an-empty-manifest", 2, ("no ParallelRunJob in this file", "empty"), manifest="# nothing yet\n"),
    Case(
        "a-manifest-in-another-encoding",
        2,
        (r"job\.yaml:3: the manifest is not UTF-8", "Save it as UTF-8"),
        manifest=JOB.replace("bad", "caf\xe9").encode("latin-1"),
    ),
    Case("a-binary-as-manifest", 2, (r"job\.yaml", "not (UTF-8|YAML)"), manifest=bytes(range(256)) * 40),
    Case("a-tab-in-yaml", 2, (r"job\.yaml:6", "a tab"), manifest=changed("  entryScript", "\tentryScript")),
    Case("a-quote-that-is-not-closed", 2, (r"job\.yaml:7", "quote"), manifest=changed("script.py", '"script.py')),
    Case(
        "a-key-given-twice",
        2,
        (r"job\.yaml:9", r"spec\.miniBatchSize", "twice, first on line 8"),
        manifest=JOB + "  miniBatchSize: 2\n",
    ),
    Case("two-jobs-in-a-file", 2, ("second ParallelRunJob", "each job into its own"), manifest=f"{JOB}---\n{JOB}"),
    Case(
        "another-kind",
        2,
        (r"kind: \"Deployment\"", "kind: ParallelRunJob"),
        manifest=changed("ParallelRunJob", "Deployment"),
    ),
    Case(
        "a-kind-misspelt",
        2,
        (r"kind: \"ParallelRunJbo\"", "kind: ParallelRunJob"),
        manifest=changed("RunJob", "RunJbo"),
    ),
    Case("a-list-as-manifest", 2, ("a manifest is an object",), manifest="- a\n- b\n"),
    Case(
        "aliases-without-an-end",
        2,
        ("alias",),
        manifest="a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    ),
    Case("a-wrong-type", 2, (r"job\.yaml:\d", r"spec\.nodeCount", "integer", "two"), spec={"nodeCount": "two"}),
    Case("a-number-for-a-list", 2, (r"spec\.arguments", "array", "7"), spec={"arguments": 7}),
    Case("a-text-for-an-object", 2, (r"spec\.source", "object"), spec={"source": "./code"}),
    Case("an-unknown-field", 2, (r"spec\.nodeCuont", "nodeCount"), spec={"nodeCuont": 2}),
    Case("a-required-field-missing", 2, (r"spec\.entryScript", "entryScript: "), spec={"entryScript": None}),
    Case("no-inputs", 2, (r"spec\.inputs",), spec={"inputs": []}),
    Case("sixty-mistakes-at-once", 2, (r"spec\.x0", "more"), spec={f"x{n}": n for n in range(60)}),
    Case("no-such-choice", 2, (r"spec\.loggingLevel", "LOUD", "DEBUG"), spec={"loggingLevel": "LOUD"}),
    Case("a-size-that-is-none", 2, (r"spec\.miniBatchSize", "ten"), spec={"miniBatchSize": "ten"}),
    Case("a-number-too-small", 2, (r"spec\.runMaxTry", "0"), spec={"runMaxTry": 0}),
    Case("keys-and-size", 2, ("partitionKeys", "miniBatchSize"), spec={"partitionKeys": ["Store"]}),
    Case(
        "two-sources",
        2,
        (r"spec\.source", "exactly one|one of"),
        spec={"source": {"directory": "./code", "imagePath": "/app"}},
    ),
    Case("an-illegal-name", 2, (r"metadata\.name", "My_Job"), manifest=changed("bad", "My_Job")),
    Case(
        "files-and-tables-mixed",
        2,
        (r"spec\.inputs", "Tabular"),
        spec={
            "inputs": [
                {"name": "a", "type": "File", "paths": ["in/*.txt"]},
                {"name": "b", "type": "Tabular", "paths": ["in/*.csv"]},
            ]
        },
    ),
    Case(
        "a-column-of-no-type",
        2,
        (r"table\.columns", "intt"),
        spec=table_from("in/*.csv", table={"columns": {"a": "intt"}}),
    ),
    Case(
        "an-encoding-that-is-none",
        2,
        (r"encoding", "utf-88"),
        spec=table_from("in/*.csv", table={"encoding": "utf-88"}),
    ),
    Case(
        "a-set-of-an-unknown-field",
        2,
        ("--set spec.nodeCuont=2", "nodeCount"),
        words=run_with("--set", "spec.nodeCuont=2"),
    ),
    Case(
        "a-set-of-a-wrong-value",
        2,
        ("--set spec.nodeCount=many", "integer"),
        words=run_with("--set", "spec.nodeCount=many"),
    ),
    Case(
        "a-set-without-a-value",
        2,
        ("this is not FIELD=VALUE", "Example: --set spec.nodeCount=4"),
        words=run_with("--set", "spec.nodeCount"),
    ),
    Case(
        "a-reference-to-nothing",
        2,
        (r"spec\.arguments\[0\]", r"inputs\.nope", "declares"),
        spec={"arguments": ["$(inputs.nope)"]},
    ),
]

# --- what the manifest names: refused before anything is started -----------------------------------------------------


def a_run_of_another_job(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "settings.json").write_text("{}")
    (folder / "out" / "header.json").write_text("{}")


def output_of_another_job(folder: Path) -> None:
    (folder / "results").mkdir()
    (folder / "results" / "_OWNER").write_text("default/other\n")
    (folder / "results" / "parallel_run_step.txt").write_text("theirs\n")


PLACES = [
    Case(
        "no-such-source-folder",
        2,
        (r"spec\.source\.directory", "cdoe", "code"),
        spec={"source": {"directory": "./cdoe"}},
    ),
    Case(
        "a-file-as-source-folder",
        2,
        (r"spec\.source\.directory", "job.yaml"),
        spec={"source": {"directory": "job.yaml"}},
    ),
    Case(
        "no-such-script",
        2,
        (r"spec\.entryScript: there is no scirpt\.py", r"script\.py"),
        spec={"entryScript": "scirpt.py"},
    ),
    Case(
        "a-script-outside-of-the-source", 2, (r"spec\.entryScript", "without '..'"), spec={"entryScript": "../in/0.txt"}
    ),
    Case(
        "a-folder-as-script",
        2,
        (r"spec\.entryScript", "folder"),
        spec={"entryScript": "deep"},
        files={"code/deep/x.py": ""},
    ),
    Case("a-syntax-error", 2, ("not valid Python", r"script\.py, line 2", r"\^"), script="def init():\n    retrun 1\n"),
    Case("a-script-of-null-bytes", 2, (r"script\.py", "null bytes"), script="def run(x):\0\n"),
    Case(
        "a-script-in-another-encoding",
        2,
        (r"script\.py", "utf-8|UTF-8"),
        files={"code/script.py": "x = 'caf\xe9'\n".encode("latin-1")},
    ),
    Case(
        "no-run",
        2,
        (r"does not define run\(mini_batch\)", "predict"),
        script="def predict(mini_batch):\n    return []\n",
    ),
    Case(
        "run-in-a-class",
        2,
        ("class Scorer has a method run",),
        script="class Scorer:\n    def run(self, x):\n        return x\n",
    ),
    Case("no-such-input", 2, (r"spec\.inputs\[0\]\.paths\[0\]", "nope", "holds no"), spec=files_from("nope/*.txt")),
    Case(
        "no-such-side-input",
        2,
        (r"spec\.sideInputs\[0\]\.path", r"labels\.txt does not exist"),
        spec={"sideInputs": [{"name": "labels", "path": "labels.txt"}]},
    ),
    Case(
        "no-such-model",
        2,
        (r"spec\.models\[0\]\.path", "trained does not exist"),
        spec={"models": [{"name": "m", "path": "trained"}]},
    ),
    Case(
        "a-datastore-that-nobody-registered",
        2,
        (r"spec\.inputs\[0\]\.paths\[0\]", 'no Datastore registered as "sales"', "--register DIR"),
        spec=files_from("datastore://sales/x"),
    ),
    Case(
        "a-claim-without-a-map",
        2,
        ("pvc://data/x is on a claim", "--map pvc://data=DIR"),
        spec=files_from("pvc://data/x"),
    ),
    Case(
        "a-map-to-nowhere",
        2,
        ("--map pvc://data=.*there is no folder", "Example: --map pvc://data=/mnt/data"),
        spec=files_from("pvc://data/x"),
        words=run_with("--map", "pvc://data={here}/nope"),
    ),
    Case("a-full-output-folder", 2, ("out", "empty|something", "--output"), files={"out/mine.txt": "mine"}),
    Case("the-folder-of-another-run", 2, ("out", "--resume|--output"), arrange=a_run_of_another_job),
    Case(
        "an-output-folder-below-a-file",
        2,
        ("Not a directory", "--output"),
        words=("run", "{here}/job.yaml", "--output", "{here}/job.yaml/out"),
    ),
    Case(
        "an-output-folder-that-cannot-be",
        2,
        ("/proc/out", "cannot be written"),
        words=("run", "{here}/job.yaml", "--output", "/proc/out"),
    ),
    Case(
        "an-output-path-below-a-file",
        2,
        ("job.yaml/results", "cannot be written"),
        spec={"output": {"path": "job.yaml/results"}},
    ),
    Case(
        "the-output-of-another-job",
        2,
        (r"spec\.output\.path", "another job: default/other"),
        spec={"output": {"path": "results"}},
        arrange=output_of_another_job,
    ),
    Case("nothing-to-resume", 2, ("out does not exist", "Name the folder of a run"), words=run_with("--resume")),
    Case("no-such-kustomization", 2, ("kustomization",), words=("run", "-k", "{here}", "--output", "{here}/out")),
    Case("a-config-map-that-is-not-there", 2, ("mnist-code",), spec={"source": {"configMap": {"name": "mnist-code"}}}),
]
