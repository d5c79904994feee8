"""Weir in front of recorded answers of real services: what comes out must be what the service said, byte for byte.

Each recorded request to an OpenAI-compatible endpoint goes through `weir serve` to `weir simulate --replay`, which finds
the recording by method, path and body; a request that Weir damaged is not found. What must come back is worked out here
from the recorded bytes alone. Where it is not the recording itself, STREAM_EXCEPTIONS and OWN_STATUS say by which rule
of the contract."""
import collections
import json
import os
import re

import pytest

from recordings import SERVICES, data, endpoint, events, needs_recordings, wants_usage, without_usage
from weir import RECORDINGS, Simulator, Weir, in_front_of, wait_until
from wire import COMPLETION, WHOLE, Upstream, plain, stream

pytestmark = needs_recordings


# ---- what must come out ----

def up_to_error(body):
    """All blocks up to the first that reports an error, with it."""
    kept = b''
    for block in events(body):
        kept += block
        if 'error' in (data(block) or {}):
            return kept
    raise AssertionError('no error in this stream')


# Streams that do not end as recorded: case -> what is left of them.
STREAM_EXCEPTIONS = {
    # OpenRouter sends [DONE] behind an error. A caller must not take that for a good end (CONTRACT 4, "After commit").
    'openrouter/chat/cassettes-test-openrouter-openrouter-stream-error': up_to_error,
}
# Weir's own status where a provider's rejection is not the caller's business, by the contract's table of outcomes.
OWN_STATUS = {401: 502, 402: 502, 403: 502, 404: 404, 408: 502, 409: 502, 425: 502, 429: 429}
PASSING = (400, 413, 415, 422)


def differs(case, request, got):
    """Why `got` is not what must come out for `request` when the service answers with `case`; None: it is."""
    status, is_stream = case.meta['status'], case.meta['response_file'].endswith('.sse')
    if status in OWN_STATUS:
        return differs_from_own(case, got, OWN_STATUS[status])
    assert status == 200 or status in PASSING, case.name
    wanted = case.response
    if is_stream and not wants_usage(request):
        wanted = without_usage(wanted)
    wanted = STREAM_EXCEPTIONS.get(case.name, bytes)(wanted)
    if got.status_code != status:
        return f'status {got.status_code}, not {status}: {got.text[:300]}'
    if got.content != wanted:
        at = len(os.path.commonprefix([got.content, wanted]))
        return f'byte {at} of {len(wanted)}: {got.content[at:at + 100]!r}, not {wanted[at:at + 100]!r}'
    wanted = case.meta['response_headers'].get('content-type')
    if wanted and got.headers['content-type'] != wanted:
        return f'content type {got.headers["content-type"]!r}, not {wanted!r}'
    return None


def differs_from_own(case, got, status):
    if got.status_code != status:
        return f'status {got.status_code}, not {status}'
    error = got.json()['error']
    if [a['status'] for a in error['attempts']] != [case.meta['status']]:
        return f'attempts {error["attempts"]}'
    if status == 429 and int(got.headers.get('retry-after', 0)) < 1:
        return 'no Retry-After'
    return None


# ---- asking ----

def twins(cases):
    """Requests that say the same, and so are answered with each other's recordings in turn."""
    groups = collections.defaultdict(list)
    for case in cases:
        body = json.loads(case.request)
        body.pop('stream_options', None)
        groups[endpoint(case.meta['path']), json.dumps(body, sort_keys=True)].append(case)
    return groups.values()


def ask(http, case, rename):
    return http.post('/v1' + endpoint(case.meta['path']), content=rename(case.request),
                     headers={'Content-Type': 'application/json'})


def misses(http, cases, rename):
    """Sends all; (case name, why) of what came out wrong."""
    for group in twins(cases):
        left = list(group)
        for case in group:
            got = ask(http, case, rename)
            why = [(c, differs(c, case.request, got)) for c in left]
            right = next((c for c, w in why if w is None), None)
            if right:
                left.remove(right)
            else:
                yield case.name, why[0][1]


def as_recorded(request):
    return request


def by_provider(request):
    """`one/MODEL` instead of `MODEL`: Weir must put back what the service was asked for."""
    body = json.loads(request)
    return json.dumps({**body, 'model': 'one/' + body['model']}, ensure_ascii=False).encode()


PATIENT = {'failure_threshold': 1000, 'failure_rate': 1.0}


@pytest.mark.parametrize('rename, piece_bytes', [(as_recorded, 0), (by_provider, 1)])  # 0: cut at random places
@pytest.mark.parametrize('provider', sorted({p for p, _ in SERVICES}))
def test_replies_are_equal_byte_for_byte(provider, rename, piece_bytes, score):
    wrong, count = [], 0
    with Simulator('--replay', os.path.join(RECORDINGS, provider), '--replay-piece', piece_bytes) as s:
        for (_, prefix), cases in (item for item in SERVICES.items() if item[0][0] == provider):
            config = in_front_of(s.url + prefix, breaker=PATIENT)
            if rename is by_provider:
                del config['models']
                cases = [c for c in cases if 'model' in json.loads(c.request)]
            with Weir(config) as w:
                wrong += misses(w.http, cases, rename)
            count += len(cases)
    score(f'{provider:16} {rename.__name__:12} {count - len(wrong)} of {count} replies equal')
    assert not wrong, '\n'.join(f'{name}: {why}' for name, why in wrong)


