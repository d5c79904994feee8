"""Callers who leave and callers who are slow: the provider's connection is closed at once, memory stays bounded."""
import contextlib
import json
import os
import socket
import struct
import threading
import time

import pytest

from weir import SLOW, Weir, in_front_of, wait_until
from wire import (CHAT, COMPLETION, DONE, END, FINISH, MEASURES_MEMORY, PATIENCE, ROLE, STREAM, STREAM_HEAD, WORDS, Caller,
                  Upstream, ask, chunk, delta, head,
                  plain, stream)

PROMISED_MS, ALLOWED_MS = 50, 150 * SLOW


class Watched:
    """A provider that says this much and then waits for its connection to end. `begun` is set when it has said it."""

    def __init__(self, says=b'', on=b''):
        self.says, self.on, self.begun, self.ended, self.gone_at = says, on, threading.Event(), threading.Event(), None

    def __call__(self, e):
        try:
            e.send(self.says)
            self.begun.set()
            while self.on and not self.ended.is_set():
                e.send(self.on)
                time.sleep(0.002)
        except OSError:
            self.gone_at = time.monotonic()
        else:
            self.gone_at = e.gone()
        self.ended.set()
        e.close()


@contextlib.contextmanager
def watched(says=b'', on=b''):
    provider = Watched(says, on)
    with Upstream(provider) as up, Weir(in_front_of(up.url)) as w, Caller(w.url) as caller:
        yield provider, w, caller
        provider.ended.set()


def leave_by_closing(caller):
    return caller.leave()


def leave_by_reset(caller):
    caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    return caller.leave()


def leave_by_half_closing(caller):
    now = time.monotonic()
    caller.sock.shutdown(socket.SHUT_WR)
    return now


HALF = head(200, [('Content-Type', 'application/json'), ('Content-Length', '1000')]) + b'{"id":'
BIG = json.dumps({**COMPLETION, 'choices': [{'index': 0, 'message': {'role': 'assistant', 'content': 'x' * (12 << 20)},
                                             'finish_reason': 'stop'}]}).encode()

# what the provider has said, what it goes on to say, what was asked, what the caller has seen when it leaves
PHASES = {
    'before the head': (b'', b'', CHAT, None),
    'before the head of a stream': (b'', b'', STREAM, None),
    'within the head': (b'HTTP/1.1 200 OK\r\n', b'', CHAT, None),
    'after the head of a stream': (STREAM_HEAD, b'', STREAM, None),
    'before content': (stream(ROLE, end=b''), b'', STREAM, None),
    'while comments come before content': (stream(ROLE, end=b''), chunk(b': wait\n\n'), STREAM, None),
    'within a silent stream': (stream(ROLE, WORDS[0], end=b''), b'', STREAM, WORDS[0]),
    'within a lively stream': (stream(ROLE, end=b''), chunk(WORDS[1]), STREAM, WORDS[1]),
    'within an event': (stream(ROLE, WORDS[0], end=b'') + chunk(WORDS[1])[:30], b'', STREAM, WORDS[0]),
    'after the finish reason': (stream(ROLE, WORDS[0], FINISH, end=b''), b'', STREAM, FINISH),
    'within a plain reply': (HALF, b'', CHAT, None),
    'within a plain reply that is passed on': (head(200,
                                                    [('Content-Type', 'application/json'),
                                                     ('Content-Length', len(BIG) + 9)]) + BIG,
                                               b'', CHAT, b'x' * (1 << 20)),
}


@pytest.mark.parametrize('leave', [leave_by_closing, leave_by_reset, leave_by_half_closing])
@pytest.mark.parametrize('phase', PHASES)
def test_a_caller_who_leaves_takes_the_providers_connection_along(phase, leave, score):
    says, on, body, seen = PHASES[phase]
    with watched(says, on) as (provider, _, caller):
        caller.ask(body=body)
        if seen:
            caller.read_until(seen)
        assert seen or provider.begun.wait(PATIENCE)
        left_at = leave(caller)
        assert provider.ended.wait(PATIENCE), 'the provider was not told'
        took = (provider.gone_at - left_at) * 1000
        score(f'left {phase} ({leave.__name__}): the provider knew after {took:.1f} ms, promised {PROMISED_MS} ms')
        assert took <= ALLOWED_MS


