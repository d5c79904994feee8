"""Event streams: usage that is asked for and hidden again, and every other byte as the provider sent it."""
import json
import time

import pytest

from weir import SLOW, Weir, in_front_of
from wire import (CHAT, COMPLETION, DONE, END, FINISH, ROLE, STREAM, STREAM_HEAD, USAGE, WHOLE, WORDS, Caller, Upstream,
                  chunk, delta,
                  event, exchange, head, part, plain, refusal, stream)

WITH_USAGE = [ROLE, *WORDS, FINISH, USAGE, DONE]
ASKED = {**STREAM, 'stream_options': {'include_usage': True}}


def through(answer, body=None, target='/v1/chat/completions', **provider):
    """The reply and what the provider was asked."""
    with Upstream(answer) as up:
        config = in_front_of(up.url)
        config['providers']['one'].update(provider)
        with Weir(config) as w:
            reply = exchange(w.url, target, body or STREAM)
            return reply, up.requests[0].json()


# ---- usage ----

@pytest.mark.smoke
def test_usage_is_asked_for_and_not_shown_to_a_caller_who_did_not_ask():
    reply, asked = through(stream(*WITH_USAGE))
    assert asked == {**STREAM, 'stream_options': {'include_usage': True}}
    assert reply.ended and reply.body == b''.join(WHOLE)


def test_usage_is_shown_to_a_caller_who_asked_and_nothing_is_changed():
    with Upstream(stream(*WITH_USAGE)) as up, Weir(in_front_of(up.url)) as w:
        body = json.dumps(ASKED, indent=2).encode()
        reply = exchange(w.url, body=body)
        assert up.requests[0].body == body
        assert reply.ended and reply.body == b''.join(WITH_USAGE)


@pytest.mark.parametrize('options, sent', [
    ({'include_usage': False}, {'include_usage': True}), ({}, {'include_usage': True}), (None, {'include_usage': True}),
    ({'include_obfuscation': False}, {'include_obfuscation': False, 'include_usage': True}),
    ({'include_usage': False, 'x': [1]}, {'include_usage': True, 'x': [1]})])
def test_what_else_a_caller_wants_of_the_stream_stays(options, sent):
    reply, asked = through(stream(*WITH_USAGE), {**STREAM, 'stream_options': options})
    assert asked == {**STREAM, 'stream_options': sent}
    assert reply.body == b''.join(WHOLE)


@pytest.mark.parametrize('setting', ['native', 'never'])
def test_a_provider_that_is_not_to_be_asked_gets_the_request_as_it_is(setting):
    reply, asked = through(stream(*WHOLE), stream_usage=setting)
    assert asked == STREAM
    assert reply.body == b''.join(WHOLE)


def test_plain_requests_are_not_asked_for_usage():
    reply, asked = through(plain(COMPLETION), CHAT)
    assert asked == CHAT and reply.json() == COMPLETION
    _, asked = through(plain(COMPLETION), {**CHAT, 'stream': False})
    assert asked == {**CHAT, 'stream': False}


KEPT = {
    'usage in the event of the finish reason': event(part([{'index': 0, 'delta': {}, 'finish_reason': 'stop'}],
                                                          usage={'total_tokens': 5})),
    'no choices and no usage': event(part([], prompt_filter_results=[{'prompt_index': 0}])),
    'no choices and usage null': event(part([], usage=None)),
    'usage that is no object': event(part([], usage=[])),
    'content beside usage': event(part([{'index': 0, 'delta': {'content': 'x'}, 'finish_reason': None}],
                                       usage={'total_tokens': 5})),
    'usage without choices': event({'object': 'something', 'usage': {'total_tokens': 5}}),
    'choices null': event({'choices': None, 'usage': {'total_tokens': 5}}),
}


@pytest.mark.parametrize('name', KEPT)
def test_no_other_event_is_dropped(name):
    events = [ROLE, *WORDS, KEPT[name], FINISH, DONE]
    reply, _ = through(stream(*events))
    assert reply.body == b''.join(events)


