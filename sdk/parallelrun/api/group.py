"""The API group of our kinds, for who needs no more than that: the models take a tenth of a second to import."""

GROUP = "parallelrun.dev"
VERSION = "v1alpha1"
API_VERSION = "parallelrun.dev/v1alpha1"