def descriptors(w):
    return len(os.listdir(f'/proc/{w.process.pid}/fd'))


def test_a_caller_who_leaves_within_its_upload_never_reaches_a_provider():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        w.http.get('/livez')
        before = descriptors(w)
        for headers in [('Content-Length', '1000')], [('Transfer-Encoding', 'chunked')]:
            with Caller(w.url) as caller:
                caller.ask(body=b'{"model": "simulated", ', headers=headers)
                wait_until(lambda: descriptors(w) == before + 1, what='the upload')
                left_at = caller.leave()
            wait_until(lambda: descriptors(w) == before, what='the end of it')
            assert (time.monotonic() - left_at) * 1000 <= ALLOWED_MS
        assert not up.requests and up.connections == 0


def test_a_caller_who_leaves_while_the_provider_does_not_read_frees_everything():
    body = {**CHAT, 'messages': [{'role': 'user', 'content': 'x' * (16 << 20)}]}
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(('127.0.0.1', 0)))
        w = stack.enter_context(Weir(in_front_of(f'http://127.0.0.1:{listener.getsockname()[1]}')))
        caller = stack.enter_context(Caller(w.url))
        sender = threading.Thread(target=caller.ask, kwargs={'body': body})
        sender.start()
        theirs = stack.enter_context(listener.accept()[0])
        theirs.recv(1000)
        sender.join(PATIENCE)
        left_at = caller.leave()
        theirs.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionError):
            while theirs.recv(1 << 20):
                pass
        assert (time.monotonic() - left_at) * 1000 <= ALLOWED_MS


def test_a_caller_who_leaves_while_the_gateway_connects_leaves_nothing_behind():
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        for _ in range(3):
            s = stack.enter_context(socket.socket())
            s.setblocking(False)
            s.connect_ex(listener.getsockname())
        w = stack.enter_context(Weir(in_front_of(f'http://127.0.0.1:{listener.getsockname()[1]}')))
        with Caller(w.url) as caller:
            caller.ask(body=CHAT)
            wait_until(lambda: w.metrics()['weir_exchanges_in_flight'] == 2, what='the attempt')
        left_at = time.monotonic()
        wait_until(lambda: w.metrics()['weir_exchanges_in_flight'] == 1, what='the end of the attempt')
        assert (time.monotonic() - left_at) * 1000 <= ALLOWED_MS
        assert w.metrics().get('weir_connections{side="upstream"}', 0) == 0


def test_the_second_provider_is_not_asked_for_a_caller_who_left():
    first = Watched()
    with Upstream(first) as one, Upstream(plain(COMPLETION)) as two, Weir(in_front_of(one.url, two.url)) as w:
        with Caller(w.url) as caller:
            caller.ask(body=CHAT, headers=[('X-Correlation-ID', 'left')])
            assert first.begun.wait(PATIENCE)
        line = w.wait_for_log(lambda line: line.get('correlation_id') == 'left')
        assert line['outcome'] not in ('success',) and not two.requests
        assert line['status_code'] == 499, 'nothing was said to him'
        counted = w.metrics()
        assert counted['http_requests_total{method="POST",endpoint="/v1/chat/completions",status="499"}'] == 1
        assert not [name for name in counted if 'status="0"' in name]


def test_after_a_hundred_callers_left_everything_is_free():
    with Upstream(Watched(stream(ROLE, WORDS[0], end=b''))) as up, Weir(in_front_of(up.url)) as w:
        callers = [Caller(w.url) for _ in range(100)]
        for caller in callers:
            caller.ask(body=STREAM)
        for caller in callers:
            caller.read_until(WORDS[0])
        assert w.metrics()['weir_exchanges_in_flight'] == 101
        for caller in callers:
            caller.leave()
        wait_until(lambda: w.metrics()['weir_exchanges_in_flight'] == 1, what='the end')
        m = w.metrics()
        assert m.get('weir_connections{side="upstream"}', 0) == 0 and m['weir_connections{side="client"}'] == 1
        assert m['weir_buffered_bytes'] == 0


def test_a_caller_who_sends_ahead_a_lot_and_leaves_is_noticed_within_a_second():
    with watched() as (provider, _, caller):
        caller.ask(body=CHAT)
        assert provider.begun.wait(PATIENCE)
        caller.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(100):
                caller.sock.send(ask(body=CHAT) * 100)
        left_at = leave_by_reset(caller)
        assert provider.ended.wait(PATIENCE)
        assert provider.gone_at - left_at <= 1.5 * SLOW


