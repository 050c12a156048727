"""Tests with real, heavier parts: see README.md. `fleet` is the one of tests/process."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/process"), str(TOP / "loadtest")]
# What ./dev unpacked is found before what is installed.
os.environ["PATH"] = ":".join([*map(str, sorted(TOP.glob("build/parts/*/usr/bin"))), os.environ["PATH"]])

from fleet_fixtures import fleet, pytest_runtest_makereport  # noqa: E402, F401


@pytest.fixture
def folder():
    """A short one: paths of sockets have at most 107 characters."""
    path = Path(tempfile.mkdtemp(prefix="brine-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
