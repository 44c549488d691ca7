"""Which registered object a name means, and what a job is with it."""

from typing import Any

import pytest

from parallelrun.api import checks, merging, shape, versions
from parallelrun.api.errors import ManifestError
from parallelrun.api.kinds import BY_NAME
from parallelrun.api.models import ParallelRunJob
from parallelrun.api.registry import NotRegistered, Registry

Json = dict[str, Any]


def document(kind: str, object_name: str, **spec: Any) -> Json:
    return {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": object_name},
        "spec": spec,
    }


def dataset(object_name: str, **spec: Any) -> Json:
    return document("Dataset", object_name, **{"type": "File", "paths": ["a/"], **spec})


def job(**spec: Any) -> ParallelRunJob:
    made = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "ParallelRunJob",
        "metadata": {"name": "job"},
        "spec": {
            "source": {"directory": "."},
            "entryScript": "a.py",
            "inputs": [{"name": "images", "type": "File", "paths": ["images/"]}],
            **spec,
        },
    }
    assert checks.problems(made) == []
    return ParallelRunJob.model_validate(made, by_alias=True)


def merged(registered: list[Json], **spec: Any) -> merging.Resolution:
    return merging.resolve(job(**spec), Registry.of(registered))


@pytest.mark.parametrize(
    "ordered", [["1", "2", "10"], ["beta", "1"], ["1.9", "1.10", "2"], ["2026-01-31", "2026-02-01"], ["1", "1-rc"]]
)
def test_versions_have_the_order_that_people_expect(ordered):
    assert sorted({*ordered}, key=versions.order) == ordered


@pytest.mark.parametrize("reference", ["mnist", "mnist@latest", "mnist:latest"])
def test_a_name_without_a_version_means_the_highest_one(reference):
    registry = Registry.of(dataset(f"mnist-{version}", name="mnist", version=version) for version in ("9", "10", "2"))
    entry, _ = registry.dataset("spec.inputs[0].dataset", reference)
    assert entry.version == "10"


def test_a_version_is_found_by_its_text():
    registry = Registry.of([dataset("a", name="m_1", version="1.0"), dataset("b", name="m_1", version="2.0")])
    assert registry.refer("x", "Dataset", "m_1:1.0").object_name == "a"


def test_without_a_registered_name_the_object_s_own_counts_and_the_version_is_1():
    (entry,) = Registry.of([dataset("mnist")]).all("Dataset")
    assert (entry.name, entry.version, str(entry)) == ("mnist", "1", "Dataset mnist version 1")


def test_other_objects_are_left_alone():
    registry = Registry.of(
        [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}},
            {"apiVersion": "example.com/v1", "kind": "Dataset", "metadata": {"name": "x"}, "spec": {"size": 3}},
        ]
    )
    assert registry.entries == ()


def test_a_name_that_is_not_registered_is_told_with_its_field_and_the_nearest_one():
    registry = Registry.of([document("Datastore", "lake", name="mnist_data", s3={"bucket": "b"})])
    with pytest.raises(NotRegistered) as error:
        registry.datastore("spec.inputs[0].paths[0]", "mnist-data")
    assert error.value.message == 'spec.inputs[0].paths[0]: there is no Datastore registered as "mnist-data".'
    assert error.value.hint == 'Did you mean "mnist_data"?'
    assert (error.value.kind, error.value.name) == ("Datastore", "mnist-data")


def test_a_version_that_is_not_registered_is_told_with_those_that_are():
    registry = Registry.of([dataset("a", version="1"), dataset("b", name="a", version="3")])
    with pytest.raises(NotRegistered, match='the Dataset "a" has no version 2') as error:
        registry.refer("spec.inputs[0].dataset", "Dataset", "a:2")
    assert error.value.hint == "There is: 1, 3."


def test_what_is_registered_twice_is_refused_when_it_is_named():
    registry = Registry.of([dataset("a", name="mnist"), dataset("b", name="mnist"), dataset("c")])
    assert [(str(first), second.object_name) for first, second in registry.duplicates()] == [
        ("Dataset mnist version 1", "b")
    ]
    with pytest.raises(ManifestError, match="registered twice: by a and by b"):
        registry.dataset("spec.inputs[0].dataset", "mnist")
    assert registry.dataset("x", "c")[0].object_name == "c"


def test_a_broken_object_stops_only_who_names_it():
    registry = Registry.of([dataset("good"), {**dataset("bad"), "spec": {"paths": 3}}])
    assert registry.dataset("x", "good")[1].type == "File"
    with pytest.raises(ManifestError, match=r"Dataset bad[\s\S]*spec\.paths") as error:
        registry.dataset("x", "bad")
    assert not isinstance(error.value, NotRegistered)


