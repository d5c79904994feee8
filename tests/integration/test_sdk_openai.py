"""OpenAI's own Python client in front of Weir: what people's programs do, and the exceptions they catch."""
import array
import asyncio
import base64
import collections
import json
import os

import openai
import pydantic
import pytest

from recordings import SERVICES, data, endpoint, events, is_usage_only, needs_recordings, wants_usage
from weir import RECORDINGS, SLOW, Simulator, Weir, in_front_of
from wire import free_port

SAID = [{'role': 'user', 'content': 'Hello there'}]
HELLO = {'model': 'simulated', 'messages': SAID}
PATIENT = {'failure_threshold': 1000, 'failure_rate': 1.0}
KEYS = {'mode': 'keys', 'keys': [{'name': 'alice', 'key': 'sk-alice'},
                                 {'name': 'bob', 'key': 'sk-bob', 'models': ['simulated']},
                                 {'name': 'carol', 'key': 'sk-carol', 'tier': 'slow'}]}
TIERS = {'default': {'requests_per_minute': 0, 'requests_per_hour': 0}, 'slow': {'requests_per_minute': 1}}


@pytest.fixture(scope='module')
def sim():
    with Simulator('--seed', 1) as s:
        yield s


@pytest.fixture(scope='module')
def weir(sim):
    """Any name that begins with `sim` or `text-`, and `echo`, is a model here; nothing else is."""
    config = in_front_of(sim, auth=KEYS, tiers=TIERS, breaker=PATIENT)
    every = config['models'].pop('*')
    for name in 'sim*', 'text-*', 'echo':
        config['models'][name] = every
    # What waits is not given up before it has begun, and then soon.
    config['models']['hasty'] = {'targets': [{'provider': 'one', 'model': 'm'}],
                                 'timeouts': {'idle': '200ms', 'first_token': '200ms', 'reply': '200ms'}}
    with Weir(config) as w:
        yield w


def connect(base_url, api_key='sk-alice', kind=openai.OpenAI, **more):
    return kind(base_url=base_url, api_key=api_key, **{'max_retries': 0, 'timeout': 10 * SLOW, **more})


@pytest.fixture
def client(weir):
    with connect(weir.url + '/v1') as c:
        yield c


def simulate(words):
    """For the provider: it looks for this header, Weir passes it on."""
    return {'X-Simulate': words}


# ---- chat ----

@pytest.mark.smoke
def test_chat_plain_and_streamed_say_the_same(client):
    plain = client.chat.completions.create(**HELLO)
    assert 'simulated reply' in plain.choices[0].message.content and plain.choices[0].finish_reason == 'stop'
    assert plain.usage.total_tokens == plain.usage.prompt_tokens + plain.usage.completion_tokens
    chunks = list(client.chat.completions.create(**HELLO, stream=True))
    assert ''.join(c.choices[0].delta.content or '' for c in chunks) == plain.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == 'stop' and len({c.id for c in chunks}) == 1


def test_usage_of_a_stream_comes_only_to_who_asked(client):
    chunks = list(client.chat.completions.create(**HELLO, stream=True))
    assert all(c.choices and c.usage is None for c in chunks)
    chunks = list(client.chat.completions.create(**HELLO, stream=True, stream_options={'include_usage': True}))
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0
    for options in {'include_usage': False}, {}, None:
        assert all(c.choices for c in client.chat.completions.create(**HELLO, stream=True, stream_options=options))


def test_text_passes_unharmed(client):
    said = 'Grüße, "Welt" 🙂\n\t\\u0041 \u2028 \x7f'
    asked = {'model': 'echo', 'messages': [{'role': 'user', 'content': said}]}
    reply = client.chat.completions.create(**asked, n=2)
    assert [c.message.content for c in reply.choices] == [said, said]
    chunks = client.chat.completions.create(**asked, stream=True)
    assert ''.join(c.choices[0].delta.content or '' for c in chunks) == said


def test_a_long_conversation_passes(client):
    said = 'word ' * 200_000
    reply = client.chat.completions.create(model='echo', messages=[*SAID * 100, {'role': 'user', 'content': said}])
    assert reply.choices[0].message.content == said


