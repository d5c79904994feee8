"""TLS with callers and with providers: who is trusted, what is resumed, what a reload changes, and what hostile bytes do."""
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import httpx
import openai
import pytest

from tls import Authority, TlsUpstream
from weir import BINARY, SLOW, Weir, in_front_of, wait_until
from wire import CHAT, COMPLETION, MESSAGES, PATIENCE, STREAM, WHOLE, Reader, Reply, Upstream, ask, free_port, plain, stream


@pytest.fixture(scope='module')
def pki(tmp_path_factory):
    """Two authorities; `ours` has certified a server and a caller."""
    class Pki:
        folder = str(tmp_path_factory.mktemp('pki'))
        ours, theirs = Authority(folder, 'ours'), Authority(folder, 'theirs')
        server, caller = ours.certify('server'), ours.certify('caller')
        stranger = theirs.certify('stranger')
    return Pki


def serving(identity, *upstreams, client_ca=None, **server):
    config = in_front_of(*upstreams) if upstreams else {}
    config['server'] = {'tls': identity.options(**({'client_ca': client_ca} if client_ca else {})), **server}
    return config


def behind(up, **tls):
    config = in_front_of(up.url)
    config['providers']['one']['tls'] = tls
    return config


def handshake(weir, context, session=None, name='localhost'):
    """A connection with TLS; its socket."""
    sock = socket.create_connection(('127.0.0.1', weir.port), timeout=PATIENCE)
    return context.wrap_socket(sock, server_hostname=name, session=session)


def talk(secure, target='/api/v1/ready'):
    secure.sendall(ask(target))
    reader = Reader(secure)
    return Reply(*reader.head()).read_body(reader)


def counted(weir, side, result):
    return weir.metrics()[f'weir_tls_handshakes_total{{side="{side}",result="{result}"}}']


def reload(weir):
    before = len(weir.log_lines())
    weir.send(signal.SIGHUP)
    return weir_said(weir, before)


def weir_said(weir, before):
    return wait_until(lambda: next((line for line in weir.log_lines()[before:]
                                    if line['message'] in ('Configuration reloaded', 'Configuration not reloaded')), None),
                      what='the end of the reload')


def workers_know():
    """Reloads reach workers as jobs: whoever asks a moment later sees the new state."""
    time.sleep(0.05 * SLOW)


# ---- callers ----

def test_callers_speak_https_with_all_that_http_has(pki):
    with Upstream(plain(COMPLETION), stream(*WHOLE), plain(COMPLETION)) as up, \
         Weir(serving(pki.server, up.url), verify=pki.ours.trust()) as weir:
        assert weir.url.startswith('https://')
        assert weir.http.post('/v1/chat/completions', json=CHAT).json() == COMPLETION
        assert weir.http.post('/v1/chat/completions', json=STREAM).content == b''.join(WHOLE)
        big = {**CHAT, 'messages': [{'role': 'user', 'content': 'x' * 3_000_000}]}
        assert weir.http.post('/v1/chat/completions', json=big).status_code == 200
        assert up.requests[2].json()['messages'] == big['messages']


def test_the_official_sdk_speaks_https(pki):
    with Upstream(plain(COMPLETION), stream(*WHOLE)) as up, Weir(serving(pki.server, up.url)) as weir:
        client = openai.OpenAI(base_url=weir.url + '/v1', api_key='any',
                               http_client=httpx.Client(verify=pki.ours.trust(), trust_env=False))
        assert client.chat.completions.create(model='simulated', messages=MESSAGES).choices[0].message.content == 'Hi.'
        parts = client.chat.completions.create(model='simulated', messages=MESSAGES, stream=True)
        assert ''.join(p.choices[0].delta.content or '' for p in parts if p.choices) == 'One two three.'


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_callers_resume_at_any_worker_and_after_a_reload(pki, version, score):
    context = pki.ours.trust(version=version)
    with Weir(serving(pki.server, workers=2)) as weir:
        with handshake(weir, context) as first:
            assert talk(first).status == 200  # a ticket of TLS 1.3 comes with the reply
            session = first.session
        resumed = 0
        for i in range(40):
            if i == 20:
                assert reload(weir)['message'] == 'Configuration reloaded'
                workers_know()
            with handshake(weir, context, session) as again:
                assert talk(again).status == 200
                resumed += again.session_reused
                session = again.session or session
        score(f'tls: {resumed} of 40 callers resumed ({version.name})')
        assert resumed >= 38


