"""What bodies may cost: server.max_buffered over all of them, gzip in requests, encodings in replies, and how often a large
body is copied on its way."""
import ctypes
import gzip
import json
import signal
import threading
import zlib

import pytest

from weir import Weir, in_front_of, wait_until
from wire import (CHAT, COMPLETION, END, MEASURES_MEMORY, PATIENCE, STREAM, USAGE, WHOLE, Caller, Upstream, chunk, delta,
                  exchange, head, plain, stream)

TEXT = json.dumps(CHAT).encode()
TEXT_BACK = json.dumps(COMPLETION).encode()
GZIP = ('Content-Encoding', 'gzip')
MIB = 1 << 20


@pytest.fixture(scope='module')
def up():
    with Upstream(plain(COMPLETION)) as u:
        yield u


@pytest.fixture(scope='module')
def weir(up):
    with Weir(in_front_of(up.url, server={'max_body': '1MiB', 'max_buffered': '8MiB', 'workers': 2})) as w:
        yield w


def send(weir, up, body, *headers):
    """The reply, and what reached the provider or None."""
    before = len(up.requests)
    reply = exchange(weir.url, body=body, headers=headers)
    return reply, up.requests[-1] if len(up.requests) > before else None


def message(reply, status):
    assert reply.status == status, reply.body
    return reply.json()['error']['message']


def is_idle(w):
    return w.metrics()['weir_buffered_bytes'] == 0


# ---- gzip ----

def member(data, level=6):
    return gzip.compress(data, level)


@pytest.mark.smoke
@pytest.mark.parametrize('encoding', ['gzip', 'GZIP', 'x-gzip'])
def test_a_request_in_gzip_goes_up_decoded(weir, up, encoding):
    reply, seen = send(weir, up, member(TEXT), ('Content-Encoding', encoding))
    assert reply.status == 200 and seen.body == TEXT
    assert seen.get('content-encoding') is None and seen.get('content-length') == str(len(TEXT))


def test_several_members_are_one_body(weir, up):
    reply, seen = send(weir, up, member(TEXT[:10]) + member(b'') + member(TEXT[10:]), GZIP)
    assert reply.status == 200 and seen.body == TEXT


def test_a_chunked_request_in_gzip_is_read_too(weir, up):
    data = member(TEXT)
    reply, seen = send(weir, up, chunk(data[:7]) + chunk(data[7:]) + END, GZIP, ('Transfer-Encoding', 'chunked'))
    assert reply.status == 200 and seen.body == TEXT


@pytest.mark.parametrize('data,says', [
    (b'plain text', 'gzip'), (b'', 'empty'), (member(TEXT)[:-1], 'midst'), (member(TEXT)[:20], 'midst'),
    (member(TEXT) + b'tail', 'follow'), (member(TEXT) + b'\0', 'follow'), (member(TEXT) + b'\x1f', 'follow'),
    (member(TEXT)[:-5] + b'\xff' + member(TEXT)[-4:], 'gzip'), (zlib.compress(TEXT), 'gzip')])
def test_what_is_not_gzip_is_400_that_says_so(weir, up, data, says):
    reply, seen = send(weir, up, data, GZIP)
    assert seen is None
    text = message(reply, 400)
    assert 'gzip' in text and says in text


def test_decoded_it_may_be_as_large_as_any_body_and_no_larger(weir, up):
    full = TEXT + b' ' * (MIB - len(TEXT))
    reply, seen = send(weir, up, member(full), GZIP)
    assert reply.status == 200 and seen.body == full
    reply, seen = send(weir, up, member(full + b' '), GZIP)
    assert seen is None and '1048576' in message(reply, 413) and 'max_body' in message(reply, 413)


def test_a_bomb_costs_no_more_than_a_body(weir, up):
    bomb = member(b' ' * (16 * MIB)) * 60  # just under max_body themselves
    assert len(bomb) < MIB
    reply, seen = send(weir, up, bomb, GZIP)
    assert seen is None and 'max_body' in message(reply, 413)
    wait_until(lambda: is_idle(weir))


