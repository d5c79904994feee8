"""`weir simulate`: its command line, its faults, its recordings, and OpenAI's own client against it."""
import collections
import json
import os
import re
import signal
import socket
import subprocess
import time

import httpx
import openai
import pydantic
import pytest

import weir
from recordings import needs_recordings
from weir import BINARY, RECORDINGS, SLOW

HELLO = {'model': 'simulated', 'messages': [{'role': 'user', 'content': 'Hello there'}]}


class Simulator(weir.Simulator):
    def chat(self, simulate='', headers=None, **more):
        return self.http.post('/v1/chat/completions', json={**HELLO, **more},
                              headers={**({'X-Simulate': simulate} if simulate else {}), **(headers or {})})

    def raw(self, body, simulate='', until=None, path='/v1/chat/completions'):
        """All bytes that come back on a connection of its own, up to its end or `until` seconds of silence."""
        text = json.dumps(body).encode()
        with socket.create_connection(self.url.removeprefix('http://').split(':')) as s:
            s.sendall(f'POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(text)}\r\n'
                      f'X-Simulate: {simulate}\r\n\r\n'.encode() + text)
            s.settimeout(until or 10 * SLOW)
            got = b''
            try:
                while more := s.recv(65536):
                    got += more
                return got, 'closed'
            except TimeoutError:
                return got, 'silent'


@pytest.fixture(scope='module')
def sim():
    with Simulator('--seed', 1) as s:
        yield s


def events(text):
    return [e.removeprefix('data: ') for e in text.split('\n\n') if e]


def dechunk(raw):
    """Body and chunks of a chunked reply; the last element says whether it was complete."""
    body, chunks = raw.partition(b'\r\n\r\n')[2], []
    while body:
        size, _, rest = body.partition(b'\r\n')
        length = int(size, 16)
        if length == 0:
            return b''.join(chunks), chunks, True
        chunks.append(rest[:length])
        body = rest[length + 2:]
    return b''.join(chunks), chunks, False


# ---- the command ----

@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_ends_on_a_signal_with_status_0_also_while_it_serves(number):
    s = Simulator()
    with s.http.stream('POST', '/v1/chat/completions', json={**HELLO, 'stream': True},
                       headers={'X-Simulate': 'stall'}) as reply:
        next(reply.iter_lines())
        assert s.stop(number) == 0


@pytest.mark.parametrize('arguments, words', [
    ([], ['--listen']),
    (['--listen', 'nowhere'], ['--listen']),
    (['--listen', ':0', '--error-rate', '2'], ['--error-rate', 'from 0 to 1', "'2'"]),
    (['--listen', ':0', '--cut-rate', 'x'], ['--cut-rate', 'from 0 to 1']),
    (['--listen', ':0', '--error-status', '200'], ['--error-status', 'from 400 to 599']),
    (['--listen', ':0', '--delay', '5:x'], ['--delay', 'MS:JITTER']),
    (['--listen', ':0', '--seed', '1.5'], ['--seed', 'whole number']),
    (['--listen', ':0', '--seed'], ['--seed', 'value']),
    (['--listen', ':0', '--dialect', 'gemini'], ['--dialect', 'not built yet', 'allowed: openai']),
    (['--listen', ':0', '--dialect', 'x'], ['--dialect', 'allowed: openai']),
    (['--listen', ':0', '--colour', 'red'], ["'--colour'"]),
])
def test_wrong_arguments_are_named(arguments, words):
    done = subprocess.run([BINARY, 'simulate', *arguments], capture_output=True, text=True, timeout=10 * SLOW)
    assert done.returncode == 2
    for word in words:
        assert word in done.stderr


def test_a_folder_without_recordings_is_an_error(tmp_path):
    done = subprocess.run([BINARY, 'simulate', '--listen', ':0', '--replay', tmp_path], capture_output=True, text=True,
                          timeout=10 * SLOW)
    assert done.returncode == 1 and '--replay' in done.stderr and 'no recordings' in done.stderr


def test_an_address_in_use_is_an_error(sim):
    address = sim.url.removeprefix('http://')
    done = subprocess.run([BINARY, 'simulate', '--listen', address], capture_output=True, text=True, timeout=10 * SLOW)
    assert done.returncode == 1 and 'in use' in done.stderr


def test_several_workers_serve_one_port():
    with Simulator('--workers', 2) as s:
        for _ in range(20):
            with httpx.Client(base_url=s.url) as http:
                assert http.post('/v1/chat/completions', json=HELLO).status_code == 200


# ---- faults by header ----

def test_error_with_status_and_retry_after(sim):
    reply = sim.chat('error=429,retry-after=2')
    assert reply.status_code == 429 and reply.headers['retry-after'] == '2'
    assert reply.json()['error']['type'] == 'rate_limit_error'
    assert sim.chat('error=503', stream=True).json()['error']['code'] == 'service_unavailable'
    assert sim.chat('error').status_code == 500
    assert 'retry-after' not in sim.chat('error').headers


