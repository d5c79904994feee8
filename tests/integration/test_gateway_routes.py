"""Which paths the gateway has, what it says elsewhere, and what every reply carries."""
import json
import re
import threading
import time

import pytest

from weir import SLOW, Simulator, Weir, in_front_of, wait_until
from wire import CHAT, COMPLETION, PATIENCE, Caller, Request, Upstream, exchange, plain, samples

KEYS = {'mode': 'keys', 'keys': [{'name': 'watcher', 'key': 'watcher-key', 'role': 'operator'}]}
ORIGIN = 'https://chat.example.com'
SECURITY = {'X-Frame-Options': 'DENY', 'X-Content-Type-Options': 'nosniff', 'X-XSS-Protection': '1; mode=block'}

# path, body, a look at the reply
MODEL_ROUTES = [
    ('/chat/completions', CHAT, lambda r: r['choices'][0]['message']['content']),
    ('/completions', {'model': 'simulated', 'prompt': 'Hello'}, lambda r: r['choices'][0]['text']),
    ('/embeddings', {'model': 'simulated', 'input': 'Hello'}, lambda r: r['data'][0]['embedding']),
    ('/moderations', {'model': 'simulated', 'input': 'Hello'}, lambda r: r['results'][0]['categories']),
]
GET_ROUTES = ['/v1/models', '/models', '/v1/models/simulated', '/models/simulated', '/health', '/api/v1/health',
              '/api/v1/ready',
              '/readyz', '/livez', '/metrics', '/circuit-breakers']


@pytest.fixture(scope='module')
def weir():
    with Simulator('--seed', 1) as s, Weir(in_front_of(s)) as w:
        yield w


@pytest.fixture(scope='module')
def locked():
    """With keys, and an origin that may call from a browser."""
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(
            up.url, auth=KEYS, server={'cors_origins': [ORIGIN, 'http://localhost:3000']},
            tiers={'default': {'requests_per_minute': 3}})) as w:
        yield w


# ---- paths and methods ----

@pytest.mark.smoke
@pytest.mark.parametrize('version', ['/v1', ''])
@pytest.mark.parametrize('path, body, look', MODEL_ROUTES)
def test_every_endpoint_for_models_answers_with_and_without_v1(weir, version, path, body, look):
    reply = weir.http.post(version + path, json=body)
    assert reply.status_code == 200, reply.text
    assert look(reply.json())


@pytest.mark.parametrize('version', ['/v1', ''])
def test_models_are_listed_and_shown_with_and_without_v1(weir, version):
    listed = weir.http.get(version + '/models').json()
    assert listed['object'] == 'list'
    one = next(m for m in listed['data'] if m['id'] == 'simulated')
    assert one['object'] == 'model' and isinstance(one['created'], int) and isinstance(one['owned_by'], str)
    assert weir.http.get(version + '/models/simulated').json() == one


def test_a_pattern_is_no_model_that_could_be_listed(weir):
    assert not [m for m in weir.http.get('/v1/models').json()['data'] if '*' in m['id']]


def test_a_model_that_nobody_configured_is_not_shown():
    with Upstream(plain(COMPLETION)) as up:
        config = in_front_of(up.url)
        del config['models']['*']
        with Weir(config) as w:
            reply = w.http.get('/v1/models/absent')
            assert reply.status_code == 404
            error = reply.json()['error']
            assert (error['type'], error['code']) == ('invalid_request_error', 'model_not_found')


@pytest.mark.parametrize('path', GET_ROUTES)
def test_head_is_wherever_get_is_and_has_no_body(weir, path):
    with Caller(weir.url) as caller:
        caller.ask(path)
        got = caller.read()
        caller.ask(path, method='HEAD')
        head = caller.read(has_body=False)
        caller.ask('/livez')
        assert caller.read().json() == {'status': 'ok'}, 'what follows the head is the next reply'
    assert got.status == head.status == 200
    assert head.get('content-type') == got.get('content-type')
    assert head.get('content-length') is not None or head.get('transfer-encoding') == 'chunked'


