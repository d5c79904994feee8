"""The commands around the gateway: check, help, version, models, and what a wrong command line says."""
import os
import re
import subprocess

import pytest

from weir import BINARY, SLOW, Weir, in_front_of
from wire import CHAT, COMPLETION, Upstream, exchange, plain

GOOD = """\
auth:
  keys:
    - { name: alice, key: "${ALICE_KEY:-alice-key}", role: user }
providers:
  lab:
    kind: openai
    base_url: http://127.0.0.1:9/v1
    model: own
models:
  smart:
    targets: [ { provider: lab, model: big } ]
  "lab-*":
    targets: [ { provider: lab, model: "*" } ]
"""


def run(*arguments, folder=None, env=()):
    return subprocess.run([BINARY, *arguments], cwd=folder, capture_output=True, text=True, timeout=10 * SLOW,
                          stdin=subprocess.DEVNULL,
                          env={'PATH': os.environ['PATH'], **dict(env)})


def check(folder, text, *arguments, env=(), name='weir.yaml'):
    (folder / name).write_text(text)
    return run('check', *arguments, folder=folder, env=env)


def mistakes(done):
    """[(line, what), …] of weir check."""
    assert done.returncode == 1, done.stdout + done.stderr
    return [(int(n), what) for n, what in re.findall(r'^\S*weir\.yaml:(\d+): (.*)$', done.stdout + done.stderr, re.M)]


# ---- check ----

@pytest.mark.smoke
def test_a_good_configuration_passes(tmp_path):
    done = check(tmp_path, GOOD)
    assert done.returncode == 0 and not re.search(r'weir\.yaml:\d+: ', done.stdout + done.stderr), done.stderr


def test_the_sample_of_the_manual_passes(tmp_path):
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(top, 'docs', 'weir.example.yaml'), encoding='utf-8') as f:
        env = {name: f'{name}-value' for name in ('ALICE_KEY', 'MONITORING_KEY', 'OPENAI_API_KEY', 'GROQ_API_KEY')}
        done = check(tmp_path, f.read(), env=env)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('change, line, words', [
    (('role: user', 'role: usr'), 3, ['role', 'usr', 'user, operator, admin']),
    (('kind: openai', 'kind: opnai'), 6, ['kind', 'opnai', 'openai']),
    (('base_url:', 'base_ulr:'), 7, ['base_ulr', 'base_url']),
    (('http://127', 'ftp://127'), 7, ['base_url']),
    (('provider: lab, model: big', 'provider: lba, model: big'), 11, ['lba', 'lab']),
    (('targets: [ { provider: lab, model: big } ]', 'targets: []'), 11, ['targets']),
    (('smart:', 'smart:\n    strategy: best'), 11, ['strategy', 'best', 'priority']),
    (('smart:', 'smart:\n    timeouts: { idle: soon }'), 11, ['idle', 'soon', '10s']),
    (('smart:', 'smart:\n    attempts: 0'), 11, ['attempts', '1']),
    (('auth:', 'server: { listen: nowhere }\nauth:'), 1, ['listen', 'nowhere']),
    (('auth:', 'server: { workers: many }\nauth:'), 1, ['workers', 'many']),
    (('auth:', 'server: { max_body: 32XB }\nauth:'), 1, ['max_body', '32XB', '10MiB']),
    (('auth:', 'sever: {}\nauth:'), 1, ['sever', 'server']),
    (('auth:', 'log: { json: maybe }\nauth:'), 1, ['json', 'maybe']),
    (('${ALICE_KEY:-alice-key}', '${ALICE_KEY}'), 3, ['ALICE_KEY']),
    (('${ALICE_KEY:-alice-key}', '${file:/nowhere/at/all}'), 3, ['/nowhere/at/all']),
    (('model: own', 'model: own\n    model: twice'), 9, ['model']),
    (('auth:', 'auth: ['), None, []),
    (('auth:', '\tauth:'), None, []),
])
def test_each_mistake_is_named_with_its_line_and_what_is_allowed(tmp_path, change, line, words):
    found = mistakes(check(tmp_path, GOOD.replace(*change, 1)))
    assert found
    if line:
        assert line in [n for n, _ in found], found
        text = ' '.join(what for n, what in found if n == line)
        for word in words:
            assert word in text