# ---- all bodies together ----

def hold(w, size):
    """A caller who has sent all of a body but its last byte."""
    caller = Caller(w.url)
    caller.ask(body=b' ' * (size - 1), headers=[('Content-Length', str(size))])
    return caller


@pytest.mark.smoke
def test_request_bodies_over_the_budget_are_503_and_it_recovers(weir, up):
    callers = [hold(weir, MIB) for _ in range(8)]
    wait_until(lambda: weir.metrics()['weir_buffered_bytes'] == 8 * MIB)
    body = TEXT + b' ' * 100_000
    for data, headers in ((body, []), (chunk(body) + END, [('Transfer-Encoding', 'chunked')]), (member(body), [GZIP])):
        reply, seen = send(weir, up, data, *headers)
        assert seen is None and 'max_buffered' in message(reply, 503) and int(reply.get('retry-after')) >= 1
        assert reply.json()['error']['code'] == 'service_unavailable'
    assert send(weir, up, TEXT)[0].status == 200, 'small ones need no room'
    for caller in callers[:4]:
        caller.leave()
    wait_until(lambda: weir.metrics()['weir_buffered_bytes'] == 4 * MIB)
    assert send(weir, up, body)[0].status == 200
    for caller in callers[4:]:
        caller.send(b' ')
        assert caller.read().status == 400  # blanks are no JSON
        caller.leave()
    wait_until(lambda: is_idle(weir))


def test_a_reply_over_the_budget_is_503_that_blames_no_provider():
    large = {**COMPLETION, 'text': 'x' * 3 * MIB}
    with Upstream(plain(large), plain(large, headers=[('Content-Encoding', 'none')]),
                  head(200, [('Content-Type', 'application/json'), ('Transfer-Encoding', 'chunked')]) +
                  chunk(json.dumps(large).encode()) + END,
                  plain(gzip.compress(json.dumps(large).encode()), headers=[GZIP])) as up, \
            Upstream(plain(COMPLETION)) as other, \
            Weir(in_front_of(up.url, other.url, server={'max_body': '1MiB', 'max_buffered': '2MiB'})) as w:
        up.answers[1] = up.answers[0]
        for _ in range(4):
            reply = exchange(w.url, body=CHAT)
            assert 'max_buffered' in message(reply, 503) and reply.get('retry-after') == '1'
        assert not other.requests, 'another provider would need as much room'
        assert w.http.get('/circuit-breakers').json()['one']['failure_count'] == 0
        assert w.wait_for_log(lambda l: l.get('outcome') == 'no_room')
        wait_until(lambda: is_idle(w))


def test_a_stream_that_finds_no_room_after_its_commit_says_so_and_blames_no_provider():
    large = delta(content='x' * 3 * MIB)
    with Upstream(stream(*WHOLE[:2], large, *WHOLE[-2:])) as up, \
            Weir(in_front_of(up.url, server={'max_body': '1MiB', 'max_buffered': '2MiB'})) as w:
        for _ in range(5):
            reply = exchange(w.url, body=STREAM)
            assert reply.status == 200 and b'One ' in reply.body and b'[DONE]' not in reply.body
            assert b'max_buffered' in reply.body and b'service_unavailable' in reply.body
        assert w.http.get('/circuit-breakers').json()['one']['failure_count'] == 0
        assert w.wait_for_log(lambda l: l.get('outcome') == 'no_room')
        wait_until(lambda: is_idle(w))


def test_a_reload_changes_the_budget(up):
    config = in_front_of(up.url, server={'max_body': '1MiB', 'max_buffered': '1MiB'})
    with Weir(config) as w:
        holder = hold(w, MIB)
        wait_until(lambda: w.metrics()['weir_buffered_bytes'] == MIB)
        body = TEXT + b' ' * 100_000
        assert exchange(w.url, body=body).status == 503
        config['server']['max_buffered'] = '4MiB'
        w.configure(config)
        w.send(signal.SIGHUP)
        w.wait_for_log(lambda l: l.get('message') == 'Configuration reloaded')
        assert exchange(w.url, body=body).status == 200
        holder.leave()