@pytest.mark.parametrize('path', ['/v1', '/v1/', '/v1/nothing', '/v1/chat', '/v1/chat/completions/more', '/v1/modelsx'])
def test_an_unknown_path_below_v1_is_404_in_the_shape_of_openai(weir, path):
    reply = weir.http.get(path)
    assert reply.status_code == 404
    error = reply.json()['error']
    assert error['type'] == 'invalid_request_error' and error['message']
    assert {'message', 'type', 'param', 'code'} <= set(error)


@pytest.mark.parametrize('path', ['/', '/nothing', '/api/v1/nothing', '/v1x/models', '/healthy', '/health/'])
def test_an_unknown_path_elsewhere_is_404_in_the_plain_shape(weir, path):
    reply = weir.http.get(path)
    assert reply.status_code == 404
    error = reply.json()['error']
    assert error['type'] == 'not_found' and error['message']
    assert error['correlation_id'] == reply.headers['x-correlation-id']


@pytest.mark.parametrize('method, path', [('POST', '/v1/v1/chat/completions'), ('GET', '/v1/v1/models'),
                                          ('POST', '/v1/v1/x')])
def test_a_doubled_v1_is_404_with_a_hint(weir, method, path):
    reply = weir.http.request(method, path, json=CHAT if method == 'POST' else None)
    assert reply.status_code == 404
    assert re.search(r'base.?URL', reply.json()['error']['message'], re.I)
    assert '/v1' in reply.json()['error']['message']


@pytest.mark.parametrize('method, path, allowed', [
    ('GET', '/v1/chat/completions', 'POST'), ('PUT', '/v1/embeddings', 'POST'), ('HEAD', '/v1/completions', 'POST'),
    ('POST', '/v1/models', 'GET'), ('DELETE', '/v1/models/simulated', 'GET'), ('POST', '/health', 'GET'),
    ('DELETE', '/api/v1/ready', 'GET'), ('POST', '/metrics', 'GET'), ('GET', '/circuit-breakers/one/reset', 'POST'),
])
def test_a_wrong_method_is_405_and_names_the_right_ones(weir, method, path, allowed):
    reply = weir.http.request(method, path)
    assert reply.status_code == 405
    methods = set(re.split(', *', reply.headers['allow']))
    assert allowed in methods and method not in methods
    assert ('HEAD' in methods) == ('GET' in methods)
    if method != 'HEAD':
        assert reply.json()['error']['type'] == ('invalid_request_error' if path.startswith('/v1') else 'invalid_request')


@pytest.mark.parametrize('method', ['PATCH', 'TRACE', 'PROPFIND', 'get'])
def test_a_method_that_nobody_has_is_405_or_501(weir, method):
    assert exchange(weir.url, '/v1/models', method=method).status in (405, 501)


@pytest.mark.parametrize('path', ['/v1//models', '//v1/models', '/v1/./models', '/v1/chat%2Fcompletions', '/V1/models',
                                  '/v1/models/..'])
def test_paths_are_taken_as_they_are(weir, path):
    assert exchange(weir.url, path).status in (400, 404, 405)


def test_a_target_with_scheme_and_host_is_the_path_behind(weir):
    assert exchange(weir.url, 'http://weir.example/livez').json() == {'status': 'ok'}


@pytest.mark.parametrize('path', ['org/model:free', 'org%2Fmodel%3Afree', 'org%2fmodel:free'])
def test_the_name_of_a_model_may_hold_slashes_and_colons(path):
    config = in_front_of('http://127.0.0.1:9', model='org/model:free')
    with Weir(config) as w:
        assert w.http.get('/v1/models/' + path).json()['id'] == 'org/model:free'


def test_a_query_changes_no_route(weir):
    assert weir.http.post('/v1/chat/completions?api-version=1', json=CHAT).status_code == 200
    assert weir.http.get('/livez?probe=1').status_code == 200


