"""Tests of reports write segments as those of the output do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "output"))
