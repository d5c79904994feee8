"""What follows from what a provider did: the table "Outcome of an attempt", row by row, with one target and with two."""
import contextlib
import email.utils
import json
import signal
import socket
import threading
import time

import pytest

from weir import SLOW, Weir, in_front_of, wait_until
from wire import (CHAT, COMPLETION, DONE, END, FINISH, PATIENCE, ROLE, STREAM, STREAM_HEAD, WHOLE, WORDS, Caller, Upstream,
                  chunk, delta,
                  event, exchange, free_port, head, plain, refusal, stream)

QUICK = {'connect': '500ms', 'first_token': '300ms', 'idle': '300ms', 'reply': '300ms', 'total': '5s'}
CODES = {404: ('invalid_request_error', 'model_not_found'), 429: ('rate_limit_error', 'rate_limit_exceeded'),
         502: ('server_error', 'upstream_error'), 503: ('server_error', 'service_unavailable'),
         529: ('server_error', 'service_unavailable'), 504: ('server_error', 'timeout')}


@contextlib.contextmanager
def gateway(*answers, timeouts=None, **more):
    """A Weir with one provider (one, two, …) for each answer, or list of answers; a text is a base URL."""
    with contextlib.ExitStack() as stack:
        ups = [a if isinstance(a, str) else stack.enter_context(Upstream(*(a if isinstance(a, list) else [a])))
               for a in answers]
        config = in_front_of(*(u if isinstance(u, str) else u.url for u in ups), **more)
        for entry in config['models'].values():
            entry['timeouts'] = timeouts or {}
        yield stack.enter_context(Weir(config)), ups


def breakers(w):
    return exchange(w.url, '/circuit-breakers').json()


def reset(e):
    e.reset()


def hang_up(e):
    e.close()


def silent(e):
    e.gone()
    e.close()


def after(data, then):
    """Sends this, then does that."""
    def answer(e):
        e.send(data)
        then(e)
    return answer


REDIRECTED = plain('', 302, [('Location', 'http://127.0.0.1:9/v1/chat/completions')])
EMPTY = {**COMPLETION, 'choices': []}
ERROR = {'error': {'message': 'The provider has a problem.', 'type': 'server_error', 'code': None}}

# what the provider does; what the caller gets if it was the only one; whether the breaker counts a failure
FAILURES = {
    'is reset': (reset, 502, 1),
    'hangs up without a word': (hang_up, 502, 1),
    'hangs up within the head': (after(b'HTTP/1.1 200 OK\r\nContent-', hang_up), 502, 1),
    'hangs up within the body': (after(plain(COMPLETION)[:-20], hang_up), 502, 1),
    'hangs up within a chunk': (after(head(200, [('Content-Type', 'application/json'), ('Transfer-Encoding', 'chunked')]) +
                                      b'100\r\n{"id":', hang_up), 502, 1),
    'speaks no HTTP': (after(b'SSH-2.0-OpenSSH_9.2\r\n\r\n', hang_up), 502, 1),
    'frames ambiguously': (head(200, [('Content-Type', 'application/json'), ('Content-Length', 3),
                                      ('Content-Length', 4)]) + b'{}  ',
                           502, 1),
    'says nothing': (silent, 504, 1),
    'says half of a head': (after(b'HTTP/1.1 200 OK\r\n', silent), 504, 1),
    'says half of a body': (after(plain(COMPLETION)[:-20], silent), 504, 1),
    'says 401': (refusal(401), 502, 0),
    'says 402': (refusal(402), 502, 0),
    'says 403': (refusal(403), 502, 0),
    'says 404': (refusal(404), 404, 0),
    'says 408': (refusal(408), 502, 1),
    'says 409': (refusal(409), 502, 1),
    'says 425': (refusal(425), 502, 1),
    'says 500': (refusal(500), 502, 1),
    'says 501': (refusal(501), 502, 1),
    'says 502': (plain('<html>Bad Gateway</html>', 502, content_type='text/html'), 502, 1),
    'says 503': (refusal(503), 503, 1),
    'says 504': (refusal(504), 502, 1),
    'says 520': (plain('', 520), 502, 1),
    'says 529': (refusal(529), 529, 1),
    'says 429': (refusal(429, [('Retry-After', '30')]), 429, 0),
    'says 301': (plain('', 301, [('Location', '/v2/chat/completions')]), 502, 1),
    'says 302': (REDIRECTED, 502, 1),
    'says 307': (plain('', 307, [('Location', '/elsewhere')]), 502, 1),
    'says 304': (head(304), 502, 1),
    'sends HTML': (plain('<html>Welcome</html>', content_type='text/html'), 502, 1),
    'calls JSON HTML': (plain(COMPLETION, content_type='text/html'), 502, 1),
    'sends no choices': (plain(EMPTY), 502, 1),
    'sends an object without choices': (plain({'id': 'x'}), 502, 1),
    'sends nothing as 200': (plain(''), 502, 1),
    'sends an error as 200': (plain(ERROR), 502, 1),
    'sends broken JSON': (plain(json.dumps(COMPLETION)[:-1]), 502, 1),
    'sends JSON and more': (plain(json.dumps(COMPLETION) + '}'), 502, 1),
    'sends a text as JSON': (plain('"Hi"'), 502, 1),
    'sends a stream that nobody wanted': (stream(*WHOLE), 502, 1),
    'says 204': (head(204), 502, 1),
    'gives a length and chunks': (head(200, [('Content-Type', 'application/json'), ('Content-Length', 5),
                                             ('Transfer-Encoding', 'chunked')]) +
                                  chunk(b'{}') + END, 502, 1),
    'sends a head without end': (head(200, [(f'X-{i}', 'x' * 1000) for i in range(1000)]), 502, 1),
}