# ---- copies ----

def high_water_kib(w):
    with open(f'/proc/{w.process.pid}/status', encoding='ascii') as f:
        return int(next(line for line in f if line.startswith('VmHWM')).split()[1])


@pytest.mark.skipif(not MEASURES_MEMORY, reason='this build keeps what is freed')
def test_a_large_image_is_in_memory_once_and_a_large_reply_never():
    image = 'data:image/png;base64,' + 'iVBORw0K' * (20 * MIB // 8)
    said = {**CHAT, 'messages': [{'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': image}}]}]}
    with Upstream(plain(COMPLETION), plain({**COMPLETION, 'text': image}), plain(COMPLETION)) as up, \
            Weir(in_front_of(up.url)) as w:
        exchange(w.url, body=CHAT)
        before = high_water_kib(w)
        assert len(exchange(w.url, body=CHAT).body) > 20 * MIB
        assert high_water_kib(w) - before < 2 * 1024, 'the reply passes through'
        assert exchange(w.url, body=said).status == 200 and len(up.requests[2].body) > 20 * MIB
        assert high_water_kib(w) - before < 24 * 1024, 'the request is held once'


# ---- encoded replies ----

class Zlib:
    """An encoder: `give` flushes, so that what went in can be read out; `end` is the rest."""

    def __init__(self, bits):
        self.z = zlib.compressobj(6, zlib.DEFLATED, bits)

    def give(self, data):
        return self.z.compress(data) + self.z.flush(zlib.Z_SYNC_FLUSH)

    def end(self):
        return self.z.flush()


class Brotli:
    """Python has no encoder of its own; the library that we link has one beside it."""

    def __init__(self):
        self.library = ctypes.CDLL('libbrotlienc.so.1')
        self.library.BrotliEncoderCreateInstance.restype = ctypes.c_void_p
        self.state = ctypes.c_void_p(self.library.BrotliEncoderCreateInstance(None, None, None))

    def _step(self, operation, data):
        size, source = ctypes.c_size_t(len(data)), ctypes.c_char_p(data)
        room, out = ctypes.c_size_t(1 << 16), ctypes.create_string_buffer(1 << 16)
        to = ctypes.cast(out, ctypes.c_void_p)
        assert self.library.BrotliEncoderCompressStream(self.state, operation, ctypes.byref(size), ctypes.byref(source),
                                                        ctypes.byref(room), ctypes.byref(to), None)
        assert size.value == 0
        return out.raw[:(1 << 16) - room.value]

    def give(self, data):
        return self._step(1, data)

    def end(self):
        return self._step(2, b'')


class Zstd:
    def __init__(self):
        self.library = ctypes.CDLL('libzstd.so.1')
        for name in ('ZSTD_createCCtx', 'ZSTD_compressStream2'):
            getattr(self.library, name).restype = ctypes.c_void_p if 'create' in name else ctypes.c_size_t
        self.state = ctypes.c_void_p(self.library.ZSTD_createCCtx())

    def _step(self, operation, data):
        class Bytes(ctypes.Structure):
            _fields_ = [('at', ctypes.c_void_p), ('size', ctypes.c_size_t), ('pos', ctypes.c_size_t)]
        source, out = ctypes.create_string_buffer(data, len(data) or 1), ctypes.create_string_buffer(1 << 16)
        from_, to = (Bytes(ctypes.cast(b, ctypes.c_void_p), n, 0) for b, n in ((source, len(data)), (out, 1 << 16)))
        assert self.library.ZSTD_compressStream2(self.state, ctypes.byref(to), ctypes.byref(from_), operation) == 0
        return out.raw[:to.pos]

    def give(self, data):
        return self._step(1, data)

    def end(self):
        return self._step(2, b'')


