"""Counts words. Nothing is returned to the job's output; each mini-batch writes a file of its own."""

import argparse
import collections
import json
import os
import re

folder = None


def init():
    """Once in each process: find out where to write."""
    global folder
    parser = argparse.ArgumentParser()
    parser.add_argument("--counts", required=True)
    arguments, _ = parser.parse_known_args()
    folder = arguments.counts
    os.makedirs(folder, exist_ok=True)


def run(mini_batch, mini_batch_context):
    """Count the words of these files.

    A mini-batch may be run more than once (a machine may be lost in the middle of it): a file that is named by the
    mini-batch and put in place as a whole is the same after the second time as after the first.
    """
    counts = collections.Counter()
    for path in mini_batch:
        with open(path, encoding="utf-8") as file:
            counts.update(re.findall(r"[a-z']+", file.read().lower()))
    target = os.path.join(folder, f"{mini_batch_context.minibatch_index}.json")
    partial = f"{target}.{os.getpid()}.tmp"
    with open(partial, "w") as file:
        json.dump(counts, file, sort_keys=True)
    os.replace(partial, target)
    return mini_batch
