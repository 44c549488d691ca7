"""Where data is: a ``path`` of Azure's as one of ours, or as the name of something registered."""

from __future__ import annotations

import re
from dataclasses import dataclass

from parallelrun.api import store_urls
from parallelrun.api.errors import ManifestError
from parallelrun.importing.azureml import datastores
from parallelrun.importing.azureml.book import Book, reference
from parallelrun.importing.azureml.section import Section

#: Types of inputs and Datasets here.
DATASETS = {"uri_folder": "File", "uri_file": "File", "mltable": "MLTable"}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BLOB = re.compile(r"https://([^./]+)\.blob\.core\.windows\.net/([^/?#]+)(?:/([^?#]*))?")
_TOLD = "{} on this machine; in a cluster, upload it to the claim and give that path"


@dataclass(frozen=True)
class Place:
    """Where something is: a path, the name of something registered, or both where its own file was given. Neither: it
    could not be found out, and a finding says so."""

    path: str = ""  # a path from the folder that is written, or a URL
    registered: str = ""  # "name" or "name:version"
    type: str = ""  # of a data asset that was given beside


def of(book: Book, section: Section, type_: str, text: str = "") -> Place:
    """What ``text``, by default the value of ``section``, means: a path of the data type ``type_``."""
    text = (text or str(section.value)).strip()
    text = text.removeprefix("azureml:") if text.startswith("azureml:azureml://") else text
    if _URL.match(text):
        return _url(book, section, text, type_)
    if text.startswith("azureml:"):
        return _asset(book, section, text)
    return _local(book, section, text.removeprefix("file:"))


def _url(book: Book, section: Section, text: str, type_: str) -> Place:
    blob = _BLOB.fullmatch(text)
    if blob and type_ != "uri_file":
        url = f"az://{blob[1]}/{blob[2]}/{blob[3] or ''}"
        todo = "A container that anyone may read: register a Datastore for it with --anonymous, and name that."
        section.approximated(f"{url}: web servers do not list folders, Blob Storage does", todo)
        return Place(url)
    try:
        url = store_urls.canonical("path", text)
    except ManifestError:
        section.lost("no path: this is in a workspace or registry of Azure ML", "Download it, and give its path.")
        return Place()
    if name := store_urls.datastore_of(url):
        datastores.need(book, section, name)
    section.mapped(url)
    return Place(url)


def _asset(book: Book, section: Section, text: str) -> Place:
    name, version = reference(text)
    registered = f"{name}:{version}" if version else name
    for kind, ours in (("data", "Dataset"), ("model", "Model")):
        given = book.assets.get((kind, name))
        if given is not None:
            return _given(book, section, given, ours, registered)
    return Place(registered=registered)


def _given(book: Book, section: Section, given: Section, kind: str, registered: str) -> Place:
    """An asset whose own file was given: what that names, and registered under its name."""
    type_ = str(given["type"].value or "uri_folder")
    found = of(book, given["path"], type_)
    if not found.path:
        return Place(type=type_)
    name, version = str(given["name"].value), str(given["version"].value or "")
    spec = {"path": found.path} if kind == "Model" else {"type": DATASETS.get(type_, "File"), "paths": [found.path]}
    if not book.register(kind, name, spec, version):
        return Place(found.path, type=type_)
    section.mapped(f"the {kind} {registered} in registered.yaml")
    return Place(found.path, registered, type_)


def _local(book: Book, section: Section, text: str) -> Place:
    if text.startswith("$("):  # what it begins with is a place already
        section.mapped(text)
        return Place(text)
    absolute = book.beside(section, text)
    path = str(absolute) if text.startswith("/") else book.from_target(absolute)
    if text.endswith("/"):
        path += "/"
    if not set("*$") & set(text) and not book.files.exists(absolute):
        section.approximated(_TOLD.format(path), "Put it there: it is not there now.")
    else:
        section.mapped(_TOLD.format(path))
    return Place(path)
