"""The soak (bench/soak) for a few seconds, so that the tool works on the day when it is needed; what it finds in half an hour
stands in docs/benchmarks.md."""
import json
import os
import subprocess
import sys

import pytest

from weir import BINARY, SLOW, TOP


@pytest.mark.skipif(SLOW > 1, reason='its faults have deadlines of seconds')
def test_a_few_seconds_of_everything_at_once_leave_no_error_and_nothing_behind(tmp_path):
    done = subprocess.run([sys.executable, os.path.join(TOP, 'bench', 'soak'), '--minutes', '0.1', '--bulk', '0', '--rate', '100',
                           '--callers', '80', '--out', str(tmp_path)], capture_output=True, text=True, timeout=150,
                          env={**os.environ, 'WEIR_BINARY': BINARY})
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / 'result.json').read_text())
    assert result['requests'] > 100 and result['reloads'] >= 2
    assert len((tmp_path / 'samples.csv').read_text().splitlines()) > 5 and '<svg' in (tmp_path / 'plot.svg').read_text()
