"""Where a path or URL of the manifest is on this machine.

Relative paths start at the manifest's folder. A claim has no place on a laptop until ``--map pvc://claim=DIR`` gives
it one, and the same option stands in for any store that local runs do not read. ``configmap://name`` becomes a folder
below the run's own.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parallelrun.api import hints, layout
from parallelrun.api.errors import InputError, ManifestError
from parallelrun.local import configmaps

_MAPPED = "pvc://"
_CONFIG_MAP = "configmap://"


@dataclass(frozen=True)
class Pattern:
    """One entry of an input's ``paths``."""

    text: str  # absolute; with wildcards, what is literal is escaped as glob.escape does
    root: str  # the longest folder without a wildcard
    is_glob: bool


class Places:
    """Resolves paths and URLs; a ConfigMap is written out when the first path needs it."""

    def __init__(self, base: Path, maps: Mapping[str, str], config_maps: configmaps.ConfigMaps, folder: Path) -> None:
        """``base``: the manifest's folder; ``folder``: the run's. Raises ManifestError on a bad ``--map``."""
        self.base = Path(os.path.abspath(base))
        self.maps = {_checked_url(url): _checked_folder(url, target) for url, target in maps.items()}
        self._config_maps = config_maps
        self._folder = folder / layout.CONFIG_MAPS
        self._written: set[str] = set()

    def path(self, where: str, text: str) -> Path:
        """The absolute path of ``text``, the value of the field ``where``; whether it exists is not looked at."""
        return Path(_tidy(os.path.join(*self._split(where, text))))

    def existing(self, where: str, text: str) -> Path:
        """As :meth:`path`, for what must be there already. Raises InputError with the nearest names."""
        found = self.path(where, text)
        if not found.exists():
            raise InputError(f"{where}: {text} does not exist ({found}).", hints.missing_path(found))
        return found

    def pattern(self, where: str, text: str) -> Pattern:
        """``text`` as an absolute glob, and the folder where matching begins.

        What comes from the manifest's folder or from a map is never a wildcard, and neither is a name with brackets in
        it that exists as it is written.
        """
        start, rest = self._split(where, text)
        whole = _tidy(os.path.join(start, rest))
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

    def _split(self, where: str, text: str) -> tuple[str, str]:
        """(literal folder, what the manifest adds below it)."""
        if "://" not in text:
            return str(self.base), text
        mapped = max((url for url in self.maps if _is_below(text, url)), key=len, default=None)
        if mapped is not None:
            return self.maps[mapped], text[len(mapped) :].lstrip("/")
        if text.startswith(_CONFIG_MAP):
            name, _, rest = text[len(_CONFIG_MAP) :].partition("/")
            return str(self.config_map(where, name)), rest
        raise self._unreadable(where, text)

    def _unreadable(self, where: str, text: str) -> ManifestError:
        scheme, _, rest = text.partition("://")
        root = f"{scheme}://{rest.partition('/')[0]}"
        if text.startswith(_MAPPED):
            message = f"{where}: {text} is on a claim, which has no place on this machine."
            return ManifestError(message, f"Say where: --map {root}=DIR. {_mapped(root, self.maps)}".rstrip())
        return ManifestError(
            f"{where}: {text} cannot be read by a local run: this version reads local paths, pvc:// with --map, "
            "and configmap://.",
            f"Copy the data here and say where it is: --map {root}=DIR",
        )


def _tidy(path: str) -> str:
    """Without doubled slashes, dots and a slash at its end; ".." only where that is the same place (links)."""
    tidy = os.path.normpath(path)
    return tidy if ".." not in path or os.path.realpath(tidy) == os.path.realpath(path) else path


def _is_below(text: str, url: str) -> bool:
    return text == url or text.startswith(url + "/")


def _mapped(url: str, maps: Mapping[str, str]) -> str:
    close = hints.nearest(url, maps)
    return f"There is --map {close}=..., did you mean that?" if close else ""


def _checked_url(url: str) -> str:
    if "://" not in url:
        raise ManifestError(f'--map {url}: "{url}" is not a URL.', "Write it as --map pvc://claim=DIR.")
    return url.rstrip("/")


def _checked_folder(url: str, target: str) -> str:
    path = Path(os.path.abspath(target))
    if not path.is_dir():
        raise ManifestError(f"--map {url}={target}: there is no such folder.", hints.missing_path(path))
    return str(path)
