"""ConfigMaps from the manifest's file and from the kustomization beside it, without kubectl."""

import base64
from pathlib import Path

import pytest

from parallelrun.api.errors import ManifestError
from parallelrun.local import configmaps, kustomize
from parallelrun.local.configmaps import ConfigMaps

CODE = {"kind": "ConfigMap", "metadata": {"name": "code"}, "data": {"a.py": "x = 1\n"}}


def test_data_and_binary_data_become_bytes_by_key() -> None:
    binary = {"kind": "ConfigMap", "metadata": {"name": "m"}, "binaryData": {"w.bin": "AAEC\nAw=="}, "data": {"t": "é"}}
    assert configmaps.parse(binary) == ("m", {"w.bin": bytes([0, 1, 2, 3]), "t": "é".encode()})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"metadata": {}}, "no metadata.name"),
        ({"metadata": {"name": "m"}, "data": {"n": 1}}, "data.n is 1, not text"),
        ({"metadata": {"name": "m"}, "binaryData": {"n": "!"}}, "binaryData.n is not base64"),
        ({"metadata": {"name": "m"}, "data": {"../x": "y"}}, "'../x' cannot be a key"),
        ({"metadata": {"name": "m"}, "data": {"..": "y"}}, "'..' cannot be a key"),
    ],
)
def test_a_malformed_config_map_is_named(document: dict, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        configmaps.parse({"kind": "ConfigMap", **document})


@pytest.mark.parametrize(
    ("there", "asked"), [("code", "code"), ("code", "code-4kbc7gt9h2"), ("code-4kbc7gt9h2", "code")]
)
def test_a_name_with_kustomize_s_hash_is_the_same_config_map(there: str, asked: str) -> None:
    maps = ConfigMaps([{**CODE, "metadata": {"name": there}}], dict)
    assert maps.get(asked, "spec.source") == {"a.py": b"x = 1\n"}


def test_a_kustomization_is_not_read_while_the_file_itself_has_the_config_map() -> None:
    def unreadable() -> dict:
        raise AssertionError("read")

    assert ConfigMaps([CODE], unreadable).get("code", "spec.source")


def test_an_unknown_config_map_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ManifestError, match=r'spec.source: there is no ConfigMap "coed"(.|\n)*Did you mean "code"'):
        ConfigMaps([CODE], dict).get("coed", "spec.source")


def test_writing_again_keeps_a_file_s_time_and_changes_what_differs(tmp_path: Path) -> None:
    configmaps.write({"same": b"1", "other": b"2"}, tmp_path / "m")
    before = (tmp_path / "m" / "same").stat().st_mtime_ns
    configmaps.write({"same": b"1", "other": b"3"}, tmp_path / "m")
    assert (tmp_path / "m" / "same").stat().st_mtime_ns == before
    assert configmaps.read_all(tmp_path) == {"m": {"same": b"1", "other": b"3"}}


def write_kustomization(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "kustomization.yaml").write_text(text)
    return folder


def test_a_kustomization_makes_resources_and_generated_config_maps(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(
        "kind: ParallelRunJob\n---\nkind: ConfigMap\nmetadata: {name: own}\ndata: {k: v}\n"
    )
    (tmp_path / "1.png").write_bytes(b"\x89PNG")
    nested = write_kustomization(tmp_path / "nested", "configMapGenerator:\n- {name: deep, literals: ['a=\"b=c\"']}\n")
    (nested / "x").write_text("")
    write_kustomization(
        tmp_path,
        "namespace: n\ngeneratorOptions: {disableNameSuffixHash: true}\nresources: [job.yaml, nested]\n"
        "configMapGenerator:\n- name: images\n  files: [1.png, two.png=1.png]\n",
    )
    made = kustomize.load(tmp_path)
    assert made.config_maps == {
        "own": {"k": b"v"},
        "deep": {"a": b"b=c"},
        "images": {"1.png": b"\x89PNG", "two.png": b"\x89PNG"},
    }
    assert kustomize.job_file(tmp_path) == tmp_path / "job.yaml"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patches: []", "patches is not understood"),
        ("namePrefix: x-", "namePrefix is not understood"),
        ("resources: [https://example.com/x.yaml]", "is not a local file"),
        ("resources: [jbo.yaml]", 'jbo.yaml does not exist(.|\n)*Did you mean "job.yaml"'),
        ("resources: job.yaml", "resources must be a list"),
        ("resources: ['.']", "lead back to this folder"),
        ("configMapGenerator: [{name: a, envs: [x]}]", "configMapGenerator a: envs is not understood"),
        ("configMapGenerator: [{files: [x]}]", "has no name"),
        ("configMapGenerator: [{name: a, files: [nothere]}]", "the file nothere does not exist"),
        ("configMapGenerator: [{name: a, literals: [nothing]}]", 'the literal "nothing" has no "="'),
        ("configMapGenerator: [{name: a, literals: [k=1, k=2]}]", "the key k is there twice"),
        ("configMapGenerator: [{name: a, files: ['x y=job.yaml']}]", "'x y' cannot be a key"),
        ("", "must hold exactly one document"),
        ("a: [", "YAML"),
    ],
)
def test_what_a_local_run_would_do_otherwise_than_kubectl_is_refused_by_name(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "job.yaml").write_text("kind: ParallelRunJob\n")
    with pytest.raises(ManifestError, match=words):
        kustomize.load(write_kustomization(tmp_path, text))


def test_a_folder_without_a_kustomization_or_with_no_or_two_jobs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"holds no kustomization.yaml"):
        kustomize.job_file(tmp_path)
    (tmp_path / "a.yaml").write_text("kind: ParallelRunJob\n")
    (tmp_path / "b.yaml").write_text("kind: ParallelRunJob\n")
    with pytest.raises(ManifestError, match="holds 2 ParallelRunJobs"):
        kustomize.job_file(write_kustomization(tmp_path, "resources: [a.yaml, b.yaml]"))
    with pytest.raises(ManifestError, match=r"No resource of .* is a ParallelRunJob"):
        kustomize.job_file(write_kustomization(tmp_path, "resources: []"))


def test_binary_data_survives_the_way_through_a_document(tmp_path: Path) -> None:
    data = bytes(range(256))
    text = base64.b64encode(data).decode()
    (tmp_path / "m.yaml").write_text(f"kind: ConfigMap\nmetadata: {{name: m}}\nbinaryData: {{k: {text}}}\n")
    assert kustomize.load(write_kustomization(tmp_path, "resources: [m.yaml]")).config_maps == {"m": {"k": data}}