# ---- health and metrics ----

def test_health_says_what_it_looked_at(weir):
    reply = weir.http.get('/health')
    body = reply.json()
    assert reply.status_code == 200 and body['status'] in ('healthy', 'degraded')
    assert body['service'] == 'api_gateway' and isinstance(body['checks'], dict)
    assert re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d', body['timestamp'])


@pytest.mark.parametrize('path', ['/health', '/api/v1/health', '/livez', '/api/v1/ready', '/readyz'])
def test_health_and_readiness_need_no_key(locked, path):
    assert locked.http.get(path).status_code == 200


def test_being_alive_is_said_in_one_word(locked):
    assert locked.http.get('/api/v1/health').json() == {'status': 'ok'}
    assert locked.http.get('/livez').json() == {'status': 'ok'}


def test_metrics_are_prometheus_text_with_the_names_of_the_contract(weir):
    assert weir.http.post('/v1/chat/completions', json=CHAT).status_code == 200
    assert weir.http.post('/v1/chat/completions', json=CHAT, headers={'X-Simulate': 'error=400'}).status_code == 400
    assert weir.http.post('/v1/chat/completions', json={**CHAT, 'stream': True}).status_code == 200
    weir.http.get('/v1/models/' + 'x' * 20)
    reply = weir.http.get('/metrics')
    assert reply.headers['content-type'].startswith('text/plain; version=0.0.4')
    found = samples(reply.text)
    names = {s.name for s in found}
    for name in ('http_requests_total', 'circuit_breaker_state', 'weir_attempts_total', 'http_request_errors_total'):
        assert name in names
    for name in ('http_request_duration_seconds', 'gen_ai_client_token_usage', 'weir_overhead_seconds',
                 'gen_ai_server_time_to_first_token_seconds'):
        assert {name + '_bucket', name + '_sum', name + '_count'} <= names
    by_route = [s for s in found if s.name == 'http_requests_total']
    assert [s for s in by_route if s.labels == {'method': 'POST', 'endpoint': '/v1/chat/completions', 'status': '200'}]
    assert [s for s in by_route if s.labels['endpoint'] == '/v1/models/{id}'], 'the template, not the path'
    assert not [s for s in found if 'xxxxx' in str(s.labels)]
    assert [s for s in found if s.name == 'circuit_breaker_state' and s.labels == {'service': 'one'} and s.value == 0]


def test_histograms_are_cumulative_and_end_with_infinity(weir):
    assert weir.http.post('/v1/chat/completions', json=CHAT).status_code == 200
    found = samples(weir.http.get('/metrics').text)
    series = {}
    for s in found:
        if s.name.endswith('_bucket'):
            rest = tuple(sorted((k, v) for k, v in s.labels.items() if k != 'le'))
            series.setdefault((s.name[:-7], rest), []).append((float(s.labels['le']), s.value))
    assert series
    values = {(s.name, tuple(sorted(s.labels.items()))): s.value for s in found}
    for (name, labels), buckets in series.items():
        assert buckets == sorted(buckets) and [n for _, n in buckets] == sorted(n for _, n in buckets)
        assert buckets[-1] == (float('inf'), values[name + '_count', labels])


