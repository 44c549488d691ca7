"""Writes kustomization.yaml: code, model and images as ConfigMaps, so that ``kubectl apply -k`` needs nothing else.

``kubectl apply`` keeps the whole object, in base64, in an annotation of at most 262,144 bytes: a ConfigMap can bring
about 180 KB of files. The images go into as many as that takes, 300 to each, in the order of their numbers.

python kustomize.py       in this folder, after a change of code/, model/ or images/
"""

from pathlib import Path

HERE = Path(__file__).resolve().parent
IMAGES_EACH = 300
HEAD = """\
# Made by kustomize.py: the files of this folder as ConfigMaps, and the job that reads them.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- cluster-job.yaml
generatorOptions:
  disableNameSuffixHash: true   # the job names them, and kustomize does not change names in a ParallelRunJob
configMapGenerator:
"""


def config_maps():
    """(name, files) of each."""
    images = sorted((HERE / "images").glob("*.png"), key=lambda path: int(path.stem))
    yield "mnist-code", sorted((HERE / "code").glob("*.py"))
    yield "mnist-model", sorted((HERE / "model").iterdir())
    for number, start in enumerate(range(0, len(images), IMAGES_EACH)):
        yield f"mnist-images-{number}", images[start : start + IMAGES_EACH]


def kustomization():
    """The text of kustomization.yaml."""
    lines = []
    for name, files in config_maps():
        lines += [f"- name: {name}\n", "  files:\n", *(f"  - {file.relative_to(HERE)}\n" for file in files)]
    return HEAD + "".join(lines)


if __name__ == "__main__":
    (HERE / "kustomization.yaml").write_text(kustomization())
