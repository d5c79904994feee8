"""Who may call: where a key may stand, what it opens, and keys that come from the environment or the first start."""
import json
import os
import pty
import re
import select
import socket
import stat
import subprocess
import time

import pytest

from weir import BINARY, SLOW, Weir, in_front_of, wait_until
from wire import CHAT, COMPLETION, Caller, Upstream, exchange, plain

KEYS = [{'name': 'alice', 'key': 'alice-key', 'role': 'user'},
        {'name': 'bob', 'key': 'bob-key', 'role': 'user', 'models': ['simulated', 'lab-*']},
        {'name': 'oscar', 'key': 'oscar-key', 'role': 'operator'},
        {'name': 'ada', 'key': 'ada-key', 'role': 'admin'}]
GOOD, BAD = 'alice-key', 'no-such-key'


@pytest.fixture(scope='module')
def up():
    with Upstream(plain(COMPLETION)) as u:
        yield u


@pytest.fixture(scope='module')
def weir(up):
    with Weir(in_front_of(up.url, auth={'mode': 'keys', 'keys': KEYS})) as w:
        yield w


def chat(w, *headers, model='simulated', target='/v1/chat/completions'):
    return exchange(w.url, target, {**CHAT, 'model': model}, headers)


# ---- where a key may stand ----

@pytest.mark.smoke
@pytest.mark.parametrize('header', [('Authorization', f'Bearer {GOOD}'), ('authorization', f'bearer {GOOD}'),
                                    ('X-API-Key', GOOD),
                                    ('x-api-key', GOOD), ('X-Weir-Key', GOOD)])
@pytest.mark.parametrize('target', ['/v1/chat/completions', '/chat/completions'])
def test_a_key_is_taken_from_each_of_its_headers(weir, header, target):
    assert chat(weir, header, target=target).status == 200


@pytest.mark.parametrize('headers, status', [
    ([('Authorization', f'Bearer {GOOD}'), ('X-API-Key', BAD)], 200),
    ([('X-API-Key', BAD), ('Authorization', f'Bearer {GOOD}')], 200),
    ([('Authorization', f'Bearer {BAD}'), ('X-API-Key', GOOD)], 401),
    ([('Authorization', f'Bearer {BAD}'), ('X-API-Key', BAD), ('X-Weir-Key', GOOD)], 200),
    ([('Authorization', f'Bearer {GOOD}'), ('X-API-Key', GOOD), ('X-Weir-Key', BAD)], 401),
])
def test_the_first_present_decides_and_x_weir_key_beats_all(weir, headers, status):
    assert chat(weir, *headers).status == status


@pytest.mark.parametrize('headers', [
    [], [('Authorization', f'Bearer {BAD}')], [('Authorization', 'Bearer')], [('Authorization', 'Bearer ')],
    [('Authorization', f'Basic {GOOD}')], [('Authorization', GOOD)], [('X-API-Key', '')], [('X-API-Key', GOOD.upper())],
    [('X-API-Key', GOOD[:-1])], [('X-API-Key', GOOD + 'x')], [('X-Weir-Key', BAD)], [('Cookie', f'key={GOOD}')]])
def test_no_key_or_a_wrong_one_is_401_and_says_how(weir, up, headers):
    before = len(up.requests)
    reply = chat(weir, *headers)
    assert reply.status == 401
    assert reply.get('www-authenticate').startswith('Bearer')
    error = reply.json()['error']
    assert (error['type'], error['code']) == ('invalid_request_error', 'invalid_api_key')
    assert len(up.requests) == before


def test_outside_v1_a_401_has_the_plain_shape(weir):
    reply = exchange(weir.url, '/circuit-breakers')
    assert reply.status == 401 and reply.get('www-authenticate').startswith('Bearer')
    assert reply.json()['error']['type'] == 'unauthorized'
    assert reply.json()['error']['correlation_id'] == reply.get('x-correlation-id')


@pytest.mark.parametrize('headers', [
    [('Authorization', f'Bearer {GOOD}')], [('X-API-Key', GOOD)], [('X-Weir-Key', GOOD)],
    [('X-Weir-Key', GOOD), ('Authorization', 'Bearer the-callers-own')],
    [('X-Weir-Key', GOOD), ('X-API-Key', 'the-callers-own')],
    [('X-Weir-Key', GOOD), ('api-key', 'the-callers-own')], [('X-Weir-Key', GOOD), ('x-goog-api-key', 'the-callers-own')]])
