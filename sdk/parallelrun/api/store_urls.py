"""URLs of object stores: one form for each place, and which store each belongs to; pure.

Azure's own ways to write a place (``wasbs://``, ``abfss://``, ``azureml://``) are taken and turned into ours, so that
one object has one name in plans, logs and settings. A ``datastore://`` URL stays as it is, since the datastore says
where requests go and with which credentials; but one whose datastore is a folder on a claim becomes a path of that
claim. Existence is nobody's business here.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from parallelrun.api.errors import ManifestError
from parallelrun.api.settings import StoreSettings

if TYPE_CHECKING:
    from parallelrun.api.models.datastore import DatastoreSpec

DATASTORE = "datastore"
#: Schemes of URLs that name an object store themselves.
STORES = ("s3", "az", "gs", "https", "http")
_WEB = ("https", "http")
_OF_VOLUMES = ("pvc", "configmap")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HADOOP = re.compile(r"(?:wasbs?|abfss?)://([^@/]+)@([^./]+)\.(?:blob|dfs)\.core\.windows\.net(?:/(.*))?", re.DOTALL)
_AZUREML = re.compile(r"azureml://(?:.*/)?datastores/([^/]+)(?:/paths(?:/(.*))?)?/?", re.DOTALL)
_AZURE = ("wasb", "wasbs", "abfs", "abfss", "azureml")

#: The spec of the Datastore of a name that the field (the first argument) refers to; raises ManifestError.
Find = Callable[[str, str], "DatastoreSpec"]


@dataclass(frozen=True)
class Located:
    """Where one path or URL of a manifest is."""

    text: str  # a canonical URL of a store, "pvc://claim/path", or a path or URL that is none of a store, as it was
    store: StoreSettings | None = None  # what requests need; None: no object store


def is_store_url(text: str) -> bool:
    """Whether it is in an object store or a datastore; any way of writing counts."""
    found = _URL.match(text)
    return found is not None and found[1] in (DATASTORE, *STORES, *_AZURE)


def canonical(where: str, text: str) -> str:
    """``text``, the value of the field ``where``, as we write it; what is no URL stays as it is.

    Raises ManifestError for a URL that is not whole.
    """
    found = _URL.match(text)
    if found is None or found[1] in _OF_VOLUMES:
        return text
    scheme, rest = found.groups()
    if scheme in _AZURE:
        return from_azure(where, text)
    host, _, key = rest.partition("/")
    if not host or (scheme == "az" and not key.partition("/")[0]):
        whole = {"az": "az://account/container/path", DATASTORE: "datastore://name/path"}.get(scheme, f"{scheme}://...")
        raise ManifestError(f"{where}: {text} names no place.", f"Write {whole}.")
    if scheme in ("https", "http") and "@" in host:
        raise ManifestError(
            f"{where}: a URL with a user or password in it ends up in logs.",
            "Register a Datastore of kind https, and put username and password into its Secret.",
        )
    return text


def from_azure(where: str, text: str) -> str:
    """``text`` in our form where Azure's users write it otherwise. Raises ManifestError."""
    if text.partition("://")[0] not in _AZURE:
        return text
    if found := _HADOOP.fullmatch(text):
        container, account, path = found.groups()
        return f"az://{account}/{container}/{path or ''}"
    if found := _AZUREML.fullmatch(text):
        return below(found[1], found[2] or "")
    raise ManifestError(
        f"{where}: {text} is not understood.",
        "Write az://account/container/path, or register a Datastore and write datastore://name/path.",
    )


def below(datastore: str, path: str) -> str:
    """The URL of ``path`` in the datastore of that name."""
    while path.startswith(("./", "/")):
        path = path.lstrip("/").removeprefix("./")
    return f"{DATASTORE}://{datastore}/{'' if path == '.' else path}"


def datastore_of(text: str) -> str:
    """The name of the datastore that a canonical URL is in; "" where it is in none."""
    return text[len(DATASTORE) + 3 :].partition("/")[0] if text.startswith(f"{DATASTORE}://") else ""


def literal_folder(text: str) -> tuple[str, bool]:
    """The folder that what a canonical URL means is below, and whether the URL has wildcards after that.

    Nobody has looked at the store: of a URL without wildcards, the last part is taken for a file where it has an
    extension and no slash behind it.
    """
    scheme, _, rest = text.partition("://")
    parts = rest.split("/")
    wild = (lambda part: "*" in part) if scheme in _WEB else glob.has_magic
    first = next((number for number, part in enumerate(parts) if number and wild(part)), len(parts))
    if first < len(parts):
        return f"{scheme}://{'/'.join(parts[:first])}", True
    is_file = len(parts) > 1 and "." in base_name(text).lstrip(".")
    return f"{scheme}://{'/'.join(parts[:-1] if is_file else parts)}".rstrip("/"), False


def common_folder(folders: Sequence[str]) -> str:
    """The folder, absolute or a URL, that holds all of ``folders``; "" where no path or store has them all."""
    common = folders[0].rstrip("/").split("/")
    for folder in folders[1:]:
        parts = folder.rstrip("/").split("/")
        same = next((n for n, pair in enumerate(zip(common, parts, strict=False)) if pair[0] != pair[1]), None)
        common = common[: min(len(common), len(parts)) if same is None else same]
    found = "/".join(common)
    if folders[0].startswith("/"):
        return found or ("/" if all(folder.startswith("/") for folder in folders) else "")
    return found if len(common) > 2 else ""  # "s3://bucket" at least


