"""A conda file as a list for pip, where its packages are the same there; pure.

pip's list goes on top of the image's Python, or of the one that runs `parallelrun` on a laptop, and needs no conda. A
conda file that also lists compilers and the like is kept as it is: nothing but conda can make that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

#: Packages that have the same name, or this one, on PyPI.
_SAME = frozenset({
    "absl-py", "accelerate", "catboost", "click", "cloudpickle", "cryptography", "dask", "datasets", "fastparquet",
    "flask", "fsspec", "gensim", "h5py", "imageio", "joblib", "keras", "lightgbm", "matplotlib", "mlflow", "nltk",
    "numba", "numpy", "onnx", "onnxruntime", "openpyxl", "pandas", "pillow", "plotly", "polars", "prophet", "protobuf",
    "psutil", "pyarrow", "pydantic", "python-dateutil", "pyyaml", "regex", "requests", "rich", "s3fs", "scikit-image",
    "scikit-learn", "scipy", "seaborn", "sentence-transformers", "sentencepiece", "shap", "simplejson", "six", "spacy",
    "sqlalchemy", "statsmodels", "tensorboard", "tensorflow", "tokenizers", "torchaudio", "torchvision", "tqdm",
    "transformers", "typing-extensions", "xgboost", "xlrd",
})  # fmt: skip
_OTHERWISE = {"pytorch": "torch", "py-xgboost": "xgboost", "opencv": "opencv-python-headless", "tensorflow-gpu":
              "tensorflow", "python-graphviz": "graphviz", "pytables": "tables"}  # fmt: skip
#: What pip's own world has anyway, or does without.
_OF_CONDA = frozenset({
    "ca-certificates", "certifi", "conda", "ipykernel", "nomkl", "openssl", "pip", "setuptools", "wheel",
})  # fmt: skip
#: Azure's own, in place of which the worker's modules stand; mltable and azure-ai-ml are not among them.
_AZURES = re.compile(r"azureml[-_.]", re.IGNORECASE)
_CONDA_SPEC = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9_.-]+)\s*(.*)")


@dataclass(frozen=True)
class Packages:
    """What a conda file lists."""

    pip: tuple[str, ...] = ()
    python: str = ""  # the version that it pins
    dropped: tuple[str, ...] = ()  # Azure's own
    only_conda: tuple[str, ...] = ()  # those that keep it a conda file
    translated: tuple[str, ...] = ()  # conda packages that became pip's
    unread: tuple[str, ...] = ()  # entries that name no package, such as options of pip


def read(content: Any) -> Packages:
    """What the parsed file lists."""
    pip: list[str] = []
    dropped: list[str] = []
    only: list[str] = []
    translated: list[str] = []
    unread: list[str] = []
    python = ""
    entries = content.get("dependencies") if isinstance(content, dict) else None
    for entry in entries or []:
        if isinstance(entry, dict) and list(entry) == ["pip"] and isinstance(entry["pip"], list):
            for one in map(str, entry["pip"]):
                (dropped if _AZURES.match(one) else unread if one.startswith("-") else pip).append(one)
            continue
        found = _CONDA_SPEC.fullmatch(str(entry).strip()) if isinstance(entry, str) else None
        if found is None:
            unread.append(str(entry))
            continue
        name, version = found[1].lower(), found[2]
        if name == "python":
            python = version.strip("= ")
        elif _AZURES.match(name):
            dropped.append(name)
        elif name in _SAME or name in _OTHERWISE:
            translated.append(str(entry))
            pip.append(_OTHERWISE.get(name, name) + _pip_version(version))
        elif name not in _OF_CONDA:
            only.append(str(entry))
    return Packages(tuple(pip), python, tuple(dropped), tuple(only), tuple(translated), tuple(unread))


def without_azures(content: dict[str, Any]) -> dict[str, Any]:
    """The file's content without Azure's own packages."""

    def kept(entry: Any) -> Any:
        if isinstance(entry, dict) and isinstance(entry.get("pip"), list):
            return {**entry, "pip": [one for one in entry["pip"] if not _AZURES.match(str(one))]}
        return entry

    entries = content.get("dependencies") or []
    return {**content, "dependencies": [kept(entry) for entry in entries if not _is_azures(entry)]}


def _is_azures(entry: Any) -> bool:
    return isinstance(entry, str) and _AZURES.match(entry.rpartition("::")[2]) is not None


def _pip_version(text: str) -> str:
    """``=1.2`` means any 1.2 to conda, ``=1.2.3=build`` that very one."""
    text = text.replace(" ", "")
    if text.startswith("=") and not text.startswith("=="):
        version, _, build = text[1:].partition("=")
        return f"=={version}" if build or version.endswith(".*") or not version else f"=={version}.*"
    return f"=={text}" if text[:1].isdigit() else text
