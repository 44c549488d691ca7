"""The smallest job that goes all the way: code and input in ConfigMaps, output on the claim."""

from cluster_harness.namespace import Namespace

SCRIPT = """
def init():
    print("ready")

def run(mini_batch):
    return [open(path).read().strip().upper() for path in mini_batch]
"""

JOB = """
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {name: smoke}
spec:
  source: {configMap: {name: code}}
  entryScript: shout.py
  inputs:
  - {name: texts, type: File, paths: ["configmap://texts"]}
  miniBatchSize: 1
  nodeCount: 2
"""


def test_a_job_of_three_files_is_completed(namespace: Namespace) -> None:
    """Its output is on the claim, in the order of the input, and the status says so."""
    namespace.config_map("code", {"shout.py": SCRIPT})
    namespace.config_map("texts", {"a.txt": "one", "b.txt": "two", "c.txt": "three"})
    job = namespace.submit(JOB)

    status = job.wait_complete(120)

    assert job.output == b"ONE\nTWO\nTHREE\n"
    assert status["miniBatches"]["completed"] == 3
    assert status["output"]["rows"] == 3