def test_the_stream_helper(client):
    kinds = collections.Counter()
    with client.chat.completions.stream(**HELLO, stream_options={'include_usage': True}) as stream:
        for event in stream:
            kinds[event.type] += 1
        final = stream.get_final_completion()
    assert kinds['content.delta'] > 3 and kinds['content.done'] == 1 and kinds['chunk'] > kinds['content.delta']
    assert final.choices[0].message.content.startswith('This is a simulated reply') and final.usage.total_tokens > 0


def test_a_stream_that_is_left_is_given_up_upstream(weir, client):
    raw = client.chat.completions.with_raw_response.create(**HELLO, stream=True, extra_headers=simulate('stall'))
    stream = raw.parse()
    next(iter(stream))
    stream.close()
    line = weir.wait_for_log(lambda l: l.get('correlation_id') == raw.headers['x-correlation-id'])
    assert line['outcome'] == 'caller_gone' and line['stream'] is True


TOOL = {'type': 'function', 'function': {'name': 'get_weather', 'strict': True, 'parameters': {
    'type': 'object', 'properties': {'city': {'type': 'string'}, 'unit': {'enum': ['celsius', 'kelvin']}},
    'required': ['city', 'unit'], 'additionalProperties': False}}}


def test_tools_plain_and_streamed(client):
    asked = {**HELLO, 'tools': [TOOL], 'tool_choice': 'required'}
    choice = client.chat.completions.create(**asked).choices[0]
    call = choice.message.tool_calls[0]
    assert choice.finish_reason == 'tool_calls' and call.function.name == 'get_weather'
    assert json.loads(call.function.arguments) == {'city': 'simulated', 'unit': 'celsius'}
    with client.chat.completions.stream(**asked) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion().choices[0]
    assert 'tool_calls.function.arguments.done' in kinds and final.finish_reason == 'tool_calls'
    assert final.message.tool_calls[0].function.parsed_arguments == {'city': 'simulated', 'unit': 'celsius'}
    # and the result goes back
    talk = [*SAID, choice.message.to_dict(), {'role': 'tool', 'tool_call_id': call.id, 'content': '21'}]
    assert client.chat.completions.create(model='simulated', messages=talk, tools=[TOOL]).choices[0].message.content


class Recipe(pydantic.BaseModel):
    class Step(pydantic.BaseModel):
        text: str
        minutes: int

    name: str
    steps: list[Step]
    source: str | None
    rating: float


def test_structured_output_plain_and_streamed(client):
    got = client.chat.completions.parse(**HELLO, response_format=Recipe).choices[0].message.parsed
    assert isinstance(got, Recipe) and got.name == 'simulated'
    with client.chat.completions.stream(**HELLO, response_format=Recipe) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == got


def test_a_cut_answer_is_no_structured_output(client):
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(**HELLO, response_format=Recipe, max_tokens=1)


# ---- async ----

def test_async_chat_many_at_once(weir):
    async def run():
        async with connect(weir.url + '/v1', kind=openai.AsyncOpenAI) as client:
            async def plain(i):
                said = [{'role': 'user', 'content': f'number {i}'}]
                return (await client.chat.completions.create(model='echo', messages=said)).choices[0].message.content

            async def streamed(i):
                said = [{'role': 'user', 'content': f'number {i}'}]
                stream = await client.chat.completions.create(model='echo', messages=said, stream=True)
                return ''.join([c.choices[0].delta.content or '' async for c in stream])

            return await asyncio.gather(*(f(i) for i in range(50) for f in (plain, streamed)))

    assert asyncio.run(run()) == [f'number {i}' for i in range(50) for _ in range(2)]


