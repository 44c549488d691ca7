"""Where data is: a ``path`` of Azure's as one of ours, or as the name of something registered."""

from __future__ import annotations

import re
from dataclasses import dataclass

from parallelrun.api import store_urls
from parallelrun.api.errors import ManifestError
from parallelrun.importing.azureml import datastores
from parallelrun.importing.azureml.book import Book, reference
from parallelrun.importing.azureml.section import Section

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BLOB = re.compile(r"https://([^./]+)\.blob\.core\.windows\.net/([^/?#]+)(?:/([^?#]*))?")
_TOLD = "{} on this machine; in a cluster, upload it to the claim and give that path"


@dataclass(frozen=True)
class Place:
    """Where something is; neither: it could not be found out, and a finding says so."""

    path: str = ""  # a path from the folder that is written, or a URL
    registered: str = ""  # "name" or "name:version"
    type: str = ""  # of a data asset that was given beside


def of(book: Book, section: Section, type_: str) -> Place:
    """What ``section``, the text of a path of the data type ``type_``, means."""
    text = str(section.value).strip()
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
    for kind in ("data", "model"):
        given = book.assets.get((kind, name))
        if given is not None:
            type_ = str(given["type"].value or "uri_folder")
            found = of(book, given["path"], type_)
            section.mapped(found.path or "the path that its own file names")
            return Place(found.path, found.registered, type_)
    return Place(registered=f"{name}:{version}" if version else name)


def _local(book: Book, section: Section, text: str) -> Place:
    absolute = book.beside(section, text)
    path = str(absolute) if text.startswith("/") else book.from_target(absolute)
    if text.endswith("/"):
        path += "/"
    if "*" not in text and not book.files.exists(absolute):
        section.approximated(_TOLD.format(path), "Put it there: it is not there now.")
    else:
        section.mapped(_TOLD.format(path))
    return Place(path)
