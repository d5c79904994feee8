"""What of a caller's headers the provider sees, and what of the provider's the caller sees."""
import gzip
import json
import subprocess
import zlib

import pytest

from weir import BINARY, Weir, in_front_of
from wire import (CHAT, COMPLETION, END, MEASURES_MEMORY, STREAM, STREAM_HEAD, WHOLE, Upstream, chunk, exchange, head,
                  plain, refusal)

TEXT = json.dumps(COMPLETION).encode()


@pytest.fixture(scope='module')
def up():
    with Upstream(plain(COMPLETION)) as u:
        yield u


@pytest.fixture(scope='module')
def weir(up):
    with Weir(in_front_of(up.url)) as w:
        yield w


def seen(weir, up, *headers, target='/v1/chat/completions', body=None):
    """What reached the provider."""
    assert exchange(weir.url, target, body or CHAT, headers).status == 200
    return up.requests[-1]


def back(answer, *headers, body=None, config=()):
    """What reached the caller."""
    with Upstream(answer) as up, Weir(in_front_of(up.url, **dict(config))) as w:
        return exchange(w.url, body=body or CHAT, headers=headers)


# ---- upstream ----

REMOVED = [
    ('Connection', 'keep-alive'), ('Keep-Alive', 'timeout=5'), ('Proxy-Connection', 'keep-alive'), ('TE', 'trailers'),
    ('Trailer', 'X-Sum'),
    ('Upgrade', 'h2c'), ('X-API-Key', 'secret-1'), ('api-key', 'secret-2'), ('x-goog-api-key', 'secret-3'),
    ('X-Weir-Key', 'secret-4'),
    ('Proxy-Authorization', 'Basic secret-5'), ('Cookie', 'session=secret-6'), ('X-Provider-Key-OpenAI', 'secret-7'),
    ('x-provider-key-anthropic', 'secret-8'), ('X-Weir-Strict', '0'), ('X-Weir-Anything', 'secret-9'),
    ('x-weir-cache', 'off')]


@pytest.mark.parametrize('header', REMOVED)
def test_what_is_not_the_providers_business_is_removed(weir, up, header):
    request = seen(weir, up, header)
    if header[0] == 'Connection':
        assert request.get('connection', 'keep-alive').lower() == 'keep-alive'
    else:
        assert header[0].lower() not in request.names()
    assert 'secret' not in str(request.headers)


def test_the_callers_authorization_is_replaced_by_the_providers_key(weir, up):
    request = seen(weir, up, ('Authorization', 'Bearer secret'))
    assert request.all('authorization') == ['Bearer key-one']


def test_headers_that_connection_names_are_removed(weir, up):
    request = seen(weir, up, ('Connection', 'close, X-Mine'), ('X-Mine', '1'), ('X-Other', '2'))
    assert 'x-mine' not in request.names() and request.get('x-other') == '2'
    request = seen(weir, up, ('Connection', 'x-first'), ('Connection', 'X-Second, keep-alive'), ('X-First', '1'),
                   ('X-Second', '2'))
    assert not request.names() & {'x-first', 'x-second'}


@pytest.mark.parametrize('encoding', ['gzip, br', 'identity;q=0', '*', None])
def test_the_provider_is_always_asked_for_identity(weir, up, encoding):
    request = seen(weir, up, *([('Accept-Encoding', encoding)] if encoding else []))
    assert request.all('accept-encoding') == ['identity']


KEPT = [('User-Agent', 'OpenAI/Python 1.2.3'), ('OpenAI-Organization', 'org-1'), ('OpenAI-Project', 'proj_1'),
        ('openai-beta', 'assistants=v2'),
        ('anthropic-version', '2023-06-01'), ('anthropic-beta', 'a,b'), ('x-stainless-os', 'Linux'),
        ('X-Stainless-Retry-Count', '0'),
        ('Idempotency-Key', 'abc-123'), ('Accept', 'application/json'), ('X-Unknown', 'stays; "as it is"'),
        ('HTTP-Referer', 'https://app.example'),
        ('X-Title', 'Müller'.encode().decode('latin-1'))]


