"""Starting, reloading and stopping while requests run, and the addresses a gateway listens on."""
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from weir import BINARY, SLOW, Weir, in_front_of, wait_until
from wire import (CHAT, COMPLETION, DONE, END, FINISH, MEASURES_MEMORY, PATIENCE, ROLE, STREAM, WORDS, Caller, Closed,
                  Upstream, chunk, exchange,
                  free_port, plain, stream)


class Paused:
    """A provider that says the first words of a stream, and the rest when it may."""

    def __init__(self):
        self.go = threading.Event()

    def __call__(self, e):
        if not e.request.json().get('stream'):
            assert self.go.wait(PATIENCE)
            e.send(plain(COMPLETION))
            return
        e.send(stream(ROLE, WORDS[0], end=b''))
        if self.go.wait(PATIENCE):
            with contextlib.suppress(OSError):
                e.send(b''.join(map(chunk, [*WORDS[1:], FINISH, DONE])) + END)


@pytest.fixture
def paused():
    provider = Paused()
    yield provider
    provider.go.set()


ALL = b''.join([ROLE, *WORDS, FINISH, DONE])


def begin_stream(w):
    caller = Caller(w.url)
    caller.ask(body=STREAM)
    caller.read_until(WORDS[0])
    return caller


def accepts(w):
    try:
        with Caller(w.url):
            return True
    except OSError:
        return False


# ---- stopping ----

@pytest.mark.smoke
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_what_runs_may_finish(paused, number):
    with Upstream(paused) as up, Weir(in_front_of(up.url, shutdown={'grace': '20s'})) as w:
        with begin_stream(w) as caller, Caller(w.url) as other:
            other.ask(body=CHAT)
            up.wait_for(2)
            w.send(number)
            wait_until(lambda: not accepts(w), what='the end of accepting')
            assert w.process.poll() is None
            paused.go.set()
            reply, second = caller.read(), other.read()
            assert reply.ended and reply.body == ALL and caller.is_at_end()
            assert second.status == 200 and second.json() == COMPLETION and other.is_at_end()
        assert w.process.wait(PATIENCE) == 0


def test_after_the_grace_streams_end_with_an_error_event(paused):
    with Upstream(paused) as up, Weir(in_front_of(up.url, shutdown={'grace': '400ms'})) as w:
        with begin_stream(w) as caller, Caller(w.url) as other:
            other.ask(body=CHAT)
            up.wait_for(2)
            begin = time.monotonic()
            w.send(signal.SIGTERM)
            reply = caller.read()
            took = time.monotonic() - begin
            assert 0.35 <= took <= 2 * SLOW
            assert reply.ended and caller.is_at_end()
            events = reply.events()
            assert events[1] == WORDS[0].strip()[6:] and b'[DONE]' not in events
            error = json.loads(events[-1])['error']
            assert error['type'] == 'server_error' and error['message']
            second = other.read()
            assert second.status == 503 and second.json()['error']['type'] == 'server_error'
        assert w.process.wait(PATIENCE) == 0


def test_after_the_grace_whose_body_never_came_is_told():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url, shutdown={'grace': '400ms'})) as w, \
            Caller(w.url) as caller:
        caller.ask(body=b'{"model"', headers=[('Content-Length', '1000')])
        wait_until(lambda: w.metrics()['weir_exchanges_in_flight'] == 2)  # and the one who asks for it
        w.send(signal.SIGTERM)
        reply = caller.read()
        assert reply.status == 503 and 'shutting down' in reply.json()['error']['message'] and caller.is_at_end()
        assert w.process.wait(PATIENCE) == 0


def test_while_it_drains_it_is_not_ready_but_answers_and_closes(paused):
    with Upstream(paused, plain(COMPLETION)) as up, Weir(in_front_of(up.url, shutdown={'drain': '1s', 'grace': '5s'})) as w:
        with Caller(w.url) as kept:
            kept.ask('/api/v1/ready')
            assert kept.read().status == 200
            begin_stream(w)
            w.send(signal.SIGTERM)
            wait_until(lambda: exchange(w.url, '/api/v1/ready').status == 503, what='the draining')
            ready = exchange(w.url, '/readyz')
            assert ready.status == 503 and ready.json().get('status', 'draining') != 'ready'
            assert exchange(w.url, '/api/v1/health').json() == {'status': 'ok'}, 'it is alive'
            kept.ask(body=CHAT)
            reply = kept.read()
            assert reply.status == 200 and reply.get('connection').lower() == 'close' and kept.is_at_end()
            fresh = exchange(w.url, body=CHAT)
            assert fresh.status == 200 and fresh.get('connection').lower() == 'close'
        wait_until(lambda: not accepts(w), 3, 'the end of accepting')
        paused.go.set()
        assert w.process.wait(PATIENCE) == 0