def test_a_job_that_names_nothing_is_as_it_was():
    plain = job(models=[{"name": "mnist", "path": "model/"}])
    found = merging.resolve(plain, Registry.of([document("Model", "mnist", path="other/")]))
    assert found == merging.Resolution(plain)


def test_a_dataset_gives_an_input_its_paths_type_and_options():
    lake = dataset(
        "sales-2", name="sales", version="2", type="Tabular", datastore="lake", paths=["./2026/*.csv", "."],
        table={"separator": ";", "header": False, "columns": {"a": "int64"}}, allowEmpty=True,
        subset={"where": [{"column": "a", "op": ">", "value": 3}], "take": 10},
    )  # fmt: skip
    found = merged([lake], inputs=[{"name": "rows", "dataset": "sales"}])
    (one,) = found.job.spec.inputs
    assert (one.name, one.type, one.dataset, one.allow_empty) == ("rows", "Tabular", None, True)
    assert one.paths == ["datastore://lake/2026/*.csv", "datastore://lake/"]
    assert one.table is not None
    assert (one.table.separator, one.table.header) == (";", False)
    assert one.subset is not None
    assert (one.subset.where[0].value, one.subset.take) == (3, 10)
    assert found.datasets == {"sales": "2"}
    assert [str(entry) for entry in found.used] == ["Dataset sales version 2"]


def test_what_an_input_says_itself_counts_field_by_field():
    registered = dataset(
        "sales", type="Tabular", paths=["x/"], partitionFormat="{a}.csv",
        table={"separator": ";", "encoding": "latin-1", "columns": {"a": "int64", "b": "string"}},
        subset={"skip": 5, "take": 10},
    )  # fmt: skip
    own = {
        "name": "rows",
        "dataset": "sales",
        "partitionFormat": "{b}.csv",
        "table": {"separator": "|", "columns": {"a": "float64"}},
        "subset": {"skip": 0},
        "allowEmpty": False,
    }
    (one,) = merged([registered], inputs=[own]).job.spec.inputs
    assert one.partition_format == "{b}.csv"
    assert one.table is not None
    assert (one.table.separator, one.table.encoding) == ("|", "latin-1")
    assert one.table.columns == {"a": "float64", "b": "string"}
    assert one.subset is not None
    assert (one.subset.skip, one.subset.take) == (0, 10)
    assert one.allow_empty is False


def test_what_does_not_fit_together_is_refused_as_in_one_manifest():
    table = dataset("sales", type="Tabular", paths=["x.csv"])
    with pytest.raises(ManifestError, match="mode is for type File only"):
        merged([table], inputs=[{"name": "rows", "dataset": "sales", "mode": "Direct"}])
    with pytest.raises(ManifestError, match="all of type File or all of type Tabular"):
        merged(
            [table],
            inputs=[{"name": "a", "type": "File", "paths": ["a/"]}, {"name": "rows", "dataset": "sales"}],
        )


def test_a_model_without_a_path_is_the_registered_one():
    registered = [
        document(
            "Model", f"mnist-{version}", name="mnist", version=version, path=f"models/{version}/", sha256=digit * 64
        )
        for version, digit in (("1", "a"), ("2", "b"))
    ]
    models = [{"name": "mnist", "version": "1"}, {"name": "labels", "path": "labels/"}]
    found = merged(registered, models=models)
    first, second = found.job.spec.models
    assert (first.path, first.version, first.sha256) == ("models/1/", "1", "a" * 64)
    assert (second.path, second.version) == ("labels/", None)
    assert found.models == {"mnist": "1"}
    (latest,) = merged(registered, models=[{"name": "mnist", "version": "latest"}]).job.spec.models
    assert latest.version == "2"


