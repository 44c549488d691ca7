"""``Datastore``: a place with data, under a name, and where its credentials are."""

from typing import Literal

from pydantic import Field

from parallelrun.api.models.base import Model, ObjectName, PathText, Text
from parallelrun.api.models.environment import LocalObject
from parallelrun.api.models.metadata import API_VERSION, Metadata
from parallelrun.api.models.registered import Registered, spec

DATASTORE = "Datastore"


class S3Store(Model):
    """A bucket of Amazon S3, or of a server that speaks its protocol."""

    bucket: Text = Field(min_length=1, description="The bucket's name.", examples=["sales-data"])
    prefix: Text = Field(
        "", description="A folder in the bucket that paths start at. Default: the bucket's root.", examples=["2026/raw"]
    )
    region: Text = Field("", description="The bucket's region. Default: found out.", examples=["eu-central-1"])
    endpoint: Text = Field(
        "",
        description="The server, for one that is not Amazon's (MinIO, Ceph, ...): http:// or https://.",
        examples=["http://minio.storage:9000"],
    )


class AzureBlobStore(Model):
    """A container of Azure Blob Storage."""

    account: Text = Field(min_length=1, description="The storage account's name.", examples=["pipelinedata"])
    container: Text = Field(min_length=1, description="The container's name.", examples=["sampledata"])
    prefix: Text = Field(
        "", description="A folder in the container that paths start at. Default: its root.", examples=["mnist"]
    )
    endpoint: Text = Field(
        "",
        description="The account's URL, where it is not https://ACCOUNT.blob.core.windows.net: of another cloud, or of "
        "an emulator, which has the account in the path.",
        examples=["http://azurite:10000/devstoreaccount1"],
    )


class GcsStore(Model):
    """A bucket of Google Cloud Storage."""

    bucket: Text = Field(min_length=1, description="The bucket's name.", examples=["sales-data"])
    prefix: Text = Field(
        "", description="A folder in the bucket that paths start at. Default: the bucket's root.", examples=["2026/raw"]
    )
    endpoint: Text = Field(
        "", description="The server, for one that is not Google's.", examples=["http://fake-gcs:4443"]
    )


class HttpsStore(Model):
    """A web server. It can be read, file by file: no web server lists what it has, so wildcards do not work."""

    url: PathText = Field(
        description="What paths are appended to, with https:// or http://.",
        examples=["https://data.example.com/public"],
    )


class ClaimStore(Model):
    """A folder on a volume of the namespace."""

    name: ObjectName = Field(description="The PersistentVolumeClaim.", examples=["parallelrun"])
    path: PathText = Field(
        ".", description="The folder that paths start at, from the claim's root.", examples=["sampledata"]
    )


class DatastoreSpec(Registered):
    """Where it is (exactly one of s3, azureBlob, gcs, https and claim), and which Secret has its credentials. Jobs name
    files in it as datastore://NAME/PATH, and a Dataset by the field datastore."""

    read_only: bool = Field(False, description="Whether no job may write its output to it.", examples=[True])
    s3: S3Store | None = Field(
        None,
        description="A bucket of S3. Keys of the Secret: accessKeyId, secretAccessKey, sessionToken (or "
        "AWS_ACCESS_KEY_ID, ...).",
        examples=[{"bucket": "sales-data", "region": "eu-central-1"}],
    )
    azure_blob: AzureBlobStore | None = Field(
        None,
        description="A container of Azure Blob Storage. Keys of the Secret: accountKey, or sasToken, or clientId, "
        "clientSecret and tenantId (or AZURE_STORAGE_ACCOUNT_KEY, ...).",
        examples=[{"account": "pipelinedata", "container": "sampledata"}],
    )
    gcs: GcsStore | None = Field(
        None,
        description="A bucket of Google Cloud Storage. Key of the Secret: serviceAccountKey, the account's JSON file.",
        examples=[{"bucket": "sales-data"}],
    )
    https: HttpsStore | None = Field(
        None,
        description="A web server. Keys of the Secret: token, or username and password.",
        examples=[{"url": "https://data.example.com/public"}],
    )
    claim: ClaimStore | None = Field(
        None,
        description="A folder on a PersistentVolumeClaim; it needs no Secret.",
        examples=[{"name": "parallelrun", "path": "sampledata"}],
    )
    secret_ref: LocalObject | None = Field(
        None,
        description="The Secret with the credentials, in the same namespace. Only the agent of a job mounts it, never "
        "the script's container; a Secret that is changed is taken up by jobs that run. Default: what the agent finds "
        "around it, which is the workload identity of the job's service account, or the shell's variables on a laptop.",
        examples=[{"name": "sampledata-key"}],
    )
    anonymous: bool = Field(
        False, description="Whether it is read without credentials, as public data can be.", examples=[True]
    )


class Datastore(Model):
    """A place with data under a name: a bucket, a container, a web server or a folder on a volume."""

    api_version: Literal["parallelrun.dev/v1alpha1"] = Field(description="Always this.", examples=[API_VERSION])
    kind: Literal["Datastore"] = Field(description="Always this.", examples=[DATASTORE])
    metadata: Metadata = Field(description="Name, namespace, labels.", examples=[{"name": "mnist-datastore"}])
    spec: DatastoreSpec = spec(DatastoreSpec)
