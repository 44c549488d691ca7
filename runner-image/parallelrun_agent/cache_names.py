"""Names of fetched files on a node: the key below the input's root, as people expect it, wherever that can be a path.

Keys of object stores are texts, not paths: ``a//b``, ``../x`` and a key that is another one's folder are all fine
there. What cannot be a path goes into a folder of its own, named by the key's hash, and keeps its base name.
"""

from __future__ import annotations

import hashlib
import os
from urllib.parse import unquote

from parallelrun.api.errors import InputError
from parallelrun.api.settings import InputSettings

#: The folder of inputs' files.
INPUTS = "inputs"
#: The folder of what has no path of its own.
ODD = ".odd"
#: Bytes that a name may have.
LONGEST = 255
#: Bytes of a base name that are kept where ours comes before it; its end, which says how to read the file.
_KEPT = 200
_WEB = ("https://", "http://")


class NoFileName(InputError):
    """An object's base name cannot be a file's."""


def of_input(one: InputSettings, url: str) -> str:
    """The relative path of an object in the folder that stands for its input; raises NoFileName."""
    name = base_name(url)
    return name if one.paths == [url] and _is_name(name) else below(one.root, url)


def below(root: str, url: str) -> str:
    """The relative path of ``url`` in a folder that stands for ``root``; raises NoFileName.

    No two URLs have the same one: what is not below ``root`` may have the base name of something else.
    """
    prefix = root.rstrip("/") + "/"
    if not url.startswith(prefix):
        return odd(url)
    key = url[len(prefix) :]
    if url.startswith(_WEB) and any(sign in url for sign in "%?#"):  # others may read the same without them
        return odd(url)
    return key if all(_is_name(part) for part in key.split("/")) else odd(url)


def odd(url: str) -> str:
    """A relative path that no other URL has; raises NoFileName."""
    name = base_name(url)
    if len(os.fsencode(name)) > LONGEST or "\0" in name:
        raise NoFileName(
            f"{url} cannot be a file: its name is longer than {LONGEST} bytes or has a NUL in it.",
            "Rename the object, or read the input with mode: Direct.",
        )
    name = name if _is_name(name) else name.replace(".", "%2E") or "%"
    return f"{ODD}/{hashlib.sha256(os.fsencode(url)).hexdigest()[:40]}/{name}"


def part(number: int, url: str) -> str:
    """The name of a table's file of that number in the folder of one mini-batch."""
    name = base_name(url)
    kept = os.fsencode(name)[-_KEPT:]
    return f"{number}-{name if len(kept) < _KEPT and _is_name(name) else os.fsdecode(kept).replace(chr(0), '')}"


def base_name(url: str) -> str:
    """What comes after the last slash; of a web address without escapes and query."""
    if url.startswith(_WEB):
        url = unquote(url.partition("#")[0].partition("?")[0])
    return url.rpartition("/")[2]


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..", ODD) and "\0" not in name and len(os.fsencode(name)) <= LONGEST