def test_http_1_1_is_agreed_on_and_nothing_else(pki):
    with Weir(serving(pki.server)) as weir:
        context = pki.ours.trust()
        context.set_alpn_protocols(['h2', 'http/1.1'])
        with handshake(weir, context) as both:
            assert both.selected_alpn_protocol() == 'http/1.1'
        context.set_alpn_protocols(['h2'])
        with pytest.raises(ssl.SSLError, match='(?i)no.application.protocol'):
            handshake(weir, context)
        with handshake(weir, pki.ours.trust()) as none:
            assert none.selected_alpn_protocol() is None and talk(none).status == 200


def test_tls_1_1_is_refused(pki):
    with Weir(serving(pki.server), verify=pki.ours.trust()) as weir:
        context = pki.ours.trust(version=ssl.TLSVersion.TLSv1_1)
        context.set_ciphers('ALL:@SECLEVEL=0')
        with pytest.raises(ssl.SSLError, match='(?i)protocol.version'):
            handshake(weir, context)
        wait_until(lambda: counted(weir, 'client', 'version') == 1)


def test_plain_http_is_told_so_in_plain_text(pki):
    with Weir(serving(pki.server), verify=pki.ours.trust()) as weir:
        with socket.create_connection(('127.0.0.1', weir.port), timeout=PATIENCE) as sock:
            sock.sendall(ask('/api/v1/ready'))
            reader = Reader(sock)
            reply = Reply(*reader.head()).read_body(reader)
        assert reply.status == 400 and b'HTTPS' in reply.body
        wait_until(lambda: counted(weir, 'client', 'plain_http') == 1)
        line = weir.wait_for_log(lambda l: 'handshake failed' in l['message'])
        assert line['peer'] == '127.0.0.1' and line['error'] == 'TLS handshake failed: http request'


def test_callers_must_show_a_certificate_where_client_ca_says_so(pki):
    with Weir(serving(pki.server, client_ca=pki.ours.ca), verify=pki.ours.trust(pki.caller)) as weir:
        assert weir.http.get('/api/v1/ready').status_code == 200
        for wrong in (pki.ours.trust(), pki.ours.trust(pki.stranger)):
            with pytest.raises(OSError):  # TLS 1.3 tells the client only when it reads
                with handshake(weir, wrong) as secure:
                    talk(secure)
        wait_until(lambda: counted(weir, 'client', 'certificate') == 2)


def test_a_session_is_no_way_around_another_client_ca(pki):
    """Who was let in by one set of authorities is asked again once there is another."""
    ca = os.path.join(pki.folder, 'callers.pem')
    with open(pki.ours.ca, encoding='ascii') as own, open(ca, 'w', encoding='ascii') as f:
        f.write(own.read())
    context = pki.ours.trust(pki.caller)
    with Weir(serving(pki.server, client_ca=ca)) as weir:
        with handshake(weir, context) as first:
            talk(first)
            session = first.session
        with open(pki.theirs.ca, encoding='ascii') as other, open(ca, 'w', encoding='ascii') as f:
            f.write(other.read())
        assert reload(weir)['message'] == 'Configuration reloaded'
        workers_know()
        with pytest.raises(Exception):
            with handshake(weir, context, session) as again:
                talk(again)


# ---- reloads ----

def shown(weir, authority):
    with handshake(weir, authority.trust()) as secure:
        return dict(pair[0] for pair in secure.getpeercert()['subject'])['commonName']


def test_a_reload_reads_the_certificate_again_and_a_bad_one_changes_nothing(pki):
    own = pki.ours.certify('first')
    with Weir(serving(own)) as weir:
        with handshake(weir, pki.ours.trust()) as old:
            assert shown(weir, pki.ours) == 'first'
            own.replace_by(pki.ours.certify('second'))
            assert shown(weir, pki.ours) == 'first'
            assert reload(weir)['message'] == 'Configuration reloaded'
            wait_until(lambda: shown(weir, pki.ours) == 'second')
            assert talk(old).status == 200
            with open(own.key, 'w', encoding='ascii') as f, open(pki.caller.key, encoding='ascii') as other:
                f.write(other.read())
            line = reload(weir)
            assert line['message'] == 'Configuration not reloaded'
            assert re.search(r'weir.yaml:\d+: server.tls: ', line['detail']) and 'does not belong to' in line['detail']
            assert shown(weir, pki.ours) == 'second'


