"""What the parts of parallelrun agree on: the manifest, its settings, the names of files, errors and exit codes."""
