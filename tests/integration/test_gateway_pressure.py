"""What is not Weir's fault: an output that takes no lines, too few descriptors, too little memory. Weir goes on, counts
what it loses, and recovers."""
import contextlib
import os
import resource
import signal
import subprocess
import time

import pytest

from weir import SLOW, Weir, in_front_of, wait_until
from wire import CHAT, COMPLETION, MEASURES_MEMORY, PATIENCE, Caller, Upstream, exchange, plain


class Odd(Weir):
    """A Weir whose process is set up in an odd way: `before` runs in it before the program begins, `out` is its stdout."""

    def __init__(self, config, before=None, out=None):
        self._before, self._stdout = before, out
        super().__init__(config)

    def _start(self, command, env):
        self.configure(self._config)
        with open(self.out, 'wb') as out, open(self.err, 'wb') as err:
            self.process = subprocess.Popen(command, cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                                            stdout=self._stdout or out, stderr=err, preexec_fn=self._before)


# ---- an output that takes no lines ----

def dropped(w):
    return w.metrics()['weir_log_lines_dropped_total']


def ask_often(w, times=30):
    for _ in range(times):
        assert exchange(w.url, body=CHAT).status == 200


def closed_stdout():
    os.close(1)


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


@contextlib.contextmanager
def broken_pipe():
    read, write = os.pipe()
    os.close(read)
    with open(write, 'wb') as out:
        yield out


@contextlib.contextmanager
def full_device():
    with open('/dev/full', 'wb') as out:
        yield out


@contextlib.contextmanager
def no_output():
    yield None


@pytest.mark.parametrize('output, before', [(full_device, None), (no_output, closed_stdout), (broken_pipe, None),
                                            (no_output, small_files)],
                         ids=['a full disk', 'closed', 'a pipe that nobody reads any more', 'a file at its limit'])
def test_lines_that_nobody_takes_are_counted_and_nothing_else_happens(output, before):
    with Upstream(plain(COMPLETION)) as up, output() as out, Odd(in_front_of(up.url), before, out) as w:
        ask_often(w, 60)
        wait_until(lambda: dropped(w) >= 10, what='the count of lost lines')
        ask_often(w)
        assert not os.readlink(f'/proc/{w.process.pid}/fd/1').startswith(('socket:', 'anon_inode:')), 'nobody took its number'


def test_a_reader_that_stops_costs_lines_and_no_time():
    read, write = os.pipe()
    with Upstream(plain(COMPLETION)) as up, open(write, 'wb') as out:
        config = in_front_of(up.url, log={'level': 'debug'})
        with open(read, 'rb'), Odd(config, None, out) as w, Caller(w.url) as caller:
            path = '/' + 'x' * 8000  # a line of up to 8 KiB each: 64 KiB of pipe and 1 MiB of ring are full soon
            lost, begin = 0, time.monotonic()
            while not lost and time.monotonic() < begin + PATIENCE:
                for _ in range(100):
                    caller.ask(path)
                    caller.read()
                lost = dropped(w)
            assert lost
            begin = time.monotonic()
            ask_often(w)
            assert time.monotonic() - begin < 5 * SLOW
            w.send(signal.SIGTERM)
            assert w.process.wait(PATIENCE) == 0, 'the end does not wait for ever either'


# ---- descriptors ----

def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def take_all(w, most=100):
    """Connections, until nobody accepts them any more: that many are open and answered."""
    served, waiting = [], []
    for _ in range(most):
        caller = Caller(w.url)
        caller.ask('/api/v1/health')
        caller.sock.settimeout(0.3 * SLOW)
        try:
            assert caller.read().status == 200
            served.append(caller)
        except TimeoutError:
            waiting.append(caller)
            if len(waiting) == 3:
                break
    return served, waiting


def lines_about(w, words):
    return [line for line in w.log_lines() if words in line['message']]