def test_reloads_under_load_break_no_request(pki):
    own = pki.ours.certify('loaded')
    others = [pki.ours.certify('loaded-a'), pki.ours.certify('loaded-b')]
    failures, done, stop = [], [0], threading.Event()
    with Upstream(plain(COMPLETION)) as up, Weir(serving(own, up.url, workers=2)) as weir:
        def load(keeps):
            with contextlib.ExitStack() as stack:
                client = stack.enter_context(httpx.Client(base_url=weir.url, verify=pki.ours.trust(), timeout=PATIENCE)) \
                    if keeps else None
                while not stop.is_set():
                    try:
                        if client:
                            assert client.post('/v1/chat/completions', json=CHAT).status_code == 200
                        else:
                            with handshake(weir, pki.ours.trust()) as secure:
                                assert talk(secure).status == 200
                        done[0] += 1
                    except Exception as failure:  # pylint: disable=broad-except
                        failures.append(failure)
        threads = [threading.Thread(target=load, args=(i < 2,)) for i in range(4)]
        for t in threads:
            t.start()
        for i in range(12):
            own.replace_by(others[i % 2])
            assert reload(weir)['message'] == 'Configuration reloaded'
        stop.set()
        for t in threads:
            t.join()
    assert not failures, failures[:3]
    assert done[0] >= 12


def check(folder, config):
    path = os.path.join(folder, 'weir.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(config, f)
    made = subprocess.run([BINARY, 'check', '--config', path], capture_output=True, text=True, check=False)
    return made.returncode, made.stdout + made.stderr


def test_check_judges_the_files(pki, tmp_path):
    def with_tls(**tls):
        return check(tmp_path, {'server': {'tls': tls}, 'store': 'memory'})
    assert with_tls(**pki.server.options())[0] == 0
    code, said = with_tls(cert=pki.server.cert, key=pki.caller.key)
    assert code == 1 and 'weir.yaml:1: server.tls' in said and 'does not belong to' in said
    code, said = with_tls(cert='/nowhere.pem', key=pki.server.key)
    assert code == 1 and '/nowhere.pem: No such file' in said
    code, said = with_tls(cert=pki.server.key, key=pki.server.key)
    assert code == 1 and 'no certificate that can be used' in said and 'PRIVATE' not in said
    code, said = with_tls(cert=pki.server.cert)
    assert code == 1 and 'half a certificate in server.tls' in said
    code, said = with_tls(client_ca=pki.ours.ca)
    assert code == 1 and 'client_ca without a certificate' in said
    code, said = with_tls(**pki.ours.certify('old', days=-1).options())
    assert code == 0 and 'warning: server.tls' in said and 'has expired' in said
    provider = {'base_url': 'https://localhost:1', 'tls': {'cert': pki.caller.cert, 'key': pki.server.key}}
    code, said = check(tmp_path, {'providers': {'p': provider}, 'store': 'memory'})
    assert code == 1 and 'weir.yaml:1: providers.p.tls' in said and 'does not belong to' in said


def test_a_key_with_a_password_asks_nobody(pki, tmp_path):
    locked = os.path.join(tmp_path, 'locked.key')
    subprocess.run(['openssl', 'ec', '-in', pki.server.key, '-aes256', '-passout', 'pass:secret', '-out', locked],
                   check=True, capture_output=True)
    code, said = check(tmp_path, {'server': {'tls': {'cert': pki.server.cert, 'key': locked}}, 'store': 'memory'})
    assert code == 1 and 'without a password' in said


# ---- hostile callers ----

def test_hostile_handshakes_are_closed_and_counted_and_disturb_nobody(pki):
    config = serving(pki.server, timeouts={'head': '300ms'})
    with Weir(config, verify=pki.ours.trust()) as weir:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            pki.ours.trust().wrap_bio(incoming, outgoing, server_hostname='localhost').do_handshake()
        hello = outgoing.read()

        def throw(data, ends=False):
            sock = socket.create_connection(('127.0.0.1', weir.port), timeout=PATIENCE)
            sock.sendall(data)
            if ends:
                sock.shutdown(socket.SHUT_WR)
            return sock

        def is_closed(sock):
            with sock, contextlib.suppress(ConnectionError):
                while sock.recv(4096):
                    pass
            return True

        thrown = [throw(b'\x00' * 300), throw(os.urandom(500)), throw(b'SSH-2.0-x\r\n'), throw(hello[:50]),
                  throw(hello), throw(hello + b'\x17\x03\x03\x00\x05abcde'), throw(b'\x16\x03\x01\xff\xff' + b'a' * 2000),
                  throw(b'\x80\x2e\x01\x03\x01' + b'\0' * 44)]
        thrown += [throw(hello[:i], ends=True) for i in range(1, len(hello), 60)]
        assert weir.http.get('/api/v1/ready').status_code == 200
        for sock in thrown:
            assert is_closed(sock)
        for step in range(1, 4):  # and those who leave after a flight
            sock = throw(hello)
            if step > 1:
                sock.recv(step)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            sock.close()
        wait_until(lambda: weir.metrics()['weir_connections{side="client"}'] == 1)
        assert counted(weir, 'client', 'timeout') >= 2
        assert counted(weir, 'client', 'closed') >= 3
        assert counted(weir, 'client', 'failed') >= 3
        assert weir.http.get('/api/v1/ready').status_code == 200


def test_renegotiation_is_off(pki):
    with Weir(serving(pki.server)) as weir:
        asked = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{weir.port}', '-tls1_2', '-CAfile', pki.ours.ca],
                               input=b'R\n', capture_output=True, timeout=PATIENCE, check=False)
        assert b'no renegotiation' in asked.stderr