def test_idle_connections_do_not_hold_up_the_end():
    config = {'shutdown': {'grace': '30s'}}
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url, **config)) as w, contextlib.ExitStack() as stack:
        callers = [stack.enter_context(Caller(w.url)) for _ in range(10)]
        for caller in callers:
            caller.ask(body=CHAT)
            caller.read()
        begin = time.monotonic()
        assert w.stop() == 0
        assert time.monotonic() - begin < 2 * SLOW
        assert all(caller.is_at_end() for caller in callers)


@pytest.mark.parametrize('first, second', [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT),
                                           (signal.SIGTERM, signal.SIGINT)])
def test_a_second_signal_ends_at_once(paused, first, second):
    with Upstream(paused) as up, Weir(in_front_of(up.url, shutdown={'grace': '30s'})) as w, begin_stream(w):
        w.send(first)
        wait_until(lambda: not accepts(w), what='the end of accepting')
        begin = time.monotonic()
        w.send(second)
        w.process.wait(PATIENCE)
        assert time.monotonic() - begin < 1 * SLOW


def test_a_request_that_was_begun_before_the_end_is_answered(paused):
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url,
                                                             shutdown={'grace': '20s'})) as w, Caller(w.url) as caller:
        body = json.dumps(CHAT).encode()
        caller.ask(body=b'', headers=[('Content-Length', str(len(body))), ('Expect', '100-continue')])
        caller.reader.head()
        w.send(signal.SIGTERM)
        wait_until(lambda: not accepts(w), what='the end of accepting')
        caller.send(body)
        assert caller.read().status == 200 and caller.is_at_end()
        assert w.process.wait(PATIENCE) == 0


class Load:
    """Clients that ask as fast as they can until nobody accepts, each request on a connection of its own or, as long as
    the gateway lets them, on the last one."""

    def __init__(self, url, clients, keeps):
        self.url, self.keeps, self.answered, self.lost = url, keeps, 0, []
        self.stop, self.statuses = threading.Event(), set()
        self.threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for t in self.threads:
            t.start()

    def _run(self):
        caller = None
        while not self.stop.is_set():
            try:
                caller = caller or Caller(self.url)
            except OSError:
                return
            try:
                caller.ask(body=CHAT)
                reply = caller.read()
                assert reply.ended
                self.statuses.add(reply.status)
                self.answered += 1
                if not self.keeps or reply.get('connection', '').lower() == 'close':
                    caller.sock.close()
                    caller = None
            except (Closed, OSError, AssertionError, IndexError, ValueError) as e:
                self.lost.append(repr(e))
                caller.sock.close()
                caller = None
        if caller:
            caller.sock.close()

    def wait(self):
        for t in self.threads:
            t.join(PATIENCE)
            assert not t.is_alive()


@pytest.mark.parametrize('keeps', [True, False])
@pytest.mark.parametrize('drain', ['0s', '300ms'])
def test_under_load_no_accepted_request_is_lost_when_it_stops(drain, keeps, score):
    with Upstream(plain(COMPLETION)) as up, \
            Weir(in_front_of(up.url, server={'workers': 2}, shutdown={'drain': drain, 'grace': '10s'})) as w:
        load = Load(w.url, 8, keeps)
        wait_until(lambda: load.answered > 200, what='the load')
        assert w.stop() == 0
        load.wait()
        score(f'stopped under load (drain {drain}, {"kept" if keeps else "fresh"} connections): {load.answered} answered, '
              f'{len(load.lost)} lost')
        assert load.statuses == {200} and not load.lost


# ---- reloading ----

def reload(w, config, done):
    w.configure(config)
    w.send(signal.SIGHUP)
    wait_until(done, what='the reload')


def said(w, pattern):
    """What was logged or printed about it."""
    lines = [json.dumps(line) for line in w.log_lines()] + w.stderr().splitlines()
    return [line for line in lines if re.search(pattern, line)]