def test_after_thousands_of_exchanges_memory_is_where_it_was():
    def answer(e):
        e.send(stream(ROLE, *WORDS, FINISH, DONE) if b'stream' in e.request.body else plain(COMPLETION))

    with Upstream(answer) as up, Weir(in_front_of(up.url)) as w:
        def run(count):
            with Caller(w.url) as caller:
                for i in range(count):
                    caller.send(ask(body=STREAM if i % 2 else CHAT))
                    assert caller.read().status == 200
                    caller.send(ask(body=b'{"model":' if i % 2 else b'{"model":7}'))
                    assert caller.read().status == 400
            return rss_bytes(w)
        warm = run(500)
        assert run(1500) - warm < 1 << 20 or not MEASURES_MEMORY


# ---- slow callers ----

def rss_bytes(w):
    with open(f'/proc/{w.process.pid}/status', encoding='ascii') as f:
        return int(next(line for line in f if line.startswith('VmRSS')).split()[1]) * 1024


class Torrent:
    """A provider that sends `count` pieces as fast as they are taken."""

    def __init__(self, begin, piece, count, end):
        self.begin, self.piece, self.count, self.end, self.sent, self.done = begin, piece, count, end, 0, False

    def __call__(self, e):
        e.send(self.begin)
        for _ in range(self.count):
            e.send(self.piece)
            self.sent += len(self.piece)
        e.send(self.end)
        self.done = True


def stays(look, seconds=0.25):
    """The value that `look()` keeps for so long."""
    value, since = look(), time.monotonic()
    while time.monotonic() - since < seconds * SLOW:
        time.sleep(0.01)
        if (now := look()) != value:
            value, since = now, time.monotonic()
    return value


def test_a_caller_who_does_not_read_slows_the_provider_and_costs_no_memory(score):
    word = delta(content='x' * 100_000)
    torrent = Torrent(stream(ROLE, end=b''), chunk(word), 2000, chunk(FINISH) + chunk(DONE) + END)
    with Upstream(stream(ROLE, word, FINISH, DONE), torrent) as up, Weir(in_front_of(up.url)) as w:
        with Caller(w.url) as warm:
            warm.ask(body=STREAM)
            warm.read()
        before = rss_bytes(w)
        with Caller(w.url, buffer_bytes=65536) as caller:
            caller.ask(body=STREAM)
            caller.read_until(b'x' * 1000)
            sent = stays(lambda: torrent.sent)
            grown = rss_bytes(w) - before
            score(f'a caller who does not read 200 MB: the provider could send {sent / 1e6:.1f} MB, '
                  f'the gateway grew by {grown / 1024:.0f} KiB')
            assert sent < 30e6 and not torrent.done
            assert grown < 4 << 20 or not MEASURES_MEMORY
            caller.read_head()
            length = 0
            while data := caller.reader.chunk():
                length += len(data)
            assert length == len(ROLE) + 2000 * len(word) + len(FINISH) + len(DONE)
            assert rss_bytes(w) - before < 4 << 20 or not MEASURES_MEMORY


def test_a_slow_caller_of_a_big_plain_reply_costs_no_more_than_what_is_checked(score):
    size = 100 << 20
    begin = head(200, [('Content-Type', 'application/json'), ('Content-Length', size)]) + json.dumps(COMPLETION).encode()
    rest = size - len(json.dumps(COMPLETION))
    torrent = Torrent(begin, b' ' * (1 << 20), rest >> 20, b' ' * (rest & ((1 << 20) - 1)))
    with Upstream(torrent) as up, Weir(in_front_of(up.url)) as w, Caller(w.url, buffer_bytes=65536) as caller:
        before = rss_bytes(w)
        caller.ask(body=CHAT)
        caller.read_head()
        sent = stays(lambda: torrent.sent)
        grown = rss_bytes(w) - before
        score(f'a caller who does not read a plain reply of 100 MB: the provider could send {sent / 1e6:.1f} MB, '
              f'the gateway grew by {grown / 1024:.0f} KiB')
        assert not torrent.done and (grown < (8 + 4) << 20 or not MEASURES_MEMORY)
        assert len(caller.reader.exactly(size)) == size