@pytest.mark.parametrize('usage', [
    USAGE, USAGE.replace(b'\n', b'\r\n'), USAGE.replace(b'\n', b'\r'), USAGE.replace(b'data: ', b'data:'),
    b'event: message\n' + USAGE, b'id: 7\n' + USAGE, b': the end is near\n' + USAGE,
    event(json.dumps(part([], usage={'total_tokens': 5}), indent=1).replace('\n', '\ndata: ').encode()),
    event(b'{"usage":{"total_tokens":5},"choices":[ ]}'), event(b'{"ch\\u006fices":[],"us\\u0061ge":{}}')])
def test_the_usage_event_is_hidden_however_it_is_written(usage):
    reply, _ = through(stream(ROLE, *WORDS, FINISH, usage, DONE))
    assert [e for e in reply.events() if e] == [e.strip()[6:] for e in WHOLE]


def test_what_was_hidden_is_counted():
    with Upstream(stream(*WITH_USAGE)) as up, Weir(in_front_of(up.url)) as w:
        exchange(w.url, body=STREAM, headers=[('X-Correlation-ID', 'counted')])
        line = w.wait_for_log(lambda line: line.get('correlation_id') == 'counted')
        assert (line['input_tokens'], line['output_tokens']) == (3, 2)
        tokens = {k: v for k, v in w.metrics().items() if k.startswith('gen_ai_client_token_usage_sum')}
        assert sorted(tokens.values()) == [2, 3]


UNKNOWN = refusal(400, message='Unrecognized request argument supplied: stream_options', param='stream_options')


@pytest.mark.parametrize('said', [
    UNKNOWN, refusal(400, message='stream_options: Extra inputs are not permitted'),
    plain({'detail': [{'type': 'extra_forbidden', 'loc': ['body', 'stream_options'],
                       'msg': 'Extra inputs are not permitted'}]}, 400)])
def test_a_provider_that_refuses_to_tell_usage_is_asked_without_and_remembered(said):
    def answer(e):
        e.send(said if 'stream_options' in e.request.json() else stream(*WHOLE))

    with Upstream(answer) as up, Weir(in_front_of(up.url)) as w:
        for _ in range(4):
            reply = exchange(w.url, body=STREAM)
            assert reply.status == 200 and reply.body == b''.join(WHOLE)
        assert ['stream_options' in r.json() for r in up.requests] == [True, False, False, False, False]
        assert exchange(w.url, '/circuit-breakers').json()['one']['recent_failures'] == 0
        refused = exchange(w.url, body=ASKED)
        assert refused.status == 400 and said.endswith(refused.body), 'what the caller asked for is the caller\'s own'


def test_a_request_that_is_refused_for_another_reason_is_not_sent_again():
    with Upstream(refusal(400, message="'messages' is too long")) as up, Weir(in_front_of(up.url)) as w:
        assert [exchange(w.url, body=STREAM).status for _ in range(2)] == [400, 400]
        assert [r.json().get('stream_options') for r in up.requests] == [{'include_usage': True}] * 2


# ---- bytes ----

ODD = [
    b': OPENROUTER PROCESSING\n\n', ROLE.replace(b'\n', b'\r\n'), b'\n', b'retry: 3000\n\n',
    b'id: 1\nevent: message\n' + WORDS[0],
    event(part([{'index': 0, 'delta': {'content': 'ö\u2028 "quoted" \U0001f600'}, 'finish_reason': None}],
               obfuscation='aBc9')),
    event(json.dumps(part([{'index': 0, 'delta': {'content': 'höher'}}]), ensure_ascii=False).encode()),
    event(b'{"choices" : [ {"delta":{"content":"numbers"},"x":1.0e+2,"y":-0,"z":12345678901234567890} ],"d":[[[]]]}'),
    b'data: {"choices":[{"delta":\ndata: {"content":"two lines"}}]}\n\n', b'data:' + WORDS[1][6:], b'unknown: field\n\n',
    b':\n\n', WORDS[2].replace(b'\n', b'\r'), b': ping\r\n\r\n', FINISH, DONE]