# ---- what goes up ----

ANYTHING = plain({**COMPLETION, 'data': [{}], 'results': [{}]})
ADDED = b'"stream_options":{"include_usage":true}'


def answer(exchange):
    exchange.send(stream(*WHOLE) if json.loads(exchange.request.body).get('stream') else ANYTHING)


def differs_upstream(case, sent):
    """Why `sent` is not the caller's request as it should reach the service; None: it is. Of a stream the usage may be
    asked for, and nothing else may change."""
    if json.loads(case.request).get('stream') is not True or wants_usage(case.request):
        return None if sent == case.request else f'{sent[:300]!r}'
    if not wants_usage(sent):
        return 'does not ask for the usage'
    before, found, after = sent.partition(ADDED)
    if not found:
        return f'changes something else: {sent[:300]!r}'
    if before.endswith(b','):
        return None if before[:-1] + after == case.request else 'more than the wish for usage was added'
    return None if before + after.removeprefix(b',') == case.request else 'more than the wish for usage was added'


@pytest.mark.parametrize('provider', sorted({p for p, _ in SERVICES}))
def test_requests_go_up_byte_for_byte(provider, score):
    cases = [case for (p, _), found in SERVICES.items() if p == provider for case in found]
    with Upstream(answer) as up, Weir(in_front_of(up.url)) as w:
        for case in cases:
            assert ask(w.http, case, as_recorded).status_code == 200, case.name
    wrong = [(c.name, why) for c, sent in zip(cases, up.requests, strict=True) if (why := differs_upstream(c, sent.body))]
    score(f'{provider:16} {"request":12} {len(cases) - len(wrong)} of {len(cases)} requests equal')
    assert not wrong, '\n'.join(f'{name}: {why}' for name, why in wrong)


@pytest.mark.parametrize('provider, prefix', sorted(key for key in SERVICES if re.search(r'/v\d', key[1])))
def test_base_urls_with_a_version_are_taken_as_they_are(provider, prefix):
    case = SERVICES[provider, prefix][0]
    with Upstream(answer) as up:
        for end in '', '/':
            with Weir(in_front_of(up.url + prefix + end)) as w:
                assert ask(w.http, case, as_recorded).status_code == 200
    assert [r.target for r in up.requests] == [case.meta['path']] * 2


# ---- what is counted ----

def tokens(case):
    """(input, output) as the recorded reply says, None where it does not; the last word counts."""
    is_stream = case.meta['response_file'].endswith('.sse')
    said = [data(block) for block in events(case.response)] if is_stream else [json.loads(case.response)]
    usages = [v.get('usage') or v.get('x_groq', {}).get('usage') for v in said if isinstance(v, dict)]
    usage = next((u for u in reversed(usages) if u), None)
    if usage is None:
        return None
    prompt, completion = usage.get('prompt_tokens') or 0, usage.get('completion_tokens') or 0
    reasoning = (usage.get('completion_tokens_details') or {}).get('reasoning_tokens') or 0
    if usage.get('total_tokens') == prompt + completion + reasoning:
        completion += reasoning  # xAI counts reasoning beside the completion, the others inside of it
    if completion and 'completion_tokens_details' not in usage:
        completion = max(completion, usage.get('total_tokens', 0) - prompt)  # Gemini's thoughts are in the total alone
    if 'prompt_tokens' not in usage and not completion:
        prompt = usage['total_tokens']  # Voyage says nothing else
    return prompt, completion


def lines_of(w, count):
    """{correlation id: line}, None until there are `count`: workers' lines need not come in the order of the requests."""
    lines = {line['correlation_id']: line for line in w.log_lines() if 'status_code' in line}
    return lines if len(lines) == count else None


@pytest.mark.parametrize('provider', sorted({p for p, _ in SERVICES}))
def test_the_log_counts_the_tokens_that_the_service_counted(provider, score):
    cases = [c for (p, _), found in SERVICES.items() if p == provider for c in found if c.meta['status'] == 200]
    with Simulator('--replay', os.path.join(RECORDINGS, provider)) as s, Weir(in_front_of(s.url, breaker=PATIENT)) as w:
        for i, case in enumerate(cases):
            w.http.post('/v1' + endpoint(case.meta['path']), content=case.request,
                        headers={'X-Case': case.name, 'X-Correlation-ID': str(i)})
        lines = wait_until(lambda: lines_of(w, len(cases)), 20, 'a line of the log for each case')
    wrong = []
    for i, case in enumerate(cases):
        line = lines[str(i)]
        counted = (line['input_tokens'], line['output_tokens']) if 'input_tokens' in line else None
        if counted != tokens(case):
            wrong.append(f'{case.name}: {counted}, not {tokens(case)}')
    score(f'{provider:16} {"usage":12} {len(cases) - len(wrong)} of {len(cases)} counted right')
    assert not wrong, '\n'.join(wrong)
