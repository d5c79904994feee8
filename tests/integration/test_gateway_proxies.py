"""The way to a provider: through an HTTP proxy or past it, over IPv6 and unix sockets, with as many connections as may be.

Names below .test mean nothing to this machine: who reaches them was brought there by a proxy."""
import concurrent.futures
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

from proxy import ConnectProxy
from tls import Authority, TlsUpstream
from weir import BINARY, SLOW, Weir, in_front_of, wait_until
from wire import CHAT, COMPLETION, Upstream, free_port, plain

PROVIDER = 'provider.test'
HERE = {PROVIDER: '127.0.0.1'}
PATH = '/v1/chat/completions'
SECRET = 's3cr@t/%'


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return Authority(str(tmp_path_factory.mktemp('authority')))


@pytest.fixture(scope='module')
def identity(authority):
    return authority.certify(PROVIDER, 'DNS:' + PROVIDER + ',IP:127.0.0.1,IP:0.0.0.0')


def provider(url, **more):
    """The configuration of a gateway with one provider."""
    config = in_front_of(url)
    config['providers']['one'].update(more)
    return config


def ask(w, count=1):
    replies = [w.http.post(PATH, json=CHAT) for _ in range(count)]
    assert [r.status_code for r in replies] == [200] * count, replies[-1].text
    return replies


# ---- through a proxy ----

def test_https_proxy_of_the_environment_leads_to_https_providers(authority, identity):
    with TlsUpstream(plain(COMPLETION), identity=identity) as up, ConnectProxy(HERE) as p:
        config = provider(f'https://{PROVIDER}:{up.port}', tls={'ca': authority.ca})
        with Weir(config, env={'HTTPS_PROXY': p.url}) as w:
            ask(w, 5)
            metrics = w.metrics()
        assert p.asked == [f'{PROVIDER}:{up.port}']  # one tunnel for all five
        assert up.requests[0].get('host') == f'{PROVIDER}:{up.port}'
        assert 'proxy-authorization' not in up.requests[0].names()
        assert metrics['weir_upstream_dials_total'] == 1 and metrics['weir_upstream_reuses_total'] == 4


def test_a_providers_own_proxy_serves_http_and_gets_its_password():
    with Upstream(plain(COMPLETION)) as up, ConnectProxy(HERE, user=f'user:{SECRET}') as p:
        config = provider(f'http://{PROVIDER}:{up.port}', proxy=f'http://user:s3cr%40t%2F%25@{p.address}')
        with Weir(config, env={'NO_PROXY': '*'}) as w:  # which is about HTTPS_PROXY
            ask(w, 2)
            assert p.asked == [f'{PROVIDER}:{up.port}'] and p.users[0].startswith('Basic ')
            shown = w.stderr() + w.http.get('/metrics').text + str(w.log_lines())
        assert 's3cr' not in shown and p.users[0][6:] not in shown


@pytest.mark.parametrize('env, more', [
    ({'NO_PROXY': 'other.test, 127.0.0.2,.example'}, {}),
    ({'NO_PROXY': '*'}, {}),
    ({}, {'proxy': 'off'}),
    ({}, {}),  # because it is a loopback address
])
def test_past_the_proxy(authority, identity, env, more):
    with TlsUpstream(plain(COMPLETION), identity=identity) as up, ConnectProxy() as p:
        with Weir(provider(up.url, tls={'ca': authority.ca}, **more), env={'HTTPS_PROXY': p.url, **env}) as w:
            ask(w)
        assert p.asked == [] and len(up.requests) == 1


def test_https_proxy_is_not_for_http():
    with Upstream(plain(COMPLETION)) as up, ConnectProxy() as p:
        with Weir(provider(f'http://0.0.0.0:{up.port}'), env={'HTTPS_PROXY': p.url}) as w:
            ask(w)
        assert p.asked == []


