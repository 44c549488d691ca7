"""Manifests, scripts and inputs with something wrong in them (or only odd), and what a run of each has to say.

Every case starts from one job that works and changes what its name says. ``status`` is the exit status: 2 where nothing
of the user's was started, 1 where the job ran and failed, 0 where the thresholds tolerate it or nothing is wrong.
"""

from __future__ import annotations

import gzip
import os
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
    output: str | bytes | None = None  # the result, where status is 0

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
    Case("no-such-manifest", 2, (r"jbo\.yaml: the manifest cannot be read", r"Did you mean .*job\.yaml"),
         words=("run", "{here}/jbo.yaml")),
    Case("a-folder-as-manifest", 2, (r"is a directory", r"give a file: .*job\.yaml"), words=("run", "{here}")),
    Case("no-manifest-given", 2, ("neither was given", "Example: parallelrun run job.yaml"), words=("run",)),
    Case("an-unknown-option", 2, ("--outptu",), words=("run", "{here}/job.yaml", "--outptu", "x")),
    Case("an-empty-manifest", 2, ("no ParallelRunJob in this file", "empty"), manifest="# nothing yet\n"),
    Case("a-manifest-in-another-encoding", 2, (r"job\.yaml:3: the manifest is not UTF-8", "Save it as UTF-8"),
         manifest=JOB.replace("bad", "caf\xe9").encode("latin-1")),
    Case("a-binary-as-manifest", 2, (r"job\.yaml", "not (UTF-8|YAML)"), manifest=bytes(range(256)) * 40),
    Case("a-tab-in-yaml", 2, (r"job\.yaml:6", "a tab"), manifest=changed("  entryScript", "\tentryScript")),
    Case("a-quote-that-is-not-closed", 2, (r"job\.yaml:7", "quote"), manifest=changed("script.py", '"script.py')),
    Case("a-key-given-twice", 2, (r"job\.yaml:9", r"spec\.miniBatchSize", "twice, first on line 8"),
         manifest=JOB + "  miniBatchSize: 2\n"),
    Case("two-jobs-in-a-file", 2, ("second ParallelRunJob", "each job into its own"), manifest=f"{JOB}---\n{JOB}"),
    Case("another-kind", 2, (r"kind: \"Deployment\"", "kind: ParallelRunJob"), manifest=changed("ParallelRunJob", "Deployment")),
    Case("a-kind-misspelt", 2, (r"kind: \"ParallelRunJbo\"", "kind: ParallelRunJob"), manifest=changed("RunJob", "RunJbo")),
    Case("a-list-as-manifest", 2, ("a manifest is an object",), manifest="- a\n- b\n"),
    Case("aliases-without-an-end", 2, ("alias",), manifest="a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))),
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
    Case("two-sources", 2, (r"spec\.source", "exactly one|one of"),
         spec={"source": {"directory": "./code", "imagePath": "/app"}}),
    Case("an-illegal-name", 2, (r"metadata\.name", "My_Job"), manifest=changed("bad", "My_Job")),
    Case("files-and-tables-mixed", 2, (r"spec\.inputs", "Tabular"), spec={"inputs": [
        {"name": "a", "type": "File", "paths": ["in/*.txt"]}, {"name": "b", "type": "Tabular", "paths": ["in/*.csv"]}]}),
    Case("a-column-of-no-type", 2, (r"table\.columns", "intt"),
         spec=table_from("in/*.csv", table={"columns": {"a": "intt"}})),
    Case("an-encoding-that-is-none", 2, (r"encoding", "utf-88"),
         spec=table_from("in/*.csv", table={"encoding": "utf-88"})),
    Case("a-set-of-an-unknown-field", 2, ("--set spec.nodeCuont=2", "nodeCount"), words=run_with("--set", "spec.nodeCuont=2")),
    Case("a-set-of-a-wrong-value", 2, ("--set spec.nodeCount=many", "integer"), words=run_with("--set", "spec.nodeCount=many")),
    Case("a-set-without-a-value", 2, ("this is not FIELD=VALUE", "Example: --set spec.nodeCount=4"), words=run_with("--set", "spec.nodeCount")),
    Case("a-reference-to-nothing", 2, (r"spec\.arguments\[0\]", r"inputs\.nope", "declares"), spec={"arguments": ["$(inputs.nope)"]}),
]  # fmt: skip

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
    Case("no-such-source-folder", 2, (r"spec\.source\.directory", "cdoe", "code"), spec={"source": {"directory": "./cdoe"}}),
    Case("a-file-as-source-folder", 2, (r"spec\.source\.directory", "job.yaml"), spec={"source": {"directory": "job.yaml"}}),
    Case("no-such-script", 2, (r"spec\.entryScript: there is no scirpt\.py", r"script\.py"), spec={"entryScript": "scirpt.py"}),
    Case("a-script-outside-of-the-source", 2, (r"spec\.entryScript", "without '..'"), spec={"entryScript": "../in/0.txt"}),
    Case("a-folder-as-script", 2, (r"spec\.entryScript", "folder"), spec={"entryScript": "deep"}, files={"code/deep/x.py": ""}),
    Case("a-syntax-error", 2, ("not valid Python", r"script\.py, line 2", r"\^"), script="def init():\n    retrun 1\n"),
    Case("a-script-of-null-bytes", 2, (r"script\.py", "null bytes"), script="def run(x):\0\n"),
    Case("a-script-in-another-encoding", 2, (r"script\.py", "utf-8|UTF-8"), files={"code/script.py": "x = 'caf\xe9'\n".encode("latin-1")}),
    Case("no-run", 2, (r"does not define run\(mini_batch\)", "predict"), script="def predict(mini_batch):\n    return []\n"),
    Case("run-in-a-class", 2, ("class Scorer has a method run",), script="class Scorer:\n    def run(self, x):\n        return x\n"),
    Case("no-such-input", 2, (r"spec\.inputs\[0\]\.paths\[0\]", "nope", "holds no"), spec=files_from("nope/*.txt")),
    Case("no-such-side-input", 2, (r"spec\.sideInputs\[0\]\.path", r"labels\.txt does not exist"),
         spec={"sideInputs": [{"name": "labels", "path": "labels.txt"}]}),
    Case("no-such-model", 2, (r"spec\.models\[0\]\.path", "trained does not exist"), spec={"models": [{"name": "m", "path": "trained"}]}),
    Case("a-bucket-as-input", 2, (r"spec\.inputs\[0\]\.paths\[0\]", "s3://bucket/x", "--map s3://bucket=DIR"), spec=files_from("s3://bucket/x")),
    Case("a-claim-without-a-map", 2, ("pvc://data/x is on a claim", "--map pvc://data=DIR"), spec=files_from("pvc://data/x")),
    Case("a-map-to-nowhere", 2, ("--map pvc://data=.*there is no folder", "Example: --map pvc://data=/mnt/data"), spec=files_from("pvc://data/x"),
         words=run_with("--map", "pvc://data={here}/nope")),
    Case("a-full-output-folder", 2, ("out", "empty|something", "--output"), files={"out/mine.txt": "mine"}),
    Case("the-folder-of-another-run", 2, ("out", "--resume|--output"), arrange=a_run_of_another_job),
    Case("an-output-folder-below-a-file", 2, ("Not a directory", "--output"), words=("run", "{here}/job.yaml", "--output", "{here}/job.yaml/out")),
    Case("an-output-folder-that-cannot-be", 2, ("/proc/out", "cannot be written"), words=("run", "{here}/job.yaml", "--output", "/proc/out")),
    Case("an-output-path-below-a-file", 2, ("job.yaml/results", "cannot be written"), spec={"output": {"path": "job.yaml/results"}}),
    Case("the-output-of-another-job", 2, (r"spec\.output\.path", "another job, default/other"), spec={"output": {"path": "results"}}, arrange=output_of_another_job),
    Case("nothing-to-resume", 2, ("out does not exist", "Name the folder of a run"), words=run_with("--resume")),
    Case("no-such-kustomization", 2, ("kustomization",), words=("run", "-k", "{here}", "--output", "{here}/out")),
    Case("a-config-map-that-is-not-there", 2, ("mnist-code",), spec={"source": {"configMap": {"name": "mnist-code"}}}),
]  # fmt: skip