def test_an_unknown_word_in_the_header_is_refused(sim):
    reply = sim.chat('explode')
    assert reply.status_code == 400 and 'X-Simulate' in reply.json()['error']['message']


def test_cut_drops_a_plain_reply_half_way(sim):
    raw, end = sim.raw(HELLO, 'cut')
    head, _, body = raw.partition(b'\r\n\r\n')
    length = int(re.search(rb'Content-Length: (\d+)', head).group(1))
    assert end == 'closed' and len(body) == length // 2
    with pytest.raises(httpx.RemoteProtocolError):
        sim.chat('cut')


@pytest.mark.smoke
def test_cut_drops_a_stream_half_way_inside_of_an_event(sim):
    raw, end = sim.raw({**HELLO, 'stream': True}, 'cut')
    body, _, is_complete = dechunk(raw)
    assert end == 'closed' and not is_complete
    assert b'"content":' in body and b'[DONE]' not in body and not body.endswith(b'\n\n')
    raw, _ = sim.raw({**HELLO, 'stream': True}, 'cut,at=0')
    assert dechunk(raw) == (b'', [], False)


@pytest.mark.smoke
def test_stall_falls_silent_half_way_until_the_caller_leaves(sim):
    raw, end = sim.raw({**HELLO, 'stream': True}, 'stall', until=0.3)
    body, _, is_complete = dechunk(raw)
    assert end == 'silent' and not is_complete and b'"content":' in body and b'[DONE]' not in body
    raw, end = sim.raw(HELLO, 'stall', until=0.3)
    assert end == 'silent' and raw.startswith(b'HTTP/1.1 200') and b'"model"' in raw and not raw.endswith(b'}}')


def test_malformed_is_broken_json_or_one_broken_event(sim):
    with pytest.raises(json.JSONDecodeError):
        sim.chat('malformed').json()
    broken = 0
    for event in events(sim.chat('malformed', stream=True).text):
        try:
            event == '[DONE]' or json.loads(event)
        except json.JSONDecodeError:
            broken += 1
    assert broken == 1 and event == '[DONE]'


def test_error_event_ends_a_stream_without_done(sim):
    reply = sim.chat('error-event', stream=True)
    got = events(reply.text)
    assert reply.status_code == 200 and 'error' in json.loads(got[-1]) and '[DONE]' not in got
    assert any(json.loads(e)['choices'][0]['delta'].get('content') for e in got[:-1])
    assert sim.chat('error-event').json()['choices']


def test_delay_comes_before_the_head_and_pace_between_events(sim):
    began = time.monotonic()
    sim.chat('delay=200')
    assert time.monotonic() - began >= 0.2
    began = time.monotonic()
    with sim.http.stream('POST', '/v1/chat/completions', json={**HELLO, 'stream': True},
                         headers={'X-Simulate': 'tokens-per-second=100'}) as reply:
        lines = reply.iter_lines()
        next(lines)
        first = time.monotonic() - began
        count = sum(1 for line in lines if line.startswith('data:'))
    assert first < 0.2 * SLOW and time.monotonic() - began >= (count - 2) / 100


def test_length_of_the_reply_can_be_asked_for(sim):
    assert sim.chat('tokens=500').json()['usage']['completion_tokens'] == 500


# ---- faults by rate ----

def outcome(s):
    try:
        reply = s.chat()
        reply.json()
        return reply.status_code
    except httpx.RemoteProtocolError:
        return 'cut'
    except json.JSONDecodeError:
        return 'malformed'


def test_rates_hold_and_a_seed_repeats_them():
    rates = ['--error-rate', 0.3, '--error-status', 503, '--retry-after', 7, '--cut-rate', 0.2, '--malformed-rate', 0.2]
    runs = []
    for seed in 5, 5, 6:
        with Simulator(*rates, '--seed', seed) as s:
            runs.append([outcome(s) for _ in range(100)])
    assert runs[0] == runs[1] != runs[2]
    count = collections.Counter(runs[0])
    assert 15 <= count[503] <= 45 and count['cut'] and count['malformed'] and count[200]


def test_options_of_errors_and_delays():
    with Simulator('--error-rate=1', '--error-status=429', '--retry-after=3', '--delay=100:50') as s:
        began = time.monotonic()
        reply = s.chat()
        assert time.monotonic() - began >= 0.05
        assert (reply.status_code, reply.headers['retry-after']) == (429, '3')
        assert s.chat('none').status_code == 200
    with Simulator('--error-event-rate', 1, '--tokens-per-second', 1000) as s:
        assert 'error' in json.loads(events(s.chat(stream=True).text)[-1])
    with Simulator('--stall-rate', 1) as s:
        assert s.raw(HELLO, until=0.3)[1] == 'silent'