ENCODERS = {'gzip': lambda: Zlib(31), 'deflate': lambda: Zlib(15), 'raw': lambda: Zlib(-15), 'br': Brotli, 'zstd': Zstd}


def encoding_of(name):
    return ('Content-Encoding', 'deflate' if name == 'raw' else name)


@pytest.fixture(scope='module')
def reader():
    """A gateway, and a provider that answers what a test puts there."""
    with Upstream(plain(COMPLETION)) as u, Weir(in_front_of(u.url)) as w:
        yield w, u


@pytest.mark.parametrize('name', ENCODERS)
def test_an_encoded_stream_is_passed_on_event_by_event(reader, name):
    w, up = reader
    encode, go_on = ENCODERS[name](), threading.Event()

    def answer(x):
        x.send(head(200, [('Content-Type', 'text/event-stream'), ('Transfer-Encoding', 'chunked'), encoding_of(name)]))
        for i, event in enumerate(WHOLE[:-1] + [USAGE, WHOLE[-1]]):
            x.send(chunk(encode.give(event)))
            if i == 1:
                assert go_on.wait(PATIENCE)
        x.send(chunk(encode.end()) + END)
    up.answers[:] = [answer]
    with Caller(w.url) as caller:
        caller.ask(body={**STREAM, 'stream_options': {'include_usage': True}}, headers=[('X-Correlation-ID', f's-{name}')])
        caller.read_until(WHOLE[1])  # the second event is here while the third has not been sent
        go_on.set()
        reply = caller.read()
    assert reply.ended and reply.body == b''.join(WHOLE[:-1] + [USAGE, WHOLE[-1]])
    assert reply.get('content-encoding') is None
    line = w.wait_for_log(lambda l: l.get('correlation_id') == f's-{name}' and 'output_tokens' in l)
    assert line['input_tokens'] == 3 and line['output_tokens'] == 2


@pytest.mark.parametrize('name', ENCODERS)
def test_an_encoded_reply_is_decoded_and_its_usage_seen(reader, name):
    w, up = reader
    encode = ENCODERS[name]()
    up.answers[:] = [plain(encode.give(TEXT_BACK) + encode.end(), headers=[encoding_of(name)])]
    reply = exchange(w.url, body=CHAT, headers=[('X-Correlation-ID', f'p-{name}')])
    assert reply.status == 200 and reply.body == TEXT_BACK and reply.get('content-encoding') is None
    line = w.wait_for_log(lambda l: l.get('correlation_id') == f'p-{name}' and 'output_tokens' in l)
    assert line['output_tokens'] == 2


@pytest.mark.parametrize('name', ENCODERS)
def test_an_encoded_reply_that_is_cut_off_or_a_bomb_is_malformed(reader, name):
    w, up = reader
    encode = ENCODERS[name]()
    whole = encode.give(TEXT_BACK) + encode.end()
    up.answers[:] = [plain(whole[:len(whole) // 2], headers=[encoding_of(name)])]
    reply = exchange(w.url, body=CHAT)
    assert reply.status == 502 and reply.json()['error']['attempts'][0]['reason'] == 'malformed'
    encode = ENCODERS[name]()
    bomb = b''.join(encode.give(b' ' * MIB) for _ in range(9)) + encode.end()
    assert len(bomb) < 64 << 10
    up.answers[:] = [plain(bomb, headers=[encoding_of(name)])]
    reply = exchange(w.url, body=CHAT)
    assert reply.status == 502 and reply.json()['error']['attempts'][0]['reason'] == 'malformed'
    w.http.post('/circuit-breakers/one/reset')
    wait_until(lambda: is_idle(w))


def test_an_encoding_that_nobody_knows_is_malformed(reader):
    w, up = reader
    up.answers[:] = [plain(TEXT_BACK, headers=[('Content-Encoding', 'compress')])]
    reply = exchange(w.url, body=CHAT)
    assert reply.status == 502 and reply.json()['error']['attempts'][0]['reason'] == 'malformed'
