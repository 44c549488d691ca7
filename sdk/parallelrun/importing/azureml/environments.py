"""Environments: images and conda files as ours, registered under their names where they have some."""

from __future__ import annotations

import posixpath
import re
from typing import Any

import yaml

from parallelrun.importing.azureml import conda
from parallelrun.importing.azureml.book import Book, Code, Json, reference
from parallelrun.importing.azureml.section import Section

_IN_REGISTRY = re.compile(r"azureml://registries/[^/]+/environments/([^/]+)/(?:versions|labels)/([^/]+)/?")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ABOUT = ("$schema", "description", "tags", "properties", "type", "os_type", "inference_config", "datastore")


def of(book: Book, section: Section, code: Code) -> Json:
    """The field ``environment`` of a step whose code is ``code``."""
    if section.is_mapping:
        return _defined(book, section, code)
    text = str(section.value).strip()
    if text.startswith("azureml:"):
        return _named(book, section, text, code)
    path = book.beside(section, text.removeprefix("file:"))
    if path.suffix in (".yml", ".yaml") and book.files.exists(path):
        section.mapped("as its own file says")
        return _defined(book, book.open(path), code)
    section.lost(
        "none: this is no file and no registered environment",
        "Write environment: {image: ...} or {pip: [...]} into the step in pipeline.yaml.",
    )
    return {}


def _named(book: Book, section: Section, text: str, code: Code) -> Json:
    found = _IN_REGISTRY.fullmatch(text) or _IN_REGISTRY.fullmatch(text.removeprefix("azureml:"))
    name, version = (found[1], "") if found else reference(text)
    given = book.assets.get(("environment", name))
    if given is not None:
        section.mapped("as its own file says")
        return _defined(book, given, code)
    if not _NAME.fullmatch(name):
        section.lost("none: the name is not understood", "Write environment: {image: ...} into the step.")
        return {}
    book.register("Environment", name, {"description": f"Was {text}; its image or packages are to be added."}, version)
    section.lost(
        f"the Environment {name} in registered.yaml, without image and packages: only Azure ML knows what is in it. "
        "On a laptop the Python that runs parallelrun is used",
        "Add image: (a copy in a registry of your own) or pip: [...] to it in registered.yaml; or give its own YAML "
        "file to the import: --with FILE.",
    )
    return {"name": f"{name}:{version}" if version else name}


def _defined(book: Book, section: Section, code: Code) -> Json:
    for key in _ABOUT:
        section[key].seen()
    made: Json = {}
    name, version = str(section["name"].value or ""), str(section["version"].value or "")
    image = next((part for part in (section["image"], section["docker"]["image"]) if part), None)
    if image is not None:
        made["image"] = str(image.value)
        image.approximated(
            f"environment.image: {image.value}; on a laptop the Python that runs parallelrun is used",
            "It needs Python 3.7 or newer, to run as another user than root, and pandas and pyarrow where there are "
            "tables.",
        )
    if section["build"]:
        section["build"].lost(
            "no image: images are not built here", "Build and push it, and write its name as environment.image."
        )
    file = next((section[key] for key in ("conda_file", "conda_dependencies_file") if key in section), None)
    if file is not None:
        made.update(_packages(book, file, code, name))
    if not _NAME.fullmatch(name) or not made:
        return made
    if "conda" in made or not book.register("Environment", name, made, version):
        return made  # a conda file is in this step's own code
    section["name"].mapped(f"the Environment {name} in registered.yaml")
    return {"name": f"{name}:{version}" if version else name}


def _packages(book: Book, section: Section, code: Code, name: str) -> Json:
    content, shown = _conda_content(book, section)
    if content is None:
        return {}
    if not book.with_packages:
        section.approximated(
            "no packages, as --no-packages says", "The image, on a laptop the Python that runs parallelrun, has them."
        )
        return {}
    found = conda.read(content)
    told = []
    if found.dropped:
        told.append(f"without {', '.join(found.dropped)}, in whose place parallelrun stands")
    for entry in found.unread:
        section.lost(f"environment, without {entry!r}", "List the packages themselves in environment.pip.")
    if found.only_conda:
        file = f"conda-{name or posixpath.splitext(posixpath.basename(shown))[0]}.yml"
        code.made[file] = yaml.safe_dump(conda.without_azures(content), sort_keys=False, allow_unicode=True)
        some = ", ".join(found.only_conda[:3])
        section.approximated(
            "; ".join([f"environment.conda: {file}, in the code's folder", *told]),
            f"It stays a conda file for {some}: micromamba, mamba or conda has to be in the image, and on the laptop. "
            "Where pip alone will do, write environment.pip instead.",
        )
        return {"conda": file}
    shorter = f"environment.pip: {', '.join(found.pip)}" if found.pip else "no packages"
    if found.translated:
        told.append("conda's packages by their names on PyPI")
    if found.python:
        told.append(f"Python is the image's, on a laptop that which runs parallelrun, and not {found.python}")
    if told:
        todo = ["Tables need pandas and pyarrow: list them in pip where the image has none."] * bool(found.dropped)
        if found.python and any(mark in one for one in found.pip for mark in ("==", "~=", "<")):
            todo.append(f"Versions made for Python {found.python} may not be there for another: see --no-packages.")
        section.approximated("; ".join([shorter, *told]), " ".join(todo))
    else:
        section.mapped(shorter)
    return {"pip": list(found.pip)} if found.pip else {}


def _conda_content(book: Book, section: Section) -> tuple[Any, str]:
    if section.is_mapping:
        return section.value, "inline"
    path = book.beside(section, str(section.value).removeprefix("file:"))
    text = book.files.text(path)
    try:
        content = None if text is None else yaml.safe_load(text)
    except yaml.YAMLError:
        content = None
    if not isinstance(content, dict):
        section.lost(
            f"no packages: {'there is no such file' if text is None else 'this is no conda file'}",
            "Write environment: {pip: [...]} into the step in pipeline.yaml.",
        )
        return None, ""
    return content, path.name


def variables(values: dict[str, str]) -> list[Json]:
    """The field ``env``."""
    return [{"name": name, "value": value} for name, value in values.items()]
