"""Jobs through a real cluster under faults, and a history of our own to compare with: see README.md."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "process"))  # fleet.py and cluster.py
