"""Images and audio: forms that go up with another model's name and are otherwise the caller's bytes, sounds and texts that
come back as they are. With OpenAI's own client in front, and byte by byte."""
import gzip
import io
import json

import openai
import pytest

from weir import SLOW, Simulator, Weir, in_front_of, wait_until
from wire import END, PATIENCE, Caller, Upstream, chunk, event, exchange, head, plain

MP3 = bytes(range(256)) * 40 + b'\r\n--\r\n-' + b'\r' * 9
TRANSCRIPT = {'text': 'Hi.', 'usage': {'type': 'tokens', 'input_tokens': 14, 'output_tokens': 2, 'total_tokens': 16,
                                       'input_token_details': {'text_tokens': 4, 'audio_tokens': 10}}}


@pytest.fixture(scope='module')
def sim_weir():
    with Simulator('--seed', 1) as sim, Weir(in_front_of(sim)) as w:
        yield w


@pytest.fixture(scope='module')
def client(sim_weir):
    with openai.OpenAI(base_url=sim_weir.url + '/v1', api_key='sk', max_retries=0, timeout=10 * SLOW) as c:
        yield c


# ---- OpenAI's client, the simulator behind ----

@pytest.mark.smoke
def test_a_transcription_comes_as_the_client_wants_it(client):
    def ask(**more):
        return client.audio.transcriptions.create(model='whisper-1', file=('a.mp3', MP3), **more)
    said = f'Simulated transcription of {len(MP3)} bytes.'
    assert ask().text == said
    assert ask(response_format='text').strip() == said
    assert ask(response_format='srt').startswith('1\n00:00:00,000 --> ') and ask(response_format='vtt').startswith('WEBVTT')
    assert ask(response_format='verbose_json').duration == 1
    events = list(ask(stream=True))
    assert events[-1].type == 'transcript.text.done' and events[-1].text == said
    assert ''.join(e.delta for e in events[:-1]) == said
    assert client.audio.translations.create(model='whisper-1', file=io.BytesIO(MP3)).text == said


def test_images_are_made_and_edited(client):
    made = client.images.generate(model='gpt-image-1', prompt='a pixel', n=2)
    assert len(made.data) == 2 and made.usage.output_tokens == 200
    edited = client.images.edit(model='gpt-image-1', image=[('a.png', b'one'), ('b.png', b'two')], prompt='more')
    assert len(edited.data) == 1 and edited.data[0].b64_json


def test_speech_is_bytes(client):
    reply = client.audio.speech.create(model='tts-1', voice='alloy', input='Hello. ')
    assert reply.read() == b'ID3\4' + bytes(6) + b'Hello. ' * 16
    with client.audio.speech.with_streaming_response.create(model='tts-1', voice='alloy', input='Hello. ') as reply:
        assert b''.join(reply.iter_bytes()).endswith(b'Hello. ')


def test_usage_of_forms_is_in_the_log(sim_weir, client):
    client.audio.transcriptions.create(model='whisper-1', file=('a.mp3', MP3), extra_headers={'X-Correlation-ID': 'used'})
    line = sim_weir.wait_for_log(lambda l: l.get('correlation_id') == 'used' and 'outcome' in l)
    assert line['input_tokens'] == 1 + len(MP3) // 1000 and line['output_tokens'] == 5 and line['model'] == 'whisper-1'


# ---- byte by byte ----

@pytest.fixture(scope='module')
def up():
    with Upstream(plain(TRANSCRIPT)) as u:
        yield u


@pytest.fixture(scope='module')
def weir(up):
    config = in_front_of(up.url, server={'max_body': '1MiB'})
    config['models']['renamed'] = {'targets': [{'provider': 'one', 'model': 'a-much-longer-name-than-before'}]}
    with Weir(config) as w:
        yield w


def part(name, data, more=''):
    return f'--x y\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + data + b'\r\n'


FILE = part('file', MP3, '; filename="C:\\dir\\a.mp3"')
TYPE = ('Content-Type', 'multipart/form-data; boundary="x y"')


def send(weir, up, body, *headers, path='/v1/audio/transcriptions'):
    before = len(up.requests)
    reply = exchange(weir.url, path, body, [TYPE, *headers])
    return reply, up.requests[-1] if len(up.requests) > before else None