# --- the input: found out when it is planned -------------------------------------------------------------------------


def a_dangling_link(folder: Path) -> None:
    (folder / "in" / "9.txt").symlink_to("gone.txt")


def a_folder_named_like_a_file(folder: Path) -> None:
    (folder / "only" / "a.txt").mkdir(parents=True)


def an_empty_folder(folder: Path) -> None:
    (folder / "empty").mkdir()


def a_loop_of_links(folder: Path) -> None:
    (folder / "in" / "9.txt").symlink_to("9.txt")


INPUTS = [
    Case("a-glob-that-matches-nothing", 2, ("'files'", r"in/\*\.png matches no file", "holds '0.txt'", "allowEmpty"), spec=files_from("in/*.png")),
    Case("an-empty-folder", 2, ("empty is a folder without files", "allowEmpty"), spec=files_from("empty"), arrange=an_empty_folder),
    Case("a-dangling-link", 2, (r"9\.txt is a link to gone\.txt", "Remove the link"), arrange=a_dangling_link),
    Case("a-link-to-itself", 2, (r"9\.txt", "symbolic links"), arrange=a_loop_of_links),
    Case("only-a-folder-named-like-a-file", 2, ("matches no file", r"'a\.txt/'"), spec=files_from("only/*.txt"), arrange=a_folder_named_like_a_file),
    Case("a-partition-format-that-does-not-fit", 2, (r"in/0\.txt", r"\{Store\}/\{Brand\}\.txt"),
         spec={**files_from("in/*.txt", partitionFormat="{Store}/{Brand}.txt"), "partitionKeys": ["Store"], "miniBatchSize": None}),
    Case("a-partition-key-that-is-no-column", 2, ("Shop", "Store"),
         spec={**table_from("in/*.csv", size=None), "partitionKeys": ["Shop"]}, files={"in/a.csv": "Store,n\nx,1\n"}),
    Case("an-empty-csv", 2, ("there is nothing to do: no row in input 'rows'", "allowEmpty"), spec=table_from("in/*.csv"), files={"in/a.csv": ""}),
    Case("a-csv-of-a-header-only", 2, ("there is nothing to do: no row in input 'rows'", "allowEmpty"), spec=table_from("in/*.csv"), files={"in/a.csv": "a,b\n"}),
    Case("a-csv-in-another-encoding", 2, (r"a\.csv: the text at byte 5 is not utf-8", "latin-1"),
         spec=table_from("in/*.csv"), files={"in/a.csv": "a\ncaf\xe9\n".encode("latin-1")}),
    Case("headers-that-differ", 2, (r"the header of .*b\.csv is not that of .*a\.csv", "column 2 is 'c', there 'b'"),
         spec=table_from("in/*.csv"), files={"in/a.csv": "a,b\n1,2\n", "in/b.csv": "a,c\n1,2\n"}),
    Case("a-declared-column-that-is-not-there", 2, ("price", "amount"), spec=table_from("in/*.csv", table={"columns": {"price": "float64"}}),
         files={"in/a.csv": "name,amount\nx,1\n"}),
    Case("json-lines-that-are-none", 2, (r"a\.jsonl", "not JSON lines"), spec=table_from("in/*.jsonl"), files={"in/a.jsonl": '{"a": 1}\n{"a": \n'}),
    Case("parquet-that-is-none", 2, (r"a\.parquet",), spec=table_from("in/*.parquet"), files={"in/a.parquet": b"PAR1 not really"}),
    Case("half-a-gzip-file", 2, (r"a\.csv\.gz is not a whole gzip file",), spec=table_from("in/*.csv.gz"),
         files={"in/a.csv.gz": gzip.compress(b"a,b\n" + os.urandom(4000).hex().encode() + b",2\n")[:1500]}),
    Case("a-table-of-no-known-format", 2, (r"a\.xlsx", "format"), spec=table_from("in/*.xlsx"), files={"in/a.xlsx": b"PK"}),
]  # fmt: skip

