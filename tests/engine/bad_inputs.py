"""Inputs with something wrong in them (or only odd): found out when they are planned or read."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from bad_cases import ONE_TRY, TABLE_SCRIPT, Case, files_from, table_from

# --- the input: found out when it is planned -------------------------------------------------------------------------


def a_dangling_link(folder: Path) -> None:
    (folder / "in" / "9.txt").symlink_to("gone.txt")


def a_folder_named_like_a_file(folder: Path) -> None:
    (folder / "only" / "a.txt").mkdir(parents=True)


def an_empty_folder(folder: Path) -> None:
    (folder / "empty").mkdir()


def a_loop_of_links(folder: Path) -> None:
    (folder / "in" / "9.txt").symlink_to("9.txt")


def a_line_without_an_end(folder: Path) -> None:
    with (folder / "in" / "a.csv").open("wb") as file:
        file.write(b"a,b\n")
        file.truncate(64 << 20)


#: Installers look nowhere, and what they make is thrown away with the test.
NO_INDEX = {"PIP_NO_INDEX": "1", "UV_NO_INDEX": "1", "UV_OFFLINE": "1", "XDG_CACHE_HOME": "{here}/cache"}

INPUTS = [
    Case(
        "a-glob-that-matches-nothing",
        2,
        ("'files'", r"in/\*\.png matches no file", "holds '0.txt'", "allowEmpty"),
        spec=files_from("in/*.png"),
    ),
    Case(
        "an-empty-folder",
        2,
        ("empty is a folder without files", "allowEmpty"),
        spec=files_from("empty"),
        arrange=an_empty_folder,
    ),
    Case("a-dangling-link", 2, (r"9\.txt is a link to gone\.txt", "Remove the link"), arrange=a_dangling_link),
    Case("a-link-to-itself", 2, (r"9\.txt", "symbolic links"), arrange=a_loop_of_links),
    Case(
        "only-a-folder-named-like-a-file",
        2,
        ("matches no file", r"'a\.txt/'"),
        spec=files_from("only/*.txt"),
        arrange=a_folder_named_like_a_file,
    ),
    Case(
        "a-partition-format-that-does-not-fit",
        2,
        (r"in/0\.txt", r"\{Store\}/\{Brand\}\.txt"),
        spec={
            **files_from("in/*.txt", partitionFormat="{Store}/{Brand}.txt"),
            "partitionKeys": ["Store"],
            "miniBatchSize": None,
        },
    ),
    Case(
        "a-partition-key-that-is-no-column",
        2,
        ("Shop", "Store"),
        spec={**table_from("in/*.csv", size=None), "partitionKeys": ["Shop"]},
        files={"in/a.csv": "Store,n\nx,1\n"},
    ),
    Case(
        "an-empty-csv",
        2,
        ("there is nothing to do: no row in input 'rows'", "allowEmpty"),
        spec=table_from("in/*.csv"),
        files={"in/a.csv": ""},
    ),
    Case(
        "a-csv-of-a-header-only",
        2,
        ("there is nothing to do: no row in input 'rows'", "allowEmpty"),
        spec=table_from("in/*.csv"),
        files={"in/a.csv": "a,b\n"},
    ),
    Case(
        "a-csv-in-another-encoding",
        2,
        (r"a\.csv: the text at byte 5 is not utf-8", "latin-1"),
        spec=table_from("in/*.csv"),
        files={"in/a.csv": "a\ncaf\xe9\n".encode("latin-1")},
    ),
    Case(
        "headers-that-differ",
        2,
        (r"the header of .*b\.csv is not that of .*a\.csv", "column 2 is 'c', there 'b'"),
        spec=table_from("in/*.csv"),
        files={"in/a.csv": "a,b\n1,2\n", "in/b.csv": "a,c\n1,2\n"},
    ),
    Case(
        "a-declared-column-that-is-not-there",
        2,
        ("price", "amount"),
        spec=table_from("in/*.csv", table={"columns": {"price": "float64"}}),
        files={"in/a.csv": "name,amount\nx,1\n"},
    ),
    Case(
        "json-lines-that-are-none",
        2,
        (r"a\.jsonl", "not JSON lines"),
        spec=table_from("in/*.jsonl"),
        files={"in/a.jsonl": '{"a": 1}\n{"a": \n'},
    ),
    Case(
        "parquet-that-is-none",
        2,
        (r"a\.parquet",),
        spec=table_from("in/*.parquet"),
        files={"in/a.parquet": b"PAR1 not really"},
    ),
    Case(
        "half-a-gzip-file",
        2,
        (r"a\.csv\.gz is not a whole gzip file",),
        spec=table_from("in/*.csv.gz"),
        files={"in/a.csv.gz": gzip.compress(b"a,b\n" + os.urandom(4000).hex().encode() + b",2\n")[:1500]},
    ),
    Case(
        "a-first-row-without-an-end",
        2,
        (r"a\.csv: its first row is longer than 16 MiB", "line feed"),
        spec=table_from("in/*.csv"),
        arrange=a_line_without_an_end,
    ),
    Case(
        "a-package-that-does-not-exist",
        2,
        ("Could not install", "no-such-package-at-all", r"spec\.environment"),
        spec={"environment": {"pip": ["no-such-package-at-all==1"]}},
        environment=NO_INDEX,
    ),
    Case(
        "a-table-of-no-known-format",
        2,
        (r"a\.xlsx", "format"),
        spec=table_from("in/*.xlsx"),
        files={"in/a.xlsx": b"PK"},
    ),
]

# --- rows that cannot be read: their mini-batch fails -----------------------------------------------------------------

ROWS = "".join(f"{n},{n * 2}\n" for n in range(20_000))


def a_row_of_3_gb(folder: Path) -> None:
    os.truncate(folder / "in" / "a.csv", 3 << 30)


TABLES = [
    Case(
        "a-row-of-3-gb",
        1,
        (r"a\.csv: one mini-batch would take 3\.0 GiB, more than 1 GiB", "a row without a line feed at its end"),
        spec={**ONE_TRY, **table_from("in/*.csv")},
        script=TABLE_SCRIPT,
        files={"in/a.csv": "a,b\n1,2\n"},
        arrange=a_row_of_3_gb,
    ),
    Case(
        "a-declared-type-that-does-not-fit",
        1,
        (r"a\.csv, line 2", "'x'", "int64"),
        script=TABLE_SCRIPT,
        spec={**ONE_TRY, **table_from("in/*.csv", table={"columns": {"name": "int64"}})},
        files={"in/a.csv": "name,n\nx,1\n"},
    ),
    Case(
        "ragged-rows",
        1,
        (r"a\.csv, line 3", "3", "2"),
        script=TABLE_SCRIPT,
        spec={**ONE_TRY, **table_from("in/*.csv")},
        files={"in/a.csv": "a,b\n1,2\n1,2,3\n"},
    ),
    Case(
        "a-value-that-does-not-fit-late-in-the-file",
        1,
        (r"a\.csv, line 20002", "'two'", "int64"),
        script=TABLE_SCRIPT,
        spec={**ONE_TRY, **table_from("in/*.csv")},
        files={"in/a.csv": f"a,b\n{ROWS}two,3\n"},
    ),
    Case(
        "another-encoding-late-in-the-file",
        1,
        (r"a\.csv", "not utf-8", "encoding"),
        script=TABLE_SCRIPT,
        spec={**ONE_TRY, **table_from("in/*.csv")},
        files={"in/a.csv": f"a,b\n{ROWS}".encode() + b"3,caf\xe9\n"},
    ),
]

# --- only odd: these have to work ------------------------------------------------------------------------------------

ODD_NAMES = [
    b" leading and trailing ",
    b"'single' \"double\" `back`",
    b"two\nlines",
    b"tab\there",
    b"\\backslash\\n",
    b"[a]*?",
    b"$(inputs.files) ${x} %s {0}",
    b"-rf",
    b"#hash;&|<>",
    "naïve 日本語 🎈".encode(),
    "ne\u0301e".encode(),
    b"not \xff\xfe utf-8",
    b"\x1b[31mred\x1b[0m",
    b"x" * 250,
]


def odd_names(folder: Path) -> None:
    (folder / "odd").mkdir()
    for name in ODD_NAMES:
        Path(os.fsdecode(os.path.join(os.fsencode(folder), b"odd", name))).write_bytes(name)


ODD_LINES = "".join(f"{name.hex()}\n" for name in ODD_NAMES)
ECHO = """\
import os