def test_an_environment_gives_what_the_job_does_not_say_variable_by_variable():
    registered = document(
        "Environment", "scoring-3", name="scoring", version="3", image="scoring:3", pip=["pillow"],
        env=[{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
    )  # fmt: skip
    found = merged([registered], environment={"name": "scoring:3", "env": [{"name": "B", "value": "2"}]})
    environment = found.job.spec.environment
    assert (environment.name, environment.image, environment.pip) == (None, "scoring:3", ["pillow"])
    assert [(one.name, one.value) for one in environment.env] == [("A", "1"), ("B", "2")]
    assert found.environment == "scoring:3"
    other = merged([registered], environment={"name": "scoring", "conda": "env.yml", "image": "own:1"})
    assert (other.job.spec.environment.image, other.job.spec.environment.pip) == ("own:1", [])


def test_a_compute_target_gives_what_the_job_does_not_say():
    target = document(
        "ComputeTarget", "gpu-pool", resources={"requests": {"cpu": 4}, "limits": {"nvidia.com/gpu": 1}},
        nodeSelector={"pool": "gpu", "zone": "a"}, tolerations=[{"key": "gpu", "operator": "Exists"}], maxNodes=4,
        priorityClassName="low", serviceAccountName="scoring", queueName="gpus", spot=True,
        volume={"claimName": "fast"},
    )  # fmt: skip
    found = merged(
        [target],
        computeTarget="gpu-pool",
        nodeCount=8,
        resources={"requests": {"cpu": 2}},
        nodeSelector={"zone": "b"},
        tolerations=[{"key": "own", "operator": "Exists"}],
        priorityClassName="high",
    )
    spec = found.job.spec
    assert spec.resources.requests == {"cpu": 2}
    assert spec.resources.limits == {"nvidia.com/gpu": 1}
    assert spec.node_selector == {"pool": "gpu", "zone": "b"}
    assert [one.key for one in spec.tolerations] == ["own", "gpu"]
    assert (spec.priority_class_name, spec.service_account_name, spec.volume.claim) == ("high", "scoring", "fast")
    assert (spec.node_count, spec.node_limit) == (4, 4)
    assert (found.compute_target, found.queue_name, found.spot) == ("gpu-pool", "gpus", True)


EVERYTHING: list[Json] = [
    dataset(
        "sales", type="Tabular", paths=["x/"], mode="Mount", allowEmpty=True,
        table={"separator": ";", "header": False, "encoding": "latin-1", "supportMultiLine": True},
        subset={"include": ["*.csv"], "where": [{"column": "a", "op": "isNull"}], "skip": 1, "take": 9,
                "sample": {"fraction": 0.5, "seed": 7}},
    ),
    document("Model", "mnist", path="model/", version="3", sha256="a" * 64),
    document("Environment", "scoring", image="x:1", imagePullPolicy="Always", pip=["a"], env=[{"name": "A"}],
             imagePullSecrets=[{"name": "login"}]),
    document("ComputeTarget", "pool", resources={"limits": {"cpu": 1}}, nodeSelector={"a": "b"}, maxNodes=3,
             tolerations=[{"key": "gpu", "operator": "Exists"}], priorityClassName="low", serviceAccountName="s",
             volume={"claimName": "fast"}),
]  # fmt: skip


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"subset": {"take": 3}, "table": {"separator": "|"}},
        {"subset": {"where": [{"column": "b", "op": "==", "value": 1}], "sample": {"fraction": 0.1}}, "table": {}},
    ],
)
def test_defaults_that_the_api_server_fills_in_do_not_count_as_said(own):
    """Else a job would be another one in a cluster than on a laptop."""
    plain = {
        "inputs": [{"name": "rows", "dataset": "sales", **own}],
        "models": [{"name": "mnist"}],
        "environment": {"name": "scoring"},
        "computeTarget": "pool",
    }
    written = job(**plain)
    stored = shape.with_defaults(ParallelRunJob, written.model_dump(by_alias=True, exclude_unset=True))
    registry = Registry.of(
        {**one, "spec": shape.with_defaults(BY_NAME[one["kind"]].model, one)["spec"]} for one in EVERYTHING
    )
    here = merging.resolve(written, Registry.of(EVERYTHING)).job.spec
    there = merging.resolve(ParallelRunJob.model_validate(stored, by_alias=True), registry).job.spec
    assert there.model_dump() == here.model_dump()
    assert here.inputs[0].table is not None
    assert here.inputs[0].table.header is False
    assert here.volume.claim == "fast"
    assert here.environment.image_pull_policy == "Always"


def test_a_job_s_own_claim_counts():
    target = document("ComputeTarget", "pool", volume={"claimName": "fast"})
    own = merged([target], computeTarget="pool", volume={"claimName": "parallelrun"}).job.spec
    assert own.volume.claim == "parallelrun"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"inputs": [{"name": "i", "dataset": "nothing"}]}, "spec.inputs[0].dataset"),
        ({"models": [{"name": "nothing"}]}, "spec.models[0].name"),
        ({"environment": {"name": "nothing"}}, "spec.environment.name"),
        ({"computeTarget": "nothing"}, "spec.computeTarget"),
    ],
)
def test_a_reference_to_nothing_names_its_field(spec, field):
    with pytest.raises(NotRegistered) as error:
        merged([], **spec)
    assert error.value.message.startswith(f"{field}: there is no ")