def test_async_helper_tools_and_errors(weir):
    async def run():
        async with connect(weir.url + '/v1', kind=openai.AsyncOpenAI) as client:
            async with client.chat.completions.stream(**HELLO, tools=[TOOL], tool_choice='required') as stream:
                final = await stream.get_final_completion()
            assert final.choices[0].message.tool_calls[0].function.parsed_arguments['unit'] == 'celsius'
            got = await client.chat.completions.parse(**HELLO, response_format=Recipe)
            assert isinstance(got.choices[0].message.parsed, Recipe)
            with pytest.raises(openai.NotFoundError):
                await client.chat.completions.create(model='nothing', messages=SAID)
            with pytest.raises(openai.APIError, match='Simulated error'):
                async for _ in await client.chat.completions.create(**HELLO, stream=True,
                                                                    extra_headers=simulate('error-event')):
                    pass
            with pytest.raises(openai.APITimeoutError):
                await client.with_options(timeout=0.2).chat.completions.create(
                    **HELLO, extra_headers=simulate('delay=60000'))
            return [m.id async for m in client.models.list()]

    assert 'echo' in asyncio.run(run())


# ---- the smaller endpoints ----

def test_embeddings_by_base64_and_by_number_agree(client):
    asked = {'model': 'text-embedding-3-small', 'input': ['one', 'two', 'one'], 'dimensions': 256}
    binary = client.embeddings.create(**asked)  # the client asks for base64 and unpacks it
    floats = client.embeddings.create(**asked, encoding_format='float')
    for x, y in zip(binary.data, floats.data, strict=True):
        assert len(x.embedding) == 256
        assert max(abs(a - b) for a, b in zip(x.embedding, y.embedding)) < 1e-7
    assert binary.data[0].embedding == binary.data[2].embedding != binary.data[1].embedding
    assert binary.usage.prompt_tokens > 0


def test_completions_plain_and_streamed(client):
    plain = client.completions.create(model='simulated', prompt='x')
    assert plain.choices[0].finish_reason == 'stop' and plain.object == 'text_completion'
    chunks = list(client.completions.create(model='simulated', prompt='x', stream=True))
    assert ''.join(c.choices[0].text for c in chunks) == plain.choices[0].text
    assert client.completions.create(model='simulated', prompt='x', max_tokens=2).choices[0].finish_reason == 'length'


def test_moderations_with_and_without_a_model(client):
    assert not client.moderations.create(model='text-moderation-latest', input='x').results[0].flagged
    got = client.moderations.create(input=['x', 'y'])
    assert len(got.results) == 2 and got.results[0].categories.violence is False


def test_models(client):
    listed = {m.id: m for m in client.models.list()}
    assert listed['echo'].owned_by == 'one' and 'one/demo' in listed
    assert client.models.retrieve('echo') == listed['echo']
    assert client.models.retrieve('one/demo') == listed['one/demo']
    assert client.chat.completions.create(model='one/demo', messages=SAID).model == 'demo'
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve('nothing')
    assert caught.value.code == 'model_not_found' and caught.value.param == 'model'


def test_models_are_those_that_the_key_may_use(weir):
    with connect(weir.url + '/v1', 'sk-bob') as client:
        assert [m.id for m in client.models.list()] == ['simulated']
        assert client.chat.completions.create(**HELLO).choices
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(model='echo', messages=SAID)
    assert caught.value.type == 'permission_error' and '"bob"' in caught.value.body['message']


# ---- headers ----

def test_raw_responses_have_the_headers_of_the_contract(client):
    for more in {}, {'stream': True}:
        raw = client.chat.completions.with_raw_response.create(**HELLO, **more, extra_headers={'X-Correlation-ID': 'my-id'})
        assert raw.headers['x-weir-provider'] == 'one' and raw.headers['x-weir-model'] == 'simulated'
        assert raw.headers['x-weir-attempts'] == '1' and int(raw.headers['x-weir-overhead-us']) >= 0
        assert raw.headers['x-correlation-id'] == 'my-id' and raw.headers['x-content-type-options'] == 'nosniff'
        assert raw.http_response.headers['x-request-id'].startswith('req_')
    assert raw.headers['cache-control'] == 'no-cache' and raw.headers['x-accel-buffering'] == 'no'
    assert len(list(raw.parse())) > 3
    assert client.chat.completions.create(**HELLO)._request_id.startswith('req_')
    with client.chat.completions.with_streaming_response.create(**HELLO) as streamed:
        assert json.loads(streamed.read())['object'] == 'chat.completion'


