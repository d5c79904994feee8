"""Hostile HTTP/1.1, made from a seed: `requests(seed)` and `replies(seed)` give bytes of one connection each, without end.

A connection is one to three messages, written from their parts by a grammar that mostly says what RFC 9112 says. Then a
few tricks are played on the parts (lengths that contradict each other, codings in disguise, folded lines, names with
blanks, chunk sizes of all kinds, …), and sometimes on single bytes of the whole. Where two readers disagree about the
first message's end, the second message is read in two ways, and that is what is looked for."""
import random

CRLF = b'\r\n'
ODD = [b'\x00', b'\t', b'\n', b'\x0b', b'\x0c', b'\r', b' ', b'\x1f', b'"', b'#', b'(', b',', b';', b'=', b'@', b'[', b'\\',
       b'\x7f', b'\x80', b'\x85', b'\xa0', b'\xc2\xa0', b'\xff', b'\r\n', b'\n\n', b'\r\r\n', b':', b'_', b'-', b'%', b'\xe2\x80\xa8']
EOLS = [b'\n', b'\r', b'\r\r\n', b'\n\r', b'\r\n\r\n', b' \r\n', b'\t\r\n', b'\x00\r\n', b'\x0b\r\n', b'']
METHODS = [b'GET', b'POST', b'HEAD', b'PUT', b'DELETE', b'OPTIONS', b'PATCH', b'TRACE', b'CONNECT', b'PRI', b'get', b'GE\tT', b'G@T',
           b"M-SEARCH", b'PROPFIND', b'!#$%&*+.^_`|~', b'A' * 32, b'A' * 33, b'', b'QUERY', b'LINK', b'POS', b'POSTT', b'SOURCE']
TARGETS = [b'/', b'/v1/chat/completions', b'/a?b=c', b'*', b'http://a/', b'http://other/x', b'HTTP://a:80/x?y', b'https://a', b'a:80',
           b'//a/b', b'/a b', b'/%00', b'/%', b'/a#b', b'/\xff', b'/a\tb', b'http://u@a/', b'ftp://a/', b'', b'/a\\b', b'http:/a',
           b'http://', b'/' + b'a' * 300, b'?a', b'/"<>', b'/{}', b'/a|b', b'/^`', b'http://a?b', b'http://[::1]/', b'x', b'/../..']
VERSIONS = [b'HTTP/1.1'] * 12 + [b'HTTP/1.0'] * 4 + [b'HTTP/0.9', b'HTTP/2.0', b'HTTP/1.2', b'HTTP/1.9', b'http/1.1', b'HTTP/1.10', b'HTTP/01.1',
            b'HTTP/1', b'HTTP/1.', b'', b'HTTP/1.1 ', b'HTTP /1.1', b'HTTP/1,1', b'ICE/1.0', b'RTSP/1.0', b'HTTP/3.0', b'HTTP/1.1\t', b'\x00TTP/1.1']
HOSTS = [b'a', b'a:80', b'', b'a b', b'a,b', b'u@a', b'[::1]', b'[::1', b'a/b', b'a:80x', b'a\x00', b'-', b'a?b', b'a#b', b'%41', b'b\xff']
LENGTHS = [b'+5', b'-1', b'0x5', b'5 ', b' 5', b'05', b'5,5', b'5, 5', b'5,6', b'5;a', b'', b'5.0', b'5e0', b'18446744073709551621',
           b'9223372036854775808', b'9223372036854775807', b'4294967301', b'00000000000000000000005', b'\x0b5', b'5\x00', b'5\x0b',
           b'\xd9\xa5', b'5 5', b'5_0', b'abc', b'"5"', b'0', b'1', b'1' * 40, b'5\t', b'\t5', b'5\r', b'--5', b'5a']
