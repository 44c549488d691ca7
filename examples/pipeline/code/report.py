"""Counts how many flowers of each species got their own name.

python report.py PREDICTIONS.csv FOLDER DECIMALS
"""

import sys
from pathlib import Path

import pandas as pd

predictions, folder, decimals = sys.argv[1:]
flowers = pd.read_csv(predictions)
right = flowers["species"] == flowers["predicted"]
lines = [f"{name}: {share:.{decimals}%}" for name, share in right.groupby(flowers["species"]).mean().items()]
lines.append(f"all: {right.mean():.{decimals}%} ({right.sum()} of {len(flowers)})")
(Path(folder) / "accuracy.txt").write_text("\n".join(lines) + "\n")