@pytest.mark.parametrize('end', [DONE, b'', DONE + b': bye\n\n'])
def test_events_come_as_the_provider_wrote_them(end):
    events = [*ODD[:-1], end]
    reply, _ = through(stream(*[e for e in events if e]))
    assert reply.ended and reply.body == b''.join(events)


def byte_by_byte(pieces):
    def answer(e):
        for piece in pieces:
            e.send(piece)
    return answer


@pytest.mark.parametrize('hides_usage', [True, False])
def test_events_that_come_byte_by_byte_in_chunks_of_a_byte_are_the_same(hides_usage):
    body = b''.join([*ODD[:-1], USAGE, DONE])
    pieces = [STREAM_HEAD, *(b'1\r\n%c\r\n' % c for c in body), END]
    reply, _ = through(byte_by_byte(pieces), STREAM if hides_usage else ASKED)
    assert reply.ended and reply.body == (b''.join(ODD) if hides_usage else body)


def test_a_reply_whose_every_byte_comes_alone_is_the_same():
    raw = stream(*WITH_USAGE)
    reply, _ = through(byte_by_byte(raw[i:i + 1] for i in range(len(raw))))
    assert reply.ended and reply.body == b''.join(WHOLE)


@pytest.mark.parametrize('size', [2, 3, 7, 61, 4096])
def test_events_cut_anywhere_are_the_same(size):
    body = b''.join([*ODD[:-1], USAGE, DONE])
    pieces = [STREAM_HEAD, *(chunk(body[i:i + size]) for i in range(0, len(body), size)), END]
    reply, _ = through(byte_by_byte(pieces))
    assert reply.ended and reply.body == b''.join(ODD)


def test_a_byte_order_mark_in_front_stays_there():
    reply, _ = through(stream(b'\xef\xbb\xbf' + ROLE, *WORDS, FINISH, DONE))
    assert reply.ended and reply.body == b'\xef\xbb\xbf' + b''.join(WHOLE)


@pytest.mark.parametrize('kind', ['text/event-stream; charset=utf-8', 'Text/Event-Stream'])
def test_the_type_of_a_stream_may_be_written_in_any_way(kind):
    answer = head(200, [('Content-Type', kind), ('Transfer-Encoding', 'chunked')]) + b''.join(map(chunk, WHOLE)) + END
    reply, _ = through(answer)
    assert reply.body == b''.join(WHOLE) and reply.all('content-type') == [kind]


def test_chunk_extensions_and_trailers_of_the_provider_do_no_harm():
    body = b''.join(b'%x;name="a;b"\r\n%s\r\n' % (len(e), e) for e in WHOLE)
    reply, _ = through(STREAM_HEAD + body + b'0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n')
    assert reply.ended and reply.body == b''.join(WHOLE)


@pytest.mark.parametrize('framing', [[], [('Content-Length', str(len(b''.join(WITH_USAGE))))]])
def test_a_stream_may_be_framed_by_its_length_or_by_the_end_of_the_connection(framing):
    def answer(e):
        e.send(head(200, [('Content-Type', 'text/event-stream'), *framing]) + b''.join(WITH_USAGE))
        e.close()

    reply, _ = through(answer)
    assert reply.ended and reply.body == b''.join(WHOLE)


def test_an_event_of_a_megabyte_comes_whole():
    big = delta(content='x' * (1 << 20))
    reply, _ = through(stream(ROLE, WORDS[0], big, FINISH, DONE))
    assert reply.ended and reply.body == b''.join([ROLE, WORDS[0], big, FINISH, DONE])


def test_ten_thousand_events_come_in_order():
    events = [ROLE, *(delta(content=f'{i} ') for i in range(10_000)), FINISH, DONE]
    reply, _ = through(STREAM_HEAD + b''.join(map(chunk, events)) + END)
    assert reply.ended and reply.body == b''.join(events)


