from fleet_fixtures import fleet, pytest_runtest_makereport  # noqa: F401
