"""bench/contestants.py: starts and stops what is compared, each pinned to the first core, and runs the load generator and
the upstream on the second. Everything lives in one folder on tmpfs that goes when the bench ends."""
import collections
import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WEIR = os.environ.get('WEIR_BINARY') or os.path.join(os.path.dirname(HERE), 'build', 'weir')
BUILD = os.environ.get('BENCH_BUILD') or os.path.join(os.path.dirname(HERE), 'build-bench')
CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE, LOAD_CORE = CORES[0], CORES[1 % len(CORES)]
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
# Where CPU is measured, load and upstream yield their core and never sleep: a proxy's send would wake them, which costs the
# proxy 2 to 3 µs here and nothing where its peers are other machines.
SPIN = int(len(CORES) > 1)
KEY, ADMIN_KEY = 'sk-bench-0123456789abcdef', 'sk-bench-admin-0123456789'
os.environ['PATH'] += ':/usr/sbin:/sbin'


class Failure(Exception):
    """Something could not be measured; the text says why."""


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def on_core(core):
    def prepare():
        os.sched_setaffinity(0, {core})
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    return prepare


def wait_for_port(port, process, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.002)
    raise Failure(f'{process.args[0]} does not listen')


def stop(process):
    """Ends one process that we started, by its id."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def words_of(options):
    return [word for name, value in options.items() for word in ('--' + name.replace('_', '-'), str(value))]


def rss_kb(pids):
    total = 0
    for pid in pids:
        with open(f'/proc/{pid}/statm') as f:
            total += int(f.read().split()[1]) * resource.getpagesize() // 1024
    return total


def need_programs():
    for program in (WEIR, f'{BUILD}/bench/load', f'{BUILD}/bench/upstream', shutil.which('nginx') or 'nginx',
                    shutil.which('haproxy') or 'haproxy'):
        if not os.access(program, os.X_OK):
            raise Failure(f'{program} is not there: `make bench` builds and installs what is needed (WEIR_BINARY and '
                          'BENCH_BUILD name other builds)')


class Folder:
    """Where all of a run's files are: on tmpfs, so that no disk is measured."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='weir-bench-', dir='/dev/shm' if os.access('/dev/shm', os.W_OK) else None)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name, template, **values):
        with open(os.path.join(HERE, 'templates', template)) as f:
            text = f.read()
        for key, value in values.items():
            text = text.replace(f'@{key}@', str(value))
        path = os.path.join(self.path, name)
        with open(path, 'w') as f:
            f.write(text)
        return path


class Upstream:
    """bench/upstream; options as it takes them."""

    def __init__(self, **options):
        self.port = free_port()
        options = dict({'limit': 600, 'spin': SPIN}, listen=self.port, **options)
        self.process = subprocess.Popen([f'{BUILD}/bench/upstream'] + words_of(options), preexec_fn=on_core(LOAD_CORE))
        wait_for_port(self.port, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.process)


class Contestant:
    """A proxy in front of an upstream; a context manager. is_stream: configured as an event stream needs it."""
    name = command = None

    def __init__(self, folder, upstream, is_stream=False, wrap=()):
        self.folder, self.upstream, self.is_stream, self.wrap = folder, upstream, is_stream, list(wrap)
        self.port = free_port()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        stop(self.process)

    def start(self):
        arguments = self.configure()
        self.spawn(arguments)
        wait_for_port(self.port, self.process, 60 if self.wrap else 10)

    def spawn(self, arguments, stdout=subprocess.DEVNULL):
        self.started = time.perf_counter()
        self.process = subprocess.Popen(self.wrap + arguments, preexec_fn=on_core(PROXY_CORE), cwd=self.folder.path,
                                        env=self.environment(), stdin=subprocess.DEVNULL, stdout=stdout,
                                        stderr=open(os.path.join(self.folder.path, self.name + '.err'), 'ab'))

    def environment(self):
        return {'PATH': os.environ['PATH'], 'HOME': self.folder.path}

    def pids(self):
        """Of the process and its children: those that do the work."""
        pids = [self.process.pid]
        for pid in pids:
            with open(f'/proc/{pid}/task/{pid}/children') as f:
                pids += [int(word) for word in f.read().split()]
        return pids

    def reset(self):
        """Before each measurement."""

    def measure(self, **options):
        """The load generator's result, with what it cost this contestant."""
        self.reset()
        try:
            result = load(self.port, self.pids(), **options)
        except Failure as failure:
            raise Failure(f'{self.name}: {failure}{self.explain()}') from None
        if options.get('mode') != 'idle' and result.get('cpu_ns') == 0:  # its processes were not there yet when they were looked for
            raise Failure(f'{self.name}: no CPU time was measured; run this row again')
        return result

    def explain(self):
        return ''

    def judge(self):
        """After all of them: raises Failure when what was measured is not what was meant."""