def test_no_credential_of_the_caller_goes_upstream(weir, up, headers):
    assert chat(weir, *headers).status == 200
    request = up.requests[-1]
    assert request.all('authorization') == ['Bearer key-one']
    everything = request.line + str(request.headers) + request.body.decode()
    assert GOOD not in everything and 'the-callers-own' not in everything


def test_a_key_is_judged_for_each_request_of_a_connection(weir):
    with Caller(weir.url) as caller:
        statuses = []
        for key in GOOD, BAD, GOOD, 'oscar-key':
            caller.ask('/v1/models', headers=[('Authorization', f'Bearer {key}')])
            statuses.append(caller.read().status)
    assert statuses == [200, 401, 200, 200]


def test_the_log_names_the_key_but_does_not_tell_it(weir):
    assert chat(weir, ('Authorization', f'Bearer {GOOD}'), ('X-Correlation-ID', 'who-is-it')).status == 200
    line = weir.wait_for_log(lambda line: line.get('correlation_id') == 'who-is-it')
    assert 'alice' in line.values() and GOOD not in str(line)


# ---- what a key opens ----

@pytest.mark.parametrize('key, expected', [
    ('alice-key', {'/v1/models': 200, '/metrics': 403, '/circuit-breakers': 403}),
    ('oscar-key', {'/v1/models': 200, '/metrics': 200, '/circuit-breakers': 200}),
    ('ada-key', {'/v1/models': 200, '/metrics': 200, '/circuit-breakers': 200})])
def test_roles_hold_each_other_and_a_low_one_is_403(weir, key, expected):
    for path, status in expected.items():
        reply = exchange(weir.url, path, headers=[('Authorization', f'Bearer {key}')])
        assert reply.status == status, path
        if status == 403:
            assert reply.json()['error']['type'] == 'forbidden'
            assert 'operator' in reply.json()['error']['message']


def test_a_user_may_not_reset_a_breaker(weir):
    assert exchange(weir.url, '/circuit-breakers/one/reset', b'', [('X-API-Key', GOOD)]).status == 403


@pytest.mark.parametrize('model, status', [('simulated', 200), ('lab-9', 200), ('lab', 403), ('one/simulated', 403),
                                           ('other', 403)])
def test_the_models_of_a_key_judge_the_name_that_was_asked_for(weir, up, model, status):
    before = len(up.requests)
    reply = chat(weir, ('Authorization', 'Bearer bob-key'), model=model)
    assert reply.status == status
    if status == 403:
        error = reply.json()['error']
        assert error['type'] == 'permission_error' and model in error['message']
        assert len(up.requests) == before


def test_models_are_listed_as_far_as_the_key_may_use_them(up):
    config = in_front_of(up.url, auth={'mode': 'keys', 'keys': KEYS})
    config['models']['secret-model'] = config['models']['simulated']
    with Weir(config) as w:
        def listed(key):
            got = exchange(w.url, '/v1/models', headers=[('Authorization', f'Bearer {key}')]).json()['data']
            return {m['id'] for m in got if not m['id'].startswith('one/')}
        assert listed('alice-key') == {'simulated', 'secret-model'}
        assert listed('bob-key') == {'simulated'}
        assert exchange(w.url, '/v1/models/secret-model', headers=[('X-API-Key', 'bob-key')]).status in (403, 404)


def test_what_is_public_can_be_chosen(up):
    auth = {'mode': 'keys', 'keys': KEYS, 'public': ['ready', 'metrics']}
    with Weir(in_front_of(up.url, auth=auth)) as w:
        statuses = {path: exchange(w.url, path).status
                    for path in ('/health', '/api/v1/health', '/livez', '/readyz', '/metrics')}
        assert statuses == {'/health': 401, '/api/v1/health': 401, '/livez': 401, '/readyz': 200, '/metrics': 200}


def test_metrics_need_no_key_where_the_configuration_says_so(up):
    with Weir(in_front_of(up.url, auth={'mode': 'keys', 'keys': KEYS}, metrics={'auth': False})) as w:
        assert exchange(w.url, '/metrics').status == 200
        assert exchange(w.url, '/circuit-breakers').status == 401


# ---- without keys ----

def test_mode_off_lets_everyone_be_a_user_and_this_machine_an_admin(up):
    with Weir(in_front_of(up.url)) as w:
        assert chat(w).status == 200
        assert chat(w, ('Authorization', f'Bearer {BAD}')).status == 200
        assert exchange(w.url, '/metrics').status == exchange(w.url, '/circuit-breakers').status == 200
        assert up.requests[-1].all('authorization') == ['Bearer key-one']