def base_name(text: str) -> str:
    """What comes after the last slash of a URL; of a web address without escapes and query."""
    if text.startswith(tuple(f"{scheme}://" for scheme in _WEB)):
        text = unquote(text.partition("#")[0].partition("?")[0])
    return text.rpartition("/")[2]


def fetched(text: str, folder: str) -> str:
    """Where a file or folder is for a script: below ``folder`` where it is fetched from a URL, else where it is."""
    return f"{folder}/{base_name(text.rstrip('/'))}" if is_store_url(text) else text


class Stores:
    """The stores that the URLs of one job are in: each is asked for once, and all are there at the end."""

    def __init__(self, find: Find, credentials: Callable[[str, DatastoreSpec], str]) -> None:
        """``credentials`` gives the folder with a datastore's Secret by its name and spec; "": there is none."""
        self._find = find
        self._credentials = credentials
        self._found: dict[str, StoreSettings] = {}
        self.datastores: dict[str, DatastoreSpec] = {}  # those that were named, by name

    @property
    def settings(self) -> list[StoreSettings]:
        """All that were needed, in the order of their URLs."""
        return [self._found[url] for url in sorted(self._found)]

    def locate(self, where: str, text: str, write: bool = False) -> Located:
        """Where ``text``, the value of the field ``where``, is; ``write``: it is a folder for output.

        Raises ManifestError, or what ``find`` raises for a datastore that there is not.
        """
        text = canonical(where, text)
        if not is_store_url(text):
            return Located(text)
        name = datastore_of(text)
        spec = self._datastore(where, name) if name else None
        if write:
            _refuse_writing(where, text, spec)
        if spec is not None and spec.claim is not None:
            return Located(_on_claim(where, text, name, spec))
        store = _bare(text) if spec is None else self._registered(name, spec)
        self._found.setdefault(store.url, store)
        return Located(text, self._found[store.url])

    def _datastore(self, where: str, name: str) -> DatastoreSpec:
        if name not in self.datastores:
            self.datastores[name] = self._find(where, name)
        return self.datastores[name]

    def _registered(self, name: str, spec: DatastoreSpec) -> StoreSettings:
        url = f"{DATASTORE}://{name}"
        return self._found.get(url) or of_datastore(name, spec, self._credentials(name, spec))


def of_datastore(name: str, spec: DatastoreSpec, credentials: str) -> StoreSettings:
    """What requests to a datastore, which is not on a claim, need; ``credentials``: the folder with its Secret."""
    url = f"{DATASTORE}://{name}"
    if spec.s3 is not None:
        made = StoreSettings(
            url, "s3", name, spec.s3.bucket, spec.s3.prefix, region=spec.s3.region, endpoint=spec.s3.endpoint
        )
    elif spec.azure_blob is not None:
        blob = spec.azure_blob
        made = StoreSettings(
            url, "azureBlob", name, blob.container, blob.prefix, account=blob.account, endpoint=blob.endpoint
        )
    elif spec.gcs is not None:
        made = StoreSettings(url, "gcs", name, spec.gcs.bucket, spec.gcs.prefix, endpoint=spec.gcs.endpoint)
    else:
        assert spec.https is not None, "a claim is no store, and one of the five is given"
        made = StoreSettings(url, "https", name, endpoint=spec.https.url)
    return replace(
        made,
        prefix=made.prefix.strip("/"),
        endpoint=made.endpoint.rstrip("/"),
        credentials=credentials,
        anonymous=spec.anonymous,
        read_only=spec.read_only,
    )


def _bare(text: str) -> StoreSettings:
    """Of a URL that names no datastore: the cloud's own endpoint, with the credentials that are around."""
    scheme, _, rest = text.partition("://")
    first, _, below_first = rest.partition("/")
    if scheme == "az":
        container = below_first.partition("/")[0]
        return StoreSettings(f"az://{first}/{container}", "azureBlob", bucket=container, account=first)
    if scheme in ("https", "http"):
        host = re.split(r"[/?#]", rest, maxsplit=1)[0]
        return StoreSettings(f"{scheme}://{host}", "https", endpoint=f"{scheme}://{host}", read_only=True)
    return StoreSettings(f"{scheme}://{first}", "s3" if scheme == "s3" else "gcs", bucket=first)


def _on_claim(where: str, text: str, name: str, spec: DatastoreSpec) -> str:
    assert spec.claim is not None
    path = text[len(f"{DATASTORE}://{name}") :].lstrip("/")
    if ".." in path.split("/"):
        raise ManifestError(f'{where}: {text} holds "..".', f"Write the path from {spec.claim.path} on.")
    folder = spec.claim.path.strip("/").removeprefix("./")
    return "pvc://" + "/".join(part for part in (spec.claim.name, "" if folder == "." else folder, path) if part)


def _refuse_writing(where: str, text: str, spec: DatastoreSpec | None) -> None:
    if spec is not None and spec.read_only:
        raise ManifestError(
            f"{where}: {text} is in a datastore that is read-only.", "Write to another one, or leave the path out."
        )
    if text.startswith(("https://", "http://")) or (spec is not None and spec.https is not None):
        raise ManifestError(
            f"{where}: {text} is on a web server, which cannot be written to.",
            "Write to s3://, az://, gs:// or a datastore of one of these, or to a path.",
        )