@pytest.mark.smoke
@pytest.mark.parametrize('path', ['/v1/audio/transcriptions', '/audio/transcriptions', '/v1/audio/translations'])
@pytest.mark.parametrize('form', ['model {} file', 'file model {}', 'other file model {} preamble'])
def test_only_the_models_name_changes(weir, up, path, form):
    up.answers[:] = [plain(TRANSCRIPT)]
    pieces = {'model': b'', '{}': b'', 'file': FILE, 'other': part('temperature', b'0') + part('', b''), 'preamble': b''}
    body = b''.join(part('model', b'<name>') if p == '{}' else pieces[p] for p in form.split()) + b'--x y--\r\n'
    if 'preamble' in form:
        body = b'before\r\n' + body + b'behind'
    reply, seen = send(weir, up, body.replace(b'<name>', b'renamed'), path=path)
    assert reply.status == 200 and reply.json() == TRANSCRIPT
    assert seen.body == body.replace(b'<name>', b'a-much-longer-name-than-before')
    assert seen.get('content-type') == TYPE[1] and seen.target == '/v1' + path.removeprefix('/v1')
    assert seen.get('content-length') == str(len(seen.body))


@pytest.mark.parametrize('body,says', [
    (FILE + b'--x y--', 'no part of this name'), (b'--x y--', 'no part of this name'),
    (part('model', b'a') + part('model', b'b') + b'--x y--', 'two parts'),
    (part('model', b'a', '; filename="a"') + b'--x y--', 'a file'), (part('model', b'') + b'--x y--', 'name of 1'),
    (part('model', b'a\nb') + b'--x y--', 'name of 1'), (part('model', b'x' * 600) + b'--x y--', 'name of 1')])
def test_a_form_without_one_model_is_400_that_names_it(weir, up, body, says):
    reply, seen = send(weir, up, body)
    assert seen is None and reply.status == 400
    error = reply.json()['error']
    assert error['param'] == 'model' and says in error['message']


@pytest.mark.parametrize('body', [
    b'', b'no form', part('model', b'a'), part('model', b'a') + b'--x y', part('model', b'a') + b'--x yz\r\n',
    part('model', b'a').replace(b'\r\n', b'\n') + b'--x y--', b'--x y\r\n\r\nno head\r\n--x y--',
    part('a', b'') * 129 + b'--x y--', part('a', b'', '; x="' + 'y' * 9000 + '"') + b'--x y--'])
def test_a_body_that_is_no_form_is_400(weir, up, body):
    reply, seen = send(weir, up, body)
    assert seen is None and reply.status == 400 and 'form' in reply.json()['error']['message']


@pytest.mark.parametrize('kind,status', [
    ('multipart/form-data', 400), ('multipart/form-data; boundary=', 400), ('application/json', 415), ('', 415),
    ('multipart/mixed; boundary=x', 415)])
def test_a_form_says_what_it_is(weir, kind, status):
    assert exchange(weir.url, '/v1/audio/transcriptions', b'--x--', [('Content-Type', kind)]).status == status


def test_forms_have_the_limits_of_all_bodies(weir, up):
    up.answers[:] = [plain(TRANSCRIPT)]
    form = part('model', b'renamed') + part('file', b'x' * (1 << 20), '; filename=a') + b'--x y--'
    for body, headers in ((form, []), (chunk(form) + END, [('Transfer-Encoding', 'chunked')]),
                          (gzip.compress(form), [('Content-Encoding', 'gzip')])):
        reply, seen = send(weir, up, body, *headers)
        assert seen is None and reply.status == 413 and 'max_body' in reply.json()['error']['message']
    small = form.replace(b'x' * 100_000, b'')
    reply, seen = send(weir, up, gzip.compress(small), ('Content-Encoding', 'gzip'))
    assert reply.status == 200 and seen.body == small.replace(b'renamed', b'a-much-longer-name-than-before')


def test_a_provider_that_cannot_do_it_is_not_asked(up):
    config = in_front_of(up.url)
    config['providers']['one']['apis'] = ['chat']
    before = len(up.requests)
    with Weir(config) as w:
        reply = exchange(w.url, '/v1/audio/transcriptions', part('model', b'm') + b'--x y--', [TYPE])
        assert reply.status == 400 and 'apis' in reply.json()['error']['message']
    assert len(up.requests) == before


# ---- what comes back ----

FORM = part('model', b'm') + FILE + b'--x y--'
DELTA = event({'type': 'transcript.text.delta', 'delta': 'Hi.'})
LAST = event({'type': 'transcript.text.done', **TRANSCRIPT})


def reply_of(weir, up, *answers, path='/v1/audio/transcriptions'):
    up.answers[:] = [*up.answers[:1] * len(up.requests), *answers]
    return exchange(weir.url, path, FORM, [TYPE])


@pytest.mark.parametrize('kind,data', [
    ('text/plain; charset=utf-8', b'Hi.\n'), ('application/x-subrip', b'1\n00:00\n'), ('audio/mpeg', MP3 * 30),
    ('application/octet-stream', b'\0'), (None, b'who knows')])
