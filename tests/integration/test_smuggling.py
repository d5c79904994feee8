"""Request smuggling through chains: nginx in front of Weir, nginx behind it, haproxy in front where it is installed.

Everyone who sends an ATTACK hides a second request in its bytes: a POST to HIDDEN, a path that the proxy in front gives
to nobody (and that Weir, where it is in front, sends to nobody). Two readers who disagree about where the first
message ends would bring it to the provider, or bring its answer to somebody else. So the provider must never see HIDDEN,
and victims, who use the same connections between the proxies, must each get the answer to their own question."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import tempfile

import pytest

from weir import SLOW, Weir, in_front_of, wait_until
from wire import CHAT, COMPLETION, Caller, Closed, Upstream, ask, free_port, head, plain

NGINX = shutil.which('nginx', path=os.environ.get('PATH', '') + ':/usr/sbin')
HAPROXY = shutil.which('haproxy', path=os.environ.get('PATH', '') + ':/usr/sbin')
HIDDEN = '/v1/embeddings'
QUIET_SECONDS = 0.3 * SLOW


def text_of(request):
    return json.loads(request.body)['messages'][0]['content']


def echo(x):
    """The answer holds the question."""
    choice = {'index': 0, 'message': {'role': 'assistant', 'content': text_of(x.request)}, 'finish_reason': 'stop'}
    x.send(plain({**COMPLETION, 'choices': [choice]}))


def question(text):
    return json.dumps({**CHAT, 'messages': [{'role': 'user', 'content': text}]}).encode()


# ---- the chains ----

class Server:
    """nginx or haproxy with a configuration, on a port of its own."""

    def __init__(self, command, config):
        self.folder, self.port = tempfile.mkdtemp(prefix='weir-chain-'), free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        path = os.path.join(self.folder, 'config')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(config.replace('PORT', str(self.port)).replace('FOLDER', self.folder))
        self.process = subprocess.Popen([*command, path], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_until(self.is_there, what=command[0])

    def is_there(self):
        try:
            Caller(self.url).sock.close()
            return True
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10 * SLOW)
        shutil.rmtree(self.folder, ignore_errors=True)


def nginx(to, hidden='return 403;', buffering='off'):
    """As lax as it gets: odd header names pass, bodies are passed on as they come, connections behind it are kept."""
    return Server([NGINX, '-c'], f'''
        daemon off; master_process off; pid FOLDER/pid; error_log FOLDER/error.log; worker_rlimit_nofile 1024;
        events {{ worker_connections 256; }}
        http {{
            access_log off; underscores_in_headers on; ignore_invalid_headers off; merge_slashes off;
            client_body_temp_path FOLDER/b; proxy_temp_path FOLDER/p; fastcgi_temp_path FOLDER/f; uwsgi_temp_path FOLDER/u;
            scgi_temp_path FOLDER/s;
            upstream behind {{ server {to.removeprefix('http://')}; keepalive 8; }}
            server {{
                listen 127.0.0.1:PORT;
                location = {HIDDEN} {{ {hidden} }}
                location / {{ proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection "";
                              proxy_request_buffering {buffering}; }}
            }}
        }}''')


def haproxy(to):
    return Server([HAPROXY, '-db', '-f'], f'''
global
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
    http-reuse always
    option accept-invalid-http-request
frontend f
    bind 127.0.0.1:PORT
    http-request deny if {{ path {HIDDEN} }}
    default_backend b
backend b
    option accept-invalid-http-response
    server s {to.removeprefix('http://')}
''')


# ---- the attacks ----

def smuggled():
    return ask(HIDDEN, question('SMUGGLED'))


def framed(headers, body, target='/v1/chat/completions', version='1.1', eol='\r\n'):
    """A POST whose framing is what `headers` say."""
    lines = [f'POST {target} HTTP/{version}', 'Host: weir', 'Content-Type: application/json', *headers]
    return eol.join(lines + ['', '']).encode('latin-1') + body


def chunks(*data, size='%x'):
    return b''.join((size % len(d)).encode('latin-1') + b'\r\n' + d + b'\r\n' for d in data) + b'0\r\n\r\n'


def attacks():
    own = question('OWN')
    hidden = smuggled()
    both = len(own + hidden)
    cl, te = f'Content-Length: {len(own)}', 'Transfer-Encoding: chunked'
    cl_all = f'Content-Length: {both}'
    short_chunks = chunks(own) + hidden
    # One reader takes the length, another the chunks.
    for coding in ('chunked', ' chunked', 'chunked ', '\tchunked', 'chunked\t', 'Chunked', 'xchunked', 'chunked, identity', 'identity, chunked',
                   'chunked, chunked', 'gzip, chunked', '"chunked"', 'chunked;q=1', '\x0bchunked', 'chunked\x0b', 'chunked\x00', '', ',chunked',
                   'chunked,', '\xa0chunked', 'identity', 'cow'):
        yield f'CL.TE {coding!r}', framed([f'Content-Length: {len(short_chunks)}', f'Transfer-Encoding:{coding}'], short_chunks)
        yield f'TE.CL {coding!r}', framed([f'Transfer-Encoding:{coding}', cl], own + hidden)
        yield f'TE.TE {coding!r}', framed([te, f'Transfer-Encoding: {coding}'], short_chunks)
        yield f'TE alone {coding!r}', framed([f'Transfer-Encoding: {coding}'], short_chunks)
    # Names in disguise: one reader knows them, another does not.
    for name in ('Transfer_Encoding', 'Transfer-Encoding ', ' Transfer-Encoding', 'Transfer-Encoding\t', 'transfer-encoding', 'Transfer-\x00Encoding',
                 'Transfer Encoding', 'X\r\nTransfer-Encoding', 'X\nTransfer-Encoding', 'X\rTransfer-Encoding', 'X: y\n Transfer-Encoding'):
        yield f'TE name {name!r}', framed([cl_all, f'{name}: chunked'], short_chunks)
    for name in ('Content_Length', 'Content-Length ', ' Content-Length', 'Content-Length\t', 'content-length', 'Content-Length\x0b', 'Content Length',
                 'X\r\nContent-Length', 'X\nContent-Length', 'Content-Length\r'):
        yield f'CL name {name!r}', framed([cl, f'{name}: {both}'], own + hidden)
        yield f'CL name alone {name!r}', framed([f'{name}: {both}'], own + hidden)
    for other in (f'{both}', f'+{both}', f'-{both}', f'0{both}', f'{len(own)}, {both}', f'{both} {len(own)}', hex(both), f'{both}.0', f'{2**64 + both}',
                  f'{both}\x00', f'"{both}"', ''):
        yield f'CL.CL {other!r}', framed([cl, f'Content-Length: {other}'], own + hidden)
        yield f'CL twice {other!r}', framed([f'Content-Length: {other}'], own + hidden)
    yield 'CL.0', framed(['Content-Length: 0'], own + hidden)
    yield 'GET with a body', ask('/v1/models', hidden, [('Content-Length', len(hidden))], method='GET')
    yield 'HEAD with a body', ask('/v1/models', hidden, [('Content-Length', len(hidden))], method='HEAD')
    yield 'OPTIONS with chunks', b'OPTIONS * HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n' + chunks(hidden)
    # Sizes of chunks and what follows them.
    for size in ('0x%x', '+%x', '-%x', ' %x', '%x ', '%x\t', '0%x', '%X', '%x;a', '%x;a="\r\n', '%x\n', '%xg', '%x;\x00', '%x;' + 'a' * 5000, '1000000000000000%x',
                 '%x\r', '%x;a=b\n', '%x,'):
        yield f'chunk size {size[:20]!r}', framed([te], chunks(own, size=size) + hidden)
    for end in (b'0\r\n' + hidden, b'0\n\n' + hidden, b'0\r\nX: ' + hidden, b'00\r\n\r\n' + hidden, b'0\r\nContent-Length: 5\r\n\r\n' + hidden, b'0\r\n\r\r\n' + hidden,
                b'0 \r\n\r\n' + hidden, b'0\r\n\n' + hidden, b'\r\n0\r\n\r\n' + hidden, b'-0\r\n\r\n' + hidden):
        yield f'last chunk {end[:12]!r}', framed([te], b'%x\r\n%s\r\n' % (len(own), own) + end)
    yield 'data too long', framed([te], b'2\r\n' + own + b'\r\n0\r\n\r\n' + hidden)
    # Lines.
    yield 'bare LF', framed([cl], own + hidden, eol='\n')
    yield 'bare CR', framed([cl], own + hidden, eol='\r')
    yield 'folded', framed(['X: a\r\n Content-Length: 1', cl_all], own + hidden)
    yield 'folded length', framed([f'Content-Length:\r\n {both}'], own + hidden)
    yield 'no blank line', framed([cl, 'X: a\r\n' + hidden.decode()], own)
    yield 'HTTP/1.0 with chunks', framed([te, 'Connection: keep-alive'], short_chunks, version='1.0')
    yield 'HTTP/1.0 with both', framed([te, cl_all, 'Connection: keep-alive'], short_chunks, version='1.0')
    yield 'HTTP/0.9', b'GET /v1/models\r\n' + hidden
    # Other ways to ask for the hidden path.
    yield 'absolute', ask(f'http://other{HIDDEN}', question('SMUGGLED'))
    yield 'absolute, two hosts', framed([cl], own, target='http://weir/v1/chat/completions').replace(b'Host: weir', b'Host: other') + hidden
    yield 'pipelined', framed([cl], own) + hidden
    yield 'upgrade to h2c', framed(['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA', cl_all], own + hidden)
    yield 'upgrade to websocket', ask('/v1/models', headers=[('Connection', 'Upgrade'), ('Upgrade', 'websocket'), ('Sec-WebSocket-Version', '13'),
                                                             ('Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA==')]) + hidden
    yield 'expects 100', framed(['Expect: 100-continue', cl], own) + hidden
    yield 'hop-by-hop length', framed([cl, 'Connection: Content-Length'], own + hidden)
    yield 'hop-by-hop coding', framed([te, 'Connection: Transfer-Encoding'], short_chunks)
    # Lines written into what goes on.
    crlf = '\r\nX: y\r\n\r\n' + hidden.decode()
    for what, made in (('model', json.dumps({**CHAT, 'model': f'simulated{crlf}', 'messages': [{'role': 'user', 'content': 'OWN'}]}).encode()),
                       ('provider', json.dumps({**CHAT, 'model': f'one/m{crlf}', 'messages': [{'role': 'user', 'content': 'OWN'}]}).encode())):
        yield f'CRLF in the {what}', ask('/v1/chat/completions', made)
    for where in ('/v1/chat/completions?a=%0d%0aX:%20y', '/v1/chat/completions?a=b HTTP/1.1\r\nX: y', '/v1/models/%0d%0a%0d%0aGET%20/', '/v1/chat/completions?\x00'):
        yield f'CRLF in {where[:40]!r}', ask(where, own) + hidden
    for name in ('X-Correlation-ID', 'traceparent', 'tracestate', 'OpenAI-Beta', 'User-Agent', 'Origin', 'X-Request-ID', 'X-Provider-Key-One'):
        for end in ('\n', '\r', '\x00', '\r\n\r\n'):
            yield f'{name} {end!r}', framed([cl, f'{name}: a{end}{hidden.decode()}'], own)


# ---- who looks ----

def attack(url, data):
    """All that comes back; the caller stays as long as it may have to wait for more."""
    with Caller(url) as caller:
        caller.sock.settimeout(QUIET_SECONDS)
        try:
            caller.sock.sendall(data)
            while True:
                caller.reader.more()
        except (OSError, Closed):
            return bytes(caller.reader.rest)


def ask_as_victim(url, number):
    with Caller(url) as caller:
        caller.send(ask('/v1/chat/completions', question(f'VICTIM-{number}')))
        reply = caller.read()
    got = (reply.status, reply.json()['choices'][0]['message']['content'] if reply.status == 200 else reply.body)
    return got == (200, f'VICTIM-{number}'), got


def one_attack(url, number, name, data):
    said = attack(url, data)
    is_right, got = ask_as_victim(url, number)
    problems = [] if is_right else [f'after {name}: the victim got {got}']
    return problems + [f'{name}: its sender saw {mark}' for mark in ('VICTIM', 'SMUGGLED') if mark.encode() in said]


def run(url, up):
    """Against whoever listens there. All problems."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        jobs = [pool.submit(one_attack, url, i, *a) for i, a in enumerate(attacks())]
        problems = [p for job in jobs for p in job.result()]
    seen = [r for r in up.requests if HIDDEN in r.target or text_of(r) == 'SMUGGLED']
    strange = [(r.line, r.headers) for r in up.requests if r.line != 'POST /v1/chat/completions HTTP/1.1'
               and not r.line.startswith('POST /v1/chat/completions?')]
    return problems + [f'the provider saw {r.line} {r.headers} {r.body!r}' for r in seen] + strange, len(jobs)


