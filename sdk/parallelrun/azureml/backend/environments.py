"""From Azure's Environment to ours: which image, which packages, and what is left out."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import ManifestError
from parallelrun.azureml.backend.settings import PRESENT, Settings
from parallelrun.azureml.backend.support import say_once
from parallelrun.azureml.core.conda_dependencies import CondaDependencies, _base

if TYPE_CHECKING:
    from parallelrun.azureml.core.environment import Environment

Json = dict[str, Any]
_MICROSOFT = "mcr.microsoft.com/azureml/"
_CONDA_FOLDER = "conda"
#: Of conda's packages, those that have the same name at pip, and hold the same.
_SAME_AT_PIP = """
numpy pandas scikit-learn scipy matplotlib joblib pillow requests pyyaml lightgbm xgboost pyarrow tqdm
statsmodels seaborn tensorflow keras h5py nltk spacy gensim jsonschema flask psutil catboost cython sympy
networkx transformers dask polars fastparquet openpyxl xlrd beautifulsoup4 lxml mlflow shap prophet pyodbc
sqlalchemy
"""


def fields(environment: Environment, settings: Settings, alone: bool = False) -> Json:
    """The fields of our Environment; ``alone``: as a job of this machine needs them."""
    packages = environment.python.conda_dependencies
    made: Json = {}
    if (image := _image(environment.docker.base_image)) is not None:
        made["image"] = image
    if not environment.python.user_managed_dependencies:
        made.update(_packages(packages, settings))
    if alone and not settings.in_cluster:
        made.pop("image", None)
        if "pip" in made and (settings.packages == PRESENT or present(made["pip"])):
            made.pop("pip")
        if settings.packages == PRESENT:
            made.pop("conda", None)
        if "pip" in made or "conda" in made:
            say_once(
                f"packages of environment {environment.name} are installed into a place of their own when the run "
                "begins; PARALLELRUN_PACKAGES=present takes those of this Python as they are"
            )
    variables = {name: str(value) for name, value in environment.environment_variables.items()}
    if variables:
        made["env"] = [{"name": name, "value": value} for name, value in variables.items()]
    return made


def conda_file(spec: Json, settings: Settings) -> Path | None:
    """The conda environment file that ``spec`` names, which has to be beside the script."""
    if "conda" not in spec:
        return None
    path = settings.folder / _CONDA_FOLDER / str(spec["conda"])
    if not path.is_file():
        raise ManifestError(f"{path} is not here: the environment was registered on another machine.", "Register it.")
    return path


def packages_of(spec: Json, settings: Settings) -> CondaDependencies:
    """The packages of a registered environment."""
    file = conda_file(spec, settings)
    if file is not None:
        return CondaDependencies(str(file))
    return CondaDependencies.create(pip_packages=spec.get("pip") or [])


def _image(image: str | None) -> str | None:
    if image is None or not image.startswith(_MICROSOFT):
        return image
    cuda = "; for GPUs, name an image with CUDA" if "cuda" in image else ""
    say_once(f"the image {image} is Azure ML's own: parallelrun's runner image stands for it{cuda}")
    return None


def _packages(wanted: CondaDependencies, settings: Settings) -> Json:
    left_out = sorted({_base(one) for one in wanted.pip_packages if _base(one).startswith("azureml")})
    if left_out:
        say_once(f"azureml packages are not needed, and left out: {', '.join(left_out)}")
    pip = [one for one in wanted._pip if not _base(one).startswith("azureml")]
    conda = [one for one in wanted.conda_packages if _base(one) not in ("python", "pip")]
    if wanted.python_version is not None:
        say_once(f"Python {wanted.python_version} was asked for: the image's Python is used, here this one")
    if all(_base(one) in _SAME_AT_PIP.split() for one in conda):
        if conda:
            say_once(f"packages of conda are installed with pip: {', '.join(conda)}")
        pip = [*map(_at_pip, conda), *pip]
        return {"pip": pip} if pip else {}
    kept = CondaDependencies(_underlying_structure=wanted.as_dict())
    kept._pip = pip
    text = kept.serialize_to_string()
    name = f"conda-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yml"
    path = settings.folder / _CONDA_FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return {"conda": name}


def _at_pip(package: str) -> str:
    """``numpy=1.21`` is ``numpy==1.21.*``; what is compared otherwise is written alike."""
    package = package.rpartition("::")[2]
    found = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*=\s*([0-9][0-9A-Za-z.]*)(=.*)?", package)
    return f"{found[1]}=={found[2]}.*" if found else package.replace(" ", "")


def present(pip: list[str]) -> bool:
    """Whether this Python has all of these, in versions that fit, so that nothing has to be installed."""
    from importlib import metadata

    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        return False
    for text in pip:
        try:
            wanted = Requirement(text)
            if wanted.url or (wanted.marker is not None and not wanted.marker.evaluate()):
                return False
            if not wanted.specifier.contains(metadata.version(wanted.name), prereleases=True):
                return False
        except (InvalidRequirement, metadata.PackageNotFoundError):
            return False
    return True
