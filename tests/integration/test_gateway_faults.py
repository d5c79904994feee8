"""Everything that a provider or the way to it can do wrong, row by row: the caller gets the contracted answer in time,
the right thing is counted, the connection is used again only where nothing is in doubt, and the next request works.

Each row is tried with its provider alone and with a good one behind it. All of them share one gateway and run side by
side when the first test asks; the tests then judge what was seen."""
import concurrent.futures
import contextlib
import gzip
import json
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
import types

import pytest

from weir import SLOW, Weir
from wire import (CHAT, COMPLETION, DONE, END, MEASURES_MEMORY, ROLE, STREAM, STREAM_HEAD, WHOLE,
                  WORDS,
                  Caller, Upstream, chunk, event, free_port, head, plain, refusal, stream)

TIME = 1.5 * SLOW  # of each timeout
TIMEOUTS = {name: f'{int(TIME * 1000)}ms' for name in ('connect', 'first_token', 'idle', 'reply')}
HANGS = 8 * SLOW  # beyond its timeouts nothing may take so long
ENDLESS = 100_000_000  # bytes, or until the gateway has had enough
SIDE_BY_SIDE = 40


# ---- what a provider does ----

def reset(e):
    e.reset()


def hang_up(e):
    e.close()


def silent(e):
    e.gone(5 * TIME)
    e.close()


def after(data, *then):
    """Sends this, then does that."""
    def answer(e):
        e.send(data)
        for do in then:
            do(e)
    return answer


def half_close(e):
    e.sock.shutdown(socket.SHUT_WR)
    silent(e)


def drip(data):
    """A byte at a time."""
    def answer(e):
        for i in range(len(data)):
            e.send(data[i:i + 1])
            if i % 8 == 0:
                time.sleep(0.001)
    return answer