def models(w):
    return {m['id'] for m in w.http.get('/v1/models').json()['data']}


def test_a_reload_brings_new_models_and_takes_old_ones():
    with Upstream(plain(COMPLETION)) as up:
        config = in_front_of(up.url)
        del config['models']['*']
        with Weir(config) as w:
            entry = config['models'].pop('simulated')
            config['models']['fresh'] = entry
            reload(w, config, lambda: 'fresh' in models(w))
            assert exchange(w.url, body={**CHAT, 'model': 'fresh'}).status == 200
            assert exchange(w.url, body=CHAT).status == 404


def test_what_runs_goes_on_as_it_began(paused):
    with Upstream(paused) as up, Upstream(plain(COMPLETION)) as other:
        with Weir(in_front_of(up.url)) as w, begin_stream(w) as caller:
            reload(w, in_front_of(other.url, model='fresh'), lambda: 'fresh' in models(w))
            assert exchange(w.url, body=CHAT).status == 200 and len(other.requests) == 1
            paused.go.set()
            assert caller.read().body == ALL


def test_a_connection_outlives_a_reload_and_sees_it():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w, Caller(w.url) as caller:
        caller.ask(body=CHAT)
        assert caller.read().status == 200
        reload(w, in_front_of(up.url, model='fresh'), lambda: 'fresh' in models(w))
        caller.ask('/v1/models/fresh')
        assert caller.read().status == 200


@pytest.mark.parametrize('spoil, words', [
    (lambda text: text + '\n "x": [', []), (lambda text: text.replace('"priority"', '"piority"', 1),
                                            ['piority', 'priority']),
    (lambda text: text.replace('http://', 'htp://', 1), ['base_url']), (lambda text: '\t' + text, []),
    (lambda text: text.replace('"one"', '"nobody"', 1), [])])
def test_a_bad_file_changes_nothing_and_says_why_with_its_line(spoil, words):
    with Upstream(plain(COMPLETION)) as up:
        config = in_front_of(up.url)
        with Weir(config) as w:
            bad = spoil(Weir.complete({**config, 'models': {**config['models'], 'fresh': config['models']['simulated']}}))
            w.configure(bad)
            w.send(signal.SIGHUP)
            lines = wait_until(lambda: said(w, r'weir\.yaml:\d+'), what='the reason')
            lines = [line for line in lines if 'not built yet' not in line]
            lines = lines or wait_until(lambda: [x for x in said(w, r'weir\.yaml:\d+') if 'not built yet' not in x],
                                        what='the reason')
            for word in words:
                assert word in ' '.join(lines)
            assert 'fresh' not in models(w)
            assert exchange(w.url, body=CHAT).status == 200
            reload(w, {**config, 'models': {**config['models'], 'fresh': config['models']['simulated']}},
                   lambda: 'fresh' in models(w))


def test_a_missing_file_changes_nothing():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        os.remove(os.path.join(w.folder, 'weir.yaml'))
        w.send(signal.SIGHUP)
        wait_until(lambda: said(w, 'weir.yaml(?!:)|No such file|reload'), what='the reason')
        assert exchange(w.url, body=CHAT).status == 200


def test_what_takes_a_restart_warns_and_stays():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        config = in_front_of(up.url, model='fresh', server={'listen': f'127.0.0.1:{free_port()}', 'workers': 2},
                             store='sqlite:other.db', state='redis://127.0.0.1:1')
        reload(w, config, lambda: 'fresh' in models(w))
        warning = ' '.join(wait_until(lambda: said(w, 'listen.*restart|restart.*listen'), what='the warning'))
        for name in 'workers', 'store', 'state':
            assert name in warning or said(w, f'{name}.*restart|restart.*{name}')
        assert accepts(w)


def test_keys_come_and_go_with_a_reload():
    def config(*names):
        return in_front_of('http://127.0.0.1:9', auth={'mode': 'keys',
                                                       'keys': [{'name': n, 'key': f'{n}-key'} for n in names]})

    def status(w, name):
        return exchange(w.url, '/v1/models', headers=[('X-API-Key', f'{name}-key')]).status

    with Weir(config('alice', 'bob')) as w:
        assert [status(w, n) for n in ('alice', 'bob', 'carol')] == [200, 200, 401]
        reload(w, config('bob', 'carol'), lambda: status(w, 'carol') == 200)
        assert [status(w, n) for n in ('alice', 'bob', 'carol')] == [401, 200, 200]