# ---- recordings ----

def cases(*providers):
    with open(os.path.join(RECORDINGS, 'INDEX.tsv'), encoding='utf-8') as index:
        for line in list(index)[1:]:
            provider, api, name = line.split('\t')[:3]
            if provider in providers and api in ('chat', 'completions', 'embeddings', 'moderations', 'errors'):
                yield os.path.join(provider, api, name)


def load(case):
    folder = os.path.join(RECORDINGS, case)
    with open(os.path.join(folder, 'meta.json'), encoding='utf-8') as f:
        meta = json.load(f)
    with open(os.path.join(folder, meta['response_file']), 'rb') as f:
        response = f.read()
    if meta['request_kind'] != 'json':
        return meta, None, response
    with open(os.path.join(folder, 'request.json'), 'rb') as f:
        return meta, f.read(), response


@needs_recordings
@pytest.mark.parametrize('provider', ['openai', 'groq', 'openrouter', 'together', 'mistral', 'deepseek'])
def test_recordings_come_back_byte_for_byte(provider):
    twins = collections.defaultdict(list)
    for case in cases(provider):
        meta, request, response = load(case)
        if request and meta['method'] == 'POST':
            body = json.loads(request)
            body.pop('stream_options', None)
            twins[meta['path'], json.dumps(body, sort_keys=True)].append((meta, response))
    assert twins
    with Simulator('--replay', RECORDINGS if provider == 'openai' else os.path.join(RECORDINGS, provider)) as s:
        for (path, body), expected in twins.items():
            got = [s.http.post(path, content=body) for _ in expected]
            assert sorted(r.content for r in got) == sorted(response for _, response in expected)
            assert {r.status_code for r in got} == {meta['status'] for meta, _ in expected}
            for meta, _ in expected:
                if 'content-type' in meta['response_headers']:
                    assert got[0].headers['content-type'] == meta['response_headers']['content-type']


@needs_recordings
def test_recordings_are_found_by_name_path_ends_and_injected_options():
    case = next(c for c in cases('openai') if load(c)[0]['stream'] and '/chat/' in c)
    meta, request, response = load(case)
    with Simulator('--replay', os.path.join(RECORDINGS, 'openai')) as s:
        body = {**json.loads(request), 'stream_options': {'include_usage': True}}
        assert s.http.post('/my/base/v1/chat/completions', json=body).content == response
        name = case.split('/')[-1]
        assert s.http.post('/v1/chat/completions', json={}, headers={'X-Case': case}).content == response
        assert s.http.post('/v1/chat/completions', json={}, params={'case': name}).content == response
        lost = s.http.post('/v1/chat/completions', json={'messages': 'tell nobody'})
        assert lost.status_code == 404 and 'POST /v1/chat/completions' in lost.json()['error']['message']
        assert 'tell nobody' not in lost.text
        assert s.http.post('/v1/chat/completions', json={}, headers={'X-Case': 'none'}).status_code == 404


@needs_recordings
def test_recorded_streams_are_cut_at_odd_places():
    inside_line = inside_character = 0
    with Simulator('--replay', RECORDINGS, '--seed', 3) as s:
        for case in cases('openai', 'mistral', 'groq'):
            meta, _, response = load(case)
            if not meta['response_file'].endswith('.sse') or (inside_line > 1000 and response.isascii()):
                continue
            body, chunks, is_complete = dechunk(s.raw({}, path=f'/v1/chat/completions?case={case}')[0])
            assert is_complete and body == response
            inside_line += sum(1 for c in chunks if not c.endswith(b'\n'))
            inside_character += sum(1 for c in chunks if c[0] & 0xc0 == 0x80)
    assert inside_line > 100 and inside_character > 0


@needs_recordings
def test_faults_apply_to_recordings():
    case = next(c for c in cases('openai') if load(c)[0]['stream'] and '/chat/' in c)
    response = load(case)[2]
    with Simulator('--replay', RECORDINGS) as s:
        def ask(simulate):
            return s.http.post('/v1/chat/completions', json={}, headers={'X-Case': case, 'X-Simulate': simulate})
        assert ask('error=503').status_code == 503
        with pytest.raises(httpx.RemoteProtocolError):
            ask('cut')
        assert 'error' in json.loads(events(ask('error-event').text)[-1])
        assert ask('malformed').content != response
        assert ask('none').content == response


# ---- OpenAI's own client ----

@pytest.fixture
def client(sim):
    with openai.OpenAI(base_url=sim.url + '/v1', api_key='none', max_retries=0) as c:
        yield c


