"""Which tests need the cluster for themselves, and which begin; by file, since a file's tests share what they start."""

from __future__ import annotations

#: They take the API server, the operator or a machine away, or count what only they may write.
ALONE = frozenset({"test_api_writes.py", "test_faults_control.py", "test_faults_nodes.py", "test_upgrade.py"})
#: The longest of the others: whoever came to one of them last would be waited for by all.
FIRST = frozenset({"test_faults_jobs.py", "test_soak.py", "test_docs.py"})
