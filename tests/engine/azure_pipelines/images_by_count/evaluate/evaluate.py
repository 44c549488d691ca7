import argparse
import csv
import os

parser = argparse.ArgumentParser()
parser.add_argument("--scored")
parser.add_argument("--labels")
parser.add_argument("--accuracy")
args = parser.parse_args()

with open(args.scored) as file:
    scored = dict(line.strip().split(":") for line in file)
with open(args.labels, newline="") as file:
    labels = {row["image"]: row["name"] for row in csv.DictReader(file)}
right = sum(scored[image] == name for image, name in labels.items())
with open(os.path.join(args.accuracy, "accuracy.txt"), "w") as file:
    file.write(f"{right} of {len(scored)}\n")