@pytest.mark.smoke
def test_sdk_chat_plain_and_streamed_say_the_same(client):
    messages = [{'role': 'user', 'content': 'Hello there'}]
    plain = client.chat.completions.create(model='m', messages=messages)
    assert 'simulated reply' in plain.choices[0].message.content and plain.choices[0].finish_reason == 'stop'
    assert plain.model == 'm' and plain.usage.total_tokens == plain.usage.prompt_tokens + plain.usage.completion_tokens
    assert abs(plain.created - time.time()) < 60
    chunks = list(client.chat.completions.create(model='m', messages=messages, stream=True,
                                                 stream_options={'include_usage': True}))
    assert ''.join(c.choices[0].delta.content or '' for c in chunks if c.choices) == plain.choices[0].message.content
    assert chunks[-1].usage == plain.usage and not chunks[-1].choices
    assert len({c.id for c in chunks}) == 1


def test_sdk_echo_limits_and_choices(client):
    said = 'Grüße, "Welt" 🙂\n'
    reply = client.chat.completions.create(model='echo', messages=[{'role': 'user', 'content': said}], n=2)
    assert [c.message.content for c in reply.choices] == [said, said]
    reply = client.chat.completions.create(model='m', messages=[{'role': 'user', 'content': 'x'}], max_tokens=3)
    assert reply.choices[0].finish_reason == 'length' and reply.usage.completion_tokens == 3


TOOL = {'type': 'function', 'function': {'name': 'get_weather', 'parameters': {
    'type': 'object', 'properties': {'city': {'type': 'string'}, 'unit': {'enum': ['celsius', 'kelvin']}},
    'required': ['city', 'unit']}}}


def test_sdk_tools_plain_and_streamed(client):
    asked = {'model': 'm', 'messages': [{'role': 'user', 'content': 'x'}], 'tools': [TOOL], 'tool_choice': 'required'}
    call = client.chat.completions.create(**asked).choices[0].message.tool_calls[0]
    assert call.function.name == 'get_weather'
    assert json.loads(call.function.arguments) == {'city': 'simulated', 'unit': 'celsius'}
    with client.chat.completions.stream(**asked) as stream:
        final = stream.get_final_completion().choices[0]
    assert final.finish_reason == 'tool_calls'
    assert final.message.tool_calls[0].function.arguments == call.function.arguments


class Recipe(pydantic.BaseModel):
    class Step(pydantic.BaseModel):
        text: str
        minutes: int
        optional: bool

    name: str
    first: Step
    steps: list[Step]
    source: str | None
    rating: float


def test_sdk_structured_output(client):
    got = client.chat.completions.parse(model='m', messages=[{'role': 'user', 'content': 'x'}], response_format=Recipe)
    assert got.choices[0].message.parsed.first.minutes == 0


def test_sdk_embeddings_by_text_and_by_base64_agree(client):
    asked = {'model': 'm', 'input': ['one', 'two', 'one'], 'dimensions': 256}
    binary = client.embeddings.create(**asked)
    floats = client.embeddings.create(**asked, encoding_format='float')
    for x, y in zip(binary.data, floats.data):
        assert len(x.embedding) == 256
        assert max(abs(a - b) for a, b in zip(x.embedding, y.embedding)) < 1e-7
        assert abs(sum(a * a for a in x.embedding) - 1) < 1e-4
    assert binary.data[0].embedding == binary.data[2].embedding != binary.data[1].embedding
    assert len(client.embeddings.create(model='m', input='x').data[0].embedding) == 1536


def test_sdk_completions_moderations_models(client):
    assert client.completions.create(model='m', prompt='x', max_tokens=2).choices[0].finish_reason == 'length'
    assert ''.join(c.choices[0].text for c in client.completions.create(model='m', prompt='x', stream=True))
    assert not client.moderations.create(input='x').results[0].flagged
    assert 'demo' in [m.id for m in client.models.list()]
    assert client.models.retrieve('demo').owned_by == 'weir-simulated'


@pytest.mark.parametrize('status, error', [
    (400, openai.BadRequestError), (401, openai.AuthenticationError), (403, openai.PermissionDeniedError),
    (404, openai.NotFoundError), (422, openai.UnprocessableEntityError), (429, openai.RateLimitError),
    (500, openai.InternalServerError), (503, openai.InternalServerError)])
def test_sdk_errors_have_their_classes(client, status, error):
    with pytest.raises(error) as caught:
        client.chat.completions.create(**HELLO, extra_headers={'X-Simulate': f'error={status}'})
    assert caught.value.body['message'].startswith('Simulated error')


def test_sdk_sees_an_error_event(client):
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(**HELLO, stream=True, extra_headers={'X-Simulate': 'error-event'}))


def test_sdk_errors_of_wrong_requests(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model='m', messages=[])
    assert caught.value.param == 'messages'
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve('nothing')
    with pytest.raises(openai.NotFoundError):
        client.files.list()
