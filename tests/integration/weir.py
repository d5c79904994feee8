"""Programs for tests: `Weir` (weir serve) and `Simulator` (weir simulate), each a context manager with a `.url`.

    with Simulator('--seed', 1) as s, Weir(in_front_of(s)) as w:
        w.http.post('/v1/chat/completions', json={...})
        line = w.wait_for_log(lambda l: l.get('path') == '/v1/chat/completions')

A Weir has a folder of its own (configuration, store, what it printed) and an environment that holds nothing of the
machine's but what programs need to run. Nothing here sleeps longer than a poll."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import httpx

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get('WEIR_BINARY', os.path.join(TOP, 'build', 'weir'))
SHARED = os.environ.get('WEIR_SHARED', os.path.join(os.path.dirname(TOP), 'shared'))
RECORDINGS = os.path.join(SHARED, 'recordings')
SLOW = float(os.environ.get('WEIR_TEST_SHRINK', '1'))  # how many times slower than usual this machine is (valgrind, qemu)
POLL_SECONDS = 0.005


def wait_until(look, seconds=10, what='it'):
    """The first true value of `look()`; AssertionError when none came in time."""
    deadline = time.monotonic() + seconds * SLOW
    while not (got := look()):
        assert time.monotonic() < deadline, f'{what} did not come within {seconds * SLOW:g} s'
        time.sleep(POLL_SECONDS)
    return got


class Program:
    """A started weir. What it prints goes to files in `folder`; the first line of stderr that matches `greeting` ends
    the wait of the start, its first group is the URL."""

    verify = True  # an ssl.SSLContext where TLS is spoken

    def __init__(self, arguments, greeting, env=None):
        self.folder = tempfile.mkdtemp(prefix='weir-test-')
        self.process = None
        self.out, self.err = (os.path.join(self.folder, name) for name in ('stdout', 'stderr'))
        keep = {k: v for k, v in os.environ.items()
                if k in ('PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH') or k.endswith('SAN_OPTIONS')}
        try:
            self._start([BINARY, *map(str, arguments)], {**keep, **{k: str(v) for k, v in (env or {}).items()}})
            self.greeting = wait_until(lambda: self._find(greeting), what='the greeting')
        except BaseException:
            self._remove()
            raise
        self.url = self.greeting.group(1)
        self.http = httpx.Client(base_url=self.url, timeout=30 * SLOW, trust_env=False, verify=self.verify)

    def _start(self, command, env):
        with open(self.out, 'wb') as out, open(self.err, 'wb') as err:
            self.process = subprocess.Popen(command, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err)

    def _find(self, greeting):
        found = re.search(greeting, self.stderr(), re.M)
        assert found or self.process.poll() is None, f'ended with {self.process.returncode}: {self.stderr()}'
        return found

    def _remove(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.http.close()
        try:
            if self.process.poll() is None:  # else the test itself has ended it
                status = self.stop()
                assert kind or status == 0, f'ended with {status}: {self.stderr()}'
        finally:
            self._remove()

    @property
    def port(self):
        return int(self.url.rsplit(':', 1)[1])

    def stderr(self):
        with open(self.err, encoding='utf-8', errors='replace') as f:
            return f.read()

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=10):
        """Its exit status; also when it has ended already."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=seconds * SLOW)


class Simulator(Program):
    """`weir simulate` with these arguments, on a free port."""

    def __init__(self, *arguments):
        super().__init__(['simulate', '--listen', '127.0.0.1:0', *arguments],
                         r'^simulating \w+ on (http://127\.0\.0\.1:\d+)$')


class Weir(Program):
    """`weir serve` with this configuration: a dict (what it does not say is: a free port, one worker, no keys, no limits, no
    store, little grace) or the text of a weir.yaml, which then says everything."""

    def __init__(self, config=None, env=None, arguments=(), verify=True):
        self.verify = verify
        self._config = config if isinstance(config, str) else self.complete(config or {})
        self._arguments = arguments
        super().__init__(['serve', *arguments], r'^weir \S+ listens on (https?://\S+?)(?: with .*)?$', env)

    @staticmethod
    def complete(config):
        """A configuration as text; JSON is YAML."""
        own = {'server': {'listen': '127.0.0.1:0', 'workers': 1}, 'auth': {'mode': 'off'}, 'store': 'memory',
               'tiers': {'default': {'requests_per_minute': 0, 'requests_per_hour': 0}},
               'shutdown': {'grace': '2s'}}
        for name in ('server', 'shutdown'):
            own[name].update(config.get(name, {}))
        return json.dumps({**own, **{k: v for k, v in config.items() if k not in ('server', 'shutdown')}}, indent=1)

    def _start(self, command, env):
        self.configure(self._config)
        super()._start(command, env)

    def configure(self, config):
        """Writes weir.yaml anew; `send(signal.SIGHUP)` makes it count."""
        with open(os.path.join(self.folder, 'weir.yaml'), 'w', encoding='utf-8') as f:
            f.write(config if isinstance(config, str) else self.complete(config))

    def log_lines(self):
        """All complete lines of the log up to now. The writer is about 20 ms late."""
        with open(self.out, encoding='utf-8') as f:
            return [json.loads(line) for line in f if line.endswith('\n')]

    def wait_for_log(self, matches, seconds=5):
        """The first line that `matches`."""
        return wait_until(lambda: next((line for line in self.log_lines() if matches(line)), None), seconds,
                          'a line of the log')

    def metrics(self):
        """{'name{label="value"}': value}"""
        text = self.http.get('/metrics').text
        return {k: float(v) for k, v in re.findall(r'^([^#\s][^ ]*(?:\{.*\})?) (\S+)$', text, re.M)}


def in_front_of(*simulators, model='simulated', **more):
    """A configuration with one provider per simulator (one, two, …), tried in this order; `model` and every other name
    go there as they are."""
    names = ['one', 'two', 'three', 'four', 'five'][:len(simulators)]
    providers = {name: {'kind': 'openai', 'base_url': s.url if isinstance(s, Program) else s, 'api_key': f'key-{name}',
                        'apis': ['chat', 'completions', 'embeddings', 'moderations', 'images', 'speech', 'transcriptions'],
                        'priority': 100 - i}
                 for i, (name, s) in enumerate(zip(names, simulators))}
    targets = [{'provider': name, 'model': '*', 'priority': 100 - i} for i, name in enumerate(names)]
    return {'providers': providers, 'models': {model: {'targets': targets}, '*': {'targets': targets}}, **more}