def test_limits_are_told_and_kept(weir):
    with connect(weir.url + '/v1', 'sk-carol') as client:
        first = client.chat.completions.with_raw_response.create(**HELLO)
        assert first.headers['x-ratelimit-limit-minute'] == '1' and first.headers['x-ratelimit-remaining-minute'] == '0'
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(**HELLO)
    error = caught.value
    assert (error.code, error.type) == ('rate_limit_exceeded', 'rate_limit_error')
    assert 1 <= int(error.response.headers['retry-after']) <= 60


# ---- errors as the client's own exceptions ----

def failing(client, expected, **asked):
    with pytest.raises(expected) as caught:
        client.chat.completions.create(**{**HELLO, **asked})
    assert type(caught.value) is expected
    return caught.value


def test_a_wrong_key_is_an_authentication_error(weir):
    for key in 'sk-nobody', 'sk-alic', 'sk-alicee':
        with connect(weir.url + '/v1', key) as client:
            error = failing(client, openai.AuthenticationError)
            assert error.code == 'invalid_api_key' and key not in str(error)
            assert error.response.headers['www-authenticate'] == 'Bearer'
            with pytest.raises(openai.AuthenticationError):
                client.models.list()


@pytest.mark.smoke
def test_an_unknown_model_is_not_found(client):
    for more in {}, {'stream': True}:
        error = failing(client, openai.NotFoundError, model='nothing', **more)
        assert (error.code, error.param, error.type) == ('model_not_found', 'model', 'invalid_request_error')
        assert '"nothing"' in error.body['message']


def test_a_wrong_model_is_a_bad_request(client):
    error = failing(client, openai.BadRequestError, model=5)
    assert error.param == 'model' and 'number' in error.body['message']


def test_a_body_that_is_too_large_says_so(sim):
    with Weir(in_front_of(sim, server={'max_body': '64KiB'})) as w, connect(w.url + '/v1') as client:
        error = failing(client, openai.APIStatusError, messages=[{'role': 'user', 'content': 'x' * 100_000}])
        assert error.status_code == 413 and error.code == 'request_too_large' and 'max_body' in error.body['message']
        assert client.chat.completions.create(**HELLO).choices


@pytest.mark.parametrize('status, expected', [
    (400, openai.BadRequestError), (422, openai.UnprocessableEntityError), (415, openai.APIStatusError),
    (413, openai.APIStatusError)])
def test_what_the_provider_finds_wrong_comes_as_it_said(client, status, expected):
    for more in {}, {'stream': True}:
        error = failing(client, expected, extra_headers=simulate(f'error={status}'), **more)
        assert error.status_code == status and error.body['message'].startswith('Simulated error')


@pytest.mark.parametrize('said, status, expected, code', [
    (401, 502, openai.InternalServerError, 'upstream_error'),
    (403, 502, openai.InternalServerError, 'upstream_error'),
    (404, 404, openai.NotFoundError, 'model_not_found'),
    (408, 502, openai.InternalServerError, 'upstream_error'),
    (409, 502, openai.InternalServerError, 'upstream_error'),
    (429, 429, openai.RateLimitError, 'rate_limit_exceeded'),
    (500, 502, openai.InternalServerError, 'upstream_error'),
    (503, 503, openai.InternalServerError, 'service_unavailable'),
    (529, 529, openai.InternalServerError, 'service_unavailable')])
def test_what_is_the_providers_own_trouble_is_told_by_weir(client, said, status, expected, code):
    for more in {}, {'stream': True}:
        error = failing(client, expected, extra_headers=simulate(f'error={said},retry-after=3'), **more)
        assert (error.status_code, error.code) == (status, code)
        assert error.body['message'].startswith('All LLM providers failed')
        tried = error.body['attempts']
        assert [(a['provider'], a['status']) for a in tried] == [('one', said)]
        assert error.response.headers.get('retry-after') == ('3' if said == 429 else None)


