"""``azureml.core.authentication``: none is needed."""

from parallelrun.azureml.backend.support import refused_class

_INSTEAD = (
    "Leave it out: a local workspace needs no login, and a cluster is reached as kubectl reaches it, by the current "
    "context of the kubeconfig."
)
InteractiveLoginAuthentication = refused_class("InteractiveLoginAuthentication", __name__, _INSTEAD)
ServicePrincipalAuthentication = refused_class("ServicePrincipalAuthentication", __name__, _INSTEAD)
MsiAuthentication = refused_class("MsiAuthentication", __name__, _INSTEAD)
AzureCliAuthentication = refused_class("AzureCliAuthentication", __name__, _INSTEAD)
TokenAuthentication = refused_class("TokenAuthentication", __name__, _INSTEAD)