def test_without_descriptors_accepting_pauses_says_so_once_and_goes_on():
    with Upstream(plain(COMPLETION)) as up, Odd(in_front_of(up.url), few_descriptors) as w:
        served, waiting = take_all(w)
        assert waiting, 'there were enough descriptors'
        wait_until(lambda: lines_about(w, 'Out of file descriptors'), what='the line')
        served[0].sock.settimeout(PATIENCE)
        served[0].ask(body=CHAT)
        reply = served[0].read()
        assert reply.status == 503, 'there is none to dial with either'
        assert [a['reason'] for a in reply.json()['error']['attempts']] == ['exhausted']
        served[0].ask('/api/v1/health')
        assert served[0].read().status == 200, 'who is in stays in'
        for caller in served[1:]:
            caller.leave()
        for caller in waiting:
            caller.sock.settimeout(PATIENCE)
            assert caller.read().status == 200, 'who has waited is served'
            caller.leave()
        assert exchange(w.url, body=CHAT).status == 200
        assert len(lines_about(w, 'Out of file descriptors')) == 1
        assert w.http.get('/circuit-breakers').json()['one']['recent_failures'] == 0, 'that is not the fault of a provider'
        assert w.metrics()['weir_turned_away_total{reason="descriptors"}'] > 1
        served[0].leave()


# ---- memory ----

@pytest.mark.skipif(not MEASURES_MEMORY, reason='sanitizers need an address space of their own')
def test_without_memory_for_stacks_requests_are_told_503_and_it_goes_on():
    with contextlib.ExitStack() as stack:
        up = stack.enter_context(Upstream(plain(COMPLETION)))
        w = stack.enter_context(Weir(in_front_of(up.url)))
        assert exchange(w.url, body=CHAT).status == 200
        with open(f'/proc/{w.process.pid}/status', encoding='ascii') as f:
            kib = int(next(line for line in f if line.startswith('VmSize')).split()[1])
        limit = (kib + 20_000) * 1024  # some 250 stacks
        resource.prlimit(w.process.pid, resource.RLIMIT_AS, (limit, limit))
        halves = [stack.enter_context(Caller(w.url)) for _ in range(500)]
        for half in halves:
            half.send(HALF_BODY)
        for path, kind in ('/v1/chat/completions', 'server_error'), ('/api/v1/health', 'service_unavailable'):
            reply = exchange(w.url, path, body=CHAT if path.startswith('/v1/') else None)
            assert reply.status == 503 and reply.json()['error']['type'] == kind and reply.get('retry-after') == '1'
        for half in halves:
            half.leave()
        wait_until(lambda: exchange(w.url, body=CHAT).status == 200, what='memory')
        wait_until(lambda: lines_about(w, 'Out of memory for fiber stacks'), what='the line')


# ---- half-requests ----

HALF_HEAD = b'POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\nContent-'
HALF_BODY = HALF_HEAD + b'Length: 1000\r\n\r\n{"model":'


def test_three_hundred_half_requests_disturb_nobody_and_end_at_their_deadline(score):
    seconds = 1.5 * SLOW
    times = {'timeouts': {'head': f'{int(seconds * 1000)}ms', 'body': f'{int(seconds * 1000)}ms'}}
    large = plain({**COMPLETION, 'padding': 'x' * 1_000_000})
    with contextlib.ExitStack() as stack:
        up = stack.enter_context(Upstream(lambda e: e.send(large if b'large' in e.request.body else plain(COMPLETION))))
        w = stack.enter_context(Weir(in_front_of(up.url, server=times)))
        assert exchange(w.url, body=CHAT).status == 200
        begin, halves = time.monotonic(), []
        for i in range(300):
            halves.append(stack.enter_context(Caller(w.url)))
            halves[-1].send(HALF_HEAD if i % 2 else HALF_BODY)
        readers = [stack.enter_context(Caller(w.url, buffer_bytes=4096)) for _ in range(20)]
        for reader in readers:
            reader.ask(body={**CHAT, 'user': 'large'})
        slowest = 0
        with Caller(w.url) as good:
            for _ in range(200):
                asked = time.monotonic()
                good.ask(body=CHAT)
                assert good.read().status == 200
                slowest = max(slowest, time.monotonic() - asked)
        score(f'beside 300 half requests the slowest of 200 good ones took {slowest * 1000:.0f} ms')
        assert slowest < 1 * SLOW
        for half in halves:
            assert half.read().status == 408 and half.is_at_end()
        assert seconds * 0.9 < time.monotonic() - begin < seconds + 8 * SLOW
        for caller in halves + readers:
            caller.leave()
        wait_until(lambda: w.metrics()['weir_connections{side="client"}'] <= 2, what='the end of their connections')
        assert exchange(w.url, body=CHAT).status == 200