# --- scripts and values: found out when they run ---------------------------------------------------------------------

RETURN = "run must return a list, tuple, array or DataFrame, got "
TOLERANT = {"errorThreshold": 1, "runMaxTry": 1}
ONE_TRY = {"runMaxTry": 1}

SCRIPTS = [
    Case("a-script-that-raises-on-import", 2, ("Nothing was run: the script cannot be loaded", r"script\.py", "line 1", "No module named 'not_there'"), script="import not_there\n" + SCRIPT),
    Case("a-script-that-exits-on-import", 2, (r"script\.py", "SystemExit: 3"), script="import sys\nsys.exit(3)\n" + SCRIPT),
    Case("run-is-no-function", 2, (r"script\.py", "run is a value of type int, not a function"), script="run = 3\n"),
    Case("run-takes-nothing", 2, (r"script\.py: run is called as run\(mini_batch\)", r"def run\(\)"), script="def run():\n    return []\n"),
    Case("run-takes-three", 2, (r"script\.py: run is called as run\(mini_batch\)", r"def run\(a, b, c\)"), script="def run(a, b, c):\n    return []\n"),
    Case("init-raises", 1, (r"init\(\) failed 3 times", r"script\.py", "logs/user/stdout", "ValueError: no weights"), script=SCRIPT.replace("pass", "raise ValueError('no weights')")),
    Case("init-exits", 1, ("init", "SystemExit: 4"), script=SCRIPT.replace("pass", "raise SystemExit(4)")),
    Case("init-ends-the-process", 1, ("exit code 7 before init\\(\\) returned", "logs/user/stdout"), script=SCRIPT.replace("pass", "os._exit(7)")),
    Case("run-returns-none", 1, (RETURN + "None", "mini-batch 0", r"in/0\.txt"), spec=ONE_TRY, script=returning("None")),
    Case("run-returns-a-dict", 1, (RETURN + "dict",), spec=ONE_TRY, script=returning("{path: 1 for path in mini_batch}")),
    Case("run-returns-a-generator", 1, (RETURN + "generator",), spec=ONE_TRY, script=returning("(path for path in mini_batch)")),
    Case("run-returns-a-str", 1, (RETURN + "str",), spec=ONE_TRY, script=returning("'four'")),
    Case("run-is-a-coroutine", 1, (RETURN + "coroutine",), spec=ONE_TRY, script=SCRIPT.replace("def run", "async def run")),
    Case("run-raises-for-one-file", 1, ("errorThreshold: 0", r"in/2\.txt", "ValueError: no digit", "parallelrun rerun"),
         spec=ONE_TRY, script=raising("if '2.txt' in mini_batch[0]: raise ValueError('no digit')")),
    Case("run-raises-for-one-file-and-may", 0, ("1 failed", r"in/2\.txt", "ValueError: no digit"), spec=TOLERANT, output="0.txt\n1.txt\n3.txt\n",
         script=raising("if '2.txt' in mini_batch[0]: raise ValueError('no digit')")),
    Case("run-exits", 1, ("SystemExit: 5", r"in/1\.txt"), spec=ONE_TRY, script=raising("if '1.txt' in mini_batch[0]: raise SystemExit(5)")),
    Case("run-ends-the-process", 1, ("exit code 9", r"in/1\.txt"), spec=ONE_TRY, script=raising("if '1.txt' in mini_batch[0]: os._exit(9)")),
    Case("run-sleeps-too-long", 0, (r"runInvocationTimeoutSeconds \(1 s\)", r"in/1\.txt"), output="0.txt\n2.txt\n3.txt\n",
         spec={**TOLERANT, "runInvocationTimeoutSeconds": 1}, script=raising("if '1.txt' in mini_batch[0]: import time; time.sleep(1000)")),
    Case("an-exception-of-a-megabyte", 1, ("ValueError: xxx",), spec=ONE_TRY, script=raising("raise ValueError('x' * 1_000_000)")),
    Case("an-exception-of-many-lines", 1, ("ValueError: line 0",), spec=ONE_TRY, script=raising("raise ValueError('\\n'.join(f'line {n}' for n in range(500)))")),
    Case("a-call-without-an-end", 1, ("RecursionError",), spec=ONE_TRY, script=raising("return run(mini_batch)")),
    Case("schemas-that-differ", 1, (r"column 'n'", "int64|double", "astype"), spec={**ONE_TRY, "output": {"format": "Parquet"}}, script=
         "import os\nimport pandas\n\ndef run(mini_batch):\n    n = int(os.path.basename(mini_batch[0])[0])\n"
         "    return pandas.DataFrame({'n': [n if n < 2 else n + 0.5]})\n"),
]  # fmt: skip

