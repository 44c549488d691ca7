"""Makes the helpers beside these tests importable (pytest's importlib mode does not), also for other suites."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
