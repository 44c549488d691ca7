"""The script of the job that ``helm test`` runs."""

import os


def run(mini_batch):
    """A line for each file: its name and how many words it has."""
    lines = []
    for path in mini_batch:
        with open(path, encoding="utf-8") as file:
            lines.append(f"{os.path.basename(path)} {len(file.read().split())}")
    return lines