STREAM_FAILURES = {
    'is reset': (reset, 502, 1),
    'hangs up after the head': (after(STREAM_HEAD, hang_up), 502, 1),
    'hangs up after the role': (after(stream(ROLE, end=b''), hang_up), 502, 1),
    'hangs up within the first content': (after(stream(ROLE, end=b'') + chunk(WORDS[0])[:-20], hang_up), 502, 1),
    'says nothing': (silent, 504, 1),
    'says nothing after the head': (after(STREAM_HEAD, silent), 504, 1),
    'says nothing after the role': (after(stream(ROLE, end=b''), silent), 504, 1),
    'says 401': (refusal(401), 502, 0),
    'says 404': (refusal(404), 404, 0),
    'says 500': (refusal(500), 502, 1),
    'says 503': (refusal(503), 503, 1),
    'says 429': (refusal(429, [('Retry-After', '30')]), 429, 0),
    'says 302': (REDIRECTED, 502, 1),
    'sends HTML': (plain('<html>Welcome</html>', content_type='text/html'), 502, 1),
    'sends a plain reply': (plain(COMPLETION), 502, 1),
    'sends an error as 200': (plain(ERROR), 502, 1),
    'ends before it began': (stream(), 502, 1),
    'ends after the role': (stream(ROLE), 502, 1),
    'sends an error event first': (stream(event(ERROR)), 502, 1),
    'sends an error event after the role': (stream(ROLE, event(ERROR), DONE), 502, 1),
    'sends an event that is named error': (stream(ROLE, b'event: error\n' + event(ERROR)), 502, 1),
    'sends a broken event before content': (stream(ROLE, b'data: {"choices":[{"delta":{"content":"On\n\n', *WHOLE), 502, 1),
    'breaks the framing before content': (after(stream(ROLE, end=b'xyz\r\n'), silent), 502, 1),
    'sends 100 events without content': (stream(*[ROLE] * 100, *WHOLE), 502, 1),
    'sends 300 KB without content': (stream(delta(role='assistant', content='', padding='x' * 300_000), *WHOLE), 502, 1),
    'sends 300 KB of comments': (stream(b':' + b'x' * 300_000 + b'\n\n', *WHOLE), 502, 1),
}


def judge_error(reply, status, provider='one'):
    """That the caller gets this, in OpenAI's shape, and reads what was tried."""
    assert reply.status == status, reply.body
    assert reply.get('content-type').startswith('application/json')
    error = reply.json()['error']
    assert (error['type'], error['code']) == CODES[status]
    assert 'All LLM providers failed' in error['message'] or status == 404
    tried = error['attempts']
    assert len(tried) == int(reply.get('x-weir-attempts', len(tried)))
    assert set(tried[-1]) >= {'provider', 'model', 'status', 'reason', 'ms'}
    assert (tried[-1]['provider'], tried[-1]['model']) == (provider, 'simulated')
    assert isinstance(tried[-1]['ms'], (int, float)) and isinstance(tried[-1]['reason'], str)
    if status == 429:
        assert int(reply.get('retry-after')) >= 1
    return tried


@pytest.mark.parametrize('name', FAILURES)
def test_what_the_only_provider_does_decides_what_the_caller_gets(name):
    answer, status, failures = FAILURES[name]
    with gateway(answer, timeouts=QUICK) as (w, (up,)):
        reply = exchange(w.url, body=CHAT)
        tried = judge_error(reply, status)
        assert len(tried) == 1 and len(up.requests) == 1
        if name.startswith('says ') and name[5:].isdigit():
            assert tried[0]['status'] == int(name[5:])
        state = breakers(w)['one']
        assert (state['failure_count'], state['recent_failures'], state['state']) == (failures, failures, 'closed')


