"""Runs npm/openai.test.cjs, OpenAI's client for JavaScript in front of Weir, and makes each of its tests one of ours."""
import contextlib
import json
import os
import re
import shutil
import subprocess

import pytest

from recordings import SERVICES, data, endpoint, events, is_usage_only, wants_usage
from weir import RECORDINGS, SLOW, TOP, Simulator, Weir, in_front_of
from wire import free_port

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'npm', 'openai.test.cjs')
PACKAGES = os.environ.get('WEIR_NODE', os.path.join(TOP, 'build', 'node'))
RECORDED = ['openai', 'groq', 'openrouter', 'together', 'mistral', 'deepseek']
PATIENT = {'failure_threshold': 1000, 'failure_rate': 1.0}
KEYS = {'mode': 'keys', 'keys': [{'name': 'alice', 'key': 'sk-alice'}]}

pytestmark = [
    pytest.mark.skipif(not shutil.which('node'), reason='there is no node'),
    pytest.mark.skipif(not os.path.isdir(os.path.join(PACKAGES, 'node_modules', 'openai')),
                       reason=f'there is no openai package in {PACKAGES}: tools/make-venv makes it')]

with open(SCRIPT, encoding='utf-8') as script:
    NAMES = re.findall(r"^test\('([^']*)'", script.read(), re.M)


def cases(provider):
    """What the script asks and expects; JSON in texts, so that no number changes on the way."""
    for (p, _), found in SERVICES.items():
        for case in found if p == provider else []:
            if case.meta['status'] not in (200, 400) or 'stream_error' in case.meta['features']:
                continue
            known = {'name': case.name, 'endpoint': endpoint(case.meta['path']), 'request': case.request.decode(),
                     'status': case.meta['status']}
            if case.meta['response_file'].endswith('.sse'):
                blocks = [b for b in events(case.response) if data(b) is not None]
                yield {**known, 'events': [json.dumps(data(b)) for b in blocks
                                           if wants_usage(case.request) or not is_usage_only(b)]}
            else:
                yield {**known, 'reply': case.response.decode()}


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """{name: (word, all that was said)}"""
    file = tmp_path_factory.mktemp('npm') / 'cases.json'
    file.write_text(json.dumps({p: list(cases(p)) for p in RECORDED}))
    with contextlib.ExitStack() as programs:
        sim = programs.enter_context(Simulator('--seed', 1))
        config = in_front_of(sim, auth=KEYS, breaker=PATIENT)
        every = config['models'].pop('*')
        config['models'].update({'sim*': every, 'text-*': every, 'echo': every})
        weir = programs.enter_context(Weir(config))
        replays = {}
        for provider in RECORDED if SERVICES else []:
            s = programs.enter_context(Simulator('--replay', os.path.join(RECORDINGS, provider)))
            replays[provider] = programs.enter_context(Weir(in_front_of(s, breaker=PATIENT))).url
        env = {'PATH': os.environ['PATH'], 'WEIR_NODE': PACKAGES, 'WEIR_URL': weir.url, 'WEIR_CASES': file,
               'WEIR_REPLAYS': json.dumps(replays), 'WEIR_NOBODY': f'http://127.0.0.1:{free_port()}',
               'WEIR_TEST_SHRINK': str(SLOW)}
        done = subprocess.run(['node', '--test-reporter=tap', SCRIPT], env=env, capture_output=True, text=True,
                              timeout=100 * SLOW, check=False)
    said = done.stdout + done.stderr
    found = {}
    for word, name, directive, more in re.findall(
            r'^ *(ok|not ok) \d+ - (.*?)( # SKIP.*)?$((?:\n  .*)*)', said, re.M):
        found[name] = ('skipped' if directive else word, directive + more)
    assert found, said
    return found


@pytest.mark.parametrize('name', NAMES)
def test_npm(name, results):
    word, said = results.get(name, ('lost', str(results)))
    if word == 'skipped':
        pytest.skip(said.strip(' #'))
    assert word == 'ok', said
