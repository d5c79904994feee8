"""How much a caller may ask for: token buckets per key and per address, what the headers say, and what costs nothing."""
import re
import signal
import socket
import threading
import time

import pytest

from weir import SLOW, Weir, in_front_of
from wire import CHAT, COMPLETION, Caller, Reply, Upstream, ask, exchange, plain, samples

KEYS = [{'name': 'alice', 'key': 'alice-key'}, {'name': 'bob', 'key': 'bob-key'},
        {'name': 'oscar', 'key': 'oscar-key', 'role': 'operator'}, {'name': 'ada', 'key': 'ada-key', 'role': 'admin'}]
POOR = {'name': 'poor', 'key': 'poor-key', 'tier': 'poor'}


@pytest.fixture(scope='module')
def up():
    with Upstream(plain(COMPLETION)) as u:
        yield u


def limited(up, tiers=None, env=None, keys=(), **more):
    """A Weir with keys; the limits are those that nobody set, or `tiers`."""
    return Weir(in_front_of(up.url, auth={'mode': 'keys', 'keys': [*KEYS, *keys]}, tiers=tiers or {'default': {}}, **more),
                env)


def use(caller, key, target='/v1/models', body=None):
    caller.ask(target, body, [('Authorization', f'Bearer {key}')] if key else [])
    return caller.read()


def until_refused(caller, key, most=200):
    """All replies; the last one is 429."""
    replies = []
    while not replies or replies[-1].status != 429:
        assert len(replies) < most
        replies.append(use(caller, key))
        assert replies[-1].status in (200, 429)
    return replies


def limit(reply, window='Minute'):
    return tuple(int(reply.get(f'X-RateLimit-{word}-{window}')) for word in ('Limit', 'Remaining', 'Reset'))


# ---- the default ----

@pytest.mark.smoke
def test_by_default_the_61st_request_of_a_minute_is_429(up):
    with limited(up) as w, Caller(w.url) as caller:
        begin = time.monotonic()
        replies = until_refused(caller, 'alice-key')
        took = time.monotonic() - begin
        assert 60 <= len(replies) - 1 <= 60 + took + 1
        last = replies[-1]
        assert 1 <= int(last.get('Retry-After')) <= 2
        error = last.json()['error']
        assert (error['type'], error['code']) == ('rate_limit_error', 'rate_limit_exceeded')
        for word in 'minute', '60', 'default':
            assert word in error['message'], 'it names window, size and tier'
        assert 'requests_per_minute' in error['message'], 'and the option'


def test_the_headers_say_how_much_is_left_and_when_it_is_full_again(up):
    with limited(up) as w, Caller(w.url) as caller:
        for i in range(1, 21):
            reply = use(caller, 'alice-key', '/v1/chat/completions', CHAT)
            now = time.time()
            for window, size, seconds in ('Minute', 60, 60), ('Hour', 1000, 3600):
                total, left, full = limit(reply, window)
                assert total == size
                assert size - i <= left <= size - i + 1
                assert abs(full - (now + i * seconds / size)) <= 2, 'Reset is when the bucket is full'
        assert use(caller, None, '/livez').get('x-ratelimit-limit-minute') is None


def test_a_429_has_the_headers_too(up):
    with limited(up) as w, Caller(w.url) as caller:
        refused = until_refused(caller, 'alice-key')[-1]
        total, left, full = limit(refused)
        assert (total, left) == (60, 0)
        assert abs(full - (time.time() + 60)) <= 2
        assert limit(refused, 'Hour')[0] == 1000


def test_what_refills_may_be_used_when_retry_after_says_so(up):
    with limited(up) as w, Caller(w.url) as caller:
        refused = until_refused(caller, 'alice-key')[-1]
        asked_at = time.monotonic()
        while (reply := use(caller, 'alice-key')).status == 429:
            assert time.monotonic() - asked_at < int(refused.get('Retry-After')) + 1
            time.sleep(0.05)
        assert limit(reply)[1] == 0, 'one came back in one second, no more'


# ---- whose limit ----

def test_each_key_has_a_bucket_of_its_own(up):
    with limited(up, {'default': {'requests_per_minute': 5}}) as w, Caller(w.url) as caller:
        until_refused(caller, 'alice-key')
        assert use(caller, 'bob-key').status == 200
        assert use(caller, 'alice-key').status == 429


def test_a_tier_brings_its_own_limits(up):
    tiers = {'default': {'requests_per_minute': 50}, 'poor': {'requests_per_minute': 2}}
    with limited(up, tiers, keys=[POOR]) as w, Caller(w.url) as caller:
        replies = until_refused(caller, 'poor-key')
        assert [r.status for r in replies] == [200, 200, 429]
        assert 29 <= int(replies[-1].get('Retry-After')) <= 31
        assert 'poor' in replies[-1].json()['error']['message']
        assert limit(use(caller, 'alice-key'))[0] == 50


def test_an_admin_has_no_limit_and_routes_of_operators_count_for_nobody(up):
    with limited(up, {'default': {'requests_per_minute': 3}}) as w, Caller(w.url) as caller:
        assert {use(caller, 'ada-key', '/v1/models').status for _ in range(20)} == {200}
        assert {use(caller, 'oscar-key', '/circuit-breakers').status for _ in range(20)} == {200}
        assert {use(caller, None, '/health').status for _ in range(20)} == {200}
        assert limit(use(caller, 'oscar-key'))[1] == 2


def test_zero_is_no_limit(up):
    with limited(up, {'default': {'requests_per_minute': 0, 'requests_per_hour': 0}}) as w, Caller(w.url) as caller:
        replies = [use(caller, 'alice-key') for _ in range(200)]
        assert {r.status for r in replies} == {200}
        assert not [n for n in replies[0].names() if n.startswith('x-ratelimit')]


