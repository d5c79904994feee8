"""The recordings that speak OpenAI's format, and what is in an event stream."""
import collections
import json
import os

import pytest

from weir import RECORDINGS

needs_recordings = pytest.mark.skipif(not os.path.isdir(RECORDINGS), reason=f'there are no recordings in {RECORDINGS}')

APIS = ('chat', 'completions', 'embeddings', 'moderations', 'errors')
ENDPOINTS = ('/chat/completions', '/completions', '/embeddings', '/moderations')

# At a path like OpenAI's, but not OpenAI's format.
OTHER_DIALECTS = ('writer/completions/writer-async-streaming-completions-legacy',)  # events are {"value":"text"}

Case = collections.namedtuple('Case', 'name meta request response')


def index():
    if not os.path.isdir(RECORDINGS):
        return
    with open(os.path.join(RECORDINGS, 'INDEX.tsv'), encoding='utf-8') as f:
        for line in list(f)[1:]:
            provider, api, name = line.split('\t')[:3]
            if api in APIS:
                yield provider, f'{provider}/{api}/{name}'


def load(name):
    folder = os.path.join(RECORDINGS, name)
    with open(os.path.join(folder, 'meta.json'), encoding='utf-8') as f:
        meta = json.load(f)
    if meta['method'] != 'POST' or meta['request_kind'] != 'json' or not endpoint(meta['path']) or name in OTHER_DIALECTS:
        return None
    with open(os.path.join(folder, 'request.json'), 'rb') as f:
        request = f.read()
    with open(os.path.join(folder, meta['response_file']), 'rb') as f:
        return Case(name, meta, request, f.read())


def endpoint(path):
    return next((e for e in ENDPOINTS if path.endswith(e)), None)


def services():
    """{(provider, path before the endpoint): [case, …]}"""
    found = collections.defaultdict(list)
    for provider, name in index():
        if case := load(name):
            found[provider, case.meta['path'].removesuffix(endpoint(case.meta['path']))].append(case)
    return found


SERVICES = services()


def events(body):
    """The blocks of an event stream, each with the empty line that ends it; b''.join(events(x)) == x."""
    block = b''
    for line in body.splitlines(keepends=True):  # of bytes, so CR, LF and CRLF alone end lines
        block += line
        if not line.strip(b'\r\n'):
            yield block
            block = b''
    if block:
        yield block


def data(block):
    """The JSON of a block, or None."""
    lines = [line[5:].removeprefix(b' ') for line in block.splitlines() if line.startswith(b'data:')]
    try:
        return json.loads(b'\n'.join(lines))
    except ValueError:
        return None


def is_usage_only(block):
    value = data(block)
    return isinstance(value, dict) and value.get('choices') == [] and isinstance(value.get('usage'), dict)


def wants_usage(request):
    options = json.loads(request).get('stream_options')
    return isinstance(options, dict) and options.get('include_usage') is True


def without_usage(body):
    return b''.join(block for block in events(body) if not is_usage_only(block))
