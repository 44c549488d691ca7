"""A pod's own way to the API server: what kubelet puts into its files, also when it puts something else there later."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from parallelrun.kube import access, errors


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service account's folder, and where the cluster is."""
    for name, text in (("token", "first\n"), ("ca.crt", "-----"), ("namespace", "team")):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


def authorization(way: access.InPod) -> str:
    headers: dict[str, str] = {}
    asyncio.run(way.authorize(headers))
    return headers["Authorization"]


def test_it_is_at_the_service_s_address_in_the_pod_s_namespace(account: Path) -> None:
    way = access.InPod(str(account))
    assert (way.host, way.namespace) == ("https://10.0.0.1:443", "team")


def test_an_ipv6_address_is_written_as_in_a_url(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert access.InPod(str(account)).host == "https://[fd00::1]:443"


def test_a_token_that_kubelet_renewed_is_used(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    way = access.InPod(str(account))
    (account / "token").write_text("second")
    assert authorization(way) == "Bearer first"
    monkeypatch.setattr(access, "TOKEN_SECONDS", -1.0)
    assert authorization(way) == "Bearer second"


def test_another_client_is_told_the_same_way(account: Path) -> None:
    way = access.InPod(str(account))
    told = asyncio.run(way.connection())
    assert (told.server, told.token, told.verify) == (way.host, "first", True)
    assert told.ca_file == str(account / "ca.crt")


@pytest.mark.parametrize("missing", ["token", "namespace", "KUBERNETES_SERVICE_HOST"])
def test_outside_of_a_cluster_it_says_what_is_not_there(
    account: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing, raising=False)
    (account / missing).unlink(missing_ok=True)
    with pytest.raises(errors.KubeError, match=f"not in a cluster: .*{missing}"):
        access.InPod(str(account))
