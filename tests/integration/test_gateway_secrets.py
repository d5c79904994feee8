"""What must stay secret: keys, prompts and replies are in no log line, no metric, no error that somebody else reads."""
import json
import os
import subprocess

import pytest

from weir import BINARY, SLOW, Weir, in_front_of
from wire import COMPLETION, DONE, FINISH, ROLE, Caller, Upstream, delta, event, exchange, plain, refusal, stream

PROVIDER_KEY, CALLER_KEY, ADMIN_KEY = 'sk-zzprovider7f3a', 'zzcaller91bd', 'zzadmin5510'
PROMPT, REPLY, COOKIE, QUERY, OTHER = 'zzprompt-pelican', 'zzreply-heron', 'zzcookie-ibis', 'zzquery-kea', 'zzother-emu'
SECRETS = [PROVIDER_KEY, CALLER_KEY, ADMIN_KEY, PROMPT, REPLY, COOKIE, QUERY, OTHER]
BODY = {'model': 'simulated', 'messages': [{'role': 'user', 'content': PROMPT}], 'user': PROMPT}
ANSWER = {**COMPLETION, 'choices': [{'index': 0, 'message': {'role': 'assistant', 'content': REPLY},
                                     'finish_reason': 'stop'}]}
SAID = delta(content=REPLY)
HEADERS = [('X-Weir-Key', CALLER_KEY), ('Authorization', f'Bearer {OTHER}'), ('Cookie', f'session={COOKIE}'),
           ('X-API-Key', OTHER),
           ('X-Provider-Key-OpenAI', OTHER)]
TARGET = f'/v1/chat/completions?key={QUERY}&x=1'


def cut(e):
    e.send(stream(ROLE, SAID, end=b''))
    e.close()


# what the provider answers; whether it is a stream; may the caller read the reply's words in it
RUNS = {
    'a plain reply': (plain(ANSWER), False, True),
    'a stream': (stream(ROLE, SAID, FINISH, DONE), True, True),
    'a stream that is cut': (cut, True, True),
    'a broken event': (stream(ROLE, SAID, b'data: {"' + REPLY.encode() + b'\n\n', DONE), True, True),
    'an error event': (stream(ROLE, SAID, event({'error': {'message': f'no {REPLY}'}})), True, True),
    'a broken event first': (stream(ROLE, b'data: {"' + REPLY.encode() + b'\n\n', DONE), True, False),
    'a failure that repeats everything': (refusal(500, message=f'{PROMPT} {REPLY} {PROVIDER_KEY}'), False, False),
    'a refused key': (refusal(401, message=f'Incorrect API key provided: {PROVIDER_KEY}'), False, False),
    'a provider that is busy': (refusal(429, [('Retry-After', '9')], message=f'{REPLY} {PROVIDER_KEY}'), False, False),
    'HTML': (plain(f'<html>{REPLY} {PROVIDER_KEY}</html>', content_type=f'text/html; x={OTHER}'), False, False),
    'broken JSON': (plain('{"' + REPLY), False, False),
    'an error as 200': (plain({'error': {'message': REPLY + PROVIDER_KEY, 'type': OTHER}}), False, False),
    'a redirect': (plain('', 302, [('Location', f'http://127.0.0.1:9/{OTHER}')]), False, False),
}


def start(up, **more):
    config = in_front_of(up.url, auth={'mode': 'keys', 'keys': [{'name': 'alice', 'key': CALLER_KEY},
                                                                {'name': 'ada', 'key': ADMIN_KEY, 'role': 'admin'}]}, **more)
    config['providers']['one']['api_key'] = PROVIDER_KEY
    config['providers']['one']['headers'] = {'X-Extra': OTHER}
    return Weir(config)


def written(w):
    """Everything that the gateway has told others than the caller, when it has ended."""
    metrics = exchange(w.url, '/metrics', headers=[('X-API-Key', ADMIN_KEY)]).body.decode()
    breakers = exchange(w.url, '/circuit-breakers', headers=[('X-API-Key', ADMIN_KEY)]).body.decode()
    assert w.stop() == 0
    with open(w.out, encoding='utf-8') as f:
        log = f.read()
    assert '/v1/chat/completions' in log
    return {'metrics': metrics, 'breakers': breakers, 'log': log, 'stderr': w.stderr()}


def judge(w):
    for place, text in written(w).items():
        for secret in SECRETS:
            assert secret not in text, f'{secret} is in the {place}'


@pytest.mark.parametrize('level', ['info', 'debug'])
@pytest.mark.parametrize('name', RUNS)
def test_nothing_of_an_exchange_is_written_down(name, level):
    answer, is_stream, is_told = RUNS[name]
    with Upstream(answer) as up, start(up, log={'level': level}) as w:
        reply = exchange(w.url, TARGET, {**BODY, 'stream': is_stream}, HEADERS)
        told = reply.body.decode() + str(reply.headers)
        for secret in SECRETS:
            if not (is_told and secret == REPLY):
                assert secret not in told, f'{secret} is in the reply: {told}'
        judge(w)