class Weir(Contestant):
    name = 'weir'

    def configure(self):
        config = self.folder.write(f'weir-{self.port}.yaml', 'weir.yaml', PORT=self.port, KEY=KEY,
                                   UPSTREAM=self.upstream.port)
        self.log_path = os.path.join(self.folder.path, f'weir-{self.port}.log')
        return [WEIR, 'serve', '--config', config]

    def environment(self):
        return dict(super().environment(), WEIR_ADMIN_KEY=ADMIN_KEY)

    def spawn(self, arguments):
        # Appended to, so that reset() may cut it off between measurements.
        with open(self.log_path, 'ab') as log:
            super().spawn(arguments, stdout=log)

    def reset(self):
        os.truncate(self.log_path, 0)

    def __exit__(self, *rest):
        super().__exit__(*rest)
        os.unlink(self.log_path)

    def explain(self):
        """What its log says of what failed."""
        seen = collections.Counter()
        with open(self.log_path, errors='replace') as f:
            for line in f:
                words = json.loads(line) if line.endswith('}\n') else {}
                if words.get('outcome', 'success') != 'success' or words.get('level') != 'INFO':
                    seen[', '.join(str(words[key]) for key in ('message', 'status_code', 'outcome', 'doing', 'error', 'detail')
                                   if key in words)] += 1
        return ''.join(f'; its log {count} times: {what}' for what, count in seen.most_common(3))

    def metrics(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        connection.request('GET', '/metrics', headers={'Authorization': f'Bearer {ADMIN_KEY}'})
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def judge(self):
        lines = self.metrics().splitlines()
        dropped = [line for line in lines if line.startswith('weir_log_lines_dropped_total ')]
        counted = [line for line in lines if line.startswith('http_requests_total{') and 'completions' in line]
        if not counted:
            raise Failure('weir: its metrics do not count the requests')
        if dropped and float(dropped[0].split()[1]) > 0:
            raise Failure(f'weir: {dropped[0].split()[1]} log lines were dropped: the log was not fully on')


class Nginx(Contestant):
    name = 'nginx'

    def configure(self):
        return ['nginx', '-e', os.path.join(self.folder.path, 'nginx.err'), '-p', self.folder.path, '-c',
                self.folder.write(f'nginx-{self.port}.conf', 'nginx.conf', PORT=self.port, DIR=self.folder.path,
                                  UPSTREAM=self.upstream.port, FILES=FILES,
                                  BUFFERING='off' if self.is_stream else 'on')]


class Haproxy(Contestant):
    name = 'haproxy'

    def configure(self):
        return ['haproxy', '-db', '-f',
                self.folder.write(f'haproxy-{self.port}.cfg', 'haproxy.cfg', PORT=self.port, UPSTREAM=self.upstream.port,
                                  MAXCONN=(FILES - 200) // 2,
                                  NODELAY='option http-no-delay' if self.is_stream else '')]


def load(port, watch=(), **options):
    """Runs bench/load to its end; its result, every reply judged."""
    options = dict({'key': KEY, 'spin': SPIN}, target=f'127.0.0.1:{port}', **options)
    if watch:
        options['watch'] = ','.join(map(str, watch))
    done = subprocess.run([f'{BUILD}/bench/load'] + words_of(options), preexec_fn=on_core(LOAD_CORE),
                          capture_output=True, text=True, timeout=300)
    if not done.stdout.startswith('{'):
        raise Failure(done.stderr.strip() or 'the load generator said nothing')
    result = json.loads(done.stdout)
    if result['errors']:
        raise Failure(f'{result["errors"]} errors, the first: {result["first_error"]}')
    return result