def endless(data):
    def answer(e):
        block = data * (65536 // len(data) + 1)
        e.sent = 0
        try:
            while e.sent < ENDLESS:
                e.send(block)
                e.sent += len(block)
        except OSError:
            e.close()
        assert e.sent < ENDLESS / 4, 'it took all of it'
    return answer


JSON = ('Content-Type', 'application/json')
CHUNKED = ('Transfer-Encoding', 'chunked')
CHUNKED_HEAD = head(200, [JSON, CHUNKED])
BODY = json.dumps(COMPLETION).encode()
ERROR = event({'error': {'message': 'The provider has a problem.', 'type': 'server_error', 'code': None}})
BEGUN = stream(ROLE, *WORDS, end=b'')
ROLE_ONLY = stream(ROLE, end=b'')


def encoded(body):
    return head(200, [JSON, ('Content-Encoding', 'gzip'), ('Content-Length', len(body))]) + body


def length(value):
    return head(200, [JSON, ('Content-Length', value)]) + b'{}'


# name: (what it does, status that the caller gets, outcome). A 200 means that it must succeed; after such a reply, and
# where the row says so, the connection is used again.
PLAIN = {
    'is reset after the request': (reset, 502, 'unreachable'),
    'hangs up after the request': (hang_up, 502, 'unreachable'),
    'ends its side without a word': (half_close, 502, 'unreachable'),
    'is reset in the head': (after(b'HTTP/1.1 200 OK\r\nContent-', reset), 502, 'unreachable'),
    'is cut in the head': (after(b'HTTP/1.1 200 OK\r\nContent-', hang_up), 502, 'unreachable'),
    'is reset in the body': (after(plain(COMPLETION)[:-20], reset), 502, 'malformed'),
    'is cut by its length': (after(plain(COMPLETION)[:-20], hang_up), 502, 'malformed'),
    'is cut in a chunk': (after(CHUNKED_HEAD + b'100\r\n{"id":', hang_up), 502, 'malformed'),
    'is cut between chunks': (after(CHUNKED_HEAD + chunk(BODY), hang_up), 502, 'malformed'),
    'is cut in the size of a chunk': (after(CHUNKED_HEAD + chunk(BODY) + b'1', hang_up), 502, 'malformed'),
    'is cut before the last line': (after(CHUNKED_HEAD + chunk(BODY) + b'0\r\n', hang_up), 502, 'malformed'),
    'ends its side in the body': (after(plain(COMPLETION)[:-20], half_close), 502, 'malformed'),
    'stalls before the head': (silent, 504, 'timeout'),
    'stalls in the head': (after(b'HTTP/1.1 200 OK\r\nContent-', silent), 504, 'timeout'),
    'stalls before the body': (after(head(200, [JSON, ('Content-Length', len(BODY))]), silent), 504, 'timeout'),
    'stalls in the body': (after(plain(COMPLETION)[:-20], silent), 504, 'timeout'),
    'stalls in a chunk': (after(CHUNKED_HEAD + chunk(BODY)[:-20], silent), 504, 'timeout'),
    'stalls before the last chunk': (after(CHUNKED_HEAD + chunk(BODY), silent), 504, 'timeout'),
    'stalls in a refusal': (after(refusal(500)[:-10], silent), 502, 'server_error'),
    'is cut in a refusal': (after(refusal(503)[:-10], hang_up), 503, 'overloaded'),
    'speaks no HTTP': (after(b'SSH-2.0-OpenSSH_9.2\r\n\r\n', silent), 502, 'malformed'),
    'speaks HTTP 2': (after(b'HTTP/2 200\r\n\r\n', silent), 502, 'malformed'),
    'has a status of four digits': (after(b'HTTP/1.1 2000 OK\r\n\r\n', silent), 502, 'malformed'),
    'has no status': (after(b'HTTP/1.1 OK\r\n\r\n', silent), 502, 'malformed'),
    'has a blank before the colon': (after(b'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}', silent), 502, 'malformed'),
    'has a NUL in its head': (after(b'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n', silent), 502, 'malformed'),
    'has two lengths': (after(head(200, [JSON, ('Content-Length', 2), ('Content-Length', 3)]) + b'{}', silent), 502,
                        'malformed'),
    'has a length and chunks': (after(head(200, [JSON, CHUNKED, ('Content-Length', 2)]) + chunk(b'{}') + END, silent), 502,
                                'malformed'),
    'has a negative length': (after(length('-2'), silent), 502, 'malformed'),
    'has a length beyond all numbers': (after(length('99999999999999999999999'), silent), 502, 'malformed'),
    'has a chunk without a size': (after(CHUNKED_HEAD + b'xyz\r\n', silent), 502, 'malformed'),
    'has a chunk beyond all numbers': (after(CHUNKED_HEAD + b'fffffffffffffffff\r\n', silent), 502, 'malformed'),
    'has a chunk without its end': (after(CHUNKED_HEAD + b'2\r\n{}}\r\n', silent), 502, 'malformed'),
    'has an endless head': (endless(b'X-Header: ' + b'x' * 1000 + b'\r\n'), 502, 'malformed'),
    'has an endless line in its head': (endless(b'x'), 502, 'malformed'),
    'has an endless header': (after(b'HTTP/1.1 200 OK\r\nX: ', endless(b'x')), 502, 'malformed'),
    'has an endless status line': (after(b'HTTP/1.1 200 ', endless(b'x')), 502, 'malformed'),
    'has interim heads without end': (endless(b'HTTP/1.1 100 Continue\r\n\r\n'), 502, 'malformed'),
    'has an endless size of a chunk': (after(CHUNKED_HEAD, endless(b'0')), 502, 'malformed'),
    'has an endless extension of a chunk': (after(CHUNKED_HEAD + b'2;', endless(b'x')), 502, 'malformed'),
    'has trailers without end': (after(CHUNKED_HEAD + chunk(BODY) + b'0\r\n', endless(b'X-Trailer: xxxxxxxx\r\n')), 502,
                                 'malformed'),
    'sends broken JSON': (plain(BODY[:-1]), 502, 'malformed'),
    'sends HTML': (plain('<html>Welcome</html>', content_type='text/html'), 502, 'malformed'),
    'sends nothing': (plain(b''), 502, 'malformed'),
    'sends no choices': (plain({**COMPLETION, 'choices': []}), 502, 'malformed'),
    'sends bytes that are no gzip': (encoded(b'This is no gzip.' * 10), 502, 'malformed'),
    'sends a gzip that is cut': (encoded(gzip.compress(BODY)[:-12]), 502, 'malformed'),
    'sends a gzip with a wrong sum': (encoded(gzip.compress(BODY)[:-8] + b'\0' * 8), 502, 'malformed'),
    'sends an unknown encoding': (head(200, [JSON, ('Content-Encoding', 'rot13'), ('Content-Length', len(BODY))]) + BODY,
                                  502, 'malformed'),
    'refuses with 500': (refusal(500), 502, 'server_error'),
    'sends all a byte at a time': (drip(plain(COMPLETION)), 200, 'success'),
    'sends chunks a byte at a time': (drip(CHUNKED_HEAD + chunk(BODY) + END), 200, 'success'),
    'sends a gzip a byte at a time': (drip(encoded(gzip.compress(BODY))), 200, 'success'),
    'ends its side after the reply': (after(plain(COMPLETION), lambda e: e.sock.shutdown(socket.SHUT_WR)), 200, 'success'),
    'ends with the connection': (after(head(200, [JSON]) + BODY, hang_up), 200, 'success'),
    'sends three interim heads first': (b'HTTP/1.1 100 Continue\r\n\r\n' * 3 + plain(COMPLETION), 200, 'success'),
}

# Before the first content: as above.
STREAMS = {
    'stalls before the first event': (after(STREAM_HEAD, silent), 504, 'timeout'),
    'stalls after the role': (after(ROLE_ONLY, silent), 504, 'timeout'),
    'stalls in the first event': (after(STREAM_HEAD + b'%x\r\n' % len(WORDS[0]) + WORDS[0][:9], silent), 504, 'timeout'),
    'only comments': (after(STREAM_HEAD, lambda e: [(e.send(chunk(b': ping\n\n')), time.sleep(0.1)) for _ in range(60)]),
                      504, 'timeout'),
    'is cut after the role': (after(ROLE_ONLY, hang_up), 502, 'malformed'),
    'is reset after the role': (after(ROLE_ONLY, reset), 502, 'malformed'),
    'ends after the role': (stream(ROLE), 502, 'malformed'),
    'sends an error event first': (stream(ERROR), 502, 'malformed'),
    'sends an error event after the role': (stream(ROLE, ERROR, DONE), 502, 'malformed'),
    'sends an event that is no JSON': (stream(ROLE, b'data: {"choices":[{\n\n', *WHOLE), 502, 'malformed'),
    'sends no event stream': (plain('Hello', content_type='text/plain'), 502, 'malformed'),
    'sends 65 events without content': (stream(*[ROLE] * 66, *WHOLE), 502, 'malformed'),
    'sends comments without end': (after(STREAM_HEAD, endless(chunk(b': ping\n\n'))), 502, 'malformed'),
    'sends one event without end': (after(STREAM_HEAD, endless(chunk(b'data: ' + b'x' * 60000))), 502, 'malformed'),
    'sends one comment without end': (after(STREAM_HEAD + chunk(b':'), endless(chunk(b'x' * 60000))), 502, 'malformed'),
    'sends bytes that are no gzip': (after(head(200, [('Content-Type', 'text/event-stream'), CHUNKED,
                                                      ('Content-Encoding', 'gzip')]) + chunk(b'No gzip.'), silent),
                                     502, 'malformed'),
    'sends all a byte at a time': (drip(stream(*WHOLE)), 200, 'success'),
    'ends its side after [DONE]': (after(stream(*WHOLE, end=b''), half_close), 200, 'success'),
    'is cut after [DONE]': (after(stream(*WHOLE, end=b''), hang_up), 200, 'success'),
}

# After content went out: an error event, the last chunk, the end of the connection; never another target.
COMMITTED = {
    'is cut': hang_up,
    'is reset': reset,
    'ends its side': half_close,
    'stalls between events': silent,
    'stalls in an event': after(b'%x\r\n' % len(WORDS[0]) + WORDS[0][:9], silent),
    'sends an error event': after(chunk(ERROR), silent),
    'sends an event that is no JSON': after(chunk(b'data: {"choices":[{\n\n'), silent),
    'breaks the framing': after(b'xyz\r\n', silent),
    'ends without a reason': after(END),
    'sends one event without end': after(b'', endless(chunk(b'data: ' + b'x' * 60000))),
    'has an endless size of a chunk': endless(b'0'),
}


# ---- what the way to it does ----

def resetting_listener(stack):
    """Resets whoever connects."""
    listener = stack.enter_context(socket.create_server(('127.0.0.1', 0)))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                s, _ = listener.accept()
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                s.close()

    threading.Thread(target=serve, daemon=True).start()
    stack.callback(listener.shutdown, socket.SHUT_RDWR)
    return f'http://127.0.0.1:{listener.getsockname()[1]}'


def full_listener(stack):
    """Connecting takes for ever: its queue is full."""
    listener = stack.enter_context(socket.socket())
    listener.bind(('127.0.0.1', 0))
    listener.listen(0)
    for _ in range(3):
        s = stack.enter_context(socket.socket())
        s.setblocking(False)
        s.connect_ex(listener.getsockname())
    return f'http://127.0.0.1:{listener.getsockname()[1]}'


def certificate(folder, name, *, days, alternative):
    """(certificate, key) that signs itself."""
    key, request, extension, made = (str(folder / f'{name}.{end}') for end in ('key', 'csr', 'ext', 'pem'))
    with open(extension, 'w', encoding='ascii') as f:
        f.write(f'subjectAltName={alternative}\nbasicConstraints=critical,CA:TRUE\n')
    subprocess.run(['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out',
                    request, '-subj', f'/CN={name}'], check=True, capture_output=True)
    subprocess.run(['openssl', 'x509', '-req', '-in', request, '-signkey', key, '-days', str(days), '-extfile', extension,
                    '-out', made], check=True, capture_output=True)
    return made, key


def tls_listener(stack, made, key):
    """Speaks TLS with this certificate, and would answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    listener = stack.enter_context(socket.create_server(('127.0.0.1', 0)))

    def answer(s):
        with contextlib.suppress(OSError), context.wrap_socket(s, server_side=True) as t:
            while t.recv(65536):
                t.sendall(plain(COMPLETION))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    stack.callback(listener.shutdown, socket.SHUT_RDWR)
    return f'https://127.0.0.1:{listener.getsockname()[1]}'


def plain_listener(stack):
    """Speaks HTTP where TLS is wanted."""
    listener = stack.enter_context(socket.create_server(('127.0.0.1', 0)))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                with listener.accept()[0] as s:
                    s.recv(1)
                    s.sendall(plain('', 400))
                    s.recv(65536)

    threading.Thread(target=serve, daemon=True).start()
    stack.callback(listener.shutdown, socket.SHUT_RDWR)
    return f'https://127.0.0.1:{listener.getsockname()[1]}'


# name: (base URL, the file of authorities that is trusted or None, status, outcome)
def ways(stack, folder):
    good = certificate(folder, 'good', days=2, alternative='IP:127.0.0.1')
    other = certificate(folder, 'other', days=2, alternative='DNS:elsewhere.test')
    expired = certificate(folder, 'expired', days=-1, alternative='IP:127.0.0.1')
    return {
        'refuses': (f'http://127.0.0.1:{free_port()}', None, 502, 'unreachable'),
        'resets at once': (resetting_listener(stack), None, 502, 'unreachable'),
        'never accepts': (full_listener(stack), None, 504, 'timeout'),
        'has an unknown name': ('http://no-such-host.invalid', None, 502, 'unreachable'),
        'speaks no TLS': (plain_listener(stack), None, 502, 'unreachable'),
        'never shakes hands': (full_listener(stack).replace('http', 'https'), None, 504, 'timeout'),
        'has a certificate of nobody': (tls_listener(stack, *good), None, 502, 'unreachable'),
        'has a certificate of another authority': (tls_listener(stack, *good), other[0], 502, 'unreachable'),
        'has a certificate that expired': (tls_listener(stack, *expired), expired[0], 502, 'unreachable'),
        'has a certificate for another name': (tls_listener(stack, *other), other[0], 502, 'unreachable'),
        'has a good certificate': (tls_listener(stack, *good), good[0], 200, 'success'),
    }


WAY_NAMES = ['refuses', 'resets at once', 'never accepts', 'has an unknown name', 'speaks no TLS', 'never shakes hands',
             'has a certificate of nobody', 'has a certificate of another authority', 'has a certificate that expired',
             'has a certificate for another name', 'has a good certificate']


# ---- the run ----

class Run:
    """Every row at one gateway: `seen[kind, name, targets]`."""

    def __init__(self, folder):
        self.seen, self.providers, self.models = {}, {}, {}
        with contextlib.ExitStack() as stack:
            rows = self.rows(stack, folder)
            config = {'providers': self.providers, 'models': self.models, 'server': {'workers': 2}}
            with Weir(config) as w:
                with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                    for key, seen in zip(rows, pool.map(lambda key: self.try_row(w, key, rows[key]), rows)):
                        self.seen[key] = seen
                self.metrics = w.metrics()
                self.breakers = w.http.get('/circuit-breakers').json()
                with open(f'/proc/{w.process.pid}/status', encoding='ascii') as f:
                    self.peak_kib = int(next(line for line in f if line.startswith('VmHWM')).split()[1])

    def rows(self, stack, folder):
        rows = {}
        good = stack.enter_context(Upstream(lambda e: e.send(stream(*WHOLE) if e.request.json().get('stream') else
                                                             plain(COMPLETION))))
        for kind, table in (('plain', PLAIN), ('stream', STREAMS), ('committed', COMMITTED)):
            for name, row in table.items():
                answer = after(BEGUN, row) if kind == 'committed' else row[0]
                for targets in 1, 2:
                    up = stack.enter_context(Upstream(answer, plain(COMPLETION)))
                    rows[kind, name, targets] = types.SimpleNamespace(
                        up=up, body=CHAT if kind == 'plain' else STREAM,
                        model=self.add(f'{kind} {name} {targets}', up.url, None, good.url if targets == 2 else None))
        for name, (url, ca, _, _) in (found := ways(stack, folder)).items():
            for targets in 1, 2:
                rows['way', name, targets] = types.SimpleNamespace(
                    up=None, body=CHAT, model=self.add(f'way {name} {targets}', url, ca, good.url if targets == 2 else None))
        self.ways = found
        return rows

    def add(self, text, url, ca, second):
        """A model with a provider of its own, and with another one behind it."""
        name = re.sub(r'\W+', '-', text)
        self.providers[name] = {'kind': 'openai', 'base_url': url, 'apis': ['chat'], 'api_key': 'k',
                                **({'tls': {'ca': ca}} if ca else {})}
        targets = [{'provider': name, 'model': '*', 'priority': 2}]
        if second:
            self.providers['good'] = {'kind': 'openai', 'base_url': second, 'apis': ['chat'], 'api_key': 'k'}
            targets.append({'provider': 'good', 'model': '*', 'priority': 1})
        self.models[name] = {'targets': targets, 'timeouts': TIMEOUTS}
        self.models[name + '-next'] = {'targets': targets}
        return name

    @staticmethod
    def ask(caller, row):
        caller.sock.settimeout(HANGS + 4 * TIME)
        caller.ask(body={**row.body, 'model': row.model})
        return caller.read()

    def try_row(self, w, _, row):
        """The row's request, and the next one on the same connection if that stays, else on a new one."""
        seen = types.SimpleNamespace(name=row.model, up=row.up)
        following = types.SimpleNamespace(body=CHAT, model=row.model + '-next')
        with Caller(w.url) as caller:
            begin = time.monotonic()
            seen.reply = self.ask(caller, row)
            seen.took = time.monotonic() - begin
            seen.closes = (seen.reply.get('connection') or '').lower() == 'close' or not seen.reply.ended
            if row.body is STREAM and seen.reply.ended:
                caller.sock.settimeout(0.2)
                with contextlib.suppress(TimeoutError):
                    seen.closes = caller.is_at_end()
            if not seen.closes and row.up:
                seen.next = self.ask(caller, following)
        if seen.closes and row.up:
            with Caller(w.url) as caller:
                seen.next = self.ask(caller, following)
        return seen

    def attempts(self, seen, outcome):
        return self.metrics.get(
            f'weir_attempts_total{{provider="{seen.name}",model="{seen.name}",outcome="{outcome}"}}', 0)


@pytest.fixture(scope='module', name='run')
def _run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp('faults'))