def test_a_connection_over_the_limit_gets_no_clear_text(pki):
    with Weir(serving(pki.server, max_connections=1)) as weir, handshake(weir, pki.ours.trust()) as first:
        assert talk(first).status == 200
        with pytest.raises(OSError):
            handshake(weir, pki.ours.trust())


# ---- providers ----

def closing(e):
    e.send(plain(COMPLETION, headers=[('Connection', 'close')]))


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_with_a_provider_are_resumed(pki, version, score):
    with TlsUpstream(closing, identity=pki.server, version=version) as up, \
         Weir({**behind(up, ca=pki.ours.ca), 'server': {'workers': 2}}) as weir:
        for _ in range(30):
            with httpx.Client(base_url=weir.url, trust_env=False, verify=False, timeout=PATIENCE) as fresh:
                assert fresh.post('/v1/chat/completions', json=CHAT).json() == COMPLETION
        score(f'tls: {sum(up.sessions)} of {len(up.sessions)} connections to a provider resumed ({version.name})')
        assert len(up.sessions) >= 30 and sum(up.sessions) >= 0.95 * len(up.sessions)
        wait_until(lambda: counted(weir, 'upstream', 'resumed') == sum(up.sessions))


@pytest.mark.parametrize('what', ['expired', 'other name', 'unknown authority', 'not tls', 'silent', 'no client certificate'])
def test_a_provider_that_cannot_be_trusted_is_a_502_and_the_next_target_answers(pki, what):
    identity = {'expired': lambda: pki.ours.certify('late', days=-1),
                'other name': lambda: pki.ours.certify('elsewhere', 'DNS:elsewhere.example'),
                'unknown authority': lambda: pki.stranger}.get(what, lambda: pki.server)()
    says = {'expired': 'has expired', 'other name': 'mismatch', 'unknown authority': 'certificate refused',
            'not tls': 'wrong version number', 'silent': 'time'}.get(what, '')
    with contextlib.ExitStack() as stack:
        if what in ('not tls', 'silent'):
            bad = stack.enter_context(socket.create_server(('127.0.0.1', 0)))
            url = f'https://127.0.0.1:{bad.getsockname()[1]}'

            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        sock, _ = bad.accept()
                        stack.callback(sock.close)
                        if what == 'not tls':
                            sock.sendall(b'HTTP/1.1 400 What?\r\n\r\n')
            threading.Thread(target=serve, daemon=True).start()
            stack.callback(bad.shutdown, socket.SHUT_RDWR)
        else:
            client_ca = pki.theirs.ca if what == 'no client certificate' else None
            url = stack.enter_context(TlsUpstream(plain(COMPLETION), identity=identity, client_ca=client_ca)).url
        good = stack.enter_context(Upstream(plain(COMPLETION)))
        alone, both = in_front_of(url), in_front_of(url, good.url)
        for config in (alone, both):
            config['providers']['one']['tls'] = {'ca': pki.ours.ca}
            config['models']['simulated']['timeouts'] = {'connect': '500ms'}
            config['breaker'] = {'failure_threshold': 1000}
        with Weir(alone) as weir:
            reply = weir.http.post('/v1/chat/completions', json=CHAT)
            assert reply.status_code in ((504,) if what == 'silent' else (502,)), reply.text
            assert says in json.dumps(weir.log_lines()) + reply.text or says
        with Weir(both) as weir:
            assert weir.http.post('/v1/chat/completions', json=CHAT).json() == COMPLETION


