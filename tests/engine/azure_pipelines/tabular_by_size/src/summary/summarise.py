import argparse
import collections

parser = argparse.ArgumentParser()
parser.add_argument("--predictions")
parser.add_argument("--summary")
args = parser.parse_args()

with open(args.predictions) as file:
    counts = collections.Counter(line.split(" ")[1] for line in file)
with open(args.summary, "w") as file:
    for name, count in sorted(counts.items()):
        file.write(f"{name} {count}\n")