ROWS = "".join(f"{n},{n * 2}\n" for n in range(20_000))

TABLES = [
    Case("a-declared-type-that-does-not-fit", 1, (r"a\.csv, line 2", "'x'", "int64"), script=TABLE_SCRIPT,
         spec={**ONE_TRY, **table_from("in/*.csv", table={"columns": {"name": "int64"}})}, files={"in/a.csv": "name,n\nx,1\n"}),
    Case("ragged-rows", 1, (r"a\.csv, line 3", "3", "2"), script=TABLE_SCRIPT, spec={**ONE_TRY, **table_from("in/*.csv")},
         files={"in/a.csv": "a,b\n1,2\n1,2,3\n"}),
    Case("a-value-that-does-not-fit-late-in-the-file", 1, (r"a\.csv, line 20002", "'two'", "int64"), script=TABLE_SCRIPT,
         spec={**ONE_TRY, **table_from("in/*.csv")}, files={"in/a.csv": f"a,b\n{ROWS}two,3\n"}),
    Case("another-encoding-late-in-the-file", 1, (r"a\.csv", "not utf-8", "encoding"), script=TABLE_SCRIPT,
         spec={**ONE_TRY, **table_from("in/*.csv")}, files={"in/a.csv": f"a,b\n{ROWS}".encode() + b"3,caf\xe9\n"}),
]  # fmt: skip