CODES = {502: 'upstream_error', 503: 'service_unavailable', 504: 'timeout'}


def judge_failed(run, seen, status, outcome):
    """With one target: the contracted error, in time."""
    reply = seen.reply
    assert reply.status == status, reply.body[:300]
    error = reply.json()['error']
    assert (error['type'], error['code']) == ('server_error', CODES[status])
    assert [a['reason'] for a in error['attempts']] == [outcome]
    assert seen.took < TIME + HANGS
    assert not seen.closes, 'the caller may go on'
    assert run.attempts(seen, outcome) == 1


def judge_next(seen, may_reuse):
    """The provider behaves again, and so does the gateway; nothing of what was in doubt comes back."""
    assert seen.next.status == 200 and seen.next.json() == COMPLETION
    assert len(seen.up.requests) == 2
    assert may_reuse or seen.up.connections == 2, 'a connection in doubt was used again'


def is_whole(answer):
    """A reply as bytes leaves the connection as it was; what a function does need not."""
    return isinstance(answer, bytes)


def judge(run, kind, name, row):
    answer, status, outcome = row
    one, two = (run.seen[kind, name, targets] for targets in (1, 2))
    if status == 200:
        for seen in one, two:
            assert seen.reply.status == 200 and seen.reply.ended, seen.reply.body[:300]
            assert seen.reply.json() == COMPLETION if kind == 'plain' else seen.reply.body == b''.join(WHOLE)
            assert run.attempts(seen, outcome) == 1
            assert seen.reply.get('x-weir-provider') == seen.name
            assert seen.next.status == 200
            assert len(seen.up.requests) in (2, 3), 'a kept connection that ended is replaced once'
    else:
        judge_failed(run, one, status, outcome)
        assert two.reply.status == 200 and two.reply.ended
        assert two.reply.json() == COMPLETION if kind == 'plain' else two.reply.body == b''.join(WHOLE)
        assert (two.reply.get('x-weir-provider'), two.reply.get('x-weir-attempts')) == ('good', '2')
        assert run.attempts(two, outcome) == 1
        assert two.took < TIME + HANGS
        judge_next(one, is_whole(answer))
        judge_next(two, is_whole(answer))
    for seen in one, two:
        counts = run.breakers[seen.name]
        assert (counts['recent_failures'], counts['state']) == (0 if status == 200 else 1, 'closed')