def test_the_hour_limits_too(up):
    with limited(up, {'default': {'requests_per_minute': 0, 'requests_per_hour': 4}}) as w, Caller(w.url) as caller:
        replies = until_refused(caller, 'alice-key')
        assert len(replies) == 5
        assert 890 <= int(replies[-1].get('Retry-After')) <= 901
        assert 'hour' in replies[-1].json()['error']['message']


def test_without_a_key_each_address_has_a_bucket(up):
    def ask_from(address, w):
        with socket.create_connection(('127.0.0.1', w.port), source_address=(address, 0)) as s:
            s.sendall(ask('/v1/models', headers=[('Connection', 'close')]))
            got = b''
            while more := s.recv(65536):
                got += more
            return Reply(got.split(b'\r\n')[0].decode(), []).status

    with Weir(in_front_of(up.url, tiers={'default': {'requests_per_minute': 3}})) as w:
        assert [ask_from('127.0.0.1', w) for _ in range(5)] == [200, 200, 200, 429, 429]
        assert [ask_from('127.0.0.2', w) for _ in range(5)] == [200, 200, 200, 429, 429]
        text = w.http.get('/metrics').text
        assert [s.value for s in samples(text) if s.name == 'rate_limit_exceeded_total' and
                s.labels == {'identifier': 'ip'}] == [4]


def test_x_forwarded_for_of_a_stranger_does_not_count(up):
    with Weir(in_front_of(up.url, tiers={'default': {'requests_per_minute': 3}})) as w:
        statuses = [exchange(w.url, '/v1/models', headers=[('X-Forwarded-For', f'10.0.0.{i}')]).status for i in range(5)]
        assert statuses == [200, 200, 200, 429, 429]


def test_refusals_are_counted_by_the_name_of_the_key(up):
    with limited(up, {'default': {'requests_per_minute': 3}}) as w, Caller(w.url) as caller:
        for _ in range(8):
            use(caller, 'alice-key')
        text = use(caller, 'ada-key', '/metrics').body.decode()
        assert [(s.labels, s.value) for s in samples(text)
                if s.name == 'rate_limit_exceeded_total'] == [({'identifier': 'alice'}, 5)]
        refused = [s for s in samples(text) if s.name == 'http_requests_total' and s.labels['status'] == '429']
        assert [s.value for s in refused] == [5]


def test_limits_of_the_environment_win(up):
    with limited(up, env={'RATE_LIMIT': '7', 'RATE_LIMIT_PER_HOUR': '50'}) as w:
        reply = exchange(w.url, '/v1/models', headers=[('X-API-Key', 'alice-key')])
        assert (limit(reply)[0], limit(reply, 'Hour')[0]) == (7, 50)
    with limited(up, env={'RATE_LIMIT': '7', 'RATE_LIMIT_PER_MINUTE': '8'}) as w:
        assert limit(exchange(w.url, '/v1/models', headers=[('X-API-Key', 'alice-key')]))[0] == 8


# ---- what costs nothing ----

def test_what_is_refused_takes_nothing_from_another_window(up):
    with limited(up, {'default': {'requests_per_minute': 3, 'requests_per_hour': 100}}) as w, Caller(w.url) as caller:
        until_refused(caller, 'alice-key')
        for _ in range(30):
            refused = use(caller, 'alice-key', '/v1/chat/completions', CHAT)
            assert refused.status == 429
        assert limit(refused, 'Hour')[1] == 97


def test_what_is_refused_never_reaches_a_provider(up):
    with limited(up, {'default': {'requests_per_minute': 2}}) as w, Caller(w.url) as caller:
        before = len(up.requests)
        statuses = [use(caller, 'bob-key', '/v1/chat/completions', CHAT).status for _ in range(6)]
        assert statuses == [200, 200, 429, 429, 429, 429]
        assert len(up.requests) == before + 2


def test_a_wrong_key_costs_nobody_anything(up):
    with limited(up, {'default': {'requests_per_minute': 5}}) as w, Caller(w.url) as caller:
        assert {use(caller, 'wrong-key').status for _ in range(20)} == {401}
        assert limit(use(caller, 'alice-key'))[1] == 4


# ---- many at once ----

@pytest.mark.parametrize('key', ['alice-key', None])
def test_twenty_clients_over_two_workers_never_get_more_than_the_bucket_holds(up, key):
    auth = {'mode': 'keys', 'keys': KEYS} if key else {'mode': 'off'}
    statuses, start = [], threading.Barrier(21)

    def client(url):
        with Caller(url) as caller:
            start.wait()
            for _ in range(20):
                statuses.append(use(caller, key).status)

    with Weir(in_front_of(up.url, auth=auth, tiers={'default': {}}, server={'workers': 2})) as w:
        threads = [threading.Thread(target=client, args=(w.url,)) for _ in range(20)]
        for t in threads:
            t.start()
        start.wait()
        begin = time.monotonic()
        for t in threads:
            t.join(60 * SLOW)
        took = time.monotonic() - begin
    assert len(statuses) == 400 and set(statuses) == {200, 429}
    assert 60 <= statuses.count(200) <= 60 + took + 1


def test_a_bucket_survives_a_reload(up):
    config = in_front_of(up.url, auth={'mode': 'keys', 'keys': KEYS}, tiers={'default': {'requests_per_minute': 3}})
    with Weir(config) as w, Caller(w.url) as caller:
        until_refused(caller, 'alice-key')
        w.configure({**config, 'log': {'level': 'debug'}})
        w.send(signal.SIGHUP)
        deadline = time.monotonic() + 5 * SLOW
        while not re.search('reload', w.stderr() + str(w.log_lines()), re.I):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert use(caller, 'alice-key').status == 429
