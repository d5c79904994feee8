#!/usr/bin/env python3
"""tests/differential/differential.py WEIR_MESSAGES [--inputs N] [--seed N] [--show N]: Weir's parsers of HTTP/1.1 beside two others.

Bytes of one connection (hostile.py) go to Weir's parsers, as the program weir_messages.c, to Node's (llhttp as strict as it
is in Node) and to h11. The rules:

  - Where Weir takes a message, whoever else takes it reads the same: method, target, version, headers, the body's bytes,
    and where it ends, that is, where the next one begins.
  - Where Weir takes a message and another refuses it, the other's reason is in REFUSED below, with why it is no danger.
  - Weir may refuse what others take: it is meant to be the strictest. Only for messages as the standard has them nobody
    refuses; the unit tests see to that.

Without arguments it is a test of a few seconds. For long: --inputs 1000000 --seed 2, several at a time with other seeds.
A find is printed with the bytes; make a unit test of it (tests/unit/http/test_message.c)."""
import argparse
import collections
import json
import os
import re
import struct
import subprocess
import sys
import threading

import hostile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BATCH = 500
NO_TEST = 77  # for meson: skipped

TRAILER = rb'0[^\r\n]*\r\n([^\r\n]+\r\n)*'

# (who refuses, its reason, what must stand in the bytes, in any case): why Weir may take it. What is not here is a find.
REFUSED = [
    ('node', '^HPE_INVALID_METHOD$', b'',
     'Any token is a method (RFC 9110 9.1); llhttp has a list of those it knows. What Weir does '
     'not know gets 405 and goes nowhere.'),
    ('node', '^HPE_INVALID_VERSION$', rb'HTTP/1\.[2-9]|PRI ',
     'HTTP/1.2 to 1.9 are read as HTTP/1.1 (RFC 9110 2.5), and nothing is sent on with that version; '
     'and llhttp takes the method PRI with HTTP/2.0 alone.'),
    ('node', '^HPE_INVALID_CONTENT_LENGTH$', rb'content-length:[ \t]*\d+ *\t|' + TRAILER + rb'content-length:',
     'A tab behind a number is blank space around a value (RFC 9112 5.1); llhttp knows spaces only. '
     'And a Content-Length among trailers, all of which Weir drops.'),
    ('node', '^HPE_INVALID_TRANSFER_ENCODING$', rb'transfer-encoding:[ \t]*chunked *\t|' + TRAILER + rb'transfer-encoding:',
     'A tab behind "chunked", and a Transfer-Encoding among trailers: as with Content-Length.'),
    ('node', '^HPE_STRICT$', rb'\n[0-9a-fA-F]+[ \t]*;',
     'Chunk extensions that do not follow the grammar, as "0;". Weir drops them, and only CRLF ends them.'),
    ('node', '^HPE_CLOSED_CONNECTION$', rb'HTTP/1.. 1\d\d',
     'A reply after an interim one with "Connection: close" or from HTTP/1.0: an interim reply decides '
     'nothing about the connection, the final one does.'),
    ('node', '^PAUSED$', rb'Upgrade:',
     'Behind a request that asks for another protocol Node stops at what it would refuse elsewhere. Weir speaks no other protocol.'),
    ('h11', '^no request line received$', rb'\r\n',
     'Up to two empty lines before a request are skipped (RFC 9112 2.2).'),
    ('h11', '^bad Content-Length$', rb'content-length:[ \t]*0{15}',
     'A number with so many zeros in front that there are more than 20 digits is the same number.'),
    ('h11', "^illegal chunk header: bytearray\\(b'0{17,}", b'', 'The same for the size of a chunk: up to 4096 digits.'),
    ('h11', '^multiple Transfer-Encoding|^conflicting Content-Length|^Only Transfer-Encoding: chunked|^bad Content-Length', TRAILER, 'Among trailers, all of which Weir drops.'),
]


# (who, what differs, in which bytes): a difference that is the other's mistake.
THEIR_MISTAKES = [
    ('node', '^body$|^complete False here, True there$', rb'^transfer-encoding:[ \t]*chunked *\t[ \t]*\r$', 'In a reply with a tab behind "chunked" llhttp finds no coding and '
     'reads on to the end; in a request it refuses that. A tab is blank space (RFC 9110 5.6.3).'),
]