CODINGS = [b'chunked'] * 3 + [b'Chunked', b'CHUNKED', b' chunked', b'chunked ', b'\tchunked', b'chunked\t', b'chunked,', b',chunked', b'chunked;',
           b'chunked;a=b', b'chunked, chunked', b'gzip, chunked', b'chunked, gzip', b'identity', b'identity, chunked', b'chunked, identity',
           b'xchunked', b'chunkedx', b'chunk', b'"chunked"', b"'chunked'", b'chunked\x0b', b'\x0bchunked', b'chunked\x00', b'chun\x00ked', b'cow', b'',
           b'gzip', b'chunked\xa0', b'\xffchunked', b'chu nked', b'chunked\r\n ', b'\r\n chunked', b'x\r\n chunked', b'chunked gzip', b'(c) chunked']
NAMES = [b'Content-Length', b'Transfer-Encoding', b'Host', b'Connection', b'Upgrade', b'Expect', b'X', b'Content_Length', b'Transfer_Encoding',
         b'Trailer', b'Content-Encoding', b'TE', b'Keep-Alive', b'Proxy-Connection', b'Cookie']
TWISTS = [lambda n: n + b' ', lambda n: b' ' + n, lambda n: n + b'\t', lambda n: b'\t' + n, lambda n: n.lower(), lambda n: n.upper(),
          lambda n: n[:3] + b'\x00' + n[3:], lambda n: n.replace(b'-', b'_'), lambda n: n + b'\x0b', lambda n: n + b'\xa0',
          lambda n: b'"' + n + b'"', lambda n: n.replace(b'-', b'\xad'), lambda n: n + b'\r', lambda n: b'\r' + n, lambda n: b'\x00' + n,
          lambda n: n.replace(b'-', b' -'), lambda n: n[:-1], lambda n: n + b'\r\n', lambda n: b'', lambda n: n.replace(b'n', b'\xc5\x84')]
SEPARATORS = [b': '] * 8 + [b':', b':\t', b' : ', b'\t:', b':  ', b'', b' ', b'=', b':\x00', b':\x0b', b':\xa0', b'::', b':\r\n ', b':\n', b':\r']
SIZES = [b'0%x', b'%X', b'%x ', b' %x', b'%x\t', b'0x%x', b'+%x', b'-%x', b'%x;', b'%x;a', b'%x;a=b', b'%x;a="b"', b'%x;a="b;c\\""', b'%x;a="\r\n"',
         b'%x ;a', b'%x; a', b'%x;a = b', b'%x;\x00', b'%x;a\nb', b'%x\x00', b'%x\n', b'%xg', b'g%x', b'', b'%x,', b'00000000000000000%x', b'%x.0',
         b'%x;' + b'a' * 300, b'%x;a=b;c=d', b'%x;;', b'%x;=', b'%x\r', b'1%x', b'fffffffffffffff%x', b'1000000000000000%x', b'%x\x0b', b'%x#', b'%x;\xff']
TRAILERS = [b'', b'', b'', b'X-T: 1\r\n', b'Content-Length: 5\r\n', b'Host: b\r\n', b'Transfer-Encoding: chunked\r\n', b'X-T : 1\r\n', b' folded\r\n', b'X\r\n',
            b': x\r\n', b'X: \x00\r\n', b'X: a\n', b'X: a\r', b'GET / HTTP/1.1\r\n', b'X: 1\r\n Y: 2\r\n', b'X: 1\r\nY: 2\r\n', b'X-T: ' + b'a' * 500 + b'\r\n']
STATUSES = [b'200'] * 10 + [b'204', b'304', b'100', b'103', b'199', b'101', b'404', b'500', b'599', b'600', b'999', b'099', b'20', b'2000', b'abc', b'', b'+20', b'-20', b' 200', b'000']
REASONS = [b' OK'] * 8 + [b' ', b'', b' Not Found', b'  two', b' \xff', b' a\x00b', b' a\tb', b'\tOK', b' a\nb', b'OK', b' \x7f', b' a\rb']
SMUGGLED = b'GET /smuggled HTTP/1.1\r\nHost: s\r\n\r\n'