# ---- replies ----

POISON = plain({**COMPLETION, 'choices': [{'index': 0, 'message': {'role': 'assistant', 'content': 'POISON'}, 'finish_reason': 'stop'}]})
BODY = json.dumps(COMPLETION).encode()
EVIL = [
    plain(BODY) + POISON,
    plain(BODY, headers=[('X', 'a\r\nContent-Length: 0')]) + POISON,
    plain(BODY, headers=[('Transfer-Encoding', 'chunked')]) + POISON,
    head(200, [('Content-Type', 'application/json'), ('Transfer-Encoding', 'chunked')]) + chunks(BODY) + POISON,
    head(200, [('Content-Type', 'application/json'), ('Transfer-Encoding', 'chunked')]) + b'0\r\nX: \r\n\r\n' + POISON,
    head(204, [('Content-Length', len(BODY))]) + BODY + POISON,
    head(304, [('Content-Length', len(BODY))]) + BODY + POISON,
    head(100) * 3 + plain(BODY) + head(100) + POISON,
    head(103, [('Content-Length', 5)]) + b'abcde' + plain(BODY) + POISON,
    head(101, [('Upgrade', 'h2c')]) + plain(BODY) + POISON,
    head(200, [('Content-Length', len(BODY)), ('Content-Length', len(BODY + POISON))]) + BODY + POISON,
    head(200, [('Content-Length', f'{len(BODY)}, {len(BODY)}')]) + BODY + POISON,
    head(200, [('Content-Type', 'text/event-stream'), ('Transfer-Encoding', 'chunked')]) + chunks(b'data: [DONE]\n\n') + POISON,
    POISON[:20] + b'\n' + POISON,
]