def check(text, tmp_path, env=()):
    (tmp_path / 'weir.yaml').write_text(text if isinstance(text, str) else json.dumps(text, indent=1))
    return subprocess.run([BINARY, 'check'], cwd=tmp_path, capture_output=True, text=True, timeout=10 * SLOW,
                          env={'PATH': os.environ['PATH'], **dict(env)})


@pytest.mark.parametrize('listen, is_allowed', [
    ('127.0.0.1:0', True), ('127.0.0.9:80', True), ('[::1]:80', True), ('unix:weir.sock', True), ('0.0.0.0:80', False),
    ('[::]:80', False), (':80', False), ('10.1.2.3:80', False), (['127.0.0.1:80', '0.0.0.0:81'], False)])
def test_mode_off_beyond_this_machine_has_to_be_said_twice(tmp_path, listen, is_allowed):
    config = {'server': {'listen': listen}, 'auth': {'mode': 'off'}}
    done = check(config, tmp_path)
    assert done.returncode == (0 if is_allowed else 1), done.stderr
    if not is_allowed:
        assert re.search(r'weir\.yaml:\d+: ', done.stderr + done.stdout) and 'anywhere' in done.stderr + done.stdout
    config['auth']['anywhere'] = True
    assert check(config, tmp_path).returncode == 0
    assert check({**config, 'auth': {'mode': 'keys', 'keys': KEYS}}, tmp_path).returncode == 0, 'keys may listen anywhere'


def own_address():
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(('192.0.2.1', 9))
            return s.getsockname()[0]
        except OSError:
            return None


def test_mode_off_answers_admin_routes_to_this_machine_alone(up):
    address = own_address()
    if not address or address.startswith('127.'):
        pytest.skip('this machine has no address but loopback')
    with Weir(in_front_of(up.url, auth={'mode': 'off', 'anywhere': True}, server={'listen': '0.0.0.0:0'})) as w:
        outside = f'http://{address}:{w.port}'
        assert exchange(outside, body=CHAT).status == 200
        assert exchange(outside, '/livez').status == 200
        assert exchange(outside, '/circuit-breakers').status == 403
        assert exchange(outside, '/metrics').status == 403
        assert exchange(f'http://127.0.0.1:{w.port}', '/circuit-breakers').status == 200


# ---- keys from elsewhere ----

def test_keys_of_the_environment_are_users_and_its_admin_key_an_admin(up):
    env = {'API_KEYS': 'first-key, second-key', 'WEIR_ADMIN_KEY': 'the-admin-key'}
    with Weir(in_front_of(up.url, auth={'mode': 'keys'}), env) as w:
        statuses = {key: (chat(w, ('X-API-Key', key)).status,
                          exchange(w.url, '/circuit-breakers', headers=[('X-API-Key', key)]).status)
                    for key in ('first-key', 'second-key', 'the-admin-key', 'first-key, second-key')}
        assert statuses == {'first-key': (200, 403), 'second-key': (200, 403), 'the-admin-key': (200, 200),
                            'first-key, second-key': (401, 401)}
        assert not [name for name in os.listdir(w.folder) if 'admin' in name], 'no key is made where there is one'


def test_a_secret_may_come_from_the_file_that_name_file_names(up, tmp_path):
    (tmp_path / 'admin').write_text('key-from-a-file\n')
    with Weir(in_front_of(up.url, auth={'mode': 'keys'}), {'WEIR_ADMIN_KEY_FILE': tmp_path / 'admin'}) as w:
        assert chat(w, ('X-API-Key', 'key-from-a-file')).status == 200


def test_keys_of_the_file_and_of_the_environment_hold_together(up):
    with Weir(in_front_of(up.url, auth={'mode': 'keys', 'keys': KEYS}), {'API_KEYS': 'from-env'}) as w:
        assert [chat(w, ('X-API-Key', key)).status for key in (GOOD, 'from-env')] == [200, 200]


# ---- the first start ----

def start(folder, *arguments, **more):
    env = {'PATH': os.environ['PATH'], 'HOME': str(folder)}
    return subprocess.Popen([BINARY, 'serve', '--listen', '127.0.0.1:0', '--workers', '1', *arguments], cwd=folder, env=env,
                            **more)


