"""Both ends of the wire, for tests of the gateway: `Upstream` is a provider that does exactly what a test wants, `Caller`
a connection to the gateway that sends and reads bytes.

    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as weir:
        reply = weir.http.post('/v1/chat/completions', json=CHAT)
        up.requests[0].headers

An answer of an Upstream is bytes, or a function of an Exchange. The first request gets the first answer and so on; the
last one holds for all that follow."""
import collections
import json
import re
import select
import socket
import struct
import threading
import time

from weir import BINARY, SLOW, wait_until

MESSAGES = [{'role': 'user', 'content': 'Hello there'}]
CHAT = {'model': 'simulated', 'messages': MESSAGES}
STREAM = {**CHAT, 'stream': True}
COMPLETION = {'id': 'chatcmpl-1', 'object': 'chat.completion', 'created': 1, 'model': 'm-1',
              'choices': [{'index': 0, 'message': {'role': 'assistant', 'content': 'Hi.'}, 'finish_reason': 'stop'}],
              'usage': {'prompt_tokens': 3, 'completion_tokens': 2, 'total_tokens': 5}}
PATIENCE = 10 * SLOW


with open(BINARY, 'rb') as _f:
    MEASURES_MEMORY = b'__asan_init' not in _f.read()  # sanitizers keep what is freed


# ---- what a provider says ----

def head(status, headers=(), reason='Any'):
    lines = [f'HTTP/1.1 {status} {reason}', *(f'{name}: {value}' for name, value in headers)]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1')


def plain(body, status=200, headers=(), content_type='application/json'):
    """A whole reply; a dict is sent as JSON."""
    if not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    types = [('Content-Type', content_type)] if content_type else []
    return head(status, [*types, ('Content-Length', len(body)), *headers]) + body


def refusal(status, headers=(), message='The provider says no.', **more):
    """An error as OpenAI would send it."""
    return plain({'error': {'message': message, 'type': 'some_error', 'param': None, 'code': None, **more}}, status, headers)


def chunk(data):
    return b'%x\r\n%s\r\n' % (len(data), data)


END = b'0\r\n\r\n'
STREAM_HEAD = head(200, [('Content-Type', 'text/event-stream'), ('Transfer-Encoding', 'chunked')])


def event(data):
    return b'data: ' + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b'\n\n'


def part(choices, **more):
    return {'id': 'chatcmpl-1', 'object': 'chat.completion.chunk', 'created': 1, 'model': 'm-1', 'choices': choices, **more}


def delta(finish_reason=None, **content):
    return event(part([{'index': 0, 'delta': content, 'finish_reason': finish_reason}]))


ROLE = delta(role='assistant', content='')
FINISH = delta('stop')
USAGE = event(part([], usage={'prompt_tokens': 3, 'completion_tokens': 2, 'total_tokens': 5}))
DONE = event(b'[DONE]')
WORDS = [delta(content=word) for word in ('One ', 'two ', 'three.')]
WHOLE = [ROLE, *WORDS, FINISH, DONE]


def stream(*events, end=END):
    """A whole event stream, a chunk for each event."""
    return STREAM_HEAD + b''.join(chunk(e) for e in events) + end


# ---- reading HTTP ----

class Closed(Exception):
    """The peer ended the connection in the middle of a message; `got` is what came of it."""

    def __init__(self, got):
        super().__init__(f'closed after {got[-200:]!r}')
        self.got = got


class Reader:
    """Messages from a socket."""

    def __init__(self, sock):
        self.sock, self.rest = sock, bytearray()

    def more(self):
        try:
            got = self.sock.recv(1 << 18)
        except ConnectionError:
            got = b''
        if not got:
            raise Closed(bytes(self.rest))
        self.rest += got

    def until(self, mark):
        while (at := self.rest.find(mark)) < 0:
            self.more()
        found = bytes(self.rest[:at])
        del self.rest[:at + len(mark)]
        return found

    def exactly(self, count):
        while len(self.rest) < count:
            self.more()
        found = bytes(self.rest[:count])
        del self.rest[:count]
        return found

    def head(self):
        lines = self.until(b'\r\n\r\n').decode('latin-1').split('\r\n')
        return lines[0], [tuple(part.strip() for part in line.split(':', 1)) for line in lines[1:]]

    def chunk(self):
        """The next chunk; b'' is the last one."""
        size = int(self.until(b'\r\n').split(b';')[0], 16)
        data = self.exactly(size)
        self.until(b'\r\n')
        return data


class Message:
    """A request or a reply: its first line, headers as they came, body."""

    def __init__(self, line, headers):
        self.line, self.headers, self.body, self.chunks, self.ended = line, headers, b'', [], False

    def all(self, name):
        return [value for n, value in self.headers if n.lower() == name.lower()]

    def get(self, name, default=None):
        return next(iter(self.all(name)), default)

    def names(self):
        return {n.lower() for n, _ in self.headers}

    def json(self):
        return json.loads(self.body)

    def read_body(self, reader, until_close=False):
        """`ended` says whether the message was complete."""
        try:
            if 'chunked' in self.get('transfer-encoding', '').lower():
                while data := reader.chunk():
                    self.chunks.append(data)
            elif self.get('content-length') is not None:
                self.body = reader.exactly(int(self.get('content-length')))
            elif until_close:
                try:
                    while True:
                        reader.more()
                except Closed as closed:
                    self.body, reader.rest = closed.got, bytearray()
            self.ended = True
        except Closed as closed:
            self.body = closed.got
        self.body = b''.join(self.chunks) or self.body
        return self


class Request(Message):
    @property
    def method(self):
        return self.line.split(' ')[0]

    @property
    def target(self):
        return self.line.split(' ')[1]