def test_a_proxy_of_this_machines_own_over_ipv6():
    with contextlib.ExitStack() as stack:
        try:
            p = stack.enter_context(ConnectProxy(HERE, host='::1'))
        except OSError:
            pytest.skip('there is no IPv6 loopback')
        up = stack.enter_context(Upstream(plain(COMPLETION)))
        w = stack.enter_context(Weir(provider(f'http://{PROVIDER}:{up.port}', proxy=p.url)))
        ask(w)
        assert p.asked == [f'{PROVIDER}:{up.port}']


def endless(sock):
    sock.sendall(b'HTTP/1.1 200 OK\r\n')
    with contextlib.suppress(OSError):
        for _ in range(10000):
            sock.sendall(b'X-Filler: ' + b'x' * 990 + b'\r\n')


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


PROXY_FAULTS = {  # what it answers, how often, what the log says
    'wants_a_password': (b'HTTP/1.1 407 Who?\r\n\r\n', 'it refuses the user or password (status 407)'),
    'forbids': (b'HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnever', 'it refused the tunnel with status 403'),
    'cannot_reach': (b'HTTP/1.1 502 Bad Gateway\r\n\r\n', 'it refused the tunnel with status 502'),
    'talks_garbage': (b'\x00\x01\x02\r\n\r\n', 'its answer is not HTTP/1'),
    'says_too_much': (b'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', 'it sent bytes behind its answer'),
    'never_ends': (endless, None),  # a ceiling is reached, or it is reset: both are the proxy's fault
    'hangs_up': (lambda sock: None, 'it closed the connection instead of answering'),
    'resets': (reset, 'the connection broke: connection reset by peer'),
    'is_silent': (b'', 'no connection in time'),
}


def test_a_proxy_that_fails_is_a_provider_that_cannot_be_reached():
    with contextlib.ExitStack() as stack:
        good = stack.enter_context(Upstream(plain(COMPLETION)))
        config = {'providers': {'good': {'kind': 'openai', 'base_url': good.url}}, 'models': {}}
        proxies = {name: stack.enter_context(ConnectProxy(answer=row[0])) for name, row in PROXY_FAULTS.items()}
        addresses = {**{name: p.address for name, p in proxies.items()}, 'refuses': f'127.0.0.1:{free_port()}'}
        for name, address in addresses.items():
            config['providers'][name] = {'kind': 'openai', 'base_url': f'http://{PROVIDER}',
                                         'proxy': f'http://user:s3cret@{address}'}
            targets = [{'provider': name, 'model': 'm', 'priority': 2}, {'provider': 'good', 'model': 'm'}]
            timeouts = {'connect': f'{int(500 * SLOW)}ms'}
            config['models'][f'{name}-alone'] = {'targets': targets[:1], 'timeouts': timeouts}
            config['models'][f'{name}-or-good'] = {'targets': targets, 'timeouts': timeouts}
        w = stack.enter_context(Weir(config))
        for name, address in addresses.items():
            alone = w.http.post(PATH, json={**CHAT, 'model': f'{name}-alone'})
            assert alone.status_code == (504 if name == 'is_silent' else 502), (name, alone.text)
            assert w.http.post(PATH, json={**CHAT, 'model': f'{name}-or-good'}).status_code == 200
            line = w.wait_for_log(lambda l: l.get('provider') == name)  # pylint: disable=cell-var-from-loop
            assert line['error'].startswith(f'proxy {address}: '), line
            want = PROXY_FAULTS.get(name, (None, 'connection refused'))[1]
            assert not want or line['error'] == f'proxy {address}: {want}', line
        metrics = w.metrics()
        assert metrics['weir_upstream_connect_failures_total{reason="proxy"}'] == 2 * (len(addresses) - 1)
        assert metrics['weir_upstream_connect_failures_total{reason="timeout"}'] == 2
        shown = w.stderr() + w.http.get('/metrics').text + str(w.log_lines())
        assert 's3cret' not in shown and 'dXNlcjpzM2NyZXQ' not in shown