@pytest.mark.parametrize('name', FAILURES)
def test_what_the_first_of_two_providers_does_the_second_makes_good(name):
    answer, _, failures = FAILURES[name]
    with gateway(answer, plain(COMPLETION), timeouts=QUICK) as (w, (up, other)):
        reply = exchange(w.url, body=CHAT)
        assert reply.status == 200 and reply.json() == COMPLETION
        assert (reply.get('x-weir-provider'), reply.get('x-weir-attempts')) == ('two', '2')
        assert len(up.requests) == len(other.requests) == 1
        assert up.requests[0].body == other.requests[0].body
        state = breakers(w)
        assert (state['one']['failure_count'], state['two']['failure_count']) == (failures, 0)


@pytest.mark.parametrize('name', STREAM_FAILURES)
def test_what_the_only_provider_of_a_stream_does_decides_what_the_caller_gets(name):
    answer, status, failures = STREAM_FAILURES[name]
    with gateway(answer, timeouts=QUICK) as (w, (up,)):
        reply = exchange(w.url, body=STREAM)
        assert len(judge_error(reply, status)) == len(up.requests) == 1
        assert breakers(w)['one']['failure_count'] == failures


@pytest.mark.parametrize('name', STREAM_FAILURES)
def test_what_the_first_of_two_providers_of_a_stream_does_the_second_makes_good(name):
    answer, _, failures = STREAM_FAILURES[name]
    with gateway(answer, stream(*WHOLE), timeouts=QUICK) as (w, (up, other)):
        reply = exchange(w.url, body=STREAM)
        assert reply.status == 200 and reply.body == b''.join(WHOLE) and reply.ended
        assert (reply.get('x-weir-provider'), reply.get('x-weir-attempts')) == ('two', '2')
        assert len(up.requests) == len(other.requests) == 1
        assert breakers(w)['one']['failure_count'] == failures


# ---- the connection ----

def full_listener(stack):
    """The URL of a listener whose queue is full: connecting takes for ever."""
    listener = stack.enter_context(socket.socket())
    listener.bind(('127.0.0.1', 0))
    listener.listen(0)
    for _ in range(3):
        s = stack.enter_context(socket.socket())
        s.setblocking(False)
        s.connect_ex(listener.getsockname())
    return f'http://127.0.0.1:{listener.getsockname()[1]}'


def blurting_listener(stack):
    """The URL of a server that speaks first, and no TLS."""
    listener = stack.enter_context(socket.create_server(('127.0.0.1', 0)))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                with listener.accept()[0] as s:
                    s.sendall(plain('', 400))
                    s.recv(1000)

    threading.Thread(target=serve, daemon=True).start()
    stack.callback(listener.shutdown, socket.SHUT_RDWR)
    return f'https://127.0.0.1:{listener.getsockname()[1]}'


@pytest.mark.parametrize('body', [CHAT, STREAM])
@pytest.mark.parametrize('kind', ['refused', 'unknown name', 'no TLS there', 'never connected'])
def test_a_provider_that_cannot_be_reached_fails_and_the_next_one_is_tried(kind, body):
    with contextlib.ExitStack() as stack:
        url = {'refused': lambda: f'http://127.0.0.1:{free_port()}', 'unknown name': lambda: 'http://no-such-host.invalid',
               'no TLS there': lambda: blurting_listener(stack), 'never connected': lambda: full_listener(stack)}[kind]()
        good = stream(*WHOLE) if body is STREAM else plain(COMPLETION)
        patience = {'connect': '300ms' if kind == 'never connected' else '10s'}
        with gateway(url, timeouts=patience) as (w, _):
            statuses = (502, 504) if kind == 'never connected' else (502,)
            reply = exchange(w.url, body=body)
            assert reply.status in statuses
            judge_error(reply, reply.status)
            assert breakers(w)['one']['failure_count'] == 1
        with gateway(url, good, timeouts=patience) as (w, _):
            reply = exchange(w.url, body=body)
            assert (reply.status, reply.get('x-weir-provider')) == (200, 'two')


def test_a_pooled_connection_that_died_is_replaced_without_a_word():
    def answer(e):
        e.send(plain(COMPLETION))
        e.close()

    with gateway(answer) as (w, (up,)), Caller(w.url) as caller:
        for _ in range(30):
            caller.ask(body=CHAT)
            reply = caller.read()
            assert (reply.status, reply.get('x-weir-attempts')) == (200, '1')
        assert len(up.requests) == 30
        assert breakers(w)['one']['recent_failures'] == 0