# --- only odd: these have to work ------------------------------------------------------------------------------------

ODD_NAMES = [
    b" leading and trailing ", b"'single' \"double\" `back`", b"two\nlines", b"tab\there", b"\\backslash\\n", b"[a]*?",
    b"$(inputs.files) ${x} %s {0}", b"-rf", b"#hash;&|<>", "naïve 日本語 🎈".encode(), "ne\u0301e".encode(), b"not \xff\xfe utf-8",
    b"\x1b[31mred\x1b[0m", b"x" * 250,
]  # fmt: skip


def odd_names(folder: Path) -> None:
    (folder / "odd").mkdir()
    for name in ODD_NAMES:
        Path(os.fsdecode(os.path.join(os.fsencode(folder), b"odd", name))).write_bytes(name)


ECHO = """\
import os

def run(mini_batch):
    for path in mini_batch:
        assert open(path, "rb").read() == os.fsencode(os.path.basename(path))
    return [os.fsencode(os.path.basename(path)).hex() for path in mini_batch]
"""

WORKING = [
    Case("no-files-where-none-may-be", 0, ("Done",), spec=files_from("in/*.png", allowEmpty=True), output=""),
    Case("odd-names", 0, ("Done",), spec=files_from("odd"), script=ECHO, arrange=odd_names),
    Case("odd-names-by-glob", 0, ("Done",), spec={**files_from("odd/*"), "miniBatchSize": 5}, script=ECHO, arrange=odd_names),
    Case("odd-names-as-results", 0, ("Done",), spec=files_from("odd/[!a]ot*", "odd/na*"), arrange=odd_names,
         output=b"not \xff\xfe utf-8\n" + "naïve 日本語 🎈\n".encode()),
    Case("a-name-with-brackets-as-it-is", 0, ("Done",), spec=files_from("odd/[a]*?"), script=ECHO, arrange=odd_names,
         output=b"[a]*?".hex() + "\n"),
]  # fmt: skip
