"""What a request may hold and how it may come: sizes, types, JSON, framings, old and hasty clients."""
import gzip
import hashlib
import json
import random
import time

import pytest

from weir import SLOW, Weir, in_front_of
from wire import CHAT, COMPLETION, END, STREAM, WHOLE, Caller, Closed, Upstream, ask, chunk, exchange, plain, samples, stream

TEXT = json.dumps(CHAT).encode()


@pytest.fixture(scope='module')
def up():
    with Upstream(plain(COMPLETION)) as u:
        yield u


@pytest.fixture(scope='module')
def weir(up):
    """A small one: 64 KiB of body, and callers must not dawdle. `renamed` goes there under another name."""
    config = in_front_of(up.url, server={'max_body': '64KiB',
                                         'timeouts': {'head': '300ms', 'body': '300ms', 'keep_alive': '400ms'}})
    config['models']['renamed'] = {'targets': [{'provider': 'one', 'model': 'a-much-longer-name-than-before'}]}
    with Weir(config) as w:
        yield w


@pytest.fixture(scope='module')
def big(up):
    config = in_front_of(up.url)
    config['models']['renamed'] = {'targets': [{'provider': 'one', 'model': 'm'}]}
    with Weir(config) as w:
        yield w


def refused(reply, status, code=None):
    assert reply.status == status, reply.body
    error = reply.json()['error']
    assert error['type'] == 'invalid_request_error' and error['message']
    if code:
        assert error['code'] == code
    return error


def send(weir, up, body, *headers):
    """The reply, and what reached the provider or None."""
    before = len(up.requests)
    reply = exchange(weir.url, body=body, headers=headers)
    return reply, up.requests[-1].body if len(up.requests) > before else None


# ---- size ----

@pytest.mark.smoke
def test_a_body_over_the_limit_is_413_by_its_length_alone(weir, up):
    with Caller(weir.url) as caller:
        caller.ask(body=b'{', headers=[('Content-Length', str((64 << 10) + 1))])
        error = refused(caller.read(), 413, 'request_too_large')
        assert '65536' in error['message'] or '64' in error['message']
        assert 'max_body' in error['message'], 'it names the option'
        assert caller.is_at_end()


def test_a_chunked_body_over_the_limit_is_413_when_it_gets_there(weir, up):
    before = len(up.requests)
    with Caller(weir.url) as caller:
        caller.ask(body=b''.join(chunk(b' ' * 8192) for _ in range(9)), headers=[('Transfer-Encoding', 'chunked')])
        refused(caller.read(), 413, 'request_too_large')
    assert len(up.requests) == before


def test_a_body_of_exactly_the_limit_is_fine(weir, up):
    body = TEXT + b' ' * ((64 << 10) - len(TEXT))
    reply, sent = send(weir, up, body)
    assert reply.status == 200 and sent == body
    assert exchange(weir.url, body=chunk(body) + END, headers=[('Transfer-Encoding', 'chunked')]).status == 200
    assert exchange(weir.url, body=body + b' ').status == 413


def test_outside_v1_a_413_has_the_plain_shape(weir):
    with Caller(weir.url) as caller:
        caller.ask('/circuit-breakers/one/reset', b'', [('Content-Length', '99999')])
        reply = caller.read()
    assert reply.status == 413 and reply.json()['error']['type'] == 'payload_too_large'


# ---- type and encoding ----

@pytest.mark.parametrize('kind', ['application/json', 'application/json; charset=utf-8', 'Application/JSON',
                                  'application/json;charset="UTF-8"',
                                  'application/json ; x=y'])
def test_json_is_what_is_wanted(weir, up, kind):
    reply, sent = send(weir, up, TEXT, ('Content-Type', kind))
    assert reply.status == 200 and sent == TEXT


@pytest.mark.parametrize('kind', ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x',
                                  'application/jsonp',
                                  'text/json-is-not-it', 'application/xml', 'application/json, text/plain', 'nonsense'])
