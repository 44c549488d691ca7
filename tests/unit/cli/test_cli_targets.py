"""Which job a command is about: this machine's run, or the cluster's job."""

from __future__ import annotations

import argparse

import pytest

from parallelrun.api.errors import ManifestError, RunFolderError
from parallelrun.cli import targets


def args(run, **cluster):
    return argparse.Namespace(run=run, **({"namespace": None, "context": None, "kubeconfig": None} | cluster))


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """There is a kubeconfig."""
    (tmp_path / "kubeconfig").touch()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


@pytest.fixture
def plugin(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/kubectl-parallelrun", "get"])


def is_cluster(found, name="mnist"):
    return isinstance(found, targets.InCluster) and found.name == name


def test_a_run_here_is_meant_and_the_other_is_told(here, make_run, cluster, capfd):
    folder = make_run(here / "runs" / "mnist-1")
    assert targets.find(args("mnist")) == folder.relative_to(here)
    assert "add -n NAMESPACE" in capfd.readouterr().err


@pytest.mark.parametrize("option", ["namespace", "context", "kubeconfig"])
def test_an_option_of_the_cluster_means_the_cluster(here, make_run, option):
    make_run(here / "runs" / "mnist-1")
    assert is_cluster(targets.find(args("mnist", **{option: "x"})))


def test_a_name_that_is_not_here_is_the_clusters(here, cluster):
    assert is_cluster(targets.find(args("mnist")))


def test_without_a_cluster_a_name_that_is_not_here_is_an_error(here):
    with pytest.raises(RunFolderError, match="There is no run 'mnist'"):
        targets.find(args("mnist"))


def test_a_folder_that_is_no_run_does_not_hide_the_job(here, cluster, capfd):
    (here / "mnist").mkdir()
    assert is_cluster(targets.find(args("mnist")))
    assert "is no run's" in capfd.readouterr().err


def test_a_path_is_never_a_job(here, cluster):
    with pytest.raises(RunFolderError):
        targets.find(args("./mnist"))


def test_the_plugin_means_the_cluster_but_for_a_path(here, make_run, plugin):
    make_run(here / "runs" / "mnist-1")
    assert is_cluster(targets.find(args("mnist")))
    assert targets.find(args("runs/mnist-1")).name == "mnist-1"


@pytest.mark.parametrize("name", ["prj/mnist", "parallelrunjob/mnist", "parallelrunjob.parallelrun.dev/mnist"])
def test_names_as_kubectl_prints_them_are_the_clusters(here, name):
    assert is_cluster(targets.find(args(name)))


def test_the_cluster_wants_a_name(here):
    with pytest.raises(ManifestError, match="Name it"):
        targets.find(args(None, namespace="team"))


def test_local_commands_import_nothing_of_the_cluster(here, make_run):
    import subprocess
    import sys

    make_run(here / "runs" / "mnist-1")
    probe = (
        "import sys; from parallelrun.cli.main import main; main(['get', 'mnist']);"
        "print([name for name in ('aiohttp', 'kubernetes', 'parallelrun.kube') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