def program_of_venv():
    """h11 is in build/venv, in the version that is pinned; whoever calls with another Python is taken there. False: it
    cannot be had."""
    venv = os.path.join(TOP, 'build', 'venv')
    python = os.path.join(venv, 'bin', 'python')
    if os.path.realpath(sys.prefix) != os.path.realpath(venv) and os.path.exists(python):
        os.execv(python, [python, *sys.argv])
    try:
        import h11  # noqa: F401
    except ImportError:
        return False
    return True


# ---- those who read ----

class Program:
    """weir_messages or node_messages.js: many inputs in, as many answers out."""

    def __init__(self, name, *command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read_all(self, inputs):
        """Another thread writes, as the program answers before it has read all."""
        frames = b''.join(kind.encode() + struct.pack('<I', len(data)) + data for kind, data in inputs)
        writer = threading.Thread(target=self.write, args=(frames,))
        writer.start()
        answers = [json.loads(self.process.stdout.readline() or 'null') for _ in inputs]
        writer.join()
        assert None not in answers, f'{self.name} has ended with {self.process.poll()}'
        for answer in answers:
            for m in answer['messages']:
                m['body'] = bytes.fromhex(''.join(m['body']))
                m['headers'] = [(bytes.fromhex(n).lower(), bytes.fromhex(v).strip(b' \t')) for n, v in m['headers']]
        return answers

    def write(self, frames):
        self.process.stdin.write(frames)
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class H11:
    name = 'h11'
    MAX_HEAD_BYTES = 65536

    def __init__(self):
        import h11
        self.h11 = h11

    def read_all(self, inputs):
        return [self.read(*i) for i in inputs]

    def close(self):
        pass

    def begin(self, kind):
        h = self.h11
        connection = h.Connection(h.SERVER if kind == 'Q' else h.CLIENT, max_incomplete_event_size=self.MAX_HEAD_BYTES)
        if kind != 'Q':
            connection.send(h.Request(method='HEAD' if kind == 'H' else 'GET', target='/', headers=[('Host', 'a')]))
            connection.send(h.EndOfMessage())
        return connection

    def message(self, event):
        line = ([event.method.hex(), event.target.hex()] if isinstance(event, self.h11.Request) else [str(event.status_code), ''])
        return {'line': line, 'minor': int(event.http_version.split(b'.')[1]), 'body': b'', 'complete': False,
     'headers': [(n, v) for n, v in event.headers]}

    def read(self, kind, data):
        h, messages, end, why = self.h11, [], 'clean', ''
        connection = self.begin(kind)
        try:
            connection.receive_data(data)
            if kind != 'Q':
                connection.receive_data(b'')
            while True:
                event = connection.next_event()
                if event is h.NEED_DATA:
                    has_begun = messages and not messages[-1]['complete']
                    end = 'more' if has_begun or connection.trailing_data[0] else 'clean'
                    break
                if event is h.PAUSED or isinstance(event, h.ConnectionClosed):
                    end = 'closed'
                    break
                if isinstance(event, h.Data):
                    messages[-1]['body'] += bytes(event.data)
                elif isinstance(event, h.EndOfMessage):
                    messages[-1]['complete'] = True
                    if kind != 'Q':
                        end = 'closed'
                        break
                    connection.send(h.Response(status_code=404, headers=[('Content-Length', '0')]))
                    connection.send(h.EndOfMessage())
                    if connection.our_state is not h.DONE:
                        end = 'closed'
                        break
                    connection.start_next_cycle()
                else:
                    messages.append(self.message(event))
                    messages[-1]['complete'] = isinstance(event, h.InformationalResponse)
        except h.RemoteProtocolError as error:
            end, why = 'bad', str(error)
            if 'peer closed connection without sending complete message body' in why or 'peer unexpectedly closed' in why:
                end, why = 'more', ''
        return {'messages': messages, 'end': end, 'why': why}


# ---- the rules ----

def headers_of(m):
    """What must be equal. The authority of an absolute target stands for the Host header in Weir; h11 writes the name of
    a coding in small letters."""
    is_absolute = re.match(rb'https?://', bytes.fromhex(m['line'][1]), re.I)
    return [(n, v.lower() if n == b'transfer-encoding' else v) for n, v in m['headers'] if not (is_absolute and n == b'host')]


def difference(ours, theirs):
    """Of the heads of two messages: the first thing that is not equal."""
    if ours['line'] != theirs['line']:
        return 'first line'
    if min(ours['minor'], 1) != min(theirs['minor'], 1):
        return 'version'
    if headers_of(ours) != headers_of(theirs):
        return 'headers'
    if ours['body'] != theirs['body'] and ours['complete'] == theirs['complete']:
        return 'body'
    return None


def judge(ours, theirs):
    """(kind of disagreement, detail), or None: they agree, or Weir refuses."""
    for i, m in enumerate(ours['messages']):
        is_undecided = not m['complete'] and ours['end'] == 'bad'
        if is_undecided:
            return None
        if i >= len(theirs['messages']):
            if theirs['end'] == 'closed':
                return None  # what follows is nobody's
            return ('refused', theirs['why']) if theirs['end'] == 'bad' else ('boundary', f'they say {theirs["end"]}')
        t = theirs['messages'][i]
        if not t['complete'] and theirs['end'] == 'bad':
            return 'refused', theirs['why']
        if (what := difference(m, t)):
            return 'differs', what
        if m['complete'] != t['complete']:
            return 'boundary', f'complete {m["complete"]} here, {t["complete"]} there'
    has_more = len(theirs['messages']) > len(ours['messages'])
    if has_more and ours['end'] in ('clean', 'more'):
        return 'boundary', f'they read a message more, we say {ours["end"]}'
    return None


def is_listed(who, found, data):
    if found[0] != 'refused':
        return any(who == name and re.search(what, found[1]) and re.search(pattern, data, re.M | re.I)
                   for name, what, pattern, _ in THEIR_MISTAKES)
    return any(who == name and re.search(reason, found[1]) and re.search(there, data, re.I)
               for name, reason, there, _ in REFUSED)


def inputs_of(seed):
    requests, replies = hostile.requests(seed), hostile.replies(seed)
    while True:
        yield 'Q', next(requests)
        yield 'Q', next(requests)
        yield 'R', next(replies)
        if seed % 2:
            yield 'H', next(replies)


class Tally:
    def __init__(self, show):
        self.show, self.finds, self.counts = show, collections.Counter(), collections.Counter()

    def add(self, who, found, kind, data, ours, theirs):
        self.counts[f'{who}: {found[0] if found else "agrees"}'] += 1
        if not found or is_listed(who, found, data):
            return
        self.finds[(who, kind, *found)] += 1
        if self.finds[(who, kind, *found)] <= self.show:
            print(f'--- {who} ({kind}): {found[0]}: {found[1]}\n{data!r}\nWeir: {ours}\n{who}: {theirs}')


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('weir_messages')
    parser.add_argument('--inputs', type=int, default=20000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--show', type=int, default=3)
    options = parser.parse_args()
    if not program_of_venv():
        print('h11 is not there (tools/make-venv): skipped')
        sys.exit(NO_TEST)
    weir = Program('weir', options.weir_messages)
    others = [Program('node', 'node', '--no-warnings', os.path.join(HERE, 'node_messages.js')), H11()]
    source, tally, left, accepted = inputs_of(options.seed), Tally(options.show), options.inputs, 0
    while left > 0:
        batch = [next(source) for _ in range(min(BATCH, left))]
        left -= len(batch)
        ours = weir.read_all(batch)
        accepted += sum(any(m['complete'] for m in answer['messages']) for answer in ours)
        for other in others:
            for (kind, data), mine, theirs in zip(batch, ours, other.read_all(batch)):
                tally.add(other.name, judge(mine, theirs), kind, data, mine, theirs)
    for program in (weir, *others):
        program.close()
    for key, count in tally.finds.most_common():
        print(count, *key)
    print(f'{options.inputs} inputs, {accepted} with a message that Weir takes; '
          + ', '.join(f'{k} {v}' for k, v in sorted(tally.counts.items())) + f'; {sum(tally.finds.values())} finds')
    sys.exit(1 if tally.finds else 0)


if __name__ == '__main__':
    main()