def test_a_declared_wrong_type_is_415(weir, up, kind):
    reply, sent = send(weir, up, TEXT, ('Content-Type', kind))
    refused(reply, 415)
    assert sent is None


def test_a_missing_type_counts_as_json(weir, up):
    with Caller(weir.url) as caller:
        caller.send(b'POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\nContent-Length: %d\r\n\r\n' % len(TEXT) + TEXT)
        assert caller.read().status == 200
    assert up.requests[-1].body == TEXT and up.requests[-1].get('content-type') == 'application/json'


@pytest.mark.parametrize('encoding', ['br', 'zstd', 'compress', 'nonsense', 'gzip, br'])
def test_an_encoding_that_is_not_gzip_is_415(weir, up, encoding):
    reply, sent = send(weir, up, TEXT, ('Content-Encoding', encoding))
    refused(reply, 415)
    assert sent is None


def test_a_body_in_gzip_is_understood_or_refused_in_words(weir, up):
    reply, sent = send(weir, up, gzip.compress(TEXT), ('Content-Encoding', 'gzip'))
    if reply.status == 200:
        assert sent == TEXT
    else:
        assert 'encod' in refused(reply, 415)['message'].lower()


def test_identity_is_no_encoding(weir, up):
    assert send(weir, up, TEXT, ('Content-Encoding', 'identity'))[1] == TEXT


# ---- JSON ----

@pytest.mark.parametrize('body, line, column', [
    (b'{"model": "simulated", "messages": [}', 1, 37), (b'{\n  "model": "simulated",\n  "messages": nope\n}', 3, 15),
    (b'{"model": "simulated"', 1, 22), (b'{"model": "simulated",}', 1, 23), (b'{\r\n"model": \'simulated\'}', 2, 10),
    (b'{"model": "simulated"} x', 1, 24), (b'hello', 1, 1), (b'{"model": "simulated", "x": 01}', 1, 30),
    (b'{"model": "simulated", "x": "\t"}', 1, 30), (b'{"model": "simulated", "x": "\\q"}', 1, 31)])
def test_what_is_no_json_is_400_with_line_and_column(weir, up, body, line, column):
    reply, sent = send(weir, up, body)
    message = refused(reply, 400)['message']
    assert sent is None
    assert f'line {line}' in message
    found = int(message.split('column ')[1].split()[0].strip(',.:;)'))
    assert abs(found - column) <= 1, message


@pytest.mark.parametrize('body', [b'', b'   ', b'[]', b'"text"', b'7', b'null', b'{"model": 7}',
                                  b'{"model": ["simulated"]}'])
def test_a_body_without_a_usable_model_is_400_and_says_what_is_missing(weir, up, body):
    reply, sent = send(weir, up, body)
    error = refused(reply, 400)
    assert sent is None
    if body.startswith(b'{'):
        assert 'model' in error['message'] and error['param'] == 'model'


@pytest.mark.parametrize('body', [b'{"input": "Hi"}', b'{}'])
def test_a_request_that_may_leave_the_model_out_goes_to_the_default_model(body):
    judged = plain({'id': 'modr-1', 'model': 'm', 'results': [{'flagged': False, 'categories': {}, 'category_scores': {}}]})
    with Upstream(judged) as u, Weir(in_front_of(u.url, default_model='simulated')) as w:
        assert exchange(w.url, '/v1/moderations', body).status == 200
        assert u.requests[0].json() == {**json.loads(body), 'model': 'simulated'}


@pytest.mark.parametrize('body', [
    b'{"model": "simulated", "messages": [], "model": "other"}',
    b'{"model": "simulated", "mod\\u0065l": "other", "messages": []}',
    b'{"\\u006dodel": "other", "model": "simulated", "messages": []}',
    b'{"model": "simulated", "messages": [], "messages": []}',
    b'{"model": "simulated", "stream": false, "stream": true}', b'{"model": "simulated", "x": 1, "x": 1}'])
def test_a_member_that_comes_twice_is_refused(weir, up, body):
    reply, sent = send(weir, up, body)
    assert 'twice' in refused(reply, 400)['message'] or 'duplicate' in reply.json()['error']['message'].lower()
    assert sent is None


