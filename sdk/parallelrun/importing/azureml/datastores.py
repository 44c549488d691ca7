"""Datastores that paths name: what their own files say, where these were given."""

from __future__ import annotations

from typing import Any

from parallelrun.importing.azureml.book import Book
from parallelrun.importing.azureml.section import Section

_BLOB, _LAKE = ("azure_blob",), ("azure_data_lake_gen2",)
_SECRETS = {"account_key": "accountKey", "sas_token": "sasToken", "client_secret": "clientSecret"}


def need(book: Book, section: Section, name: str) -> None:
    """A path in ``section`` is in the datastore of that name: register it, or say that somebody has to."""
    given = book.assets.get(("datastore", name))
    if given is None:
        section.lost(
            f"datastore://{name}, which is not registered: only the workspace knows where it is",
            f"parallelrun register datastore {name} az://ACCOUNT/CONTAINER --secret SECRET --to . in the folder with "
            f"pipeline.yaml. On a laptop, --map datastore://{name}=FOLDER makes a folder stand in for it.",
        )
        return
    spec = _spec(given)
    if spec is not None:
        book.register("Datastore", name, spec)


def _spec(given: Section) -> dict[str, Any] | None:
    kind = given["type"].value
    account, container = given["account_name"].value, given["container_name"].value or given["filesystem"].value
    if kind not in (*_BLOB, *_LAKE) or not account or not container:
        given["type"].lost(f"no Datastore: {kind} is not supported", "Copy the data to Blob Storage, S3 or a claim.")
        return None
    given["name"].mapped("a Datastore in registered.yaml")
    spec: dict[str, Any] = {"azureBlob": {"account": str(account), "container": str(container)}}
    if endpoint := given["endpoint"].value:
        spec["azureBlob"]["endpoint"] = f"https://{account}.blob.{endpoint}"
    if given["credentials"]:
        secret = f"{str(given['name'].value).replace('_', '-').lower()}-credentials"
        spec["secretRef"] = {"name": secret}
        keys = [_SECRETS.get(key, key) for key, _ in given["credentials"].fields()]
        _hide(given["credentials"], secret, keys)
    return spec


def _hide(credentials: Section, secret: str, keys: list[str]) -> None:
    """Say that a Secret is needed, without its content."""
    credentials.seen()
    literals = " ".join(f"--from-literal={key}=..." for key in keys)
    line = credentials.file.document.line_of(credentials.path)
    credentials.file.findings.add(
        "lost", credentials.file.name, line, credentials.path, None, f"the Secret {secret}, which is not written",
        f"kubectl create secret generic {secret} {literals}",
    )  # fmt: skip