class FirstStart:
    """`weir serve` without any configuration in this folder; nobody watches."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.err = self.folder / 'stderr'
        with open(self.err, 'w', encoding='utf-8') as err, open(self.folder / 'stdout', 'w', encoding='utf-8') as out:
            self.process = start(self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        found = wait_until(lambda: re.search(r'listens on (http://\S+)', self.err.read_text()), what='the greeting')
        self.url = found.group(1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(10 * SLOW) == 0

    def files(self):
        return {p for p in self.folder.iterdir() if p.name not in ('stdout', 'stderr')}


def key_in(folder, url):
    """The file below `folder` that holds a working admin key, and the key."""
    for path in folder.iterdir():
        for word in re.findall(r'[!-~]{16,}', path.read_text(errors='replace')):
            for part in {word, *re.split('[:=]', word)}:
                if len(part) >= 16 and exchange(url, '/circuit-breakers', headers=[('X-API-Key', part)]).status == 200:
                    return path, part
    return None, None


def test_the_first_start_makes_an_admin_key_and_the_second_one_knows_it(tmp_path):
    with FirstStart(tmp_path) as first:
        files = first.files()
        path, key = key_in(tmp_path, first.url)
        assert key, f'no file of {files} holds the key'
        assert path.name not in ('stdout', 'stderr'), 'the key is in no log'
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for other in tmp_path.iterdir():
            assert other == path or key.encode() not in other.read_bytes(), f'{other} holds the key, too'
        assert key not in (tmp_path / 'stdout').read_text() + (tmp_path / 'stderr').read_text()
        assert path.name in (tmp_path / 'stderr').read_text(), 'it is said where the key is'
        assert exchange(first.url, '/circuit-breakers').status == 401
    with FirstStart(tmp_path) as second:
        assert second.files() == files
        assert exchange(second.url, '/circuit-breakers', headers=[('X-API-Key', key)]).status == 200
    path.unlink()  # its owner has put it elsewhere: only the hash is kept
    with FirstStart(tmp_path) as third:
        assert exchange(third.url, '/circuit-breakers', headers=[('X-API-Key', key)]).status == 200
        assert path not in third.files()


def read_terminal(terminal, mark, seconds=10):
    """What is printed there up to `mark`."""
    text, deadline = '', time.monotonic() + seconds * SLOW
    while not re.search(mark, text):
        assert time.monotonic() < deadline, text
        if select.select([terminal], [], [], 0.1)[0]:
            text += os.read(terminal, 65536).decode()
    return text.replace('\r\n', '\n')


def test_on_a_terminal_the_first_start_prints_the_key_once_and_a_curl_line_that_works(tmp_path):
    ours, theirs = pty.openpty()
    with open(tmp_path / 'stdout', 'w', encoding='utf-8') as log:
        process = start(tmp_path, stdin=theirs, stdout=log, stderr=theirs)
    os.close(theirs)
    try:
        text = read_terminal(ours, r'curl [^\n]*\n(?:.*\n)*.*listens on'
                                   r'|listens on [^\n]*\n(?:.*\n)*?[^\n]*curl (?:[^\n]*\\\r?\n)*[^\n]*\n')
        command = re.search(r'curl (?:[^\n]*\\\n)*[^\n]*', text).group(0)
        done = subprocess.run(['bash', '-c', command], capture_output=True, text=True, timeout=10 * SLOW, cwd=tmp_path)
        assert done.returncode == 0, (command, done.stderr)
        assert '"choices"' in done.stdout, (command, done.stdout)
        assert 'simulated' in done.stdout.lower(), 'the demo says what it is'
        key = re.search(r'Bearer ([!-~]+?)["\']', command).group(1)
        url = re.search(r'http://[\d.:]+', command).group(0)
        listed = exchange(url, '/v1/models', headers=[('Authorization', f'Bearer {key}')]).json()['data']
        assert [m['id'] for m in listed if '/' not in m['id']] == ['demo'] and 'simulat' in json.dumps(listed).lower()
        assert key not in (tmp_path / 'stdout').read_text(), 'the key is in no log'
        assert not [p for p in tmp_path.iterdir() if key.encode() in p.read_bytes()], 'the key is in no file'
    finally:
        process.terminate()
        process.wait(10 * SLOW)
        os.close(ours)
    ours, theirs = pty.openpty()
    with open(tmp_path / 'stdout', 'w', encoding='utf-8') as log:
        process = start(tmp_path, stdin=theirs, stdout=log, stderr=theirs)
    os.close(theirs)
    try:
        again = read_terminal(ours, r'listens on \S+')
        url = re.search(r'listens on (http://[\d.:]+)', again).group(1)
        assert exchange(url, '/v1/models', headers=[('Authorization', f'Bearer {key}')]).status == 200
        assert key not in again, 'it is printed once'
    finally:
        process.terminate()
        process.wait(10 * SLOW)
        os.close(ours)


def test_demo_goes_away_once_a_provider_is_configured(up):
    config = in_front_of(up.url)
    del config['models']['*']
    with Weir(config) as w:
        assert chat(w, model='demo').status == 404
        assert 'demo' not in w.http.get('/v1/models').text