class Message:
    """The parts of one, and how they are joined."""

    def __init__(self, line, headers, body):
        self.line, self.headers, self.body, self.before, self.blank = line, headers, body, b'', CRLF
        self.chunks = None  # [size line, data, end]; with them `body` is not used
        self.trailers, self.last = b'', b'0'

    def join(self):
        out = [self.before, *self.line]
        for name, separator, value, end in self.headers:
            out += [name, separator, value, end]
        out.append(self.blank)
        if self.chunks is None:
            out.append(self.body)
        else:
            for chunk in self.chunks:
                out += chunk
            out += [self.last, CRLF, self.trailers, CRLF]
        return b''.join(out)


def header(name, value):
    return [name, b': ', value, CRLF]


def payload(r):
    return r.choice([b'', b'a', b'abcde', b'x' * r.randrange(40), SMUGGLED, b'5\r\nabcde\r\n0\r\n\r\n', b'0\r\n\r\n', b'0\r\n\r\n' + SMUGGLED,
                     b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'])


def frame(r, m):
    """A body in one of its framings."""
    kind = r.randrange(10)
    data = payload(r)
    if kind < 4:
        m.headers.append(header(b'Content-Length', b'%d' % len(data)))
        m.body = data
    elif kind < 8:
        m.headers.append(header(b'Transfer-Encoding', b'chunked'))
        cut = r.randrange(len(data) + 1)
        m.chunks = [[b'%x' % len(p), CRLF, p, CRLF] for p in (data[:cut], data[cut:]) if p]


def one_request(r):
    method = r.choice(METHODS[:7]) if r.random() < 0.9 else r.choice(METHODS)
    target = r.choice(TARGETS[:3]) if r.random() < 0.8 else r.choice(TARGETS)
    version = b'HTTP/1.1' if r.random() < 0.85 else r.choice(VERSIONS)
    m = Message([method, b' ', target, b' ', version, CRLF], [header(b'Host', b'a')], b'')
    frame(r, m)
    if r.random() < 0.2:
        m.headers.append(header(b'Connection', r.choice([b'close', b'keep-alive', b'Upgrade', b'Close, X', b'x', b'keep-alive, close'])))
    if r.random() < 0.06:
        m.headers.append(header(b'Upgrade', r.choice([b'h2c', b'websocket', b'foo/2'])))
    return m


def one_reply(r):
    status = r.choice(STATUSES[:13]) if r.random() < 0.9 else r.choice(STATUSES)
    version = b'HTTP/1.1' if r.random() < 0.85 else r.choice(VERSIONS)
    m = Message([version, b' ', status, r.choice(REASONS[:8]) if r.random() < 0.9 else r.choice(REASONS), CRLF], [], b'')
    frame(r, m)
    if r.random() < 0.15:
        m.headers.append(header(b'Connection', r.choice([b'close', b'keep-alive', b'Upgrade'])))
    return m


# ---- tricks on the parts ----

def another_length(r, m):
    m.headers.insert(r.randrange(len(m.headers) + 1), header(b'Content-Length', r.choice(LENGTHS) if r.random() < 0.6 else b'%d' % r.randrange(50)))


def another_coding(r, m):
    m.headers.insert(r.randrange(len(m.headers) + 1), header(b'Transfer-Encoding', r.choice(CODINGS)))


def odd_value(r, m):
    for h in m.headers:
        name = h[0].lower()
        if name == b'content-length' and r.random() < 0.7:
            h[2] = r.choice(LENGTHS)
        elif name == b'transfer-encoding' and r.random() < 0.7:
            h[2] = r.choice(CODINGS)
        elif name == b'host' and r.random() < 0.2:
            h[2] = r.choice(HOSTS)


def odd_name(r, m):
    if m.headers:
        h = r.choice(m.headers)
        h[0] = r.choice(TWISTS)(h[0])


def odd_separator(r, m):
    if m.headers:
        r.choice(m.headers)[1] = r.choice(SEPARATORS)


def odd_line_end(r, m):
    places = [h for h in m.headers] + [m.line]
    r.choice(places)[-1] = r.choice(EOLS)


def odd_blank_line(r, m):
    m.blank = r.choice(EOLS)


def fold(r, m):
    if m.headers:
        h = r.choice(m.headers)
        at = r.randrange(len(h[2]) + 1)
        h[2] = h[2][:at] + r.choice([b'\r\n ', b'\r\n\t', b'\n ', b'\r ', b'\r\n']) + h[2][at:]


def odd_start(r, m):
    i = r.randrange(len(m.line))
    m.line[i] = r.choice([b'', b'  ', b'\t', m.line[i] + r.choice(ODD), r.choice(ODD) + m.line[i], m.line[i] * 2])


def before(r, m):
    m.before = r.choice([CRLF, CRLF * 2, CRLF * 3, b'\n', b'\r', b' ', b'\x00', b'\xef\xbb\xbf', b'\t', b'X\r\n', b'\r\r\n'])


def more_headers(r, m):
    for _ in range(r.choice([1, 2, 3, 40, 101])):
        m.headers.insert(r.randrange(len(m.headers) + 1), header(r.choice(NAMES) if r.random() < 0.3 else b'X-%d' % r.randrange(9), r.choice(
            [b'', b'1', b'a b', b'\xff', b'a\tb', b'close', b'100-continue', b'a\x00', b'"', b'x' * 200])))


def drop_header(r, m):
    if m.headers:
        m.headers.pop(r.randrange(len(m.headers)))


def twice(r, m):
    if m.headers:
        m.headers.append(list(r.choice(m.headers)))


def odd_chunk(r, m):
    if m.chunks:
        c = r.choice(m.chunks)
        i = r.randrange(4)
        if i == 0:
            form = r.choice(SIZES)
            c[0] = form % len(c[2]) if b'%' in form else form
        elif i == 2:
            c[2] = r.choice([c[2] + b'!', c[2][:-1], c[2] + CRLF])
        else:
            c[i] = r.choice(EOLS)


def odd_last_chunk(r, m):
    if m.chunks is not None:
        form = r.choice(SIZES)
        m.last = r.choice([b'00', b'000000000000000000000', form % 0 if b'%' in form else form, b'0;a', b'-0', b'0\n', b''])


def trailers(r, m):
    if m.chunks is not None:
        m.trailers = b''.join(r.choice(TRAILERS) for _ in range(r.choice([1, 1, 2])))


TRICKS = [another_length, another_coding, odd_value, odd_value, odd_name, odd_separator, odd_line_end, odd_blank_line, fold, odd_start, before,
          more_headers, drop_header, twice, odd_chunk, odd_chunk, odd_last_chunk, trailers]


def odd_bytes(r, data):
    """One or two bytes of the whole, put in, taken out or replaced."""
    for _ in range(r.choice([1, 1, 2])):
        at = r.randrange(len(data) + 1)
        kind = r.randrange(4)
        if kind == 0:
            data = data[:at] + r.choice(ODD) + data[at:]
        elif kind == 1:
            data = data[:at] + data[at + 1:]
        elif kind == 2:
            data = data[:at] + r.choice(ODD) + data[at + 1:]
        else:
            data = data[:at]
    return data


def connections(seed, one):
    r = random.Random(seed)
    while True:
        messages = [one(r) for _ in range(r.choice([1, 2, 2, 3]))]
        for _ in range(r.choice([0, 1, 1, 1, 2, 3])):
            r.choice(TRICKS)(r, r.choice(messages[:2]))
        data = b''.join(m.join() for m in messages)
        yield odd_bytes(r, data) if r.random() < 0.25 else data


def requests(seed):
    return connections(seed, one_request)


def replies(seed):
    return connections(seed, one_reply)