@pytest.mark.parametrize('header', KEPT)
def test_what_the_provider_may_want_is_kept(weir, up, header):
    request = seen(weir, up, header)
    assert request.all(header[0]) == [header[1]]


def test_headers_that_come_twice_stay_twice(weir, up):
    assert seen(weir, up, ('X-Many', '1'), ('X-Many', '2')).all('x-many') == ['1', '2']


def test_the_provider_is_addressed_by_its_own_name(weir, up):
    request = seen(weir, up, ('Host', 'gateway.example'), ('X-Forwarded-Host', 'gateway.example'))
    assert request.all('host') == [f'127.0.0.1:{up.port}']


def test_length_and_type_are_those_of_what_is_sent(weir, up):
    request = seen(weir, up, ('Transfer-Encoding', 'chunked'), ('Content-Type', 'application/json; charset=utf-8'),
                   body=chunk(json.dumps(CHAT).encode()) + END)
    assert len(request.all('content-length')) + len(request.all('transfer-encoding')) == 1
    assert request.json() == CHAT
    assert request.get('content-type').startswith('application/json')
    assert 'expect' not in seen(weir, up, ('Expect', '100-continue')).names()


@pytest.mark.parametrize('query, sent', [
    ('', ''), ('?a=1&b=2', '?a=1&b=2'), ('?key=secret', ''), ('?a=1&key=secret', '?a=1'), ('?key=secret&a=1', '?a=1'),
    ('?a=1&key=secret&b=%20x&key=secret', '?a=1&b=%20x'), ('?monkey=1&keys=2', '?monkey=1&keys=2'), ('?b', '?b'),
    ('?api-version=2024-10-21', '?api-version=2024-10-21')])
def test_the_query_goes_on_but_for_the_key(weir, up, query, sent):
    assert seen(weir, up, target='/v1/chat/completions' + query).target == '/v1/chat/completions' + sent


@pytest.mark.parametrize('name', ['k%65y', '%6bey', '%6B%65%79'])
def test_a_key_that_is_spelled_in_percent_signs_stays_here_too(weir, up, name):
    assert 'secret' not in seen(weir, up, target=f'/v1/chat/completions?a=1&{name}=secret').target


def test_headers_of_the_configuration_are_added_and_win(up):
    config = in_front_of(up.url)
    config['providers']['one']['headers'] = {'X-Extra': '1', 'OpenAI-Organization': 'ours', 'User-Agent': 'weir'}
    with Weir(config) as w:
        request = seen(w, up, ('openai-organization', 'theirs'), ('User-Agent', 'curl/8'))
        assert request.all('x-extra') == ['1']
        assert request.all('openai-organization') == ['ours'] and request.all('user-agent') == ['weir']


def test_a_configured_header_takes_the_place_of_ours(up):
    config = in_front_of(up.url)
    own = {'authorization': 'Token own', 'content-type': 'application/json; charset=utf-8', 'X-Correlation-Id': 'fixed',
           'Traceparent': '00-' + '1' * 32 + '-' + '2' * 16 + '-01'}
    config['providers']['one']['headers'] = own
    with Weir(config) as w:
        request = seen(w, up, ('tracestate', 'a=b'), ('X-Correlation-ID', 'mine'))
        for name, value in own.items():
            assert request.all(name) == [value]
        assert request.get('tracestate') is None