def test_metrics_tell_what_runs_and_what_is_kept():
    with Simulator() as s, Weir(in_front_of(s)) as w, Caller(w.url) as idle, Caller(w.url) as busy:
        idle.ask(body=CHAT)
        assert idle.read().status == 200
        busy.ask(body={**CHAT, 'stream': True}, headers=[('X-Simulate', 'tokens=400,tokens-per-second=2')])
        wait_until(lambda: w.metrics()['weir_connections_idle{side="upstream"}'] == 0, what='the stream')
        m = w.metrics()
        assert m['weir_connections{side="client"}'] == 3 and m['weir_connections_idle{side="client"}'] == 1
        assert m['weir_connections{side="upstream"}'] == 1 and m['weir_upstream_reuses_total'] == 1
        assert m['weir_connections_accepted_total'] == 3 and m['weir_upstream_dials_total'] == m['weir_upstream_pools'] == 1
        assert m['weir_fibers'] == m['weir_exchanges_in_flight'] == 2 <= m['weir_fibers_peak'] <= m['weir_stacks']
        assert m['weir_fibers_started_total'] >= 3 and m['weir_stacks_free'] == m['weir_stacks'] - m['weir_fibers']
        assert m['weir_buffered_bytes'] == m['weir_buffered_refusals_total'] == 0 < m['weir_buffered_limit_bytes']
        assert m['weir_worker_cpu_seconds_total{worker="0"}'] > 0 < m['process_virtual_memory_bytes']
        assert 3 < m['process_open_fds'] < m['process_max_fds']
        wait_until(lambda: w.metrics()['weir_loop_lag_seconds_count'] > 0, what='a second')


def test_metrics_are_five_numbers_for_who_wants_json():
    with Upstream(plain(COMPLETION), plain('no', 400)) as up, Weir(in_front_of(up.url)) as w:
        assert [w.http.post('/v1/chat/completions', json=CHAT).status_code for _ in range(2)] == [200, 400]
        reply = w.http.get('/metrics', headers={'Accept': 'application/json'})
        assert reply.headers['content-type'].startswith('application/json')
        got = reply.json()
        assert set(got) == {'total_requests', 'cache_hits', 'cache_hit_rate_percent', 'failures', 'providers_active'}
        assert (got['total_requests'], got['failures'], got['cache_hits'], got['providers_active']) == (2, 1, 0, 1)


def test_unknown_paths_make_no_series_of_their_own(weir):
    for i in range(20):
        weir.http.get(f'/v1/unknown-{i}')
    assert 'unknown-' not in weir.http.get('/metrics').text


def test_names_that_callers_invent_do_not_flood_the_metrics():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w, Caller(w.url) as caller:
        for i in range(1200):
            caller.ask(body={**CHAT, 'model': f'invented-{i}'})
            assert caller.read().status == 200
        found = [s for s in samples(w.http.get('/metrics').text) if s.name == 'weir_attempts_total']
        assert 900 <= len(found) <= 1001 and sum(s.value for s in found) == 1200
        assert [s.value for s in found if s.labels['model'] == 'other'] == [1200 - len(found) + 1]


# ---- what every reply carries ----

@pytest.mark.parametrize('method, path, status', [
    ('POST', '/v1/chat/completions', 200), ('GET', '/livez', 200), ('GET', '/v1/nothing', 404), ('GET', '/nothing', 404),
    ('DELETE', '/v1/models', 405), ('GET', '/metrics', 200)])
def test_every_reply_has_the_security_headers_and_an_id(weir, method, path, status):
    reply = weir.http.request(method, path, json=CHAT if method == 'POST' else None)
    assert reply.status_code == status
    for name, value in SECURITY.items():
        assert reply.headers[name] == value
    assert 'content-security-policy' in reply.headers
    assert 'strict-transport-security' not in reply.headers, 'this is no HTTPS'
    assert re.fullmatch('[!-~]{1,128}', reply.headers['x-correlation-id'])


def test_streams_have_the_security_headers_and_are_not_cached_or_buffered(weir):
    with weir.http.stream('POST', '/v1/chat/completions', json={**CHAT, 'stream': True}) as reply:
        reply.read()
    for name, value in SECURITY.items():
        assert reply.headers[name] == value
    assert reply.headers['cache-control'] == 'no-cache'
    assert reply.headers['x-accel-buffering'] == 'no'
    assert reply.headers['content-type'].startswith('text/event-stream')


