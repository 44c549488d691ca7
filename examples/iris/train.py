"""Makes this example's model and input from data/iris.csv: the rows with odd numbers teach, those with even ones ask.

    python train.py       in this folder

The model is the mean flower of each species (code/centroids.json); the input, flowers.csv, is the other half of the
rows, which the means have not seen.
"""

import json
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
MEASURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def main():
    flowers = pd.read_csv(HERE / "data" / "iris.csv")
    taught = flowers["flower"] % 2 == 1
    means = flowers[taught].groupby("species")[MEASURES].mean().round(3)
    (HERE / "code" / "centroids.json").write_text(json.dumps(means.to_dict("index"), indent=2) + "\n")
    flowers[~taught].to_csv(HERE / "flowers.csv", index=False)


if __name__ == "__main__":
    main()
