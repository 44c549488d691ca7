"""W1: one line a file, its name and its length."""

import os


def init():
    pass


def run(mini_batch):
    results = []
    for path in mini_batch:
        with open(path, "rb") as file:
            results.append(f"{os.path.basename(path)} {len(file.read())}")
    return results