def held(w):
    """What a leak would show in: descriptors but those of connections, threads."""
    def kind(fd):
        with contextlib.suppress(OSError):
            return os.readlink(f'/proc/{w.process.pid}/fd/{fd}').split(':')[0]
    fds = [kind(fd) for fd in os.listdir(f'/proc/{w.process.pid}/fd')]
    return len([k for k in fds if k and k != 'socket']), len(os.listdir(f'/proc/{w.process.pid}/task'))


def resident_kib(w):
    with open(f'/proc/{w.process.pid}/status', encoding='ascii') as f:
        return int(next(line for line in f if line.startswith('VmRSS')).split()[1])


def test_a_hundred_reloads_under_load_and_with_streams_lose_and_leak_nothing(paused, score):
    with Upstream(plain(COMPLETION)) as up, Upstream(paused) as slow:
        config = in_front_of(up.url, server={'workers': 2}, log={'level': 'error'})
        config['providers']['slow'] = {'kind': 'openai', 'base_url': slow.url, 'apis': ['chat']}
        entry, leads_to_slow = config['models']['simulated'], {'targets': [{'provider': 'slow', 'model': '*'}]}
        with Weir({**config, 'models': {'simulated': leads_to_slow}}) as w:
            streams = [begin_stream(w) for _ in range(3)]  # they keep the configuration they began with

            def reload_to(i):
                reload(w, {**config, 'models': {'simulated': entry, f'm{i}': entry}},
                       lambda: f'm{i}' in models(w))
            reload_to(0)
            load = Load(w.url, 4, True)
            before = None
            for i in range(1, 101):
                if i % 10 == 0:  # a bad one in between
                    bad = len(w.log_lines())
                    w.configure(Weir.complete(config).replace('"models"', '"modles"', 1))
                    w.send(signal.SIGHUP)
                    wait_until(lambda count=bad: len(w.log_lines()) > count, what='the reason')
                    assert f'm{i - 1}' in models(w)
                else:
                    reload_to(i)
                if i == 20:
                    before = held(w), resident_kib(w)
            load.stop.set()
            load.wait()
            after = held(w), resident_kib(w)
            score(f'100 reloads under load: {load.answered} answered, {len(load.lost)} lost, RSS {before[1]} then {after[1]} KiB')
            assert load.statuses == {200} and not load.lost and load.answered > 100
            assert after[0] == before[0]
            assert after[1] - before[1] < 4096 or not MEASURES_MEMORY, 'KiB'
            done = sum(v for k, v in w.metrics().items() if k.startswith('weir_attempts_total') and 'success' in k)
            assert done == load.answered, 'counters go on'
            paused.go.set()
            for caller in streams:
                assert caller.read().body == ALL


def test_a_provider_that_is_removed_or_changed_finishes_what_it_began(paused):
    with Upstream(paused) as up, Upstream(plain(COMPLETION)) as other:
        both = in_front_of(up.url, other.url)
        with Weir(both) as w, begin_stream(w) as caller:
            assert w.metrics()['circuit_breaker_state{service="one"}'] == 0
            changed = in_front_of(up.url, other.url, model='fresh')
            changed['providers']['one']['base_url'] = other.url
            reload(w, changed, lambda: 'fresh' in models(w))
            assert exchange(w.url, body=CHAT).get('x-weir-provider') == 'one' and len(other.requests) == 1
            removed = in_front_of(other.url, model='newest')
            removed['providers'] = {'two': {**removed['providers']['one'], 'base_url': other.url}}
            for model in removed['models'].values():
                model['targets'] = [{'provider': 'two', 'model': '*'}]
            reload(w, removed, lambda: 'newest' in models(w))
            assert set(exchange(w.url, '/circuit-breakers').json()) == {'two'}
            assert [k for k in w.metrics() if k.startswith('circuit_breaker_state')] == ['circuit_breaker_state{service="two"}']
            paused.go.set()
            assert caller.read().body == ALL


def test_a_broken_pipe_is_no_end():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        w.send(signal.SIGPIPE)
        assert exchange(w.url, body=CHAT).status == 200