def run(mini_batch):
    for path in mini_batch:
        assert open(path, "rb").read() == os.fsencode(os.path.basename(path))
    return [os.fsencode(os.path.basename(path)).hex() for path in mini_batch]
"""

ODD_INPUTS = [
    Case("no-files-where-none-may-be", 0, ("Done",), spec=files_from("in/*.png", allowEmpty=True), output=""),
    Case(
        "odd-names",
        0,
        ("Done",),
        spec=files_from("odd"),
        script=ECHO,
        arrange=odd_names,
        output=ODD_LINES,
        unordered=True,
    ),
    Case(
        "odd-names-by-glob",
        0,
        ("Done",),
        spec={**files_from("odd/*"), "miniBatchSize": 5},
        script=ECHO,
        arrange=odd_names,
        output=ODD_LINES,
        unordered=True,
    ),
    Case(
        "odd-names-as-results",
        0,
        ("Done",),
        spec=files_from("odd/[!a]ot*", "odd/na*"),
        arrange=odd_names,
        output=b"not \xff\xfe utf-8\n" + "naïve 日本語 🎈\n".encode(),
    ),
    Case(
        "a-name-with-brackets-as-it-is",
        0,
        ("Done",),
        spec=files_from("odd/[a]*?"),
        script=ECHO,
        arrange=odd_names,
        output=b"[a]*?".hex() + "\n",
    ),
]