@pytest.mark.parametrize('name', PLAIN)
def test_a_provider_that_fails_a_plain_request(run, name):
    judge(run, 'plain', name, PLAIN[name])


@pytest.mark.parametrize('name', STREAMS)
def test_a_provider_that_fails_a_stream_before_its_content(run, name):
    judge(run, 'stream', name, STREAMS[name])


@pytest.mark.parametrize('targets', [1, 2])
@pytest.mark.parametrize('name', COMMITTED)
def test_a_provider_that_fails_a_stream_after_content(run, name, targets):
    seen = run.seen['committed', name, targets]
    assert seen.reply.status == 200 and seen.reply.ended, 'the last chunk came'
    assert seen.closes, 'and the end of the connection'
    events = seen.reply.events()
    assert events[:4] == [e.strip()[6:] for e in [ROLE, *WORDS]]
    assert b'[DONE]' not in events and len(events) == 5
    error = json.loads(events[-1])['error']
    assert error['type'] == 'server_error' and error['message']
    assert seen.reply.get('x-weir-provider') == seen.name, 'the target never changes'
    assert seen.took < TIME + HANGS
    assert run.attempts(seen, 'incomplete') == 1
    assert run.breakers[seen.name]['recent_failures'] == 1
    judge_next(seen, name == 'ends without a reason')


@pytest.mark.parametrize('name', WAY_NAMES)
def test_a_way_that_does_not_lead_to_the_provider(run, name):
    _, _, status, outcome = run.ways[name]
    one, two = (run.seen['way', name, targets] for targets in (1, 2))
    assert set(WAY_NAMES) == set(run.ways)
    if status == 200:
        assert one.reply.json() == two.reply.json() == COMPLETION
        assert two.reply.get('x-weir-attempts') == '1'
        return
    judge_failed(run, one, status, outcome)
    assert two.reply.json() == COMPLETION and two.reply.get('x-weir-attempts') == '2'
    assert two.took < TIME + HANGS
    for seen in one, two:
        assert run.breakers[seen.name]['recent_failures'] == 1


def test_nothing_of_it_costs_memory_without_end(run, score):
    score(f'{len(run.seen)} faults at one gateway: it held at most {run.peak_kib // 1024} MiB')
    assert run.peak_kib < 400 * 1024 or not MEASURES_MEMORY
