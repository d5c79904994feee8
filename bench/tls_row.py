"""bench/tls_row.py: what TLS costs with callers and with the upstream: the same load with and without it, and the
difference. Certificates (P-256) are made at run time; connections are kept, so it is encryption that is measured, and a
handshake now and then of the upstream's."""
import os
import statistics
import subprocess

from contestants import FILES, Nginx, Upstream, Weir, load

EVENTS = 35  # of a stream, 7 s: longer than all take to begin and be looked at

median = statistics.median


class Certificate:
    """Signed by itself, for localhost, in a folder; `both` holds certificate and key."""

    def __init__(self, folder):
        at = lambda name: os.path.join(folder.path, name)
        self.cert, self.key, self.both = at('tls.pem'), at('tls.key'), at('tls.both')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', self.key,
                        '-out', self.cert], check=True, capture_output=True)
        with open(self.both, 'w') as out:
            for name in (self.cert, self.key):
                with open(name) as f:
                    out.write(f.read())


def change(path, *changes):
    with open(path) as f:
        text = f.read()
    for was, shall_be in changes:
        assert was in text, f'{was} is not in {path}'
        text = text.replace(was, shall_be)
    with open(path, 'w') as f:
        f.write(text)


class TlsWeir(Weir):
    """leg: None, 'client' or 'upstream'."""

    leg = certificate = None

    def configure(self):
        arguments = super().configure()
        c = self.certificate
        if self.leg == 'client':
            change(arguments[-1], ('workers: 1 }', f'workers: 1, tls: {{ cert: "{c.cert}", key: "{c.key}" }} }}'))
        if self.leg == 'upstream':
            change(arguments[-1], ('"http://127.0.0.1:', '"https://127.0.0.1:'),
                   ('api_key: sk-upstream', f'api_key: sk-upstream, tls: {{ ca: "{c.cert}" }}'))
        return arguments

    def judge(self):
        """Its metrics are behind TLS, too."""
        if self.leg != 'client':
            super().judge()


class TlsNginx(Nginx):
    leg = certificate = None

    def configure(self):
        arguments = super().configure()
        c = self.certificate
        if self.leg == 'client':
            change(arguments[-1], (' backlog=4096;', f' ssl backlog=4096;\n        ssl_certificate {c.cert};\n'
                                   f'        ssl_certificate_key {c.key};\n        ssl_protocols TLSv1.2 TLSv1.3;'))
        if self.leg == 'upstream':
            change(arguments[-1], ('proxy_pass http://service;', 'proxy_pass https://service;\n'
                                   f'            proxy_ssl_verify on;\n            proxy_ssl_trusted_certificate {c.cert};\n'
                                   '            proxy_ssl_name localhost;\n            proxy_ssl_protocols TLSv1.2 TLSv1.3;'))
        return arguments


def upstream_of(leg, certificate, **options):
    return Upstream(**options, **({'tls': certificate.both} if leg == 'upstream' else {}))


def cpu(bench, rival, leg, certificate):
    """CPU µs a request, median of the rounds' turns."""
    values = []
    with upstream_of(leg, certificate, reply_bytes=2048) as upstream:
        proxy = rival(bench.folder, upstream)
        proxy.leg, proxy.certificate = leg, certificate
        with proxy:
            for _ in range(bench.rounds):
                r = proxy.measure(mode='closed', connections=32, body_bytes=1024, expect_bytes=2048, warmup=0.5,
                                  seconds=bench.seconds * 0.7, tls=int(leg == 'client'))
                values.append(r['cpu_ns'] / 1000 / r['replies'])
                bench.say(f'{proxy.name:8} {str(leg):8} {values[-1]:8.2f} µs  {r["replies"] / r["seconds"]:9,.0f} requests/s  '
                          f'core {r["cpu_ns"] / r["seconds"] / 1e7:3.0f} % busy')
            proxy.judge()
    return median(values)


def stream_kib(bench, rival, leg, certificate):
    """Resident KiB a slow stream whose upstream speaks TLS."""
    count = min(1000, (FILES - 2000) // 2)
    with upstream_of(leg, certificate, events=EVENTS, interval_ms=200) as upstream:
        proxy = rival(bench.folder, upstream, is_stream=True)
        proxy.leg, proxy.certificate = leg, certificate
        with proxy:
            load(proxy.port, mode='stream', connections=4, expect_events=EVENTS, warmup=0, seconds=0.1)
            r = proxy.measure(mode='stream', connections=count, ramp=500, warmup=0.5, seconds=2, expect_events=EVENTS)
    kib = (r['rss_kb'] - r['rss_before_kb']) / count
    bench.say(f'{proxy.name:8} {kib:8.2f} KiB a slow stream with {"TLS" if leg else "plain"} upstream')
    return kib


def row(bench, Line):
    """The lines of the table; Line is bench/run's."""
    certificate = Certificate(bench.folder)
    costs = {leg: {} for leg in (None, 'client', 'upstream')}
    for rival in (TlsWeir, TlsNginx):
        for leg, into in costs.items():
            into[rival.name] = cpu(bench, rival, leg, certificate)
    lines = [Line(f'TLS with the {leg}', 'CPU µs a request, over plain',
                  {name: value - costs[None][name] for name, value in costs[leg].items()}, limit=5.5)
             for leg in ('client', 'upstream')]
    return lines + [Line('slow stream, TLS upstream', 'KiB', {rival.name: stream_kib(bench, rival, 'upstream', certificate)
                                                              for rival in (TlsWeir, TlsNginx)}, limit=40)]