def test_what_is_not_json_passes_as_it_is(weir, up, kind, data):
    reply = reply_of(weir, up, plain(data, content_type=kind))
    assert reply.status == 200 and reply.body == data and reply.get('content-type') == kind
    framed = head(200, [('Content-Type', kind or 'x/y'), ('Transfer-Encoding', 'chunked')]) + chunk(data) + END
    assert reply_of(weir, up, framed).body == data


@pytest.mark.parametrize('answer', [
    plain(b'', content_type='audio/mpeg'),
    plain(gzip.compress(b''), content_type='audio/mpeg', headers=[('Content-Encoding', 'gzip')]),
    head(200, [('Content-Type', 'audio/mpeg'), ('Transfer-Encoding', 'chunked')]) + END], ids=['length', 'gzip', 'chunks'])
def test_a_sound_is_never_empty_but_what_was_said_in_silence_is(weir, up, answer):
    up.answers[:] = [answer]
    reply = exchange(weir.url, '/v1/audio/speech', {'model': 'm', 'input': 'x'})
    assert reply.status == 502 and reply.json()['error']['attempts'][0]['reason'] == 'malformed'
    weir.http.post('/circuit-breakers/one/reset')
    reply = reply_of(weir, up, answer)
    assert reply.status == 200 and reply.body == b''


def test_a_sound_is_passed_on_as_it_comes(weir, up):
    def answer(x):
        x.send(head(200, [('Content-Type', 'audio/mpeg'), ('Transfer-Encoding', 'chunked')]) + chunk(b'first'))
        got.append(x)
    got = []
    up.answers[:] = [answer]
    with Caller(weir.url) as caller:
        caller.ask('/v1/audio/speech', {'model': 'm', 'input': 'x'})
        caller.read_until(b'first')  # committed with the first byte
        wait_until(lambda: got)[0].send(chunk(b' and last') + END)
        assert caller.read().body == b'first and last'


@pytest.mark.parametrize('data', [b'{"error": {"message": "no"}}', b'[]', b'not json'])
def test_json_that_is_no_reply_is_malformed(weir, up, data):
    reply = reply_of(weir, up, plain(data))
    assert reply.status == 502 and reply.json()['error']['attempts'][0]['reason'] == 'malformed'
    weir.http.post('/circuit-breakers/one/reset')


def events(*texts, end=END):
    return head(200, [('Content-Type', 'text/event-stream'), ('Transfer-Encoding', 'chunked')]) + b''.join(map(chunk, texts)) + end


def test_events_pass_and_their_usage_is_seen(weir, up):
    up.answers[:] = [events(DELTA, LAST)]
    reply = exchange(weir.url, '/v1/audio/transcriptions', FORM, [TYPE, ('X-Correlation-ID', 'streamed')])
    assert reply.body == DELTA + LAST and reply.get('cache-control') == 'no-cache'
    line = weir.wait_for_log(lambda l: l.get('correlation_id') == 'streamed' and 'outcome' in l)
    assert line['outcome'] == 'success' and line['stream'] and line['input_tokens'] == 14 and line['output_tokens'] == 2


def test_a_first_event_may_be_an_image_of_megabytes(weir, up):
    large = event({'type': 'image_edit.partial_image', 'b64_json': 'A' * 3_000_000})
    last = event({'type': 'image_edit.completed', 'usage': {'input_tokens': 1, 'output_tokens': 2}})
    reply = reply_of(weir, up, events(large, last), path='/v1/images/edits')
    assert reply.status == 200 and reply.body == large + last


@pytest.mark.parametrize('texts', [[DELTA], [DELTA, event({'type': 'error', 'message': 'x'})], [DELTA, b'data: {"half']])
def test_events_that_end_badly_end_with_an_error_event(weir, up, texts):
    reply = reply_of(weir, up, events(*texts))
    assert reply.ended and reply.body.startswith(DELTA) and b'error' in reply.body[len(DELTA):]
    assert b'[DONE]' not in reply.body
    weir.http.post('/circuit-breakers/one/reset')


def test_events_that_begin_with_an_error_are_tried_elsewhere():
    with Upstream(events(event({'type': 'error', 'message': 'x'}))) as one, Upstream(events(DELTA, LAST)) as two, \
            Weir(in_front_of(one.url, two.url)) as w:
        reply = exchange(w.url, '/v1/audio/transcriptions', FORM, [TYPE])
        assert reply.body == DELTA + LAST and reply.get('x-weir-attempts') == '2'
        assert one.requests[0].body == two.requests[0].body == FORM