def test_deeper_down_a_member_may_come_twice(weir, up):
    body = b'{"model": "simulated", "messages": [{"role": "user", "role": "user", "model": "x", "model": "y"}]}'
    reply, sent = send(weir, up, body)
    assert reply.status == 200 and sent == body


@pytest.mark.parametrize('body, sent', [
    (b'{"mod\\u0065l": "renamed", "x": 1}', b'{"mod\\u0065l": "a-much-longer-name-than-before", "x": 1}'),
    (b'{"model": "ren\\u0061med", "x": 1}', b'{"model": "a-much-longer-name-than-before", "x": 1}'),
    (b'{"x": {"model": "renamed"}, "model":"renamed"}',
     b'{"x": {"model": "renamed"}, "model":"a-much-longer-name-than-before"}'),
    (b' \r\n{"a":"\\"model\\": \\"renamed\\"",\t"model"\n:\n"renamed"\n}\n',
     b' \r\n{"a":"\\"model\\": \\"renamed\\"",\t"model"\n:\n"a-much-longer-name-than-before"\n}\n'),
    ('{"user": "ümläut \U0001f600", "model": "renamed"}'.encode(),
     '{"user": "ümläut \U0001f600", "model": "a-much-longer-name-than-before"}'.encode()),
    (b'{"model": "renamed", "n": 1.0, "big": 123456789012345678901234567890, "e": 1E+2, "z": -0}',
     b'{"model": "a-much-longer-name-than-before", "n": 1.0, "big": 123456789012345678901234567890, "e": 1E+2, "z": -0}')])
def test_only_the_models_name_is_changed(weir, up, body, sent):
    reply, got = send(weir, up, body)
    assert reply.status == 200 and got == sent


@pytest.mark.parametrize('body', [b'{"model": "simulated", "x": "\xff"}', b'{"model": "simulated", "x": "\xed\xa0\x80"}',
                                  b'{"model": "simulated", "x": "\xc0\xaf"}',
                                  b'\xef\xbb\xbf{"model": "simulated"}'[:9] + b'\xff"}'])
def test_bytes_that_are_no_utf_8_are_refused(weir, up, body):
    reply, sent = send(weir, up, body)
    refused(reply, 400)
    assert sent is None


def test_json_that_is_nested_too_deeply_is_refused_not_followed(weir, up):
    reply, sent = send(weir, up, b'{"model": "simulated", "x": ' + b'[' * 30_000 + b']' * 30_000 + b'}')
    refused(reply, 400)
    assert sent is None


@pytest.mark.parametrize('size', [1 << 20, 20 << 20])
def test_a_big_body_reaches_the_provider_byte_for_byte_but_for_the_model(big, up, size):
    noise = random.Random(7)
    text = ''.join(noise.choice(['Hello ', '"quoted" ', 'ö ', '\\', '\U0001f600 ', '\n', '{"model": "x"} '])
                   for _ in range(50_000))
    text *= size // len(text.encode()) + 1
    content = json.dumps(text, ensure_ascii=False)
    before, after = '{"messages": [{"role": "user", "content": ' + content + '}], "model": "', '", "n": 1}'
    reply, sent = send(big, up, (before + 'renamed' + after).encode())
    assert reply.status == 200
    assert hashlib.sha256(sent).digest() == hashlib.sha256((before + 'm' + after).encode()).digest()


@pytest.mark.parametrize('name', ['x\r\nSet-Cookie: a=b', 'a\x00b', '\u2028\xe9', '"\\', '\ud800', 'sp ace', '\t', '{', '..',
                                  'one/', '/', '*'])
def test_no_name_of_a_model_is_more_than_a_name(up, name):
    with Weir(in_front_of(up.url)) as w:
        reply, sent = send(w, up, json.dumps({'model': name, 'messages': []}).encode(), ('X-Correlation-ID', 'named'))
        assert 'set-cookie' not in reply.names()
        assert reply.json(), 'an error is JSON, too'
        if sent:
            assert json.loads(sent)['model'] == name
        w.wait_for_log(lambda line: line.get('correlation_id') == 'named')
        samples(exchange(w.url, '/metrics').body.decode())


