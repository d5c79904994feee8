"""Circuit breakers: when they open, what callers hear meanwhile, how they close, and who may look and reset."""
import signal
import threading
import time

import pytest

from weir import SLOW, Weir, in_front_of, wait_until
from wire import CHAT, COMPLETION, STREAM, WHOLE, Caller, Upstream, exchange, plain, refusal, stream

BAD, GOOD = refusal(500), plain(COMPLETION)
QUICK = {'timeout': '200ms'}


class Switch:
    """A provider that answers with what `.says`, bytes or a function."""

    def __init__(self, says):
        self.says, self.count = says, 0

    def __call__(self, e):
        self.count += 1
        if callable(self.says):
            self.says(e)
        else:
            e.send(self.says)


def state(w, name='one'):
    return exchange(w.url, '/circuit-breakers').json()[name]


def ask(w, count=1, body=None):
    return [exchange(w.url, body=body or CHAT).status for _ in range(count)]


def opened(w, provider):
    """Brings the breaker of `one` to open."""
    provider.says = BAD
    ask(w, 5)
    assert state(w)['state'] == 'open'


@pytest.fixture
def provider():
    return Switch(BAD)


@pytest.mark.smoke
def test_it_opens_after_five_failures_in_a_row_and_says_so(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url)) as w:
        assert state(w) == {'state': 'closed', 'failure_count': 0, 'recent_failures': 0, 'total_calls': 0}
        assert ask(w, 4) == [502] * 4
        assert state(w)['state'] == 'closed' and state(w)['failure_count'] == 4
        assert ask(w) == [502]
        assert state(w) == {'state': 'open', 'failure_count': 5, 'recent_failures': 5, 'total_calls': 5}
        reply = exchange(w.url, body=CHAT)
        assert reply.status == 503
        error = reply.json()['error']
        assert (error['type'], error['code']) == ('server_error', 'service_unavailable')
        assert "Circuit breaker 'one' is OPEN" in error['message']
        assert 1 <= int(reply.get('retry-after')) <= 60
        assert provider.count == 5, 'an open breaker is never passed'
        assert state(w)['total_calls'] == 5
        assert w.metrics()['circuit_breaker_state{service="one"}'] == 2


def test_a_success_in_between_starts_the_count_anew(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url)) as w:
        ask(w, 4)
        provider.says = GOOD
        assert ask(w) == [200]
        assert (state(w)['failure_count'], state(w)['recent_failures']) == (0, 4)
        provider.says = BAD
        ask(w, 1)
        assert state(w)['failure_count'] == 1


def test_it_opens_when_half_of_the_window_failed(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url)) as w:
        for i in range(9):  # bad good bad good … bad: 5 of 9
            assert state(w)['state'] == 'closed', i
            provider.says = GOOD if i % 2 else BAD
            ask(w)
        assert state(w)['state'] == 'open'


def test_it_stays_closed_while_less_than_the_rate_of_the_window_failed(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url)) as w:
        for i in range(30):  # every third one fails: 10 of 30
            provider.says = BAD if i % 3 == 2 else GOOD
            ask(w)
        assert state(w) == {'state': 'closed', 'failure_count': 1, 'recent_failures': 10, 'total_calls': 30}


def test_streams_count_too(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url)) as w:
        assert ask(w, 6, STREAM) == [502] * 5 + [503]


def test_after_its_time_it_lets_probes_through_and_closes_after_two_successes(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url, breaker=QUICK)) as w:
        opened(w, provider)
        provider.says = GOOD
        wait_until(lambda: ask(w) == [200], 5, 'a probe')
        assert state(w)['state'] == 'half_open'
        assert w.metrics()['circuit_breaker_state{service="one"}'] == 1
        assert ask(w) == [200]
        assert state(w)['state'] == 'closed' and state(w)['failure_count'] == 0
        assert w.metrics()['circuit_breaker_state{service="one"}'] == 0
        assert ask(w, 4) == [200] * 4


def test_a_failed_probe_opens_it_again_for_the_whole_time(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url, breaker=QUICK)) as w:
        opened(w, provider)
        wait_until(lambda: ask(w) == [502], 5, 'a probe')
        probed_at = time.monotonic()
        assert state(w)['state'] == 'open' and ask(w) == [503]
        wait_until(lambda: ask(w) == [502], 5, 'the next probe')
        assert time.monotonic() - probed_at >= 0.19
        assert provider.count == 7


def test_half_open_lets_one_probe_through_at_a_time(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url, breaker=QUICK)) as w:
        opened(w, provider)
        asked, go, statuses = threading.Event(), threading.Event(), []

        def slow(e):
            asked.set()
            go.wait(10)
            e.send(GOOD)

        provider.says = slow
        before = provider.count

        def probe():
            while not asked.is_set():
                statuses.extend(ask(w))

        t = threading.Thread(target=probe)
        t.start()
        assert asked.wait(5 * SLOW)
        assert ask(w, 5) == [503] * 5
        go.set()
        t.join(10)
        assert statuses[-1] == 200 and provider.count == before + 1