def test_a_provider_is_shown_our_certificate(pki):
    with TlsUpstream(plain(COMPLETION), identity=pki.server, client_ca=pki.ours.ca) as up, \
         Weir(behind(up, ca=pki.ours.ca, **pki.caller.options())) as weir:
        assert weir.http.post('/v1/chat/completions', json=CHAT).status_code == 200
        assert up.peers[0] == {'commonName': 'caller'}


def test_server_name_is_what_the_certificate_is_judged_by(pki):
    identity = pki.ours.certify('named', 'DNS:models.example')
    with TlsUpstream(plain(COMPLETION), identity=identity) as up, \
         Weir(behind(up, ca=pki.ours.ca, server_name='models.example')) as weir:
        assert weir.http.post('/v1/chat/completions', json=CHAT).status_code == 200


def test_a_changed_ca_counts_from_a_reload_on_for_kept_connections_too(pki):
    ca = os.path.join(pki.folder, 'providers.pem')
    with open(pki.ours.ca, encoding='ascii') as own, open(ca, 'w', encoding='ascii') as f:
        f.write(own.read())
    with TlsUpstream(plain(COMPLETION), identity=pki.server) as up, Weir(behind(up, ca=ca)) as weir:
        def call():
            return weir.http.post('/v1/chat/completions', json=CHAT).status_code
        assert call() == call() == 200 and up.connections == 1
        assert reload(weir)['message'] == 'Configuration reloaded'
        workers_know()
        assert call() == 200 and up.connections == 1  # the same file: the same connections
        with open(pki.theirs.ca, encoding='ascii') as other, open(ca, 'w', encoding='ascii') as f:
            f.write(other.read())
        assert reload(weir)['message'] == 'Configuration reloaded'
        wait_until(lambda: call() == 502)
        with open(ca, 'w', encoding='ascii') as f:
            f.write('no certificate')
        line = reload(weir)
        assert line['message'] == 'Configuration not reloaded' and 'no trusted certificates' in line['detail']
        with open(pki.ours.ca, encoding='ascii') as own, open(ca, 'w', encoding='ascii') as f:
            f.write(own.read())
        assert reload(weir)['message'] == 'Configuration reloaded'
        wait_until(lambda: call() == 200)


NGINX = '''
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    keepalive_timeout 0;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {identity.cert}; ssl_certificate_key {identity.key}; ssl_protocols {protocols};
        location / {{ default_type application/json; return 200 '{reply}'; }}
    }}
}}
'''


@pytest.mark.parametrize('protocols', ['TLSv1.2', 'TLSv1.3'])
def test_sessions_with_nginx_are_resumed_by_many_who_connect_at_once(pki, tmp_path, protocols, score):
    port = free_port()
    config = tmp_path / 'nginx.conf'
    config.write_text(NGINX.format(folder=tmp_path, port=port, identity=pki.server, protocols=protocols,
                                   reply=json.dumps(COMPLETION)))
    path = os.environ['PATH'] + ':/usr/sbin'
    with subprocess.Popen(['nginx', '-e', tmp_path / 'error.log', '-p', tmp_path, '-c', config],
                          env={**os.environ, 'PATH': path}) as nginx:
        try:
            wait_until(lambda: (tmp_path / 'pid').exists(), what='nginx')
            providers = in_front_of(f'https://127.0.0.1:{port}')
            providers['providers']['one']['tls'] = {'ca': pki.ours.ca}
            with Weir(providers) as weir:
                def call(count):
                    for _ in range(count):
                        assert weir.http.post('/v1/chat/completions', json=CHAT).json() == COMPLETION
                call(1)
                threads = [threading.Thread(target=call, args=(10,)) for _ in range(8)]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
                full, resumed = (wait_until(lambda r=r: counted(weir, 'upstream', r)) for r in ('full', 'resumed'))
                score(f'tls: {resumed:.0f} of {full + resumed:.0f} connections to nginx resumed ({protocols})')
                assert full + resumed == 81 and resumed >= 0.95 * 81
        finally:
            nginx.terminate()