def test_a_name_that_is_too_long_is_refused_without_being_repeated(weir, up):
    reply, sent = send(weir, up, json.dumps({'model': 'x' * 10_000}).encode())
    assert len(refused(reply, 400)['message']) < 300 and sent is None


# ---- how it comes ----

def test_a_chunked_body_is_a_body(weir, up):
    body = b''.join(chunk(TEXT[i:i + 7]) for i in range(0, len(TEXT), 7)) + END
    assert exchange(weir.url, body=body, headers=[('Transfer-Encoding', 'chunked')]).status == 200
    assert up.requests[-1].body == TEXT


def test_a_request_may_come_byte_by_byte(weir, up):
    with Caller(weir.url) as caller:
        request = ask(body=CHAT, headers=[('X-Slow', '1')])
        for i in range(len(request)):
            caller.send(request[i:i + 1])
        assert caller.read().status == 200
    assert up.requests[-1].body == TEXT and up.requests[-1].get('x-slow') == '1'


def test_requests_may_be_sent_ahead_and_are_answered_in_order(up):
    def answer(e):
        time.sleep(0.05 if b'first' in e.request.body else 0)
        e.send(plain({**COMPLETION, 'id': e.request.json()['user']}))

    with Upstream(answer) as u, Weir(in_front_of(u.url)) as w, Caller(w.url) as caller:
        names = ['first', 'second', 'third', 'fourth']
        caller.send(b''.join(ask(body={**CHAT, 'user': name}) for name in names) + ask('/livez'))
        assert [caller.read().json()['id'] for _ in names] == names
        assert caller.read().json() == {'status': 'ok'}


def test_a_stream_and_what_was_sent_ahead_of_its_end_follow_each_other():
    with Upstream(stream(*WHOLE)) as u, Weir(in_front_of(u.url)) as w, Caller(w.url) as caller:
        caller.send(ask(body=STREAM) * 3)
        for _ in range(3):
            reply = caller.read()
            assert reply.ended and reply.body == b''.join(WHOLE)


def test_a_client_of_http_1_0_gets_a_length_and_the_end_of_the_connection(weir):
    with Caller(weir.url) as caller:
        caller.ask(body=CHAT, version='1.0')
        reply = caller.read()
        assert reply.status == 200 and reply.json() == COMPLETION
        assert reply.get('transfer-encoding') is None and caller.is_at_end()


def test_a_client_of_http_1_0_gets_a_stream_without_chunks():
    with Upstream(stream(*WHOLE)) as u, Weir(in_front_of(u.url)) as w, Caller(w.url) as caller:
        caller.ask(body=STREAM, version='1.0')
        reply = caller.read()
        assert reply.get('transfer-encoding') is None and reply.get('content-length') is None
        assert reply.body == b''.join(WHOLE) and caller.is_at_end()


def test_a_client_of_http_1_0_needs_no_host(weir):
    with Caller(weir.url) as caller:
        caller.send(b'GET /livez HTTP/1.0\r\n\r\n')
        assert caller.read().json() == {'status': 'ok'} and caller.is_at_end()


def test_connection_close_is_said_and_done(weir):
    with Caller(weir.url) as caller:
        caller.ask('/livez', headers=[('Connection', 'close')])
        reply = caller.read()
        assert reply.get('connection').lower() == 'close' and caller.is_at_end()


def test_who_expects_100_continue_gets_it_before_the_body(weir, up):
    with Caller(weir.url) as caller:
        caller.ask(body=b'', headers=[('Expect', '100-continue'), ('Content-Length', str(len(TEXT)))])
        line, _ = caller.reader.head()
        assert line.startswith('HTTP/1.1 100')
        caller.send(TEXT)
        assert caller.read().status == 200


@pytest.mark.parametrize('headers, status', [([('Content-Length', '99999999')], 413),
                                             ([('Content-Length', '5'), ('Content-Type', 'text/plain')], 415)])