@pytest.mark.parametrize('words', ['cut', 'malformed', 'cut,at=0'])
def test_a_broken_reply_is_a_server_error(client, words):
    error = failing(client, openai.InternalServerError, extra_headers=simulate(words))
    assert (error.status_code, error.code) == (502, 'upstream_error')
    assert [a['reason'] for a in error.body['attempts']] == ['malformed']


@pytest.mark.parametrize('words', ['error-event', 'cut', 'malformed'])
def test_a_broken_stream_is_an_error_after_its_content(client, words):
    text = ''
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(**HELLO, stream=True, extra_headers=simulate(words)):
            text += chunk.choices[0].delta.content or ''
    assert text.startswith('This is a simulated') and type(caught.value) is openai.APIError
    assert caught.value.body['type'] == 'server_error' and caught.value.message


def test_a_client_may_go_on_at_once_after_a_broken_stream(client):
    """Its head promised a connection that stays; it closes all the same, and not under the next request."""
    for _ in range(100):
        with pytest.raises(openai.APIError):
            list(client.chat.completions.create(**HELLO, stream=True, extra_headers=simulate('error-event')))


@pytest.mark.parametrize('words', ['error-event,at=0', 'cut,at=0', 'malformed,at=0'])
def test_a_stream_that_breaks_before_its_content_is_a_status(client, words):
    error = failing(client, openai.InternalServerError, stream=True, extra_headers=simulate(words))
    assert error.status_code == 502 and [a['reason'] for a in error.body['attempts']] == ['malformed']


def test_a_provider_that_falls_silent_is_a_timeout(client):
    asked = {'model': 'hasty', 'extra_headers': simulate('stall')}
    error = failing(client, openai.InternalServerError, **asked)
    assert (error.status_code, error.code) == (504, 'timeout')
    error = failing(client, openai.InternalServerError, stream=True, **{**asked, 'extra_headers': simulate('stall,at=0')})
    assert (error.status_code, error.code) == (504, 'timeout')
    text = ''
    with pytest.raises(openai.APIError, match='stalled') as caught:
        for chunk in client.chat.completions.create(**{**HELLO, **asked}, stream=True):
            text += chunk.choices[0].delta.content or ''
    assert text.startswith('This is') and caught.value.body['code'] == 'timeout'


def test_the_clients_own_timeout(weir, client):
    headers = {**simulate('delay=60000'), 'X-Correlation-ID': 'impatient'}
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).chat.completions.create(**HELLO, extra_headers=headers)
    line = weir.wait_for_log(lambda l: l.get('correlation_id') == 'impatient')
    assert line['outcome'] == 'caller_gone'


def test_nobody_listens():
    with connect(f'http://127.0.0.1:{free_port()}/v1') as client:
        failing(client, openai.APIConnectionError)


def test_no_provider_listens():
    with Weir(in_front_of(f'http://127.0.0.1:{free_port()}')) as w, connect(w.url + '/v1') as client:
        error = failing(client, openai.InternalServerError)
        assert error.status_code == 502
        assert [(a['status'], a['reason']) for a in error.body['attempts']] == [(None, 'unreachable')]


def test_a_fallback_is_invisible_but_for_its_header():
    with Simulator('--error-rate', 1, '--error-status', 503) as bad, Simulator() as good:
        with Weir(in_front_of(bad, good)) as w, connect(w.url + '/v1') as client:
            raw = client.chat.completions.with_raw_response.create(**HELLO)
            assert (raw.headers['x-weir-provider'], raw.headers['x-weir-attempts']) == ('two', '2')
            assert raw.parse().choices[0].finish_reason == 'stop'
            raw = client.chat.completions.with_raw_response.create(**HELLO, stream=True)
            assert raw.headers['x-weir-provider'] == 'two' and len(list(raw.parse())) > 3


def test_the_clients_retries_end_well():
    with Simulator('--error-rate', 0.5, '--error-status', 503, '--seed', 4) as s:
        with Weir(in_front_of(s, breaker=PATIENT)) as w, connect(w.url + '/v1', max_retries=10) as client:
            client._calculate_retry_timeout = lambda *_: 0.001
            for _ in range(10):
                assert client.chat.completions.create(**HELLO).choices[0].finish_reason == 'stop'


