"""Adds up the counts of all mini-batches and prints the most frequent words.

python add_up.py FOLDER [--top 5]
"""

import argparse
import collections
import json
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--top", type=int, default=5)
    arguments = parser.parse_args()
    total = collections.Counter()
    for path in sorted(arguments.folder.glob("*.json")):
        total.update(json.loads(path.read_text()))
    for word, count in sorted(total.items(), key=lambda item: (-item[1], item[0]))[: arguments.top]:
        print(word, count)


if __name__ == "__main__":
    main()