class Reply(Message):
    @property
    def status(self):
        return int(self.line.split(' ')[1])

    def events(self):
        """The data of each event; what is no data is left out."""
        blocks = [b for b in re.split(rb'\r?\n\r?\n', self.body) if b]
        return [re.sub(rb'^data: ?', b'', line) for b in blocks for line in b.splitlines() if line.startswith(b'data:')]


# ---- the provider ----

class Exchange:
    """One request at an Upstream and the connection that it came on."""

    def __init__(self, sock, request):
        self.sock, self.request, self.is_closed = sock, request, False

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.is_closed = True
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.close()

    def gone(self, seconds=PATIENCE):
        """Waits until the gateway closes; the moment, or None when it did not in time. Bytes on the way are ignored."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.sock], [], [], left)[0]:
                try:
                    if not self.sock.recv(65536):
                        return time.monotonic()
                except ConnectionError:
                    return time.monotonic()
        return None


class Upstream:
    """Lists `models` whoever asks; everything else is answered by `answers` and kept in `requests`."""

    def __init__(self, *answers, host='127.0.0.1', models=()):
        self.answers = list(answers)
        self.models = plain({'object': 'list', 'data': [{'id': m, 'object': 'model', 'created': 1, 'owned_by': 'them'}
                                                        for m in models]})
        self.requests, self.connections, self.failures = [], 0, []
        self._lock, self._open = threading.Lock(), set()
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = f'http://[{host}]:{self.port}' if ':' in host else f'http://{host}:{self.port}'
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self._lock:
            for sock in self._open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        assert kind or not self.failures, self.failures

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = Reader(sock)
        try:
            while self._serve_one(sock, reader):
                pass
        except (Closed, OSError):
            pass
        except Exception as failure:  # pylint: disable=broad-except
            self.failures.append(failure)
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _serve_one(self, sock, reader):
        request = Request(*reader.head()).read_body(reader)
        if not request.ended:
            return False
        if request.method == 'GET':
            sock.sendall(self.models)
            return True
        with self._lock:
            answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
            self.requests.append(request)
        exchange = Exchange(sock, request)
        if callable(answer):
            answer(exchange)
        else:
            exchange.send(answer)
        return not exchange.is_closed

    def wait_for(self, count=1):
        """The request number `count`."""
        wait_until(lambda: len(self.requests) >= count, what=f'request {count} at the provider')
        return self.requests[count - 1]


def free_port():
    """A port that nobody listens on."""
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


# ---- the caller ----

class Caller:
    """A connection to the gateway."""

    def __init__(self, url, buffer_bytes=0):
        if url.startswith('unix:'):
            self.sock = socket.socket(socket.AF_UNIX)
            address = url.removeprefix('unix:')
        else:
            host, port = re.fullmatch(r'http://\[?([^\]]+?)\]?:(\d+)', url).groups()
            self.sock = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
            address = (host, int(port))
        if buffer_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(address)
        self.reader = Reader(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def ask(self, target='/v1/chat/completions', body=None, headers=(), method=None, version='1.1'):
        """Sends a request; a dict is sent as JSON."""
        self.send(ask(target, body, headers, method, version))

    def read_head(self):
        reply = Reply(*self.reader.head())
        while 100 <= reply.status < 200:
            reply = Reply(*self.reader.head())
        return reply

    def read(self, has_body=True):
        reply = self.read_head()
        return reply.read_body(self.reader, until_close=True) if has_body and reply.status not in (204, 304) else reply

    def read_until(self, mark):
        """Waits until these bytes have come, leaves them where they are."""
        while mark not in self.reader.rest:
            self.reader.more()

    def is_at_end(self):
        """Whether the gateway has closed, after it said everything."""
        try:
            return not self.reader.rest and self.sock.recv(1) == b''
        except ConnectionError:
            return False

    def leave(self):
        """Closes; the moment before."""
        now = time.monotonic()
        self.sock.close()
        return now


def ask(target='/v1/chat/completions', body=None, headers=(), method=None, version='1.1'):
    """A request's bytes."""
    names = {name.lower() for name, _ in headers}
    lines = [f'{method or ("POST" if body is not None else "GET")} {target} HTTP/{version}']
    if 'host' not in names:
        lines.append('Host: weir')
    data = b''
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if 'content-type' not in names:
            lines.append('Content-Type: application/json')
        if not names & {'content-length', 'transfer-encoding'}:
            lines.append(f'Content-Length: {len(data)}')
    lines += [f'{name}: {value}' for name, value in headers]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') + data


def exchange(url, target='/v1/chat/completions', body=None, headers=(), method=None):
    """One request on a connection of its own."""
    with Caller(url) as caller:
        caller.ask(target, body, headers, method)
        return caller.read(has_body=method != 'HEAD')


Sample = collections.namedtuple('Sample', 'name labels value')


def samples(text):
    """Prometheus text, judged and read: all samples. Each must follow its TYPE and HELP lines."""
    found, types = [], {}
    assert text.endswith('\n')
    for line in text[:-1].split('\n'):
        if line.startswith('#'):
            word, name, rest = re.fullmatch(r'# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)', line).groups()
            if word == 'TYPE':
                assert name not in types and rest in ('counter', 'gauge', 'histogram'), line
                types[name] = rest
            continue
        name, _, labels, value = re.fullmatch(
            r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)',
            line).groups()
        base = name if name in types else re.sub('_(bucket|sum|count)$', '', name)
        assert base in types, line
        pairs = re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"', labels or '')
        found.append(Sample(name, dict(pairs), float(value)))
    keys = [(s.name, tuple(sorted(s.labels.items()))) for s in found]
    assert len(keys) == len(set(keys)), 'a series appears twice'
    return found
