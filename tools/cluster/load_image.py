"""Gives an image to nodes of the cluster, without the layers that they have.

``kind load`` sends all of an image to every node: half a gigabyte for each changed line of ours. Here the archive that
docker writes becomes an OCI archive in which layers that a node's containerd holds are named but not contained.

    load_image.py IMAGE NAME NODE...      IMAGE: as docker knows it; NAME: as pods call it
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

CTR = ("ctr", "--namespace", "k8s.io")
OCI = "application/vnd.oci.image"


def blob(data: bytes, media_type: str) -> dict[str, Any]:
    """A descriptor of ``data``."""
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data)}


def add(archive: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    """Append a file to an archive."""
    info = tarfile.TarInfo(name)
    info.size = size
    archive.addfile(info, file)


class Saved:
    """What `docker save` wrote, read as an OCI image."""

    def __init__(self, path: Path, name: str) -> None:
        self._tar = tarfile.open(path)  # noqa: SIM115 (for the life of the process)
        (entry,) = json.load(self._open("manifest.json"))
        self.config = self._open(entry["Config"]).read()
        digests = json.loads(self.config)["rootfs"]["diff_ids"]
        self.layers = [self._layer(digest, name) for digest, name in zip(digests, entry["Layers"], strict=True)]
        self._files = {layer["digest"]: name for layer, name in zip(self.layers, entry["Layers"], strict=True)}
        config = blob(self.config, f"{OCI}.config.v1+json")
        manifest_type = f"{OCI}.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": self.layers}
        self.manifest = json.dumps(manifest).encode()
        named = {"annotations": {"io.containerd.image.name": name}}
        self.index = {"schemaVersion": 2, "manifests": [blob(self.manifest, manifest_type) | named]}

    def _open(self, name: str) -> IO[bytes]:
        file = self._tar.extractfile(name)  # follows the links by which docker writes a repeated layer
        if file is None:
            raise SystemExit(f"load_image: {name} in docker's archive is no file")
        return file

    def _layer(self, digest: str, name: str) -> dict[str, Any]:
        """Docker's image store keeps layers unpacked, so that the archive's have the digest of their content."""
        file = self._open(name)
        if file.read(2) == b"\x1f\x8b":
            file.seek(0)
            digest = blob(file.read(), "")["digest"]
            return {"mediaType": f"{OCI}.layer.v1.tar+gzip", "digest": digest, "size": file.seek(0, 2)}
        return {"mediaType": f"{OCI}.layer.v1.tar", "digest": digest, "size": file.seek(0, 2)}

    def write(self, stream: IO[bytes], there: set[str]) -> None:
        """The archive, without the layers that are ``there``."""
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            layout, index = b'{"imageLayoutVersion": "1.0.0"}', json.dumps(self.index).encode()
            add(archive, "oci-layout", io.BytesIO(layout), len(layout))
            add(archive, "index.json", io.BytesIO(index), len(index))
            for data in (self.manifest, self.config):
                add(archive, f"blobs/sha256/{hashlib.sha256(data).hexdigest()}", io.BytesIO(data), len(data))
            for digest in {layer["digest"]: None for layer in self.layers}:
                if digest not in there:
                    file = self._open(self._files[digest])
                    size = file.seek(0, 2)
                    file.seek(0)
                    add(archive, f"blobs/{digest.replace(':', '/')}", file, size)


def load(saved: Saved, node: str) -> None:
    """Import into one node's containerd; raises SystemExit with its words where that fails."""
    listed = subprocess.run(["docker", "exec", node, *CTR, "content", "ls", "--quiet"], capture_output=True, check=True)
    command = ["docker", "exec", "--interactive", node, *CTR, "images", "import", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as importing:
        assert importing.stdin is not None
        saved.write(importing.stdin, set(listed.stdout.decode().split()))
        importing.stdin.close()
    if importing.returncode:
        raise SystemExit(f"load_image: {node} did not take the image: exit status {importing.returncode}")


def in_full(name: str) -> str:
    """``name`` as containerd keeps it: with the registry that docker takes names without one from."""
    told = subprocess.run(["docker", "info", "--format", "{{.IndexServerAddress}}"], capture_output=True, check=True)
    return f"{urlsplit(told.stdout.decode().strip()).netloc.removeprefix('index.')}/{name}"


def main() -> None:
    """See the module."""
    image, name, *nodes = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=Path(__file__).parents[2] / ".tools") as folder:
        path = Path(folder) / "image.tar"
        subprocess.run(["docker", "save", image, "--output", str(path)], check=True)
        saved = Saved(path, in_full(name))
        for node in nodes:
            load(saved, node)


if __name__ == "__main__":
    main()
