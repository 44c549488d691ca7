"""Compares the job's output with labels.txt: are all images there, in input order, and how many digits are right?

    python score.py OUTPUT [--labels labels.txt] [--at-least 0.95]

OUTPUT is parallel_run_step.txt. Exit status 0 when it is complete, in order and good enough, else 1.
"""

import argparse
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def natural(name):
    """Sorts 2.png before 10.png, as jobs do."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def read(path):
    """The "<file name>: <digit>" lines of a file, as pairs."""
    return [tuple(line.rsplit(": ", 1)) for line in Path(path).read_text().splitlines()]


def problem(found, labels):
    """What is wrong with the names of the output's lines, or None."""
    names = [name for name, _ in found]
    wanted = sorted((name for name, _ in labels), key=natural)
    if names == wanted:
        return None
    if sorted(names) == sorted(wanted):
        first = next(number for number, pair in enumerate(zip(names, wanted, strict=True), 1) if len(set(pair)) == 2)
        return f"the output is not in input order: line {first} is {names[first - 1]}, not {wanted[first - 1]}"
    return f"{len(names)} lines for {len(wanted)} images; {len(set(wanted) - set(names))} images have none"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--labels", default=HERE / "labels.txt")
    parser.add_argument("--at-least", type=float, default=0.95)
    arguments = parser.parse_args()

    found, labels = read(arguments.output), read(arguments.labels)
    wrong = problem(found, labels)
    if wrong:
        sys.exit(f"score: {wrong}")
    truth = dict(labels)
    right = sum(truth[name] == digit for name, digit in found)
    accuracy = right / len(found)
    print(f"{len(found)} lines, one for each image, in input order (0.png, 1.png, ... {found[-1][0]}).")
    print(f"Accuracy: {accuracy:.2%} ({right} of {len(found)} digits are right).")
    if accuracy < arguments.at_least:
        sys.exit(f"score: {accuracy:.2%} is below {arguments.at_least:.0%}")


if __name__ == "__main__":
    main()