def test_tinyproxy(authority, identity, tmp_path):
    if not shutil.which('tinyproxy'):
        pytest.skip('tinyproxy is not installed')
    port, conf = free_port(), tmp_path / 'tinyproxy.conf'
    conf.write_text(f'Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nBasicAuth user pass\nLogLevel Error\n'
                    f'LogFile "{tmp_path}/log"\n')
    with subprocess.Popen(['tinyproxy', '-d', '-c', str(conf)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as real, TlsUpstream(plain(COMPLETION), identity=identity) as up:
        try:
            wait_until(lambda: socket.socket().connect_ex(('127.0.0.1', port)) == 0, what='tinyproxy')
            # 0.0.0.0 leads to this machine without being a loopback address
            config = provider(f'https://0.0.0.0:{up.port}', tls={'ca': authority.ca})
            with Weir(config, env={'HTTPS_PROXY': f'http://user:pass@127.0.0.1:{port}'}) as w:
                ask(w, 3)
            with Weir(config, env={'HTTPS_PROXY': f'http://user:wrong@127.0.0.1:{port}'}) as w:
                assert w.http.post(PATH, json=CHAT).status_code == 502
                w.wait_for_log(lambda l: l.get('error') == f'proxy 127.0.0.1:{port}: it refuses the user or password '
                               '(status 407)' or 'status 401' in l.get('error', ''))
            assert len(up.sessions) == 1
        finally:
            real.terminate()


# ---- what is said wrongly ----

@pytest.mark.parametrize('options, env, want', [
    ({'proxy': 'https://user:s3cret@p:1'}, {}, ':1: the value (not shown) is not possible in providers.one.proxy; allowed: '
     'http://[user:password@]host[:port], with %XX for what is special in user and password, or off'),
    ({}, {'HTTPS_PROXY': 'socks5://user:s3cret@p:1'}, 'environment HTTPS_PROXY: the value (not shown) is not possible in '
     'https_proxy; allowed: http://[user:password@]host[:port], with %XX for what is special in user and password'),
    ({}, {'NO_PROXY': 'a,<local>'}, 'environment NO_PROXY: "<local>" is not possible in no_proxy[1]; allowed: *, names '),
    ({'max_connections': -1}, {}, '"-1" is too'),
    ({'proxy': 'http://u%:s3cret@p'}, {}, "providers.one: proxy: a '%' without two hex digits"),
])
def test_check_says_what_is_allowed(tmp_path, options, env, want):
    text = Weir.complete(provider('https://a.example', **options)).replace('\n', ' ')
    (tmp_path / 'weir.yaml').write_text(text)
    done = subprocess.run([BINARY, 'check'], cwd=tmp_path, env={'PATH': os.environ['PATH'], **env}, text=True,
                          capture_output=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and want in said, said
    assert 's3cret' not in said


# ---- other addresses ----

class UnixUpstream(Upstream):
    """Listens on a path, besides."""

    def __init__(self, path, *answers):
        super().__init__(*answers)
        self.listener.close()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()


def test_a_base_url_may_be_a_unix_socket(tmp_path):
    path = str(tmp_path / 'x.sock')
    with ConnectProxy() as p, UnixUpstream(path, plain(COMPLETION)) as up:
        with Weir(provider(f'unix:{path}', proxy=p.url)) as w:
            ask(w, 2)
        with Weir(provider(f'unix:{path}:/deep/v2')) as w:
            ask(w)
        assert p.asked == [] and up.connections == 2
        assert [r.target for r in up.requests] == [PATH, PATH, '/deep/v2/chat/completions']
        assert up.requests[0].get('host') == 'localhost'


def test_a_base_url_may_be_an_ipv6_address():
    try:
        up = Upstream(plain(COMPLETION), host='::1')
    except OSError:
        pytest.skip('there is no IPv6 loopback')
    with up, Weir(provider(up.url)) as w:
        ask(w)
        assert up.requests[0].get('host') == f'[::1]:{up.port}'


def test_a_base_url_may_be_complete_without_a_version():
    with Upstream(plain(COMPLETION)) as up, Weir(provider(up.url + '/serving-endpoints', exact_base_url=True)) as w:
        ask(w)
        assert up.requests[0].target == '/serving-endpoints/chat/completions'


def test_a_name_that_nobody_knows_fails_fast_and_harms_nobody_else():
    with Upstream(plain(COMPLETION)) as up:
        config = in_front_of('http://nobody.invalid', up.url)
        with Weir(config) as w:
            ask(w, 3)
            assert w.wait_for_log(lambda l: l.get('provider') == 'one')['error'].startswith(
                'nobody.invalid:80: nobody.invalid cannot be resolved: ')
            metrics = w.metrics()
            assert metrics['weir_upstream_connect_failures_total{reason="dns"}'] == 3
            assert metrics['weir_resolver_lookups_total{result="failure"}'] <= 3


# ---- how many ----

class Slow(Upstream):
    """Answers after a while; `most` is how many it had to do at once."""

    def __init__(self, seconds):
        self.most = self.now = 0
        super().__init__(lambda e: self._answer(e, seconds))

    def _answer(self, e, seconds):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(seconds)
        with self._lock:
            self.now -= 1
        e.send(plain(COMPLETION))


def test_over_a_providers_ceiling_requests_wait_in_line():
    with Slow(0.02) as up, Weir(provider(up.url, max_connections=3)) as w, \
            concurrent.futures.ThreadPoolExecutor(24) as pool:
        done = list(pool.map(lambda _: w.http.post(PATH, json=CHAT).status_code, range(60)))
        assert done == [200] * 60
        assert up.most <= 3 and up.connections == 3
        metrics = w.metrics()
        assert metrics['weir_upstream_waits_total'] > 20 and metrics['weir_upstream_waiting'] == 0
        assert metrics['weir_upstream_dials_total'] == 3


def test_who_waits_too_long_in_line_is_told():
    hold = threading.Event()

    def answer(e):
        hold.wait(20 * SLOW)
        e.send(plain(COMPLETION))

    with Upstream(answer) as up:
        config = provider(up.url, max_connections=1)
        config['models']['simulated']['timeouts'] = {'connect': '100ms'}
        with Weir(config) as w, concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(w.http.post, PATH, json=CHAT)
            up.wait_for(1)
            late = w.http.post(PATH, json=CHAT)
            hold.set()
            assert first.result().status_code == 200
            assert late.status_code == 503, late.text
            w.wait_for_log(lambda l: 'as many as may be are in use' in l.get('error', ''))
            ask(w)


# ---- kept connections ----

def test_a_providers_keep_alive_timeout_is_honoured():
    with Upstream(plain(COMPLETION, headers=[('Keep-Alive', 'timeout=1')])) as up, Weir(provider(up.url)) as w:
        ask(w, 2)
        assert up.connections == 1
        time.sleep(0.6)  # more than half of it: the provider could be faster
        ask(w)
        assert up.connections == 2
        assert w.metrics()['weir_upstream_replacements_total'] == 0


LARGE = {**CHAT, 'messages': [{'role': 'user', 'content': 'x' * 4_000_000}]}


@pytest.mark.parametrize('scheme', ['http', 'https'])
@pytest.mark.parametrize('end', ['close', 'reset'])
def test_a_kept_connection_that_dies_within_a_large_request_is_replaced_once(authority, identity, scheme, end):
    class Dying(Upstream if scheme == 'http' else TlsUpstream):
        """Takes the first request of each connection, and dies within a second one."""

        def _serve_one(self, sock, reader):
            if getattr(reader, 'has_answered', False):
                reader.more()
                if end == 'reset':
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                return False
            reader.has_answered = True
            return super()._serve_one(sock, reader)

    more = {} if scheme == 'http' else {'identity': identity}
    options = {} if scheme == 'http' else {'tls': {'ca': authority.ca}}
    with Dying(plain(COMPLETION), **more) as up, Weir(provider(up.url, **options)) as w:
        for _ in range(3):
            assert w.http.post(PATH, json=LARGE).status_code == 200
        assert up.connections == 3 and len(up.requests) == 3
        assert w.metrics()['weir_upstream_replacements_total'] == 2