def test_a_probe_whose_caller_left_is_released(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url, breaker=QUICK)) as w:
        opened(w, provider)
        asked = threading.Event()

        def slow(e):
            asked.set()
            e.gone()
            e.close()

        provider.says = slow
        while not asked.is_set():
            with Caller(w.url) as caller:
                caller.ask(body=CHAT)
                caller.sock.settimeout(0.05)
                try:
                    caller.read()
                except TimeoutError:
                    asked.wait(1)
        provider.says = GOOD
        wait_until(lambda: ask(w) == [200], 5, 'another probe')


def test_an_open_breaker_is_no_attempt_when_there_is_another_provider(provider):
    with Upstream(provider) as up, Upstream(GOOD) as other, Weir(in_front_of(up.url, other.url)) as w:
        assert ask(w, 5) == [200] * 5
        reply = exchange(w.url, body=CHAT)
        assert (reply.status, reply.get('x-weir-provider'), reply.get('x-weir-attempts')) == (200, 'two', '1')
        assert provider.count == 5
        assert state(w, 'two') == {'state': 'closed', 'failure_count': 0, 'recent_failures': 0, 'total_calls': 6}


def test_when_all_are_open_nothing_can_be_tried(provider):
    with Upstream(provider) as one, Upstream(provider) as two, Weir(in_front_of(one.url, two.url)) as w:
        assert ask(w, 5) == [502] * 5
        reply = exchange(w.url, body=CHAT)
        assert reply.status == 503 and 'is OPEN' in reply.json()['error']['message']
        assert 1 <= int(reply.get('retry-after')) <= 60
        assert provider.count == 10


def test_two_models_of_one_provider_share_its_breaker(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url)) as w:
        ask(w, 5)
        assert exchange(w.url, body={**CHAT, 'model': 'another'}).status == 503


def test_all_workers_share_it(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url, server={'workers': 2})) as w:
        assert ask(w, 5) == [502] * 5
        assert ask(w, 20) == [503] * 20
        assert provider.count == 5


def test_it_can_be_tuned_for_all_and_for_one_provider(provider):
    with Upstream(provider) as up:
        config = in_front_of(up.url, up.url, breaker={'failure_threshold': 2})
        config['providers']['two']['breaker'] = {'failure_threshold': 3}
        with Weir(config) as w:
            ask(w, 2)
            assert (state(w, 'one')['state'], state(w, 'two')['state']) == ('open', 'closed')
            ask(w, 1)
            assert state(w, 'two')['state'] == 'open'


def test_it_can_be_tuned_by_the_environment(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url),
                                        {'CIRCUIT_BREAKER_FAILURE_THRESHOLD': 2, 'CIRCUIT_BREAKER_TIMEOUT': 30}) as w:
        assert ask(w, 3) == [502, 502, 503]
        assert 29 <= int(exchange(w.url, body=CHAT).get('retry-after')) <= 30


# ---- looking and resetting ----

def test_a_reset_closes_it(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url)) as w:
        opened(w, provider)
        provider.says = GOOD
        assert ask(w) == [503]
        reply = exchange(w.url, '/circuit-breakers/one/reset', b'')
        assert reply.status == 200
        assert state(w)['state'] == 'closed' and state(w)['failure_count'] == state(w)['recent_failures'] == 0
        assert ask(w) == [200]


def test_a_breaker_that_is_not_there_cannot_be_reset(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url)) as w:
        reply = exchange(w.url, '/circuit-breakers/nobody/reset', b'')
        assert reply.status == 404 and reply.json()['error']['type'] == 'not_found'


def test_an_operator_may_look_and_reset(provider):
    auth = {'mode': 'keys', 'keys': [{'name': 'oscar', 'key': 'oscar-key', 'role': 'operator'}]}
    with Upstream(provider) as up, Weir(in_front_of(up.url, auth=auth)) as w:
        key = [('X-API-Key', 'oscar-key')]
        assert exchange(w.url, '/circuit-breakers', headers=key).status == 200
        assert exchange(w.url, '/circuit-breakers/one/reset', b'', key).status == 200


def test_a_breaker_survives_a_reload(provider):
    with Upstream(provider) as up:
        config = in_front_of(up.url)
        with Weir(config) as w:
            opened(w, provider)
            w.configure({**config, 'models': {**config['models'], 'new': config['models']['simulated']}})
            w.send(signal.SIGHUP)
            wait_until(lambda: 'new' in w.http.get('/v1/models').text, what='the reload')
            assert state(w)['state'] == 'open' and ask(w) == [503]


def test_successful_streams_close_it_too(provider):
    with Upstream(provider) as up, Weir(in_front_of(up.url, breaker=QUICK)) as w:
        opened(w, provider)
        provider.says = stream(*WHOLE)
        wait_until(lambda: ask(w, 1, STREAM) == [200], 5, 'a probe')
        assert ask(w, 1, STREAM) == [200]
        wait_until(lambda: state(w)['state'] == 'closed', 2, 'the second success')
