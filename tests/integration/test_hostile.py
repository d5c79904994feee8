"""Hostile bytes from both sides against the running program: the corpora of ../shared, floods on one connection, and what
callers would like to write into logs, metrics and heads."""
import collections
import concurrent.futures
import glob
import json
import os
import re
import threading

import pytest

from weir import SHARED, SLOW, Weir, in_front_of
from wire import (CHAT, COMPLETION, DONE, END, FINISH, ROLE, STREAM, STREAM_HEAD, WORDS, Caller, Upstream, ask, chunk, exchange,
                  plain, samples)

JSON_FILES = sorted(glob.glob(os.path.join(SHARED, 'corpora/json/test_parsing/*.json')))
SSE_FILES = sorted(glob.glob(os.path.join(SHARED, 'corpora/sse/raw/*.raw')))


@pytest.fixture(scope='module')
def up():
    with Upstream(plain(COMPLETION)) as u:
        yield u


@pytest.fixture(scope='module')
def weir(up):
    with Weir(in_front_of(up.url)) as w:
        yield w


def read_file(path):
    with open(path, 'rb') as f:
        return f.read()


# ---- corpora ----

@pytest.mark.skipif(not JSON_FILES, reason='corpora/json is not there (WEIR_SHARED)')
def test_bodies_of_the_json_corpus(score):
    """y: a value that stands in a request goes up byte for byte. n: nothing goes up. i: one of both."""
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as weir:
        for path in JSON_FILES:
            kind, text = os.path.basename(path)[0], read_file(path)
            body = b'{"model": "simulated", "messages": [], "x": ' + text + b'}' if kind == 'y' else text
            before = len(up.requests)
            status, went_up = exchange(weir.url, body=body).status, up.requests[before:]
            assert status in {'y': (200,), 'n': (400,), 'i': (200, 400)}[kind], path
            assert bool(went_up) == (status == 200), path
            if kind == 'y':
                assert went_up[0].body == body, path
    score(f'{len(JSON_FILES)} bodies of the JSON corpus')


@pytest.mark.skipif(not SSE_FILES, reason='corpora/sse is not there (WEIR_SHARED)')
def test_streams_of_the_sse_corpus(score):
    """Each behind a first content, in two pieces: every byte of it reaches the caller, in its order; or up to where an event
    ended the stream, or behind what was malformed an error event."""
    before, after = ROLE + WORDS[0], b'\n\n' + WORDS[1] + FINISH + DONE
    whole = 0
    with Upstream(*[STREAM_HEAD + chunk(before) + chunk(raw[:len(raw) // 2] or b'\n') + chunk(raw[len(raw) // 2:] + after) + END
                    for raw in map(read_file, SSE_FILES)]) as up, \
            Weir(in_front_of(up.url, breaker={'failure_threshold': 1000, 'failure_rate': 1})) as weir:
        for path in SSE_FILES:
            reply = exchange(weir.url, body=STREAM)
            raw = read_file(path)
            sent = before + (raw if len(raw) > 1 else b'\n' + raw) + after
            assert reply.status == 200, path
            same = len(os.path.commonprefix([reply.body, sent]))
            whole += same == len(sent)
            is_prefix = same == len(reply.body) and (b'error' in raw or b'[DONE]' in raw)  # it ended in between
            has_hidden = b'"usage"' in raw and b'"choices":[]' in raw  # nobody had asked for it
            assert same >= len(before), path
            assert same == len(sent) or is_prefix or has_hidden or b'"error"' in reply.body[same:], path
    assert whole >= 10  # most hold no JSON, and end there
    score(f'{len(SSE_FILES)} streams of the SSE corpus, {whole} passed on whole')


# ---- floods ----

def test_ten_thousand_pipelined_requests_are_answered_in_order(weir):
    count = 10000
    data = b''.join(ask('/api/v1/health', headers=[('X-Correlation-ID', f'n-{i}')]) for i in range(count))
    with Caller(weir.url) as caller:
        sender = threading.Thread(target=caller.sock.sendall, args=(data,))
        sender.start()
        for i in range(count):
            reply = caller.read()
            assert (reply.status, reply.get('x-correlation-id')) == (200, f'n-{i}')
        sender.join()


def test_a_body_in_the_smallest_chunks_with_extensions_is_read(weir, up):
    body = json.dumps({**CHAT, 'messages': [{'role': 'user', 'content': 'x' * 3000}]}).encode()
    chunks = b''.join(b'1;' + b'a' * 100 + b'\r\n%c\r\n' % c for c in body)
    with Caller(weir.url) as caller:
        caller.send(ask(body=chunks + END, headers=[('Transfer-Encoding', 'chunked')]))
        assert caller.read().status == 200
    assert json.loads(up.requests[-1].body)['messages'] == json.loads(body)['messages']


# ---- what callers would like to write elsewhere ----

ODD_TARGETS = ['/../../etc/passwd', '/v1/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/v1/models/..%2f..%2fetc%2fpasswd', '//etc/passwd',
               '/docs/../../../etc/passwd', '/v1/chat/completions/..', '/v1/models/%00', '/v1/models/%0d%0aX:%20y', '/%0a%0aGET%20/',
               '/%1b[31m', "/'~,'", '/v1/models/' + 'a' * 8000, '/?' + 'a' * 8000, '/v1/models/%ff%fe']


def test_odd_paths_and_names_stay_text(weir):
    """No path leads to a file; a line of the log stays one line of JSON; a reply has only lines that are its own."""
    with Caller(weir.url) as caller:
        for target in ODD_TARGETS:
            caller.send(ask(target, headers=[('User-Agent', 'a\x9b[2J"}\t{'), ('X-Correlation-ID', 'id"\\<'), ('Referer', 'x' * 900)]))
            reply = caller.read()
            assert reply.status in (404, 405, 414, 400), target
            assert b'root:' not in reply.body and not reply.get('x')
            assert (reply.get('connection') or '').lower() != 'close', target
    for model in ('a\r\nX: y', '\x1b[31m', '"}', '\u2028', 'x' * 512, '../..', '{{7*7}}', '%s%n', '\x00'):
        reply = exchange(weir.url, body={**CHAT, 'model': model})
        assert reply.status == 200 and not reply.get('x'), model
    line = weir.wait_for_log(lambda l: l.get('model') == '%s%n')
    assert line['status_code'] == 200
    with open(weir.out, 'rb') as f:
        assert not re.search(rb'[\x00-\x09\x0b-\x1f\x7f]', f.read())
    assert weir.log_lines()  # each of them JSON


def test_what_callers_invent_makes_no_endless_series(up):
    """Methods, paths, models: each new one could be a series of its own for ever."""
    count = 1200
    with Weir(in_front_of(up.url)) as weir:
        def invent(i):
            exchange(weir.url, f'/invented/{i}', method='GET')
            exchange(weir.url, '/v1/models', method=f'VERB{i}')
            exchange(weir.url, body={**CHAT, 'model': f'invented-{i}'})
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(invent, range(count)))
        found = samples(exchange(weir.url, '/metrics').body.decode())
    per_name = collections.Counter(s.name for s in found if not s.name.endswith('_bucket'))
    name, most = per_name.most_common(1)[0]
    assert most < count, name
    assert not [s for s in found if 'VERB' in str(s.labels) or '/invented/' in str(s.labels)]