@pytest.mark.parametrize('name', ['abc', 'x' * 128, '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'])
def test_a_correlation_id_is_taken_logged_and_sent_on(name):
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        reply = exchange(w.url, body=CHAT, headers=[('X-Correlation-ID', name)])
        assert reply.all('x-correlation-id') == [name]
        assert up.requests[0].all('x-correlation-id') == [name]
        w.wait_for_log(lambda line: line.get('correlation_id') == name)


@pytest.mark.parametrize('name', ['x' * 129, 'has blanks in it', 'h\xe9', '', 'tab\there'])
def test_a_correlation_id_that_is_too_long_or_odd_is_replaced(name):
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        reply = exchange(w.url, body=CHAT, headers=[('X-Correlation-ID', name)])
        made = reply.get('x-correlation-id')
        assert reply.status == 200 and made != name and re.fullmatch('[!-~]{8,128}', made)
        assert up.requests[0].all('x-correlation-id') == [made]


def test_an_id_that_comes_twice_is_one():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        twice = [('X-Correlation-ID', 'a'), ('X-Correlation-ID', 'b'), ('traceparent', f'00-{TRACE}-{SPAN}-01'),
                 ('traceparent', f'00-{TRACE[::-1]}-{SPAN}-01')]
        reply = exchange(w.url, body=CHAT, headers=twice)
        assert len(reply.all('x-correlation-id')) == 1
        assert len(up.requests[0].all('x-correlation-id')) == len(up.requests[0].all('traceparent')) == 1


def test_correlation_ids_that_are_made_differ(weir):
    ids = {weir.http.get('/livez').headers['x-correlation-id'] for _ in range(50)}
    assert len(ids) == 50


TRACE, SPAN = '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'


@pytest.mark.parametrize('flags', ['01', '00'])
def test_a_trace_is_continued_with_a_span_of_its_own(flags):
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        exchange(w.url, body=CHAT, headers=[('traceparent', f'00-{TRACE}-{SPAN}-{flags}'), ('tracestate', 'vendor=value')])
        version, trace, span, sampled = up.requests[0].get('traceparent').split('-')
        assert (version, trace, sampled) == ('00', TRACE, flags)
        assert re.fullmatch('[0-9a-f]{16}', span) and span not in (SPAN, '0' * 16)
        assert up.requests[0].get('tracestate') == 'vendor=value'
        w.wait_for_log(lambda line: line.get('trace_id') == TRACE)


@pytest.mark.parametrize('broken', ['', 'x', f'00-{TRACE}-{SPAN}', f'00-{"0" * 32}-{SPAN}-01', f'00-{TRACE}-{"0" * 16}-01',
                                    f'ff-{TRACE}-{SPAN}-01', f'00-{TRACE.upper()}-{SPAN}-01'])
def test_a_broken_traceparent_starts_a_new_trace(broken):
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url)) as w:
        exchange(w.url, body=CHAT, headers=[('traceparent', broken)])
        version, trace, span, _ = up.requests[0].get('traceparent').split('-')
        assert version == '00' and trace not in (TRACE, '0' * 32) and re.fullmatch('[0-9a-f]{32}', trace)
        assert span not in (SPAN, '0' * 16)


# ---- CORS ----

PREFLIGHT = [('Origin', ORIGIN), ('Access-Control-Request-Method', 'POST'),
             ('Access-Control-Request-Headers', 'authorization,content-type,x-stainless-os')]


def test_a_preflight_from_an_allowed_origin_is_204_without_key_and_beyond_every_limit(locked):
    for _ in range(10):  # three requests a minute are allowed
        reply = exchange(locked.url, method='OPTIONS', headers=PREFLIGHT)
        assert reply.status == 204
    assert reply.get('access-control-allow-origin') == ORIGIN
    assert 'POST' in reply.get('access-control-allow-methods')
    allowed = reply.get('access-control-allow-headers').lower()
    assert allowed == '*' or all(name in allowed for name in ('authorization', 'content-type', 'x-stainless-os'))
    assert 'origin' in reply.get('vary', '').lower()
    assert reply.get('content-length') in (None, '0') and reply.get('transfer-encoding') is None


