"""Splits the flowers: the mean flower of each species, and those that are to be asked about.

python prepare.py RAW.csv MODEL_FOLDER FLOWERS_FOLDER EVERY
"""

import json
import sys
from pathlib import Path

import pandas as pd

MEASURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]

raw, model, asked, every = sys.argv[1:]
flowers = pd.read_csv(raw)
kept = flowers["flower"] % int(every) == 0
means = flowers[~kept].groupby("species")[MEASURES].mean().round(3)
(Path(model) / "centroids.json").write_text(json.dumps(means.to_dict("index"), indent=2) + "\n")
flowers[kept].to_csv(Path(asked) / "flowers.csv", index=False)
print(f"{(~kept).sum()} flowers teach, {kept.sum()} are asked about")