def test_a_reused_connection_that_ends_instead_of_a_reply_is_replaced_once():
    served = {}

    def answer(e):
        served[e.sock] = served.get(e.sock, 0) + 1
        if served[e.sock] == 2:
            e.close()
        else:
            e.send(plain(COMPLETION))

    with gateway(answer) as (w, (up,)):
        for _ in range(3):
            reply = exchange(w.url, body=CHAT)
            assert (reply.status, reply.get('x-weir-attempts')) == (200, '1')
        assert up.connections == 3 and len(up.requests) == 5
        assert breakers(w)['one']['recent_failures'] == 0


def test_a_reused_connection_that_breaks_within_the_reply_is_a_failure():
    with gateway([plain(COMPLETION), after(b'HTTP/1.1 200 OK\r\nCon', hang_up), plain(COMPLETION)]) as (w, (up,)):
        assert [exchange(w.url, body=CHAT).status for _ in range(2)] == [200, 502]
        assert len(up.requests) == 2


def test_a_fresh_connection_that_ends_without_a_word_is_not_replaced():
    with gateway(hang_up) as (w, (up,)):
        assert exchange(w.url, body=CHAT).status == 502
        assert up.connections == 1


def test_connections_are_kept_for_the_next_exchange_also_after_streams():
    with gateway([plain(COMPLETION), stream(*WHOLE), refusal(400), plain(COMPLETION)]) as (w, (up,)):
        assert [exchange(w.url, body=body).status for body in (CHAT, STREAM, CHAT, CHAT)] == [200, 200, 400, 200]
        assert up.connections == 1