def test_nothing_of_a_request_that_fails_here_is_written_down():
    bodies = [b'{"messages": "' + PROMPT.encode(), b'{"' + PROMPT.encode() + b'": 1, "' + PROMPT.encode() + b'": 2}',
              b'{"model": 7, "x": "' + PROMPT.encode() + b'"}', b'{"model": "simulated", "x": ' + PROMPT.encode() + b'}',
              b'[' + PROMPT.encode() + b']', b'\xff' + PROMPT.encode()]
    with Upstream(plain(ANSWER)) as up, start(up, log={'level': 'debug'}) as w:
        for body in bodies:
            assert exchange(w.url, TARGET, body, HEADERS).status == 400
        for header in ('X-Weir-Key', OTHER), ('Authorization', f'Bearer {OTHER}'), ('Authorization', f'Basic {OTHER}'):
            reply = exchange(w.url, TARGET, BODY, [header])
            assert reply.status == 401 and OTHER not in reply.body.decode() + str(reply.headers)
        assert exchange(w.url, TARGET, BODY, [*HEADERS, ('Content-Type', f'text/{OTHER}')]).status == 415
        exchange(w.url, f'/nothing?key={QUERY}', headers=HEADERS)
        exchange(w.url, f'/v1/nothing?x=1&key={QUERY}', headers=HEADERS)
        assert not up.requests or PROMPT.encode() not in up.requests[-1].body
        judge(w)


def test_nothing_of_a_request_that_is_no_http_is_written_down():
    with Upstream(plain(ANSWER)) as up, start(up, log={'level': 'debug'}) as w:
        for raw in (f'GET /?key={QUERY} HTTP/9\r\n', f'{PROMPT}\r\n', f'GET / HTTP/1.1\r\nX-API-Key : {OTHER}\r\n',
                    f'GET / HTTP/1.1\r\nHost: a\r\nHost: {OTHER}\r\n'):
            with Caller(w.url) as caller:
                caller.send(raw.encode() + b'\r\n')
                assert OTHER.encode() not in caller.read().body
        exchange(w.url, TARGET, BODY, HEADERS)
        judge(w)


def test_a_caller_who_leaves_is_not_quoted():
    with Upstream(lambda e: e.gone()) as up, start(up, log={'level': 'debug'}) as w:
        with Caller(w.url) as caller:
            caller.ask(TARGET, BODY, [*HEADERS, ('X-Correlation-ID', 'left')])
            up.wait_for(1)
        w.wait_for_log(lambda line: line.get('correlation_id') == 'left')
        judge(w)


def test_a_log_line_cannot_be_forged():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        exchange(w.url, '/v1/models/x%0a%7b%22level%22:%22ERROR%22%7d%22%5c%5cu000a%7f')
        exchange(w.url, '/v1/models', headers=[('X-Correlation-ID', 'a"},{"level":"ERROR","x":"')])
        w.wait_for_log(lambda line: line.get('correlation_id', '').startswith('a"'))
        with open(w.out, encoding='utf-8') as f:
            assert all(isinstance(json.loads(line), dict) for line in f)
        assert not [line for line in w.log_lines() if line.get('level') == 'ERROR']


@pytest.mark.parametrize('config', [
    {'auth': {'keys': [{'name': 'a', 'key': f'{OTHER} with blanks'}]}},
    {'auth': {'keys': [{'name': 'a', 'key': OTHER}, {'name': 'b', 'key': OTHER}]}},
    {'auth': {'keys': [{'name': 'a', 'key': [OTHER]}]}},
    {'providers': {'one': {'kind': 'openai', 'base_url': 'http://127.0.0.1:9', 'api_key': f'{OTHER} with blanks'}}},
    {'providers': {'one': {'kind': 'openai', 'base_url': 'http://127.0.0.1:9', 'api_key': {'x': OTHER}}}},
    {'providers': {'one': {'kind': 'openai', 'base_url': f'http://user:{OTHER}@127.0.0.1:9'}}},
    {'state': f'redis://:{OTHER}@localhost:x'}, {'store': f'postgres//user:{OTHER}@localhost/weir'}])
def test_weir_check_does_not_repeat_secrets(tmp_path, config):
    (tmp_path / 'weir.yaml').write_text(json.dumps(config, indent=1))
    done = subprocess.run([BINARY, 'check'], cwd=tmp_path, capture_output=True, text=True, timeout=10 * SLOW,
                          env={'PATH': os.environ['PATH']})
    assert OTHER not in done.stdout + done.stderr


def test_weir_models_does_not_print_keys(tmp_path):
    config = in_front_of('http://127.0.0.1:9')
    config['providers']['one']['api_key'] = OTHER
    (tmp_path / 'weir.yaml').write_text(json.dumps(config, indent=1))
    done = subprocess.run([BINARY, 'models'], cwd=tmp_path, capture_output=True, text=True, timeout=10 * SLOW,
                          env={'PATH': os.environ['PATH']})
    assert done.returncode == 0 and 'simulated' in done.stdout and OTHER not in done.stdout + done.stderr