# ---- habits ----

@pytest.mark.parametrize('path', ['', '/', '/v1', '/v1/'])
def test_base_urls_that_people_write(weir, path):
    with connect(weir.url + path) as client:
        assert client.chat.completions.create(**HELLO).choices
        assert client.embeddings.create(model='text-embedding-3-small', input='x').data
        assert client.models.retrieve('echo').id == 'echo'
        assert [m for m in client.models.list() if m.id == 'echo']


def test_a_doubled_version_is_answered_with_a_hint(weir):
    with connect(weir.url + '/v1/v1') as client:
        error = failing(client, openai.NotFoundError)
        assert '/v1 twice' in error.body['message']
        with pytest.raises(openai.NotFoundError, match='/v1 twice'):
            client.models.list()


def test_names_with_their_provider_and_unknown_parameters_pass(client):
    reply = client.chat.completions.create(model='one/some/model:free', messages=SAID, user='u',
                                           extra_body={'top_k': 5, 'provider': {'order': ['x']}},
                                           extra_query={'api-version': '1'})
    assert reply.model == 'some/model:free'


def test_other_places_for_the_key(weir):
    with connect(weir.url + '/v1', 'of-somebody-else') as client:
        for header in 'x-api-key', 'X-Weir-Key':
            headers = {header: 'sk-alice', 'Authorization': openai.Omit()}
            assert client.chat.completions.create(**HELLO, extra_headers=headers).choices
        assert client.chat.completions.create(**HELLO, extra_headers={'X-Weir-Key': 'sk-alice'}).choices
        failing(client, openai.AuthenticationError, extra_headers={'X-Weir-Key': 'sk-alicia'})