def test_every_mistake_is_named_in_one_run(tmp_path):
    text = GOOD.replace('role: user', 'role: usr').replace('kind: openai', 'kind: opnai')
    text = text.replace('provider: lab, model: big', 'provider: lba, model: big')
    assert {3, 6, 11} <= {n for n, _ in mistakes(check(tmp_path, text))}


@pytest.mark.parametrize('wrong, right', [('providrs', 'providers'), ('sever', 'server'), ('shutdwon', 'shutdown'),
                                          ('breakers', 'breaker')])
def test_a_misspelled_key_is_answered_with_the_likely_one(tmp_path, wrong, right):
    found = mistakes(check(tmp_path, f'{wrong}: {{}}\n'))
    assert re.search(rf'did you mean.*{right}', found[0][1])


@pytest.mark.parametrize('value', ['off', '"off"'])
def test_a_words_meaning_comes_from_the_options_row_not_from_yaml(tmp_path, value):
    assert check(tmp_path, f'auth: {{ mode: {value} }}\n').returncode == 0


def test_a_number_with_a_leading_zero_is_decimal(tmp_path):
    with Upstream(plain(COMPLETION)) as up:
        text = Weir.complete(in_front_of(up.url, tiers={'default': {'requests_per_minute': '__'}})).replace('"__"', '010')
        with Weir(text) as w:
            assert exchange(w.url, body=CHAT).get('x-ratelimit-limit-minute') == '10'
    assert check(tmp_path, GOOD).returncode == 0


def test_unset_braces_in_flow_style_are_explained(tmp_path):
    found = mistakes(check(tmp_path, 'auth: { keys: [ { name: a, key: ${ALICE_KEY} } ] }\n'))
    assert re.search('quot', ' '.join(what for _, what in found))


def test_what_is_not_built_yet_is_accepted_and_named(tmp_path):
    done = check(tmp_path, GOOD + 'cache: { ttl: 5m }\nhealth: { interval: 10s }\n')
    assert done.returncode == 0
    warnings = [line for line in (done.stdout + done.stderr).splitlines() if 'not built yet' in line]
    assert len(warnings) == 1 and 'cache' in warnings[0] and 'health' in warnings[0]


def test_a_configuration_may_have_any_name(tmp_path):
    done = check(tmp_path, GOOD.replace('role: user', 'role: usr'), '--config', 'other.yaml', name='other.yaml')
    assert done.returncode == 1 and re.search(r'other\.yaml:3: ', done.stdout + done.stderr)
    assert check(tmp_path, GOOD, '--config=other.yaml', name='other.yaml').returncode == 0


def test_a_file_that_is_not_there_is_a_mistake(tmp_path):
    done = run('check', '--config', 'absent.yaml', folder=tmp_path)
    assert done.returncode == 1 and 'absent.yaml' in done.stderr + done.stdout


def test_without_a_file_the_environment_is_judged(tmp_path):
    assert run('check', folder=tmp_path).returncode == 0
    done = run('check', folder=tmp_path, env={'API_PORT': 'many'})
    assert done.returncode == 1 and 'API_PORT' in done.stderr + done.stdout


def test_a_file_for_the_environment_is_merged_over(tmp_path):
    (tmp_path / 'weir.testing.yaml').write_text('models:\n  smart:\n    strategy: best\n')
    assert check(tmp_path, GOOD).returncode == 0
    for name in 'WEIR_ENV', 'FLASK_ENV':
        done = check(tmp_path, GOOD, env={name: 'testing'})
        assert done.returncode == 1 and re.search(r'weir\.testing\.yaml:3: ', done.stdout + done.stderr)


