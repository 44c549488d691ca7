# Labels and thresholds come as folders and files whose paths are arguments; quotes in arguments are the script's.
import argparse
import logging
import os

from azureml.core import Run


def get_labels(labels_dir):
    with open(os.path.join(labels_dir, "labels.txt")) as file:
        return dict(enumerate(line.strip() for line in file))


def init():
    global labels, least, name
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--labels_dir", required=True)
    parser.add_argument("--threshold_file", required=True)
    parser.add_argument("--name", type=lambda text: text.strip("'"))
    args, unknown = parser.parse_known_args()
    labels = get_labels(args.labels_dir)
    with open(args.threshold_file) as file:
        least = float(file.read())
    name = args.name
    run_context = Run.get_context()
    assert get_labels(run_context.input_datasets["labels"]) == labels
    logging.getLogger("azureml").info(
        "%d labels for %s, unknown: %s", len(labels), run_context.experiment.name, unknown
    )


def run(mini_batch):
    results = []
    for path in mini_batch:
        with open(path) as file:
            scores = [float(score) for score in file.read().split()]
        best = max(range(len(scores)), key=scores.__getitem__)
        label = labels[best] if scores[best] >= least else "nothing"
        results.append((os.path.basename(path), name, label))
    return results