def test_who_expects_100_continue_in_vain_gets_the_refusal_instead(weir, headers, status):
    with Caller(weir.url) as caller:
        caller.ask(body=b'', headers=[('Expect', '100-continue'), *headers])
        line, _ = caller.reader.head()
        assert line.split()[1] == str(status)


def test_a_wrong_key_is_said_before_the_body_is_sent(up):
    with Weir(in_front_of(up.url, auth={'mode': 'keys',
                                        'keys': [{'name': 'a', 'key': 'a-key'}]})) as w, Caller(w.url) as caller:
        caller.ask(body=b'', headers=[('Expect', '100-continue'), ('Content-Length', '1000')])
        line, _ = caller.reader.head()
        assert line.split()[1] == '401'


@pytest.mark.parametrize('raw', [
    b'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    b'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}    ',
    b'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked, x\r\n\r\n0\r\n\r\n',
    b'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n{}   ',
    b'POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}',
    b'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    b'GET /livez HTTP/1.1\r\nHost : a\r\n\r\n', b'GET /livez HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n', b'nonsense\r\n\r\n',
    b'GET /li vez HTTP/1.1\r\nHost: a\r\n\r\n',
    b'POST /v1/models HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'])
def test_ambiguous_or_broken_requests_are_400_and_the_connection_ends(weir, raw):
    with Caller(weir.url) as caller:
        caller.send(raw + b'GET /livez HTTP/1.1\r\nHost: smuggled\r\n\r\n')
        reply = caller.read()
        assert 400 <= reply.status < 600 and reply.status not in (200, 404)
        assert caller.is_at_end(), 'nothing behind it was answered'


def test_a_head_that_is_too_large_is_431_and_a_target_414(weir):
    with Caller(weir.url) as caller:
        caller.send(b'GET /livez HTTP/1.1\r\nHost: a\r\nX-Big: ' + b'x' * (1 << 20))
        assert caller.read().status == 431
    with Caller(weir.url) as caller:
        caller.send(b'GET /livez?' + b'x' * (1 << 20) + b' HTTP/1.1\r\nHost: a\r\n\r\n')
        assert caller.read().status == 414


@pytest.mark.parametrize('begin', [b'GET /livez HT', b'GET /livez HTTP/1.1\r\nHost: a\r\n'])
def test_a_head_that_does_not_come_in_time_is_408(weir, begin):
    with Caller(weir.url) as caller:
        start = time.monotonic()
        caller.send(begin)
        assert caller.read().status == 408 and caller.is_at_end()
        assert 0.25 <= time.monotonic() - start <= 2 * SLOW


def test_a_body_that_does_not_come_in_time_is_408(weir):
    with Caller(weir.url) as caller:
        caller.ask(body=b'{"model":', headers=[('Content-Length', '100')])
        reply = caller.read()
        assert reply.status == 408 and caller.is_at_end()


def test_a_connection_without_requests_ends_after_its_time_without_a_word(weir):
    with Caller(weir.url) as caller:
        caller.ask('/livez')
        caller.read()
        start = time.monotonic()
        assert caller.is_at_end()
        assert 0.3 <= time.monotonic() - start <= 2 * SLOW


def test_a_body_where_none_is_wanted_does_no_harm(weir):
    with Caller(weir.url) as caller:
        caller.ask('/livez', b'{"x": 1}', method='GET')
        assert caller.read().status == 200
        caller.ask('/livez')
        assert caller.read().status == 200


def test_after_a_refused_body_the_connection_is_in_step_or_closed(weir):
    for body, headers in (b'not json', []), (TEXT, [('Content-Type', 'text/plain')]), (b'{"model": 7}', []):
        with Caller(weir.url) as caller:
            caller.ask(body=body, headers=headers)
            assert caller.read().status in (400, 415)
            try:
                caller.ask('/livez')
                assert caller.read().json() == {'status': 'ok'}
            except (Closed, ConnectionError):
                pass