def test_a_reload_leaves_no_memory_behind():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        def times(n):
            for _ in range(n):
                before = len(said(w, '(?i)reload'))
                w.send(signal.SIGHUP)
                wait_until(lambda b=before: len(said(w, '(?i)reload')) > b, what='the reload')
            with open(f'/proc/{w.process.pid}/status', encoding='ascii') as f:
                return int(next(line for line in f if line.startswith('VmRSS')).split()[1])
        warm = times(10)
        assert times(50) - warm < 1024 or not MEASURES_MEMORY, 'KiB'


# ---- listening ----

def serve(folder, *arguments, env=()):
    return subprocess.run([BINARY, 'serve', *arguments], cwd=folder, capture_output=True, text=True, timeout=PATIENCE,
                          env={'PATH': os.environ['PATH'], **dict(env)})


def test_a_second_gateway_on_the_same_port_fails_and_says_why(tmp_path):
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        done = serve(tmp_path, '--listen', f'127.0.0.1:{w.port}', env={'API_KEYS': 'a'})
        assert done.returncode == 1
        assert f'127.0.0.1:{w.port}' in done.stderr and 'in use' in done.stderr
        assert exchange(w.url, body=CHAT).status == 200, 'the first one is not disturbed'


def test_it_listens_on_a_unix_socket(tmp_path):
    path = tmp_path / 'weir.sock'
    with Upstream(plain(COMPLETION)) as up:
        with Weir(in_front_of(up.url, server={'listen': ['127.0.0.1:0', f'unix:{path}']})) as w:
            assert exchange(f'unix:{path}', body=CHAT).status == 200
            assert exchange(f'unix:{path}', '/circuit-breakers').status == 200, 'that is this machine'
            assert exchange(w.url, body=CHAT).status == 200
        with Weir(in_front_of(up.url, server={'listen': ['127.0.0.1:0', f'unix:{path}']})) as w:
            w.process.kill()
            w.process.wait()
        assert path.exists()
        with Weir(in_front_of(up.url, server={'listen': ['127.0.0.1:0', f'unix:{path}']})):
            assert exchange(f'unix:{path}', body=CHAT).status == 200, 'what a dead one left behind is no obstacle'


def test_it_listens_on_ipv6():
    try:
        Upstream(host='::1').__exit__(None)
    except OSError:
        pytest.skip('this machine has no IPv6')
    with Upstream(plain(COMPLETION), host='::1') as up, Weir(in_front_of(up.url, server={'listen': '[::1]:0'})) as w:
        assert w.url.startswith('http://[::1]:')
        assert exchange(w.url, body=CHAT).status == 200
        assert exchange(w.url, '/circuit-breakers').status == 200, 'that is this machine'
        assert up.requests[0].get('host') == f'[::1]:{up.port}'


def test_it_listens_on_several_addresses():
    ports = free_port(), free_port()
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url, server={'listen': [f'127.0.0.1:{p}' for p in ports]})):
        for port in ports:
            assert exchange(f'http://127.0.0.1:{port}', body=CHAT).status == 200


def test_flags_win_over_the_environment_and_the_environment_over_the_file():
    a, b = free_port(), free_port()
    with Upstream(plain(COMPLETION)) as up:
        with Weir(in_front_of(up.url, server={'listen': f'127.0.0.1:{b}'}),
                  {'API_HOST': '127.0.0.1', 'API_PORT': str(a)}) as w:
            assert w.port == a
        with Weir(in_front_of(up.url), {'PORT': str(a)}) as w:
            assert w.port == a
        with Weir(in_front_of(up.url), {'API_PORT': str(a)}, ['--listen', f'127.0.0.1:{b}', '--workers', '2']) as w:
            assert w.port == b and 'with 2 workers' in w.stderr()


def test_connections_are_limited_and_come_free_again():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url, server={'max_connections': 3})) as w:
        callers = [Caller(w.url) for _ in range(3)]
        for caller in callers:
            caller.ask(body=CHAT)
            assert caller.read().status == 200
        with Caller(w.url) as fourth:
            with contextlib.suppress(OSError, Closed):
                fourth.ask(body=CHAT)
                fourth.sock.settimeout(0.5)
                assert fourth.read().status == 503
        callers[0].ask(body=CHAT)
        assert callers[0].read().status == 200, 'who is in stays in'
        for caller in callers:
            caller.leave()

        def is_served():
            with contextlib.suppress(OSError, Closed):
                return exchange(w.url, body=CHAT).status == 200
        wait_until(is_served, what='a free place')