def test_a_caller_who_is_slower_than_the_idle_timeout_still_gets_everything():
    word = delta(content='x' * 100_000)
    torrent = Torrent(stream(ROLE, end=b''), chunk(word), 300, chunk(FINISH) + chunk(DONE) + END)
    with Upstream(torrent) as up:
        config = in_front_of(up.url)
        config['models']['simulated']['timeouts'] = {'idle': '200ms'}
        with Weir(config) as w, Caller(w.url, buffer_bytes=65536) as caller:
            caller.ask(body=STREAM)
            caller.read_until(b'x' * 1000)
            stays(lambda: torrent.sent, 0.6)
            reply = caller.read()
            assert reply.ended and reply.body == ROLE + word * 300 + FINISH + DONE


def test_a_caller_who_does_not_read_and_leaves_takes_the_providers_connection_along():
    left = threading.Event()

    def answer(e):
        with contextlib.suppress(OSError):
            e.send(stream(ROLE, end=b''))
            while True:
                e.send(chunk(delta(content='x' * 100_000)))
        left.set()
        e.close()

    with Upstream(answer) as up, Weir(in_front_of(up.url)) as w:
        with Caller(w.url, buffer_bytes=65536) as caller:
            caller.ask(body=STREAM)
            caller.read_until(b'x' * 1000)
            assert not left.wait(0.3)
        # A gateway that has stopped reading sees it within the second at which it looks.
        assert left.wait(1.5 * SLOW)
        wait_until(lambda: w.metrics()['weir_exchanges_in_flight'] == 1, what='the end')


def test_slow_callers_do_not_hold_up_others():
    word = delta(content='x' * 100_000)
    torrent = Torrent(stream(ROLE, end=b''), chunk(word), 1000, chunk(FINISH) + chunk(DONE) + END)

    def answer(e):
        if b'stream' in e.request.body:
            torrent(e)
        else:
            e.send(plain(COMPLETION))

    with Upstream(answer) as up, Weir(in_front_of(up.url)) as w, contextlib.ExitStack() as stack:
        for _ in range(5):
            caller = stack.enter_context(Caller(w.url, buffer_bytes=65536))
            caller.ask(body=STREAM)
            caller.read_until(b'x' * 1000)
        with Caller(w.url) as caller:
            begin = time.monotonic()
            for _ in range(50):
                caller.send(ask(body=CHAT))
                assert caller.read().json() == COMPLETION
            assert time.monotonic() - begin < 5 * SLOW


@pytest.mark.parametrize('is_stream', [False, True])
def test_slow_callers_of_big_replies_each_get_their_own_bytes(is_stream):
    def text(mark):
        return ''.join(f'{mark}{i:06x} ' for i in range(12 << 17))  # 12 MiB

    def answer(e):
        mark = e.request.json()['user']
        if is_stream:
            e.send(stream(ROLE, *(delta(content=texts[mark][i:i + 99_990]) for i in range(0, len(texts[mark]), 99_990)),
                          FINISH, DONE))
        else:
            data = json.dumps({**COMPLETION, 'id': texts[mark]}).encode()
            e.send(head(200, [('Content-Type', 'application/json'), ('Transfer-Encoding', 'chunked')]))
            e.send(b''.join(chunk(data[i:i + 99_990]) for i in range(0, len(data), 99_990)) + END)

    texts = {mark: text(mark) for mark in 'abcd'}
    with Upstream(answer) as up, Weir(in_front_of(up.url)) as w:
        replies = {}

        def read(mark):
            with Caller(w.url, buffer_bytes=65536) as caller:
                caller.ask(body={**(STREAM if is_stream else CHAT), 'user': mark})
                caller.read_until(b'\r\n\r\n')
                replies[mark] = caller.read()

        threads = [threading.Thread(target=read, args=(mark,)) for mark in texts]
        for t in threads:
            t.start()
        for t in threads:
            t.join(3 * PATIENCE)
        for mark, reply in replies.items():
            assert reply.ended
            if is_stream:
                pieces = [json.loads(data)['choices'][0]['delta'].get('content', '') for data in reply.events()[:-1]]
                assert ''.join(pieces) == texts[mark], 'not what was sent'
            else:
                assert reply.json()['id'] == texts[mark], 'not what was sent'
        assert len(replies) == len(texts)