@pytest.mark.parametrize('name', ['Content-Length', 'transfer-encoding', 'Connection'])
def test_a_header_that_frames_messages_cannot_be_configured(up, tmp_path, name):
    config = in_front_of(up.url)
    config['providers']['one']['headers'] = {name: '5'}
    (tmp_path / 'weir.yaml').write_text(Weir.complete(config), encoding='utf-8')
    done = subprocess.run([BINARY, 'check'], cwd=tmp_path, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 1 and name in done.stderr


def test_a_provider_without_a_key_gets_no_authorization(up):
    config = in_front_of(up.url)
    del config['providers']['one']['api_key']
    with Weir(config) as w:
        assert 'authorization' not in seen(w, up, ('Authorization', 'Bearer secret')).names()


def test_both_attempts_carry_the_same_headers_but_each_its_own_key():
    with Upstream(refusal(500)) as one, Upstream(plain(COMPLETION)) as two, Weir(in_front_of(one.url, two.url)) as w:
        exchange(w.url, body=CHAT, headers=[('X-Mine', '1'), ('User-Agent', 'me')])
        a, b = one.requests[0], two.requests[0]
        assert (a.get('authorization'), b.get('authorization')) == ('Bearer key-one', 'Bearer key-two')
        for name in 'x-mine', 'user-agent', 'x-correlation-id', 'content-type':
            assert a.get(name) == b.get(name) is not None
        assert a.get('traceparent').split('-')[1] == b.get('traceparent').split('-')[1]


# ---- back ----

GONE = [('Keep-Alive', 'timeout=5'), ('Proxy-Authenticate', 'Basic'), ('Upgrade', 'h2c'), ('Trailer', 'X-Sum'),
        ('Set-Cookie', 'session=1'),
        ('Server', 'cloudflare'), ('Alt-Svc', 'h3=":443"'), ('Strict-Transport-Security', 'max-age=1'),
        ('x-ratelimit-limit-requests', '500'),
        ('x-ratelimit-remaining-tokens', '9'), ('x-ratelimit-reset-requests', '1s'), ('X-RateLimit-Limit', '5'),
        ('X-RateLimit-Remaining', '5'),
        ('anthropic-ratelimit-requests-limit', '50')]


@pytest.mark.parametrize('status', [200, 400])
@pytest.mark.parametrize('header', GONE)
def test_what_is_between_provider_and_gateway_is_removed(header, status):
    reply = back(plain(COMPLETION, status, [header]))
    assert reply.status == status and header[0].lower() not in reply.names()


def test_headers_that_the_providers_connection_names_are_removed():
    reply = back(plain(COMPLETION, headers=[('Connection', 'X-Hop, keep-alive'), ('X-Hop', '1'), ('X-Stay', '2')]))
    assert 'x-hop' not in reply.names() and reply.get('x-stay') == '2'


STAYS = [('x-request-id', 'req_1'), ('request-id', 'req_2'), ('openai-processing-ms', '123'),
         ('openai-version', '2020-10-01'),
         ('openai-organization', 'org'), ('cf-ray', 'abc'), ('X-Unknown', 'stays; "as it is"'), ('Retry-After', '3')]


@pytest.mark.parametrize('header', STAYS)
def test_what_a_caller_may_want_is_kept(header):
    for answer in plain(COMPLETION, headers=[header]), refusal(400, [header]):
        assert back(answer).all(header[0]) == [header[1]]
    streamed = STREAM_HEAD[:-2] + f'{header[0]}: {header[1]}\r\n\r\n'.encode() + b''.join(map(chunk, WHOLE)) + END
    assert back(streamed, body=STREAM).all(header[0]) == [header[1]]


def test_what_both_say_is_said_once_and_by_the_gateway():
    theirs = [('X-Correlation-ID', 'theirs'), ('X-Weir-Provider', 'theirs'), ('X-Weir-Attempts', '9'),
              ('X-Frame-Options', 'SAMEORIGIN'),
              ('X-Content-Type-Options', 'theirs'), ('Content-Security-Policy', 'theirs'), ('X-Cache', 'theirs'),
              ('X-Weir-Overhead-Us', 'theirs'), ('X-XSS-Protection', 'theirs')]
    for answer in plain(COMPLETION, headers=theirs), refusal(400, theirs):
        reply = back(answer)
        for name, _ in theirs:
            assert len(reply.all(name)) <= 1, name
        assert 'theirs' not in str(reply.headers) and 'SAMEORIGIN' not in str(reply.headers)
        assert len(reply.all('date')) == 1


def test_a_provider_cannot_open_the_gateway_to_web_pages():
    answer = plain(COMPLETION, headers=[('Access-Control-Allow-Origin', '*'), ('Access-Control-Allow-Credentials', 'true')])
    reply = back(answer, ('Origin', 'https://evil.example'))
    assert 'access-control-allow-origin' not in reply.names() and 'access-control-allow-credentials' not in reply.names()
    reply = back(answer, ('Origin', 'https://chat.example'), config={'server': {'cors_origins': ['https://chat.example']}})
    assert reply.all('access-control-allow-origin') == ['https://chat.example']


def test_the_type_of_the_reply_stays_as_it_is():
    kind = 'application/json; charset=utf-8'
    assert back(plain(COMPLETION, content_type=kind)).get('content-type') == kind


def deflated(data, bits):
    z = zlib.compressobj(wbits=bits)
    return z.compress(data) + z.flush()


@pytest.mark.parametrize('name, data', [('gzip', gzip.compress(TEXT)), ('x-gzip', gzip.compress(TEXT)),
                                        ('deflate', deflated(TEXT, 15)),
                                        ('GZIP', gzip.compress(TEXT)), ('identity', TEXT)])
def test_a_reply_that_is_encoded_all_the_same_is_decoded(name, data):
    reply = back(plain(data, headers=[('Content-Encoding', name)]))
    assert reply.status == 200 and reply.json() == COMPLETION
    assert 'content-encoding' not in reply.names() or reply.get('content-encoding') == 'identity'


def test_an_error_that_is_encoded_is_decoded_too():
    data = gzip.compress(b'{"error":{"message":"no"}}')
    reply = back(plain(data, 400, [('Content-Encoding', 'gzip')]))
    assert reply.status == 400 and reply.json() == {'error': {'message': 'no'}} and 'content-encoding' not in reply.names()


def test_a_stream_that_is_encoded_is_decoded_too():
    data = gzip.compress(b''.join(WHOLE))
    answer = head(200, [('Content-Type', 'text/event-stream'), ('Content-Encoding', 'gzip'),
                        ('Transfer-Encoding', 'chunked')]) + \
        b''.join(chunk(data[i:i + 50]) for i in range(0, len(data), 50)) + END
    reply = back(answer, body=STREAM)
    assert reply.status == 200 and reply.ended and reply.body == b''.join(WHOLE) and 'content-encoding' not in reply.names()


def test_an_encoding_that_nobody_can_read_is_a_failure():
    reply = back(plain(b'\x00\x01', headers=[('Content-Encoding', 'zstd-of-tomorrow')]))
    assert reply.status == 502


def test_a_body_that_is_not_what_its_encoding_says_is_a_failure():
    for data in gzip.compress(TEXT)[:-12], b'not gzip':
        assert back(plain(data, headers=[('Content-Encoding', 'gzip')])).status == 502


def test_a_bomb_does_not_go_off():
    z = zlib.compressobj(wbits=31)
    bomb = b''.join([z.compress(b'{"choices":['), *(z.compress(b' ' * (1 << 20)) for _ in range(100)), z.flush()])
    with Upstream(plain(bomb, headers=[('Content-Encoding', 'gzip')])) as up, Weir(in_front_of(up.url)) as w:
        exchange(w.url, body=CHAT)
        with open(f'/proc/{w.process.pid}/status', encoding='ascii') as f:
            peak = int(next(line for line in f if line.startswith('VmHWM')).split()[1])
        assert peak < 40 << 10 or not MEASURES_MEMORY, 'KiB'
