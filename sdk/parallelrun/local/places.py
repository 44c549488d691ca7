"""Where a path or URL of the manifest is on this machine, or in which object store.

Relative paths start at the manifest's folder. A claim has no place on a laptop until ``--map pvc://claim=DIR`` gives
it one, and the same option stands in for any store. ``configmap://name`` becomes a folder below the run's own. What is
in an object store stays there: whether it exists is the planner's to see.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parallelrun.api import hints, layout, store_urls
from parallelrun.api.errors import InputError, ManifestError
from parallelrun.api.store_urls import Stores
from parallelrun.local import configmaps

_MAPPED = "pvc://"
_CONFIG_MAP = "configmap://"


@dataclass(frozen=True)
class Pattern:
    """One entry of an input's ``paths``."""

    text: str  # absolute; with wildcards, what is literal is escaped as glob.escape does; or a canonical URL
    root: str  # the longest folder without a wildcard
    is_glob: bool

    @property
    def is_url(self) -> bool:
        """Whether it is in an object store."""
        return not self.text.startswith("/")


class Places:
    """Resolves paths and URLs; a ConfigMap is written out when the first path needs it."""

    def __init__(
        self,
        base: Path,
        maps: Mapping[str, str],
        config_maps: configmaps.ConfigMaps,
        folder: Path,
        stores: Stores,
    ) -> None:
        """``base``: the manifest's folder; ``folder``: the run's. Raises ManifestError on a bad ``--map``."""
        self.base = Path(os.path.abspath(base))
        self.maps = {_checked_url(url): _checked_folder(url, target) for url, target in maps.items()}
        self.stores = stores
        self._config_maps = config_maps
        self._folder = folder / layout.CONFIG_MAPS
        self._written: set[str] = set()

    def path(self, where: str, text: str) -> Path:
        """The absolute path of ``text``, the value of the field ``where``; whether it exists is not looked at.

        Raises ManifestError also for what is in an object store.
        """
        found = self.place(where, text)
        if not found.startswith("/"):
            raise ManifestError(
                f"{where}: {text} is in an object store, and this has to be a folder of files.",
                "Name a folder, or say which folder here stands in for it: --map URL=DIR",
            )
        return Path(found)

    def place(self, where: str, text: str, write: bool = False) -> str:
        """The absolute path of ``text``, or its canonical URL; ``write``: it is a folder for output."""
        found = self._split(where, text, write)
        return found if isinstance(found, str) else _tidy(os.path.join(*found))

    def existing(self, where: str, text: str) -> str:
        """As :meth:`place`, for what must be there already. Raises InputError with the nearest names."""
        found = self.place(where, text)
        if found.startswith("/") and not os.path.exists(found):
            raise InputError(f"{where}: {text} does not exist ({found}).", hints.missing_path(Path(found)))
        return found

    def pattern(self, where: str, text: str) -> Pattern:
        """``text`` as an absolute glob or a URL, and the folder where matching begins.

        What comes from the manifest's folder or from a map is never a wildcard, and neither is a name with brackets in
        it that exists as it is written.
        """
        found = self._split(where, text)
        if isinstance(found, str):
            return Pattern(found, *store_urls.literal_folder(found))
        start, rest = found
        whole = _tidy(os.path.join(start, rest))
        if os.path.lexists(whole) and _matches_others(start, rest, whole):
            raise InputError(
                f"{where}: {text} is there under this very name, and is a pattern that others match.",
                "Rename it, as a shell left it that matched nothing; or write [*] and [?] to mean this one alone.",
            )
        if os.path.lexists(whole) or not glob.has_magic(rest):
            return Pattern(whole, whole if os.path.isdir(whole) else os.path.dirname(whole), is_glob=False)
        parts = rest.split("/")
        first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
        root = _tidy(os.path.join(start, "/".join(parts[:first]) or ("/" if rest.startswith("/") else "")))
        return Pattern(os.path.join(glob.escape(root), *parts[first:]), root, is_glob=True)

    def config_map(self, where: str, name: str) -> Path:
        """The folder that holds the ConfigMap ``name``, one file a key."""
        target = self._folder / name
        if name not in self._written:
            configmaps.write(self._config_maps.get(name, where), target)
            self._written.add(name)
        return target

    def _split(self, where: str, text: str, write: bool = False) -> tuple[str, str] | str:
        """(literal folder, what the manifest adds below it); or the URL of an object store."""
        if "://" not in text:
            return str(self.base), text
        url = store_urls.from_azure(where, text)
        if (mapped := self._mapped(url)) is not None:
            return mapped
        located = self.stores.locate(where, url, write)
        if located.store is not None:
            return located.text
        if (mapped := self._mapped(located.text)) is not None:
            return mapped
        if located.text.startswith(_CONFIG_MAP):
            name, _, rest = located.text[len(_CONFIG_MAP) :].partition("/")
            return str(self.config_map(where, name)), rest
        raise self._unreadable(where, text, located.text)

    def _mapped(self, url: str) -> tuple[str, str] | None:
        mapped = max((known for known in self.maps if _is_below(url, known)), key=len, default=None)
        return None if mapped is None else (self.maps[mapped], url[len(mapped) :].lstrip("/"))

    def _unreadable(self, where: str, text: str, url: str) -> ManifestError:
        scheme, _, rest = url.partition("://")
        root = f"{scheme}://{rest.partition('/')[0]}"
        if url.startswith(_MAPPED):
            message = f"{where}: {text} is on a claim, which has no place on this machine."
            return ManifestError(message, f"Say where: --map {root}=DIR. {_near(root, self.maps)}".rstrip())
        return ManifestError(
            f"{where}: {text} cannot be read by a local run: {scheme}:// is not known.",
            f"Copy the data here and say where it is: --map {root}=DIR",
        )


def _tidy(path: str) -> str:
    """Without doubled slashes, dots and a slash at its end; ".." only where that is the same place (links)."""
    tidy = os.path.normpath(path)
    return tidy if ".." not in path or os.path.realpath(tidy) == os.path.realpath(path) else path


def _matches_others(start: str, rest: str, whole: str) -> bool:
    """Whether ``rest``, taken for a pattern, is more than the name ``whole``, which exists."""
    if "*" not in rest and "?" not in rest:
        return False
    return any(_tidy(path) != whole for path in glob.iglob(os.path.join(glob.escape(start), rest), recursive=True))


def _is_below(text: str, url: str) -> bool:
    return text == url or text.startswith(url + "/")


def _near(url: str, maps: Mapping[str, str]) -> str:
    close = hints.nearest(url, maps)
    return f"There is --map {close}=..., did you mean that?" if close else ""


def _checked_url(url: str) -> str:
    if "://" not in url:
        raise ManifestError(f'--map {url}: "{url}" is not a URL.', "Write it as --map pvc://claim=DIR.")
    return store_urls.from_azure("--map", url).rstrip("/")


def _checked_folder(url: str, target: str) -> str:
    path = Path(os.path.abspath(target))
    if not path.is_dir():
        raise ManifestError(f"--map {url}={target}: there is no such folder.", hints.missing_path(path))
    return str(path)
