"""What every test with real daemons gets: a fleet that is taken down, and the logs of one that failed."""

import pytest

from fleet import Fleet


@pytest.fixture
def fleet(tmp_path):
    # Socket paths have at most 107 characters; pytest's own folders are deep.
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="brine-")
    fleet = Fleet(folder)
    try:
        yield fleet
        fleet.close()
    finally:
        for daemon in fleet.daemons:
            if daemon.alive():
                daemon.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    fleet = item.funcargs.get("fleet") if report.when == "call" and report.failed else None
    if fleet:
        for daemon in fleet.daemons:
            report.sections.append((f"{daemon.program} {daemon.folder.name}", daemon.tail()))