def test_a_preflight_from_another_origin_gets_no_permission(locked):
    reply = exchange(locked.url, method='OPTIONS', headers=[('Origin', 'https://evil.example'), *PREFLIGHT[1:]])
    assert reply.get('access-control-allow-origin') is None
    assert reply.get('vary') == 'Origin', 'or a cache shows the refusal to those who may'


def test_a_reply_to_an_allowed_origin_may_be_read_there_also_when_it_is_an_error(locked):
    for path in '/livez', '/v1/models':
        reply = exchange(locked.url, path, headers=[('Origin', 'http://localhost:3000')])
        assert reply.get('access-control-allow-origin') == 'http://localhost:3000'
        assert 'origin' in reply.get('vary', '').lower()
    assert reply.status == 401
    assert exchange(locked.url, '/livez', headers=[('Origin',
                                                    'https://evil.example')]).get('access-control-allow-origin') is None


def test_options_without_an_origin_names_the_methods(weir):
    reply = exchange(weir.url, '/v1/chat/completions', method='OPTIONS')
    assert reply.status in (200, 204)
    assert 'POST' in reply.get('allow', '')


def test_star_lets_every_origin_call():
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url, server={'cors_origins': ['*']})) as w:
        reply = exchange(w.url, body=CHAT, headers=[('Origin', 'https://any.example')])
        assert reply.get('access-control-allow-origin') in ('*', 'https://any.example')


# ---- simulators in the list ----

def listed(w):
    return {m['id']: m['owned_by'] for m in w.http.get('/v1/models').json()['data']}


def test_a_simulator_of_ones_own_is_listed_as_such():
    config = {'providers': {'sim': {'kind': 'simulator'}}}
    with Weir(config) as w:
        models = listed(w)
        assert models and all(name.startswith('sim/') and 'simulated' in owner for name, owner in models.items())
        assert exchange(w.url, body={**CHAT, 'model': next(iter(models))}).status == 200
    with Weir({}) as w:
        assert list(listed(w)) == ['demo']


# ---- names of models ----

def test_an_unknown_model_is_404_and_said_so():
    with Upstream(plain(COMPLETION)) as up:
        config = in_front_of(up.url)
        del config['models']['*']
        with Weir(config) as w:
            reply = w.http.post('/v1/chat/completions', json={**CHAT, 'model': 'nobody-has-this'})
            assert reply.status_code == 404
            error = reply.json()['error']
            assert (error['type'], error['code']) == ('invalid_request_error', 'model_not_found')
            assert 'nobody-has-this' in error['message']
            assert not up.requests


def resolved(up, w, model):
    before = len(up.requests)
    reply = w.http.post('/v1/chat/completions', json={**CHAT, 'model': model})
    return json.loads(up.requests[-1].body)['model'] if len(up.requests) > before else reply.status_code


def test_names_resolve_by_entry_then_pattern_then_provider():
    with Upstream(plain(COMPLETION)) as up:
        provider = {'kind': 'openai', 'base_url': up.url, 'model': 'own'}
        models = {'smart': {'targets': [{'provider': 'one', 'model': 'smart-1'}]},
                  'lab-*': {'targets': [{'provider': 'one', 'model': '*'}]},
                  'lab-fixed': {'targets': [{'provider': 'one', 'model': 'fixed'}]},
                  'one/entry': {'targets': [{'provider': 'one', 'model': 'by-entry'}]}}
        with Weir({'providers': {'one': provider}, 'models': models}) as w:
            assert resolved(up, w, 'smart') == 'smart-1'
            assert resolved(up, w, 'lab-7') == 'lab-7'
            assert resolved(up, w, 'lab-fixed') == 'fixed'
            assert resolved(up, w, 'one/entry') == 'by-entry'
            assert resolved(up, w, 'one/any') == 'any'
            assert resolved(up, w, 'one/with/slash') == 'with/slash'
            assert resolved(up, w, 'auto') == 'own'
            assert resolved(up, w, 'Smart') == 404
            assert resolved(up, w, 'two/any') == 404


