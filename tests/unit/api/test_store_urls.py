"""One form for each place in an object store, and which store it belongs to."""

import pytest

from parallelrun.api import store_urls
from parallelrun.api.errors import ManifestError
from parallelrun.api.models.datastore import DatastoreSpec
from parallelrun.api.settings import StoreSettings
from parallelrun.api.store_urls import Stores

DATASTORES = {
    "lake": {"azureBlob": {"account": "acct", "container": "data", "prefix": "/raw/"}, "secretRef": {"name": "key"}},
    "minio": {"s3": {"bucket": "b", "endpoint": "http://minio:9000", "region": "eu"}, "readOnly": True},
    "public": {"gcs": {"bucket": "g"}, "anonymous": True},
    "web": {"https": {"url": "https://example.com/data/"}},
    "disk": {"claim": {"name": "volume", "path": "sampledata"}},
    "whole": {"claim": {"name": "volume"}},
}


@pytest.fixture
def stores() -> Stores:
    def find(where: str, name: str) -> DatastoreSpec:
        return DatastoreSpec.model_validate(DATASTORES[name], by_alias=True)

    return Stores(find, lambda name, spec: f"/credentials/{name}" if spec.secret_ref else "")


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("images/*.png", "images/*.png"),
        ("pvc://claim/x", "pvc://claim/x"),
        ("s3://bucket/a b/100%.csv", "s3://bucket/a b/100%.csv"),
        ("az://account/container/x", "az://account/container/x"),
        ("https://host/a%20b.csv?version=2", "https://host/a%20b.csv?version=2"),
        ("wasbs://sampledata@pipelinedata.blob.core.windows.net/mnist/", "az://pipelinedata/sampledata/mnist/"),
        ("wasb://c@a.blob.core.windows.net", "az://a/c/"),
        ("abfss://c@a.dfs.core.windows.net/x/y.csv", "az://a/c/x/y.csv"),
        ("azureml://datastores/lake/paths/x/*.csv", "datastore://lake/x/*.csv"),
        ("azureml://datastores/lake", "datastore://lake/"),
        (
            "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/lake/paths/x/",
            "datastore://lake/x/",
        ),
    ],
)
def test_a_place_has_one_form(text, ours):
    assert store_urls.canonical("spec.inputs[0].paths[0]", text) == ours
    assert store_urls.canonical("x", ours) == ours


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wasbs://c@a.blob.core.chinacloudapi.cn/x", "is not understood"),
        ("azureml:mnist@latest", ""),
        ("azureml://registries/r/data/d", "is not understood"),
        ("az://account", "az://account/container/path"),
        ("az://account/", "az://account/container/path"),
        ("datastore:///x", "datastore://name/path"),
        ("https://user:secret@host/x", "ends up in logs"),
    ],
)
def test_a_url_that_is_not_whole_is_refused_with_its_field(text, words):
    if not words:
        assert store_urls.canonical("x", text) == text
        return
    with pytest.raises(ManifestError) as error:
        store_urls.canonical("spec.output.path", text)
    assert words in str(error.value)
    assert "spec.output.path" in error.value.message
    assert "secret" not in error.value.message


