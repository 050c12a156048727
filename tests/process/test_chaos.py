"""Three fixed seeds of tests/chaos: three masters on one Redis under faults, nothing lost, doubled or reported wrongly."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chaos.run import Shape, run_seed  # noqa: E402


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_under_faults_nothing_is_lost_or_doubled(seed):
    lines = []
    verdict, folder = run_seed(seed, Shape(seconds=20, masters=3, minions=6), say=lines.append)
    assert verdict.passed, "\n".join(lines)
    assert verdict.counts["executed"] > 0, "\n".join(lines)
    assert not Path(folder).exists()