def test_a_name_that_a_provider_lists_goes_there():
    with Upstream(plain(COMPLETION), models=['listed-model']) as up:
        with Weir({'providers': {'one': {'kind': 'openai', 'base_url': up.url + '/v1'}}}) as w:
            wait_until(lambda: resolved(up, w, 'listed-model') == 'listed-model', what='the list')
            assert resolved(up, w, 'absent-model') == 404


def test_models_of_providers_are_listed_behind_those_of_the_configuration():
    with Upstream(plain(COMPLETION), models=['a', 'org/b']) as up, Weir(in_front_of(up.url)) as w:
        wait_until(lambda: 'one/a' in w.http.get('/v1/models').text, what='the list')
        listed = w.http.get('/v1/models').json()['data']
        assert [m['id'] for m in listed] == ['simulated', 'one/a', 'one/org/b']
        assert w.http.get('/v1/models/one/org/b').json() == listed[2]


@pytest.mark.parametrize('answer', [plain('no', 500), plain('<html>', content_type='text/html'), plain('{"data": 7}'),
                                    plain('[]'), plain('{"da'),
                                    plain({'data': [7, {}, {'id': 7}, {'id': 'x\n"'}, None]}), plain(''), None, b''])
def test_a_provider_that_cannot_list_its_models_harms_nobody(answer):
    go = threading.Event()

    class Unlisted(Upstream):
        def _serve_one(self, sock, reader):
            message = Request(*reader.head()).read_body(reader)
            if message.method == 'POST':
                sock.sendall(plain(COMPLETION))
            elif answer is None:
                go.wait(PATIENCE)
            else:
                sock.sendall(answer)
            return bool(answer)

    with Unlisted() as up, Weir(in_front_of(up.url)) as w:
        listed = []
        asking = threading.Thread(target=lambda: listed.append(w.http.get('/v1/models')))
        asking.start()
        begin = time.monotonic()
        with Caller(w.url) as caller:
            for _ in range(20):
                caller.ask(body=CHAT)
                assert caller.read().status == 200
        assert time.monotonic() - begin < 2 * SLOW
        asking.join(PATIENCE)
        go.set()
        assert listed[0].status_code == 200 and listed[0].json()['data'][0]['id'] == 'simulated'


def test_targets_with_a_higher_priority_are_tried_first():
    with Upstream(plain('no', 500)) as low, Upstream(plain('no', 500)) as high, Upstream(plain(COMPLETION)) as last:
        providers = {name: {'kind': 'openai', 'base_url': up.url} for name,
                     up in (('low', low), ('high', high), ('last', last))}
        targets = [{'provider': 'low', 'model': 'l', 'priority': 2}, {'provider': 'last', 'model': 'z', 'priority': 1},
                   {'provider': 'high', 'model': 'h', 'priority': 3}]
        with Weir({'providers': providers, 'models': {'m': {'targets': targets}}}) as w:
            reply = w.http.post('/v1/chat/completions', json={**CHAT, 'model': 'm'})
            assert reply.status_code == 200
            assert (reply.headers['x-weir-provider'], reply.headers['x-weir-model']) == ('last', 'z')
            assert reply.headers['x-weir-attempts'] == '3'
            assert len(low.requests) == len(high.requests) == 1


@pytest.mark.parametrize('base', ['', '/', '/v1', '/v1/', '/openai/v1', '/openai'])
def test_the_version_part_of_a_base_url_may_be_left_out(base):
    with Upstream(plain(COMPLETION)) as up, Weir(in_front_of(up.url + base)) as w:
        assert w.http.post('/v1/chat/completions', json=CHAT).status_code == 200
        prefix = base.rstrip('/').removesuffix('/v1')
        assert up.requests[0].target == prefix + '/v1/chat/completions'