def test_a_dotenv_file_is_read_and_the_real_environment_wins(tmp_path):
    (tmp_path / '.env').write_text('# keys\nALICE_KEY="from the file"\nOTHER=1\n')
    text = GOOD.replace('${ALICE_KEY:-alice-key}', '${ALICE_KEY}')
    assert any('key' in what for _, what in mistakes(check(tmp_path, text))), 'a key has no blanks'
    assert check(tmp_path, text, env={'ALICE_KEY': 'real'}).returncode == 0


def test_serve_refuses_what_check_refuses(tmp_path):
    (tmp_path / 'weir.yaml').write_text(GOOD.replace('kind: openai', 'kind: opnai'))
    done = run('serve', '--listen', '127.0.0.1:0', folder=tmp_path)
    assert done.returncode == 1 and re.search(r'weir\.yaml:6: ', done.stderr)


# ---- the other commands ----

def test_help_names_every_command():
    done = run('help')
    assert done.returncode == 0
    for word in 'serve', 'check', 'simulate', 'models', 'version', 'help', 'configuration', 'environment':
        assert word in done.stdout
    assert run('--help').stdout == done.stdout


@pytest.mark.parametrize('command, words', [
    ('serve', ['--config', '--listen', '--workers', 'SIGHUP']), ('check', ['--config', 'FILE:LINE']),
    ('models', ['--config']),
    ('simulate', ['--listen', '--replay', '--error-rate', '--seed']), ('version', []), ('help', [])])
def test_each_command_has_help(command, words):
    done = run('help', command)
    assert done.returncode == 0 and done.stdout.startswith(f'weir {command}')
    for word in words:
        assert word in done.stdout
    assert run(command, '--help').stdout == done.stdout


def test_help_of_an_unknown_command_is_an_error():
    done = run('help', 'sevre')
    assert done.returncode == 2 and 'sevre' in done.stderr


def test_help_configuration_prints_every_option():
    done = run('help', 'configuration')
    assert done.returncode == 0
    for word in 'max_body', '32MiB', 'requests_per_minute', 'failure_threshold', 'stream_usage', 'first_token', 'grace':
        assert word in done.stdout


def test_help_environment_prints_every_name_of_the_contract():
    done = run('help', 'environment')
    assert done.returncode == 0
    names = """
        OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_API_KEY GEMINI_ENDPOINT GROQ_API_KEY
        OPENROUTER_API_KEY TOGETHER_API_KEY AZURE_OPENAI_API_KEY AZURE_OPENAI_ENDPOINT
        AZURE_OPENAI_API_VERSION OLLAMA_HOST USE_DIRECT_WORKERS NETLIFY_BASE_URL API_HOST API_PORT
        PORT REDIS_URL QDRANT_URL MODEL_MANAGER_URL CLUSTER_MANAGER_URL TASK_MANAGER_URL API_KEYS
        API_KEY_SECRET WEIR_ADMIN_KEY WEIR_ENV FLASK_ENV RATE_LIMIT RATE_LIMIT_PER_MINUTE
        RATE_LIMIT_PER_HOUR CIRCUIT_BREAKER_FAILURE_THRESHOLD CIRCUIT_BREAKER_TIMEOUT
        RECOMMENDATION_SERVICE_URL SEARCH_SERVICE_URL PRICING_SERVICE_URL CHATBOT_SERVICE_URL
        FRAUD_SERVICE_URL FORECAST_SERVICE_URL VISION_SERVICE_URL CORS_ORIGINS MODEL_CACHE_SIZE
        LOG_LEVEL LOG_JSON DEBUG HTTPS_PROXY NO_PROXY SSL_CERT_FILE""".split()
    missing = [name for name in names if not re.search(rf'\b{name}\b', done.stdout)]
    assert not missing


def test_version_says_which():
    done = run('version')
    assert done.returncode == 0 and re.match(r'weir \d+\.\d+\.\d+', done.stdout)
    assert run('--version').stdout == done.stdout


