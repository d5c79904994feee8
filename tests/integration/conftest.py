"""What all integration tests share. Programs are in weir.py; this is what pytest itself must know."""
import pytest

_scores = []


@pytest.fixture
def score():
    """`score('line')`: what a test counted, shown below the results whether it passed or not."""
    return _scores.append


def pytest_terminal_summary(terminalreporter):
    if _scores:
        terminalreporter.section('scores')
    for line in _scores:
        terminalreporter.write_line(line)