def test_what_is_not_there_is_not_found(client):
    """Never a hang, never a page of HTML."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.files.list()
    assert caught.value.body['message']


# ---- recorded answers ----

RECORDED = ['openai', 'groq', 'openrouter', 'together', 'mistral', 'deepseek']


@pytest.fixture(scope='module', params=RECORDED)
def replay(request):
    """(its simulator, a Weir in front of that, the cases)"""
    with Simulator('--replay', os.path.join(RECORDINGS, request.param)) as s:
        with Weir(in_front_of(s, breaker=PATIENT)) as w:
            yield s, w, [c for (p, _), found in SERVICES.items() if p == request.param for c in found]


def ask(client, case):
    """The call that a program would make; what the client does not know goes in extra_body."""
    call = {'/chat/completions': client.chat.completions.create, '/completions': client.completions.create,
            '/embeddings': client.embeddings.create, '/moderations': client.moderations.create}[endpoint(case.meta['path'])]
    body = json.loads(case.request)
    known = {k: body.pop(k) for k in ('messages', 'prompt', 'input', 'model', 'stream') if k in body}
    return call(**known, extra_body=body, extra_headers={'X-Case': case.name})


def as_said(value):
    return value.to_dict(mode='json', warnings=False)


def expected(case):
    """What the client makes of the recorded bytes: one object, or one for each event."""
    if not case.meta['response_file'].endswith('.sse'):
        return json.loads(case.response)
    blocks = [b for b in events(case.response) if data(b) is not None]
    return [data(b) for b in blocks if wants_usage(case.request) or not is_usage_only(b)]


def vectors(case):
    found = [d['embedding'] for d in json.loads(case.response)['data']]
    return [array.array('f', base64.b64decode(v)).tolist() if isinstance(v, str) else v for v in found]


def good(cases):
    return [c for c in cases if c.meta['status'] == 200 and 'stream_error' not in c.meta['features']]


@needs_recordings
def test_recorded_answers_through_the_client(replay):
    _, weir, cases = replay
    with connect(weir.url + '/v1') as client:
        for case in good(cases):
            got = ask(client, case)
            if endpoint(case.meta['path']) == '/embeddings':
                assert [d.embedding for d in got.data] == vectors(case), case.name
            else:
                got = [as_said(c) for c in got] if isinstance(got, openai.Stream) else as_said(got)
                assert got == expected(case), case.name


@needs_recordings
def test_recorded_answers_through_the_async_client_all_at_once(replay):
    _, weir, cases = replay

    async def one(client, case):
        got = await ask(client, case)
        return [as_said(c) async for c in got] if isinstance(got, openai.AsyncStream) else as_said(got)

    async def run():
        async with connect(weir.url + '/v1', kind=openai.AsyncOpenAI, timeout=60 * SLOW) as client:
            chosen = [c for c in good(cases) if endpoint(c.meta['path']) != '/embeddings']
            for case, got in zip(chosen, await asyncio.gather(*(one(client, c) for c in chosen)), strict=True):
                assert got == expected(case), case.name

    asyncio.run(run())


CLASSES = {400: openai.BadRequestError, 404: openai.NotFoundError, 422: openai.UnprocessableEntityError,
           429: openai.RateLimitError}


@needs_recordings
def test_recorded_refusals_are_the_clients_exceptions(replay):
    _, weir, cases = replay
    with connect(weir.url + '/v1') as client:
        for case in (c for c in cases if c.meta['status'] >= 400):
            with pytest.raises(openai.APIStatusError) as caught:
                ask(client, case)
            error, status = caught.value, case.meta['status']
            assert type(error) is CLASSES.get(status, openai.InternalServerError), case.name
            if status == 400:
                assert error.response.content == case.response
                said = json.loads(case.response)
                assert error.body == said.get('error', said) and error.message, case.name
            else:
                assert [a['status'] for a in error.body['attempts']] == [status], case.name


@needs_recordings
@pytest.mark.parametrize('replay', ['groq', 'openrouter'], indirect=True)
def test_recorded_errors_in_streams_are_the_clients_exceptions(replay):
    _, weir, cases = replay
    chosen = [c for c in cases if 'stream_error' in c.meta['features']]
    assert chosen
    with connect(weir.url + '/v1') as client:
        for case in chosen:
            seen = []
            with pytest.raises(openai.APIError) as caught:
                for chunk in ask(client, case):
                    seen.append(chunk)
            said = next(v['error'] for b in events(case.response) if 'error' in (v := data(b) or {}))
            assert seen and caught.value.message == said['message'], case.name


class Anything(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra='allow')


def helped(client, case):
    """The choices that the stream helper puts together, or the name of what it raised."""
    body = json.loads(case.request)
    known = {k: body.pop(k) for k in ('messages', 'model')}
    try:
        with client.chat.completions.stream(**known, extra_body=body, extra_headers={'X-Case': case.name}) as stream:
            return [c.to_dict(mode='json', warnings=False) for c in stream.get_final_completion().choices]
    except Exception as error:  # what the helper cannot put together, it must not be able to without Weir either
        return type(error).__name__


@needs_recordings
@pytest.mark.filterwarnings('ignore:Pydantic serializer warnings')  # Mistral's content is a list where OpenAI's is text
def test_recorded_streams_through_the_helper(replay):
    sim, weir, cases = replay
    chosen = [c for c in good(cases) if c.meta['stream'] and endpoint(c.meta['path']) == '/chat/completions']
    with connect(weir.url + '/v1') as through, connect(sim.url + '/v1') as direct:
        results = [(c.name, helped(through, c), helped(direct, c)) for c in chosen]
    assert [r for r in results if r[1] != r[2]] == []
    assert sum(isinstance(r[1], list) for r in results) > len(results) / 2 or not results


@needs_recordings
def test_recorded_structured_output(replay):
    _, weir, cases = replay
    with connect(weir.url + '/v1') as client:
        for case in good(cases):
            if case.meta['stream'] or 'json_schema' not in case.meta['features']:
                continue
            try:
                said = json.loads(json.loads(case.response)['choices'][0]['message']['content'])
            except (TypeError, ValueError):
                continue  # refused, cut or a tool's call
            got = client.chat.completions.parse(model='m', messages=SAID, response_format=Anything,
                                                extra_headers={'X-Case': case.name})
            assert got.choices[0].message.parsed.model_dump() == said, case.name