def test_models_lists_what_callers_may_ask_for(tmp_path):
    (tmp_path / 'weir.yaml').write_text(GOOD)
    done = run('models', folder=tmp_path)
    assert done.returncode == 0
    for word in 'smart', 'lab-*', 'lab', 'big':
        assert word in done.stdout
    (tmp_path / 'weir.yaml').write_text(GOOD.replace('kind: openai', 'kind: opnai'))
    assert run('models', folder=tmp_path).returncode == 1


def test_models_knows_the_providers_of_the_environment(tmp_path):
    done = run('models', folder=tmp_path, env={'OPENAI_API_KEY': 'sk-x', 'GROQ_API_KEY': 'gsk-x'})
    assert done.returncode == 0 and 'openai' in done.stdout and 'groq' in done.stdout and 'demo' not in done.stdout
    assert 'demo' in run('models', folder=tmp_path).stdout


@pytest.mark.parametrize('arguments, words', [
    (['sevre'], ['sevre']), (['serve', '--colour'], ['--colour']), (['check', '--confg', 'x'], ['--confg', '--config']),
    (['serve', '--listen'], ['--listen']), (['serve', 'extra'], ['extra']),
    (['models', '--workers', '1'], ['--workers']), (['-x'], ['-x'])])
def test_a_wrong_command_line_is_status_2_and_says_what_is_wrong(tmp_path, arguments, words):
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    for word in words:
        assert word in done.stderr
    assert not done.stdout


@pytest.mark.parametrize('arguments', [['--workers', 'many'], ['--listen', 'nowhere'], ['--workers', '-1']])
def test_a_wrong_value_of_a_flag_is_named_with_what_is_allowed(tmp_path, arguments):
    done = run('serve', *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert arguments[0] in done.stderr and arguments[1] in done.stderr and 'allowed' in done.stderr


def test_without_a_command_the_program_says_what_there_is():
    done = run()
    assert done.returncode in (0, 2) and 'weir serve' in done.stdout + done.stderr


# ---- the log ----

def test_each_line_of_the_log_is_a_json_object_with_the_facts():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        exchange(w.url, '/v1/chat/completions?a=1', CHAT, [('X-Correlation-ID', 'seen')])
        line = w.wait_for_log(lambda line: line.get('correlation_id') == 'seen')
        assert (line['method'], line['path'], line['status_code']) == ('POST', '/v1/chat/completions', 200)
        assert line['category'] == 'direct_provider' and line['level'] == 'INFO'
        assert line['duration_ms'] >= 0 and re.match(r'\d{4}-\d\d-\d\dT', line['timestamp'])
        assert (line['provider'], line['model'], line['attempts']) == ('one', 'simulated', 1)
        exchange(w.url, '/nothing', headers=[('X-Correlation-ID', 'unseen')])
        line = w.wait_for_log(lambda line: line.get('correlation_id') == 'unseen')
        assert (line['status_code'], line['category']) == (404, 'api_gateway')


def test_the_log_can_be_text_and_quiet():
    with Upstream(plain(COMPLETION)) as up:
        with Weir(in_front_of(up.url), {'LOG_JSON': 'false'}) as w:
            exchange(w.url, body=CHAT, headers=[('X-Correlation-ID', 'seen')])
            w.stop()
            with open(w.out, encoding='utf-8') as f:
                text = f.read()
            assert '/v1/chat/completions' in text and not text.startswith('{')
        with Weir(in_front_of(up.url), {'LOG_LEVEL': 'error'}) as w:
            exchange(w.url, body=CHAT)
            w.stop()
            assert not [line for line in w.log_lines() if line.get('status_code') == 200]


def test_every_exchange_has_its_line_when_the_gateway_ends():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url, server={'workers': 2})) as w:
        for i in range(300):
            exchange(w.url, body=CHAT, headers=[('X-Correlation-ID', f'line-{i}')])
        assert w.stop() == 0
        assert {line.get('correlation_id') for line in w.log_lines()} >= {f'line-{i}' for i in range(300)}