@pytest.mark.parametrize('answer', [
    head(100) + plain(COMPLETION), head(103, [('Link', '</x>')]) + head(102) + plain(COMPLETION),
    after(b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n' + json.dumps(COMPLETION).encode(), hang_up),
    after(head(200, [('Content-Type', 'application/json'), ('Connection', 'close')]) + json.dumps(COMPLETION).encode(),
          hang_up),
    head(200, [('Content-Type', 'application/json'), ('Transfer-Encoding', 'chunked')]) +
    b''.join(b'1\r\n%c\r\n' % c for c in json.dumps(COMPLETION).encode()) + END,
    plain(COMPLETION, content_type='application/json; charset=utf-8'), plain(COMPLETION, content_type='APPLICATION/JSON'),
    plain('\n  ' + json.dumps(COMPLETION, indent=4) + '\n')])
def test_every_way_to_frame_a_reply_is_understood(answer):
    with gateway(answer) as (w, _):
        reply = exchange(w.url, body=CHAT)
        assert reply.status == 200 and reply.json() == COMPLETION


@pytest.mark.parametrize('host', ['127.0.0.1', '::1'])
def test_localhost_is_wherever_it_answers(host):
    if host not in {address[4][0] for address in socket.getaddrinfo('localhost', 80)}:
        pytest.skip(f'on this machine localhost is not {host}')
    with Upstream(plain(COMPLETION), host=host) as up:
        with gateway(f'http://localhost:{up.port}') as (w, _):
            assert exchange(w.url, body=CHAT).status == 200


def test_what_a_provider_says_unasked_is_never_anybodys_reply():
    def answer(e):
        e.send(plain(COMPLETION) + plain({**COMPLETION, 'id': 'unasked'}))

    with gateway(answer) as (w, (up,)), Caller(w.url) as caller:
        for _ in range(10):
            caller.ask(body=CHAT)
            assert caller.read().json()['id'] == 'chatcmpl-1'
        assert up.connections == 10


def test_what_a_provider_says_unasked_between_two_requests_is_nobodys_reply():
    said = threading.Event()

    def answer(e):
        e.send(plain(COMPLETION))
        if len(up.requests) == 1:
            said.wait(PATIENCE)
            e.send(plain({**COMPLETION, 'id': 'unasked'}))
            said.clear()

    with Upstream(answer) as up, Weir(in_front_of(up.url)) as w:
        assert exchange(w.url, body=CHAT).status == 200
        said.set()
        wait_until(lambda: not said.is_set(), what='the words')
        for _ in range(3):
            reply = exchange(w.url, body=CHAT)
            assert reply.status == 200 and reply.json()['id'] == 'chatcmpl-1'


def test_a_provider_that_announces_to_close_is_not_used_again():
    with gateway(plain(COMPLETION, headers=[('Connection', 'close')])) as (w, (up,)):
        assert [exchange(w.url, body=CHAT).status for _ in range(3)] == [200] * 3
        assert up.connections == 3


def test_a_refusal_before_the_whole_request_was_read_reaches_the_caller():
    body = {**CHAT, 'messages': [{'role': 'user', 'content': 'x' * (16 << 20)}]}
    said = refusal(413, [('Connection', 'close')])
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def serve():
            with listener.accept()[0] as s:
                s.recv(1000)
                s.sendall(said)
                s.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    while s.recv(1 << 20):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        with gateway(f'http://127.0.0.1:{listener.getsockname()[1]}') as (w, _):
            reply = exchange(w.url, body=body)
            assert reply.status == 413 and said.endswith(reply.body)


def test_a_hundred_exchanges_wait_side_by_side():
    def slow(e):
        time.sleep(0.3)
        e.send(plain(COMPLETION))

    with gateway(slow) as (w, (up,)), contextlib.ExitStack() as stack:
        callers = [stack.enter_context(Caller(w.url)) for _ in range(100)]
        begin = time.monotonic()
        for caller in callers:
            caller.ask(body=CHAT)
        for caller in callers:
            assert caller.read().status == 200
        assert time.monotonic() - begin < 3 * SLOW
        assert up.connections == 100


# ---- which timeout holds for what ----

def late(seconds, data):
    def answer(e):
        time.sleep(seconds)
        e.send(data)
    return answer


def words_every(seconds, count):
    def answer(e):
        with contextlib.suppress(OSError):
            e.send(stream(ROLE, end=b''))
            for _ in range(count):
                time.sleep(seconds)
                e.send(chunk(WORDS[0]))
            e.send(chunk(FINISH) + chunk(DONE) + END)
        if count > 100:
            e.close()
    return answer


def test_a_plain_reply_is_not_measured_by_the_timeouts_of_streams():
    with gateway(late(0.5, plain(COMPLETION)), timeouts={'first_token': '100ms', 'idle': '100ms', 'reply': '5s'}) as (w, _):
        assert exchange(w.url, body=CHAT).status == 200


def test_a_stream_is_not_measured_by_the_timeout_of_plain_replies():
    with gateway(words_every(0.1, 6), timeouts={'reply': '200ms', 'first_token': '5s'}) as (w, _):
        assert exchange(w.url, body=STREAM).body == ROLE + WORDS[0] * 6 + FINISH + DONE


def test_the_timeout_of_the_first_token_ends_with_the_first_token():
    with gateway(words_every(0.15, 4), timeouts={'first_token': '400ms', 'idle': '5s'}) as (w, _):
        assert exchange(w.url, body=STREAM).body == ROLE + WORDS[0] * 4 + FINISH + DONE


def test_zero_is_no_timeout():
    never = {name: 0 for name in ('connect', 'first_token', 'idle', 'reply', 'total')}
    with gateway(late(0.3, plain(COMPLETION)), timeouts=never) as (w, _):
        assert exchange(w.url, body=CHAT).status == 200


def test_the_total_timeout_ends_a_lively_stream_with_an_error_event():
    with gateway(words_every(0.02, 1000), timeouts={'total': '500ms'}) as (w, _), Caller(w.url) as caller:
        begin = time.monotonic()
        caller.ask(body=STREAM)
        reply = caller.read()
        assert 0.45 <= time.monotonic() - begin <= 1.5 * SLOW
        assert reply.ended and caller.is_at_end()
        assert json.loads(reply.events()[-1])['error']['code'] == 'timeout'


# ---- what the provider refuses ----

@pytest.mark.parametrize('body', [CHAT, STREAM])
@pytest.mark.parametrize('status', [400, 413, 415, 422])
def test_a_refused_request_is_not_tried_elsewhere_and_says_what_the_provider_said(status, body):
    said = refusal(status, [('x-request-id', 'req-7')], code='their_code', param='messages')
    with gateway(said, plain(COMPLETION)) as (w, (up, other)):
        reply = exchange(w.url, body=body)
        assert reply.status == status
        assert said.endswith(reply.body) and reply.json()['error']['code'] == 'their_code'
        assert (reply.get('x-request-id'), reply.get('x-weir-provider')) == ('req-7', 'one')
        assert not other.requests
        if body is CHAT:
            assert len(up.requests) == 1
        state = breakers(w)['one']
        assert (state['failure_count'], state['recent_failures']) == (0, 0)


def test_a_key_that_the_provider_refused_is_set_aside():
    used = []

    def answer(e):
        used.append(e.request.get('authorization'))
        e.send(refusal(401) if used[-1] == 'Bearer first' else plain(COMPLETION))

    with Upstream(answer) as up:
        config = in_front_of(up.url)
        del config['providers']['one']['api_key']
        config['providers']['one']['api_keys'] = ['first', 'second']
        with Weir(config) as w:
            statuses = [exchange(w.url, body=CHAT).status for _ in range(8)]
            assert statuses[2:] == [200] * 6 and set(statuses[:2]) <= {200, 502}
            assert used.count('Bearer first') == 1


def test_a_key_set_aside_stays_so_when_a_reload_moves_it_and_another_takes_its_place():
    used = []

    def answer(e):
        used.append(e.request.get('authorization'))
        e.send(refusal(401) if used[-1] == 'Bearer bad' else plain(COMPLETION))

    with Upstream(answer) as up:
        config = in_front_of(up.url)
        del config['providers']['one']['api_key']
        config['providers']['one']['api_keys'] = ['bad', 'good']
        with Weir(config) as w:
            for _ in range(4):
                exchange(w.url, body=CHAT)
            assert used.count('Bearer bad') == 1
            config['providers']['one']['api_keys'] = ['fresh', 'good', 'bad']
            config['models']['reloaded'] = config['models']['simulated']
            w.configure(config)
            w.send(signal.SIGHUP)
            wait_until(lambda: 'reloaded' in exchange(w.url, '/v1/models').body.decode(), what='the reload')
            del used[:]
            assert [exchange(w.url, body=CHAT).status for _ in range(6)] == [200] * 6
            assert set(used) == {'Bearer fresh', 'Bearer good'}


def test_a_provider_whose_only_key_was_refused_is_left_alone():
    with gateway(refusal(401), plain(COMPLETION)) as (w, (up, other)):
        assert [exchange(w.url, body=CHAT).status for _ in range(4)] == [200] * 4
        assert len(up.requests) == 1 and len(other.requests) == 4


# ---- everything failed ----

def test_all_failures_are_listed_in_the_order_of_the_attempts():
    with gateway(refusal(500, message='first'), refusal(404), silent, timeouts=QUICK) as (w, _):
        reply = exchange(w.url, body=CHAT)
        assert reply.status in (502, 504)
        tried = reply.json()['error']['attempts']
        assert [t['provider'] for t in tried] == ['one', 'two', 'three']
        assert [t['status'] for t in tried[:2]] == [500, 404]
        assert tried[2]['status'] in (0, 504, None) and tried[2]['ms'] >= 290
        assert len({t['reason'] for t in tried}) == 3
        assert reply.get('x-weir-attempts') == '3'


@pytest.mark.parametrize('answers, status', [
    ([refusal(429), refusal(429)], 429), ([silent, silent], 504), ([refusal(429), refusal(500)], 502),
    ([silent, refusal(500)], 502), ([refusal(503), refusal(500)], 502), ([refusal(404), refusal(404)], 404),
    ([refusal(401), refusal(500)], 502)])
def test_a_total_failure_has_the_status_that_fits_all(answers, status):
    with gateway(*answers, timeouts=QUICK) as (w, _):
        judge_error(exchange(w.url, body=CHAT), status, 'two')


@pytest.mark.parametrize('one, two, least', [
    ([('Retry-After', '30')], [('Retry-After', '7')], 7), ([('Retry-After', '8')], [('Retry-After', '70')], 8),
    ([('retry-after-ms', '12500')], [('Retry-After', '40')], 13),
    ([('Retry-After', '40'), ('retry-after-ms', '5100')], [('Retry-After', '30')], 6),
    ([('x-ratelimit-reset-requests', '1m3s'), ('x-ratelimit-remaining-requests', '0')], [('Retry-After', '90')], 63)])
def test_when_all_are_busy_the_caller_hears_the_shortest_wait(one, two, least):
    with gateway(refusal(429, one), refusal(429, two)) as (w, _):
        reply = exchange(w.url, body=CHAT)
        judge_error(reply, 429, 'two')
        assert reply.get('retry-after') == str(least)


def test_retry_after_may_be_a_date():
    date = email.utils.formatdate(time.time() + 20, usegmt=True)
    with gateway(refusal(429, [('Retry-After', date)])) as (w, _):
        assert 17 <= int(exchange(w.url, body=CHAT).get('retry-after')) <= 21


def test_a_429_without_a_time_still_says_when_to_come_back():
    with gateway(refusal(429)) as (w, _):
        assert int(exchange(w.url, body=CHAT).get('retry-after')) >= 1


def test_attempts_are_limited_over_all_targets():
    with gateway(*[refusal(500)] * 5) as (w, ups):
        assert len(exchange(w.url, body=CHAT).json()['error']['attempts']) == 4
        assert [len(up.requests) for up in ups] == [1, 1, 1, 1, 0]


def test_the_whole_exchange_has_an_end():
    with gateway(silent, silent, plain(COMPLETION), timeouts={'reply': '250ms', 'total': '400ms'}) as (w, ups):
        begin = time.monotonic()
        assert exchange(w.url, body=CHAT).status == 504
        assert 0.39 <= time.monotonic() - begin <= 0.8 * SLOW
        assert not ups[2].requests


def test_base_urls_are_targets_of_their_own_in_order():
    with Upstream(refusal(500)) as bad, Upstream(plain(COMPLETION)) as good:
        config = in_front_of(bad.url)
        config['providers']['one']['base_urls'] = [f'http://127.0.0.1:{free_port()}', good.url]
        with Weir(config) as w:
            reply = exchange(w.url, body=CHAT)
            assert (reply.status, reply.get('x-weir-attempts')) == (200, '3')
            assert len(bad.requests) == len(good.requests) == 1


# ---- when content has gone out ----

BROKEN = {
    'cut': hang_up,
    'reset': reset,
    'silent': silent,
    'cut within an event': after(b'5\r\ndata:', hang_up),
    'ended without a finish reason': after(END, silent),
    'an error event': after(chunk(event(ERROR)), silent),
    'an error event and [DONE]': after(chunk(event(ERROR)) + chunk(DONE) + END, silent),
    'a broken event': after(chunk(b'data: {"choices":[{"delta"\n\n') + chunk(FINISH) + chunk(DONE) + END, silent),
    'broken framing': after(b'xyz\r\n', silent),
}


@pytest.mark.parametrize('name', BROKEN)
def test_a_stream_that_breaks_after_content_ends_with_an_error_event_and_the_connection(name):
    answer = after(stream(ROLE, WORDS[0], WORDS[1], end=b''), BROKEN[name])
    with gateway(answer, stream(*WHOLE), timeouts=QUICK) as (w, (_, other)), Caller(w.url) as caller:
        caller.ask(body=STREAM, headers=[('X-Correlation-ID', 'broken')])
        reply = caller.read()
        assert reply.status == 200 and reply.ended, 'the closing chunk came'
        assert caller.is_at_end()
        assert reply.body.startswith(ROLE + WORDS[0] + WORDS[1])
        events = reply.events()
        assert b'[DONE]' not in events
        assert len(events) == 4
        error = json.loads(events[-1])['error']
        assert error['type'] == 'server_error' and error['message']
        assert not other.requests, 'the target never changes'
        assert breakers(w)['one']['failure_count'] == 1
        line = w.wait_for_log(lambda line: line.get('correlation_id') == 'broken')
        assert line['outcome'] != 'success'


@pytest.mark.parametrize('events', [[ROLE, WORDS[0], FINISH], [ROLE, WORDS[0], DONE], [ROLE, FINISH, DONE],
                                    [delta(finish_reason='stop', content='All at once.')]])
def test_a_stream_is_complete_with_its_finish_reason_or_its_terminal_event(events):
    with gateway(stream(*events), refusal(500)) as (w, _):
        reply = exchange(w.url, body=STREAM)
        assert reply.status == 200 and reply.ended and reply.body == b''.join(events)
        assert breakers(w)['one']['recent_failures'] == 0


@pytest.mark.parametrize('content', [{'content': 'x'}, {'refusal': 'no'}, {'reasoning_content': 'hm'}, {'reasoning': 'hm'},
                                     {'tool_calls': [{'index': 0, 'id': 'call_1', 'type': 'function',
                                                      'function': {'name': 'f', 'arguments': ''}}]},
                                     {'audio': {'id': 'audio_1', 'data': 'AAAA'}}])
def test_every_kind_of_content_commits(content):
    with gateway(after(stream(ROLE, delta(**content), end=b''), silent), stream(*WHOLE), timeouts=QUICK) as (w, (_, other)):
        reply = exchange(w.url, body=STREAM)
        assert reply.body.startswith(ROLE + delta(**content)) and b'"error"' in reply.body
        assert not other.requests


def test_sixty_events_without_content_are_held_until_it_comes():
    events = [b': ping\n\n'] * 20 + [ROLE] * 40 + WHOLE[1:]
    with gateway(stream(*events), refusal(500)) as (w, _):
        reply = exchange(w.url, body=STREAM)
        assert reply.status == 200 and reply.body == b''.join(events)


def test_the_first_content_goes_out_at_once_and_so_does_all_that_follows():
    seen = threading.Semaphore(0)

    def answer(e):
        e.send(stream(ROLE, end=b''))
        for word in WORDS:
            e.send(chunk(word))
            assert seen.acquire(timeout=5 * SLOW), 'the caller did not get it before more came'
        e.send(chunk(FINISH) + chunk(DONE) + END)

    with gateway(answer) as (w, _), Caller(w.url) as caller:
        caller.ask(body=STREAM)
        for word in WORDS:
            caller.read_until(word)
            seen.release()
        caller.read_until(END)


def big_reply(size):
    """The bytes of a reply of just this size."""
    rest = size - len(json.dumps(COMPLETION))
    return json.dumps({**COMPLETION, 'id': 'chatcmpl-1' + 'x' * rest}).encode()


@pytest.mark.parametrize('is_chunked', [False, True])
@pytest.mark.parametrize('size', [(8 << 20) - 1, 8 << 20, (8 << 20) + 1, 20 << 20])
def test_a_plain_reply_comes_through_whole_whatever_its_size(size, is_chunked):
    body = big_reply(size)
    assert len(body) == size
    answer = plain(body)
    if is_chunked:
        pieces = (chunk(body[i:i + 100_000]) for i in range(0, size, 100_000))
        answer = head(200, [('Content-Type', 'application/json'), ('Transfer-Encoding', 'chunked')]) + b''.join(pieces) + END
    with gateway(answer) as (w, _):
        reply = exchange(w.url, body=CHAT)
        assert reply.status == 200 and reply.ended and reply.body == body


@pytest.mark.parametrize('then', [hang_up, reset, silent])
def test_a_big_plain_reply_that_breaks_off_is_not_made_to_look_whole(then):
    body = big_reply(12 << 20)
    with gateway(after(plain(body)[:-1000], then), timeouts={'reply': '2s'}) as (w, _):
        reply = exchange(w.url, body=CHAT)
        assert reply.status == 200 and not reply.ended and body.startswith(reply.body)


@pytest.mark.parametrize('then', [hang_up, reset])
def test_a_plain_reply_of_less_that_breaks_off_is_never_begun(then):
    with gateway(after(plain(big_reply(7 << 20))[:-1000], then), plain(COMPLETION)) as (w, _):
        assert exchange(w.url, body=CHAT).json() == COMPLETION


def test_a_client_of_http_1_0_is_told_of_a_broken_stream_too():
    with gateway(after(stream(ROLE, WORDS[0], end=b''), hang_up)) as (w, _), Caller(w.url) as caller:
        caller.ask(body=STREAM, version='1.0')
        events = caller.read().events()
        assert 'error' in json.loads(events[-1]) and len(events) == 3


# ---- the caller left ----

def test_a_caller_who_left_is_no_failure():
    with gateway(silent) as (w, (up,)):
        for count in range(1, 8):
            with Caller(w.url) as caller:
                caller.ask(body=CHAT, headers=[('X-Correlation-ID', f'left-{count}')])
                up.wait_for(count)
            w.wait_for_log(lambda line, name=f'left-{count}': line.get('correlation_id') == name)
        state = breakers(w)['one']
        assert (state['state'], state['failure_count'], state['recent_failures']) == ('closed', 0, 0)


# ---- what the headers say ----

@pytest.mark.parametrize('body', [CHAT, STREAM])
def test_the_reply_says_where_it_came_from_and_what_the_gateway_took(body):
    with gateway(refusal(500), stream(*WHOLE) if body is STREAM else plain(COMPLETION)) as (w, _):
        reply = exchange(w.url, body=body)
        assert reply.all('x-weir-provider') == ['two']
        assert reply.all('x-weir-model') == ['simulated']
        assert reply.all('x-weir-attempts') == ['2']
        assert 0 < int(reply.get('x-weir-overhead-us')) < 1_000_000
        assert reply.get('x-cache') in ('MISS', 'BYPASS')


def test_overhead_leaves_out_the_time_of_the_provider():
    def slow(e):
        time.sleep(0.3)
        e.send(plain(COMPLETION))

    with gateway(slow) as (w, _):
        assert int(exchange(w.url, body=CHAT).get('x-weir-overhead-us')) < 250_000


def test_metrics_count_attempts_by_outcome():
    with gateway(refusal(500), plain(COMPLETION)) as (w, _):
        exchange(w.url, body=CHAT)
        found = {k: v for k, v in w.metrics().items() if k.startswith('weir_attempts_total')}
        assert sorted(found.values()) == [1, 1]
        assert [k for k in found if 'provider="one"' in k and 'outcome="success"' not in k]
        assert [k for k in found if 'provider="two"' in k and 'outcome="success"' in k]