def echo_or_evil(x):
    """EVIL-number gets what stands there."""
    word, _, number = text_of(x.request).partition('-')
    if word == 'EVIL':
        x.send(EVIL[int(number)])
    else:
        echo(x)


def test_what_a_provider_says_unasked_reaches_nobody(score):
    with Upstream(echo_or_evil) as up, Weir(config(up.url)) as weir:
        for i in range(len(EVIL)):
            with Caller(weir.url) as caller:
                caller.send(ask('/v1/chat/completions', question(f'EVIL-{i}')))
                said = caller.read()
            assert b'POISON' not in said.body, EVIL[i]
            for k in range(3):
                is_right, got = ask_as_victim(weir.url, k)
                assert is_right, (EVIL[i], got)
    score(f'{len(EVIL)} replies with something behind them')


needs_nginx = pytest.mark.skipif(not NGINX, reason='nginx is not installed')


@pytest.fixture
def up():
    with Upstream(echo) as u:
        yield u


def config(url):
    return {**in_front_of(url), 'server': {'timeouts': {'head': '2s', 'body': '2s'}}}


@needs_nginx
@pytest.mark.parametrize('buffering', ['off', 'on'])
def test_nothing_is_smuggled_through_nginx_in_front(up, score, buffering):
    with Weir(config(up.url)) as weir, nginx(weir.url, buffering=buffering) as front:
        problems, count = run(front.url, up)
        assert not problems, '\n'.join(map(str, problems))
    score(f'{count} attempts at smuggling through nginx (buffering {buffering}) and Weir')


@needs_nginx
def test_nothing_is_smuggled_to_nginx_behind(up, score):
    """Here the hidden path is one that nginx would serve, but Weir has no provider for it."""
    with nginx(up.url, hidden='proxy_pass http://behind;') as behind:
        own = config(behind.url)
        own['providers']['one']['apis'] = ['chat']
        with Weir(own) as weir:
            problems, count = run(weir.url, up)
            assert not problems, '\n'.join(map(str, problems))
    score(f'{count} attempts at smuggling through Weir and nginx')


@pytest.mark.skipif(not HAPROXY, reason='haproxy is not installed (tools/install-deps bench)')
def test_nothing_is_smuggled_through_haproxy_in_front(up, score):
    with Weir(config(up.url)) as weir, haproxy(weir.url) as front:
        problems, count = run(front.url, up)
        assert not problems, '\n'.join(map(str, problems))
    score(f'{count} attempts at smuggling through haproxy and Weir')