def test_older_completions_stream_too():
    text = [event({'id': 'cmpl-1', 'object': 'text_completion', 'choices': [{'index': 0, 'text': t, 'finish_reason': f}]})
            for t, f in (('One ', None), ('two', None), ('', 'stop'))]
    reply, asked = through(stream(*text, USAGE, DONE), {'model': 'simulated', 'prompt': 'Hi', 'stream': True},
                           '/v1/completions')
    assert reply.ended and reply.body == b''.join([*text, DONE])
    assert asked['stream_options'] == {'include_usage': True}


def test_the_model_of_the_reply_stays_what_the_provider_said():
    with Upstream(stream(*WHOLE)) as up:
        config = in_front_of(up.url)
        config['models']['simulated']['targets'] = [{'provider': 'one', 'model': 'its-own-name'}]
        with Weir(config) as w:
            reply = exchange(w.url, body=STREAM)
            assert up.requests[0].json()['model'] == 'its-own-name'
            assert reply.body == b''.join(WHOLE) and reply.get('x-weir-model') == 'its-own-name'


# ---- endings ----

@pytest.mark.parametrize('last', [FINISH, DONE])
def test_a_complete_stream_whose_provider_falls_silent_ends_without_an_error(last):
    def answer(e):
        e.send(stream(ROLE, *WORDS, last, end=b''))
        e.gone()
        e.close()

    with Upstream(answer) as up:
        config = in_front_of(up.url)
        config['models']['simulated']['timeouts'] = {'idle': '300ms'}
        with Weir(config) as w:
            begin = time.monotonic()
            reply = exchange(w.url, body=STREAM)
            assert reply.ended and reply.body == b''.join([ROLE, *WORDS, last])
            assert time.monotonic() - begin < 2 * SLOW
            assert exchange(w.url, '/circuit-breakers').json()['one']['recent_failures'] == 0


@pytest.mark.parametrize('done', [b'data:[DONE]\n\n', b'data: [DONE]\r\n\r\n', b'data: [DONE]\r\r', b'data: [DONE]\n',
                                  b'data: [DONE]',
                                  b'event: done\ndata: [DONE]\n\n'])
def test_the_end_is_taken_as_it_is_written(done):
    reply, _ = through(stream(ROLE, *WORDS, FINISH, done))
    assert reply.ended and reply.body == b''.join([ROLE, *WORDS, FINISH, done])


def test_a_complete_stream_that_is_cut_ends_without_an_error():
    def answer(e):
        e.send(stream(*WHOLE, end=b''))
        e.reset()

    reply, _ = through(answer)
    assert reply.ended and reply.body == b''.join(WHOLE)


def test_after_a_stream_the_connection_serves_the_next_request():
    with Upstream(stream(*WHOLE)) as up, Weir(in_front_of(up.url)) as w, Caller(w.url) as caller:
        for _ in range(3):
            caller.ask(body=STREAM)
            assert caller.read().body == b''.join(WHOLE)


def test_streams_side_by_side_do_not_mix():
    def answer(e):
        mark = e.request.json()['messages'][0]['content']
        e.send(stream(ROLE, end=b''))
        for i in range(50):
            e.send(chunk(delta(content=f'{mark}:{i} ')))
        e.send(chunk(FINISH) + chunk(DONE) + END)

    with Upstream(answer) as up, Weir(in_front_of(up.url, server={'workers': 2})) as w:
        callers = [Caller(w.url) for _ in range(20)]
        for i, caller in enumerate(callers):
            caller.ask(body={**STREAM, 'messages': [{'role': 'user', 'content': f'caller{i}'}]})
        for i, caller in enumerate(callers):
            with caller:
                expected = [ROLE, *(delta(content=f'caller{i}:{n} ') for n in range(50)), FINISH, DONE]
                assert caller.read().body == b''.join(expected)
