"""bench/soak_callers.py: the callers of bench/soak. Each request knows what must come of it: the fault that is injected
stands in its own header X-Simulate, so a reply that the fault does not explain is an error that nobody injected.

A caller is a coroutine: it draws a row of TRAFFIC, makes that request, judges what came, and waits for its turn again."""
import asyncio
import json
import random
import socket
import time

KEY = 'sk-soak-0123456789abcdef'
PATIENCE = 60  # seconds; no request of ours is allowed that long: what is not done by then is stuck
FILLER = 'What follows is what we know of deltas, marshes, tides and wind:\n'


class Wrong(Exception):
    """A reply that nothing explains."""


class Reply:
    def __init__(self, status, headers):
        self.status, self.headers, self.body, self.is_complete = status, headers, b'', False


def chat(model, size=0, **more):
    text = (FILLER * (size // len(FILLER) + 1))[:size] or 'Hello there'
    return json.dumps({'model': model, 'messages': [{'role': 'user', 'content': text}], **more}).encode()


class Wire:
    """A connection to the gateway, HTTP/1.1."""

    def __init__(self, port, small_buffer=False):
        self.port, self.small_buffer, self.reader, self.writer = port, small_buffer, None, None

    async def open(self):
        end = socket.socket()
        end.setblocking(False)
        if self.small_buffer:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 10)
        try:
            await asyncio.get_running_loop().sock_connect(end, ('127.0.0.1', self.port))
        except OSError:
            end.close()
            raise
        limit = (16 if self.small_buffer else 256) << 10
        self.reader, self.writer = await asyncio.open_connection(sock=end, limit=limit)

    def close(self, is_abort=False):
        if self.writer:
            self.writer.transport.abort() if is_abort else self.writer.close()
        self.reader = self.writer = None

    async def send(self, body, simulate='', key=KEY, path='/v1/chat/completions', send_bytes=None):
        head = (f'POST {path} HTTP/1.1\r\nHost: soak\r\nContent-Type: application/json\r\n'
                f'{f"Authorization: Bearer {key}" if key else "X-None: 1"}\r\n'
                f'{f"X-Simulate: {simulate}" if simulate else "X-None: 2"}\r\nContent-Length: {len(body)}\r\n\r\n')
        self.writer.write((head.encode() + body)[:send_bytes])
        await self.writer.drain()

    async def head(self):
        text = await self.reader.readuntil(b'\r\n\r\n')
        first, *lines = text.decode('latin-1').rstrip().split('\r\n')
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(':') for line in lines)}
        return Reply(int(first.split()[1]), headers)

    async def pieces(self, reply):
        """The body, as it comes; sets is_complete at its right end."""
        if 'content-length' in reply.headers:
            yield await self.reader.readexactly(int(reply.headers['content-length']))
        else:
            while size := int(await self.reader.readuntil(b'\r\n'), 16):
                yield (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
        reply.is_complete = True

    async def read(self):
        """A whole reply; what broke off in the middle has is_complete False."""
        reply = await self.head()
        try:
            async for piece in self.pieces(reply):
                reply.body += piece
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        return reply


def require(what, reply, why):
    if not what:
        raise Wrong(f'{why}: status {reply.status}, {len(reply.body)} bytes, complete {reply.is_complete}: '
                    f'{reply.body[:160].decode(errors="replace")} … {reply.body[-160:].decode(errors="replace")}')


def judge_plain(reply):
    require(reply.status == 200 and reply.is_complete, reply, 'a plain reply')
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = {}
    require(answer.get('choices') and answer.get('usage'), reply, 'its JSON')


def is_finished(body):
    return body.endswith(b'data: [DONE]\n\n') and b'"finish_reason":"' in body


EVENTS = {}  # how many a stream of so many tokens has: the simulator always says the same


def judge_count(reply, tokens, events):
    known = EVENTS.setdefault(tokens, events)
    require(events == known, reply, f'{events} events where {known} came before')


def judge_stream(reply, tokens=None):
    require(reply.status == 200 and reply.is_complete and is_finished(reply.body), reply, 'a stream')
    if tokens:
        judge_count(reply, tokens, reply.body.count(b'data: '))


def judge_failure(reply, statuses):
    """An error in the contract's shape with one of these statuses."""
    require(reply.status in statuses and reply.is_complete, reply, f'not one of {statuses}')
    require(b'"error"' in reply.body or b'"detail"' in reply.body, reply, 'an error without its shape')


def judge_broken_stream(reply, statuses=(502, 503, 504)):
    """A stream that a fault cut short: an error event, the closing chunk, no [DONE]; or an error if nothing was out yet."""
    if reply.status != 200:
        return judge_failure(reply, statuses)
    require(reply.is_complete and b'"error"' in reply.body and b'[DONE]' not in reply.body, reply, 'a broken stream')


# ---- kinds of traffic: each a coroutine (caller, random) that returns or raises ----

async def plain(c, size):
    judge_plain(await c.ask(chat('steady', size)))


async def stream_fast(c):
    tokens = c.random.choice([5, 50, 400])
    judge_stream(await c.ask(chat('steady', 200, stream=True), simulate=f'tokens={tokens}'), tokens)


async def stream_slow(c):
    tokens = c.random.randint(20, 60)
    judge_stream(await c.ask(chat('steady', 200, stream=True), simulate=f'tokens={tokens},tokens-per-second=10'), tokens)


async def slow_reader(c):
    """Megabytes, taken in small sips: the gateway must wait, not buffer."""
    wire = await c.fresh(small_buffer=True)
    await wire.send(chat('steady', 200, stream=True), simulate='tokens=8000')
    reply, taken = await wire.head(), 0
    async for piece in wire.pieces(reply):
        reply.body = (reply.body + piece)[-400:]
        taken += piece.count(b'data: ')
        if c.random.random() < 0.2:
            await asyncio.sleep(0.05)
    require(reply.is_complete and is_finished(reply.body), reply, 'a slowly read stream')
    judge_count(reply, 8000, taken)
    wire.close()


async def leave_in_stream(c):
    wire = await c.fresh()
    await wire.send(chat('steady', 200, stream=True), simulate='tokens=500,tokens-per-second=100')
    reply = await wire.head()
    require(reply.status == 200, reply, 'before leaving')
    async for _ in wire.pieces(reply):
        if c.random.random() < 0.1:
            break
    wire.close(c.random.random() < 0.5)


async def leave_before_head(c):
    wire = await c.fresh()
    await wire.send(chat('steady', 200), simulate='delay=1000')
    await asyncio.sleep(c.random.random() * 0.2)
    wire.close(c.random.random() < 0.5)


async def leave_in_body(c):
    wire = await c.fresh()
    body = chat('steady', 1 << 20)
    await wire.send(body, send_bytes=c.random.randrange(200, len(body)))
    await asyncio.sleep(c.random.random() * 0.1)
    wire.close(c.random.random() < 0.5)


async def half_head(c):
    """Slowloris: told 408, or closed."""
    wire = await c.fresh()
    wire.writer.write(b'POST /v1/chat/completions HTTP/1.1\r\nHost: soak\r\n')
    try:
        judge_failure(await wire.read(), (408,))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    wire.close()


async def own_mistake(c):
    body, options, statuses = c.random.choice([
        (b'{"model": "steady", ', {}, (400,)),
        (chat('steady'), {'key': ''}, (401,)),
        (chat('steady'), {'key': 'sk-wrong'}, (401,)),
        (chat('no-such-model'), {}, (404,)),
        (chat('steady'), {'path': '/v1/nowhere'}, (404,)),
        (b'{"messages": []}', {}, (400, 404)),
    ])
    judge_failure(await c.ask(body, **options), statuses)


EARLY = ['error=500', 'error=503', 'error=429', 'error=529', 'cut,at=0', 'stall,at=0', 'malformed,at=0']
LATE = ['cut,at=60', 'stall,at=60', 'malformed,at=60', 'error-event,at=60', 'cut,at=20', 'error-event,at=20']
# What a caller may see of them when there is nobody else to ask; 503 also when the breaker is open.
STATUSES = (429, 502, 503, 504, 529)


async def fault_plain(c):
    fault = c.random.choice(EARLY + ['cut,at=60', 'stall,at=60', 'malformed'])
    judge_failure(await c.ask(chat('lone', 500), simulate=fault), STATUSES)


async def fault_stream(c):
    fault = c.random.choice(EARLY + LATE)
    reply = await c.ask(chat('lone', 200, stream=True), simulate=f'{fault},tokens=100')
    if fault == 'malformed,at=0' and reply.status == 200 and is_finished(reply.body):
        return  # the broken event stood before the first content
    judge_broken_stream(reply, STATUSES)


async def fault_refused(c):
    judge_failure(await c.ask(chat('refused', 200)), (502, 503))


async def fallback_plain(c):
    """The first target fails, the second never does: a caller sees nothing of it."""
    judge_plain(await c.ask(chat('fallback', 200), simulate=c.random.choice(EARLY)))


async def fallback_stream(c):
    fault = c.random.choice(EARLY + LATE)
    reply = await c.ask(chat('fallback', 200, stream=True), simulate=f'{fault},tokens=100')
    if fault in LATE and not is_finished(reply.body):
        return judge_broken_stream(reply)
    judge_stream(reply)  # an early fault, or the breaker kept the first target out


TRAFFIC = [  # weight, name, coroutine, whether a fault is injected
    (300, 'plain 1 KB', lambda c: plain(c, 900), False),
    (60, 'plain 32 KB', lambda c: plain(c, 32 << 10), False),
    (6, 'plain 1 MB', lambda c: plain(c, 1 << 20), False),
    (60, 'stream, fast', stream_fast, False),
    (60, 'stream, slow', stream_slow, False),
    (2, 'slow reader', slow_reader, False),
    (30, 'caller leaves a stream', leave_in_stream, False),
    (20, 'caller leaves before the head', leave_before_head, False),
    (10, 'caller leaves within a body', leave_in_body, False),
    (4, 'half a head', half_head, False),
    (40, 'mistake of the caller', own_mistake, False),
    (30, 'fault, plain', fault_plain, True),
    (30, 'fault, stream', fault_stream, True),
    (10, 'fault, refused', fault_refused, True),
    (30, 'fault, plain, second target', fallback_plain, True),
    (30, 'fault, stream, second target', fallback_stream, True),
]


class Caller:
    def __init__(self, load, seed):
        self.load, self.random, self.kept, self.opened = load, random.Random(seed), None, []

    async def fresh(self, small_buffer=False):
        wire = Wire(self.load.port, small_buffer)
        self.opened.append(wire)
        await wire.open()
        return wire

    async def ask(self, body, **options):
        """One request on the kept connection; a new one every now and then, or when the last reply closed it."""
        wire = self.kept
        if wire and (wire.reader.at_eof() or self.random.random() < 0.03):
            wire.close()
            wire = None
        self.kept = None
        if wire:
            self.opened.append(wire)
        else:
            wire = await self.fresh()
        await wire.send(body, **options)
        reply = await wire.read()
        if reply.is_complete and reply.headers.get('connection', '').lower() != 'close':
            self.opened.remove(wire)
            self.kept = wire
        return reply

    async def one(self):
        weights = [row[0] for row in TRAFFIC]
        _, name, run, _ = self.random.choices(TRAFFIC, weights)[0]
        began, wrong = time.monotonic(), None
        try:
            await asyncio.wait_for(run(self), PATIENCE)
        except asyncio.TimeoutError:
            wrong = f'stuck: not done after {PATIENCE} s'
        except Wrong as error:
            wrong = str(error)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            wrong = f'{type(error).__name__}: {error}'
        self.load.note(name, time.monotonic() - began, wrong)
        for wire in self.opened:
            wire.close()
        self.opened = []
        if wrong and self.kept:
            self.kept.close()
            self.kept = None

    async def run(self):
        while not self.load.is_over:
            await self.load.turn()
            if not self.load.is_over:
                await self.one()
        if self.kept:
            self.kept.close()


class Load:
    """`rate` requests in a second by `callers` callers. Counts by name; every error keeps its moment and what was seen."""

    def __init__(self, port, rate, callers, seed, on_error):
        self.port, self.rate, self.on_error = port, rate, on_error
        self.callers = [Caller(self, seed * 1000 + i) for i in range(callers)]
        self.counts = {name: 0 for _, name, _, _ in TRAFFIC}
        self.slowest = {name: 0.0 for name in self.counts}
        self.errors = {}
        self.is_over, self.next_at = False, time.monotonic()

    def note(self, name, seconds, wrong):
        self.counts[name] += 1
        self.slowest[name] = max(self.slowest[name], seconds)
        if wrong:
            self.errors[name] = self.errors.get(name, 0) + 1
            self.on_error(name, wrong)

    async def turn(self):
        """Turns are handed out at `rate`; who could not take theirs in time does not come in a crowd later."""
        now = time.monotonic()
        self.next_at = max(self.next_at + 1 / self.rate, now - 0.5)
        if self.next_at > now:
            await asyncio.sleep(self.next_at - now)

    async def run(self):
        await asyncio.gather(*(caller.run() for caller in self.callers))
