"""Scripts with something wrong in them (or only odd), and what they do when they are loaded, started and run."""

from __future__ import annotations

from bad_cases import ONE_TRY, SCRIPT, Case, raising, returning

RETURN = "run must return a list, tuple, array or DataFrame, got "
TOLERANT = {"errorThreshold": 1, "runMaxTry": 1}

THREAD = "import threading, time; threading.Thread(target=time.sleep, args=(1000,)).start()"
CHILD = "import subprocess; subprocess.Popen(['sleep', '1000'])"

SCRIPTS = [
    Case(
        "a-script-that-raises-on-import",
        2,
        ("Nothing was run: the script cannot be loaded", r"script\.py", "line 1", "No module named 'not_there'"),
        script="import not_there\n" + SCRIPT,
    ),
    Case(
        "a-script-that-exits-on-import",
        2,
        (r"script\.py", "SystemExit: 3"),
        script="import sys\nsys.exit(3)\n" + SCRIPT,
    ),
    Case("run-is-no-function", 2, (r"script\.py", "run is a value of type int, not a function"), script="run = 3\n"),
    Case(
        "run-takes-nothing",
        2,
        (r"script\.py: run is called as run\(mini_batch\)", r"def run\(\)"),
        script="def run():\n    return []\n",
    ),
    Case(
        "run-takes-three",
        2,
        (r"script\.py: run is called as run\(mini_batch\)", r"def run\(a, b, c\)"),
        script="def run(a, b, c):\n    return []\n",
    ),
    Case(
        "init-raises",
        1,
        (r"init\(\) failed 3 times", r"script\.py", "logs/user/stdout", "ValueError: no weights"),
        script=SCRIPT.replace("pass", "raise ValueError('no weights')"),
    ),
    Case("init-exits", 1, ("init", "SystemExit: 4"), script=SCRIPT.replace("pass", "raise SystemExit(4)")),
    Case(
        "init-ends-the-process",
        1,
        ("exit code 7 before init\\(\\) returned", "logs/user/stdout"),
        script=SCRIPT.replace("pass", "os._exit(7)"),
    ),
    Case(
        "init-raises-and-leaves-a-thread",
        1,
        ("ValueError: no weights",),
        script=SCRIPT.replace("pass", f"{THREAD}; raise ValueError('no weights')"),
    ),
    Case(
        "run-returns-none", 1, (RETURN + "None", "mini-batch 0", r"in/0\.txt"), spec=ONE_TRY, script=returning("None")
    ),
    Case(
        "run-returns-a-dict", 1, (RETURN + "dict",), spec=ONE_TRY, script=returning("{path: 1 for path in mini_batch}")
    ),
    Case(
        "run-returns-a-generator",
        1,
        (RETURN + "generator",),
        spec=ONE_TRY,
        script=returning("(path for path in mini_batch)"),
    ),
    Case("run-returns-a-str", 1, (RETURN + "str",), spec=ONE_TRY, script=returning("'four'")),
    Case(
        "run-is-a-coroutine",
        1,
        (RETURN + "coroutine",),
        spec=ONE_TRY,
        script=SCRIPT.replace("def run", "async def run"),
    ),
    Case(
        "run-raises-for-one-file",
        1,
        ("errorThreshold: 0", r"in/2\.txt", "ValueError: no digit", "parallelrun rerun"),
        spec=ONE_TRY,
        script=raising("if '2.txt' in mini_batch[0]: raise ValueError('no digit')"),
    ),
    Case(
        "run-raises-for-one-file-and-may",
        0,
        ("1 failed", r"in/2\.txt", "ValueError: no digit"),
        spec=TOLERANT,
        output="0.txt\n1.txt\n3.txt\n",
        script=raising("if '2.txt' in mini_batch[0]: raise ValueError('no digit')"),
    ),
    Case(
        "run-exits",
        1,
        ("SystemExit: 5", r"in/1\.txt"),
        spec=ONE_TRY,
        script=raising("if '1.txt' in mini_batch[0]: raise SystemExit(5)"),
    ),
    Case(
        "run-ends-the-process",
        1,
        ("exit code 9", r"in/1\.txt"),
        spec=ONE_TRY,
        script=raising("if '1.txt' in mini_batch[0]: os._exit(9)"),
    ),
    Case(
        "run-sleeps-too-long",
        0,
        (r"runInvocationTimeoutSeconds \(1 s\)", r"in/1\.txt"),
        output="0.txt\n2.txt\n3.txt\n",
        spec={**TOLERANT, "runInvocationTimeoutSeconds": 1},
        script=raising("if '1.txt' in mini_batch[0]: import time; time.sleep(1000)"),
    ),
    Case(
        "run-kills-its-process-group",
        1,
        ("signal 9", r"in/0\.txt"),
        spec=ONE_TRY,
        script=raising("import signal; os.killpg(0, signal.SIGKILL)"),
    ),
    Case(
        "a-segmentation-fault",
        1,
        ("signal 11", r"in/0\.txt"),
        spec=ONE_TRY,
        script=raising("import ctypes; ctypes.string_at(0)"),
    ),
    Case(
        "an-input-that-goes-away",
        1,
        (r"No such file or directory: '.*in/2\.txt'",),
        spec=ONE_TRY,
        script=raising(
            "os.path.exists(mini_batch[0].replace('0.txt', '2.txt')) and '0.txt' in mini_batch[0] and os.unlink("
            "mini_batch[0].replace('0.txt', '2.txt')); open(mini_batch[0]).close()"
        ),
    ),
    Case(
        "an-exception-of-control-characters",
        1,
        (r"ValueError: \\x1b\[2J\\udcff",),
        spec=ONE_TRY,
        script=raising("raise ValueError('\\x1b[2J\\udcff')"),
    ),
    Case(
        "an-exception-of-a-megabyte",
        1,
        ("ValueError: xxx",),
        spec=ONE_TRY,
        script=raising("raise ValueError('x' * 1_000_000)"),
    ),
    Case(
        "an-exception-of-many-lines",
        1,
        ("ValueError: line 0",),
        spec=ONE_TRY,
        script=raising("raise ValueError('\\n'.join(f'line {n}' for n in range(500)))"),
    ),
    Case("a-call-without-an-end", 1, ("RecursionError",), spec=ONE_TRY, script=raising("return run(mini_batch)")),
    Case(
        "schemas-that-differ",
        1,
        (r"column 'n'", "int64|double", "astype"),
        spec={**ONE_TRY, "output": {"format": "Parquet"}},
        script="import os\nimport pandas\n\ndef run(mini_batch):\n    n = int(os.path.basename(mini_batch[0])[0])\n"
        "    return pandas.DataFrame({'n': [n if n < 2 else n + 0.5]})\n",
    ),
]

ODD_SCRIPTS = [
    Case(
        "a-thread-that-does-not-end",
        0,
        ("Done",),
        script=SCRIPT.replace("pass", THREAD),
        output="0.txt\n1.txt\n2.txt\n3.txt\n",
    ),
    Case(
        "a-child-that-does-not-end",
        0,
        ("Done",),
        script=SCRIPT.replace("pass", CHILD),
        output="0.txt\n1.txt\n2.txt\n3.txt\n",
    ),
    Case(
        "streams-that-the-script-closes",
        0,
        ("Done",),
        script=SCRIPT.replace("pass", "import sys; sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2)"),
        output="0.txt\n1.txt\n2.txt\n3.txt\n",
    ),
    Case(
        "shutdown-raises",
        0,
        ("Done",),
        script=SCRIPT + "\ndef shutdown():\n    raise ValueError('too late')\n",
        output="0.txt\n1.txt\n2.txt\n3.txt\n",
    ),
]