@pytest.mark.parametrize(
    ("text", "store"),
    [
        ("s3://bucket/key", StoreSettings("s3://bucket", "s3", bucket="bucket")),
        ("gs://bucket/key", StoreSettings("gs://bucket", "gcs", bucket="bucket")),
        ("az://acct/data/key", StoreSettings("az://acct/data", "azureBlob", bucket="data", account="acct")),
        (
            "https://host:8443/a/b.csv",
            StoreSettings("https://host:8443", "https", endpoint="https://host:8443", read_only=True),
        ),
        (
            "datastore://lake/x",
            StoreSettings(
                "datastore://lake", "azureBlob", "lake", "data", "raw", "acct", credentials="/credentials/lake"
            ),
        ),
        (
            "datastore://minio/x",
            StoreSettings(
                "datastore://minio", "s3", "minio", "b", region="eu", endpoint="http://minio:9000", read_only=True
            ),
        ),
        ("datastore://public", StoreSettings("datastore://public", "gcs", "public", "g", anonymous=True)),
        (
            "datastore://web/x.csv",
            StoreSettings("datastore://web", "https", "web", endpoint="https://example.com/data"),
        ),
    ],
)
def test_a_url_has_a_store_that_says_where_requests_go(stores, text, store):
    found = stores.locate("spec.inputs[0].paths[0]", text)
    assert found == store_urls.Located(text, store)
    assert stores.settings == [store]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("datastore://disk/mnist/*.png", "pvc://volume/sampledata/mnist/*.png"),
        ("datastore://disk", "pvc://volume/sampledata"),
        ("datastore://whole/x/", "pvc://volume/x/"),
        ("configmap://tiny/x", "configmap://tiny/x"),
        ("images/", "images/"),
    ],
)
def test_what_is_on_a_volume_has_no_store(stores, text, path):
    assert stores.locate("spec.inputs[0].paths[0]", text) == store_urls.Located(path)
    assert stores.settings == []


def test_a_path_in_a_datastore_on_a_claim_cannot_leave_its_folder(stores):
    with pytest.raises(ManifestError, match=r'holds "\.\."'):
        stores.locate("spec.inputs[0].paths[0]", "datastore://disk/../other")


def test_each_store_is_there_once_and_its_datastore_is_known(stores):
    for text in ("datastore://lake/a", "datastore://lake/b", "s3://x/a", "s3://x/b"):
        stores.locate("x", text)
    assert [store.url for store in stores.settings] == ["datastore://lake", "s3://x"]
    assert [spec.secret_ref.name for spec in stores.datastores.values() if spec.secret_ref] == ["key"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("datastore://minio/out", "read-only"),
        ("datastore://web/out", "web server"),
        ("https://host/out", "web server"),
    ],
)
def test_output_goes_only_where_it_can_be_written(stores, text, words):
    with pytest.raises(ManifestError, match=words):
        stores.locate("spec.output.path", text, write=True)
    assert stores.locate("spec.output.path", "datastore://lake/out", write=True).store is not None


@pytest.mark.parametrize(
    ("text", "folder", "is_glob"),
    [
        ("s3://b/images/*.png", "s3://b/images", True),
        ("s3://b/*", "s3://b", True),
        ("s3://b/a/b[12]/c.csv", "s3://b/a", True),
        ("s3://b/sales/", "s3://b/sales", False),
        ("s3://b/sales", "s3://b/sales", False),
        ("s3://b/sales/2026.csv", "s3://b/sales", False),
        ("s3://b/.hidden", "s3://b/.hidden", False),
        ("s3://b.c", "s3://b.c", False),
        ("https://h/a/b.csv?x=[1]", "https://h/a", False),
        ("datastore://lake/a/{x}/b.csv", "datastore://lake/a/{x}", False),
    ],
)
def test_the_folder_before_the_first_wildcard(text, folder, is_glob):
    assert store_urls.literal_folder(text) == (folder, is_glob)


def test_what_is_fetched_keeps_its_base_name():
    assert store_urls.fetched("s3://b/models/mnist/", "/cache/models/mnist/2") == "/cache/models/mnist/2/mnist"
    assert store_urls.fetched("https://h/a%20b.txt?x", "/cache/side") == "/cache/side/a b.txt"
    assert store_urls.fetched("/data/labels.txt", "/cache/side") == "/data/labels.txt"


def test_a_slash_at_the_end_of_an_endpoint_is_no_part_of_it():
    account = {"account": "a", "container": "c", "endpoint": "http://azurite:10000/a/"}
    spec = DatastoreSpec.model_validate({"azureBlob": account}, by_alias=True)
    assert store_urls.of_datastore("x", spec, "").endpoint == "http://azurite:10000/a"
