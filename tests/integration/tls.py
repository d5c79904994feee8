"""Certificates made on the spot, and a provider that speaks TLS.

    authority = Authority(folder)
    own = authority.certify('localhost')
    with TlsUpstream(plain(COMPLETION), identity=own) as up: ...
"""
import os
import socket
import ssl
import subprocess

from wire import Upstream

LOCAL = 'DNS:localhost,IP:127.0.0.1'


def openssl(*arguments):
    subprocess.run(['openssl', *map(str, arguments)], check=True, capture_output=True, stdin=subprocess.DEVNULL)


class Identity:
    """A certificate and its key, as two PEM files."""

    def __init__(self, stem):
        self.cert, self.key = f'{stem}.pem', f'{stem}.key'

    def options(self, **more):
        return {'cert': self.cert, 'key': self.key, **more}

    def replace_by(self, other):
        """The files hold another identity from now on; each is replaced in one step."""
        for ours, theirs in ((self.cert, other.cert), (self.key, other.key)):
            with open(theirs, 'rb') as read, open(ours + '.new', 'wb') as write:
                write.write(read.read())
            os.replace(ours + '.new', ours)


class Authority:
    def __init__(self, folder, name='Weir test authority'):
        self.folder = os.path.join(folder, name.replace(' ', '-'))
        os.makedirs(self.folder)
        self._own = Identity(os.path.join(self.folder, 'authority'))
        self.ca = self._own.cert
        openssl('req', '-x509', *self._new_key(self._own), '-out', self.ca, '-days', 30, '-subj', f'/CN={name}')

    @staticmethod
    def _new_key(identity):
        return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', identity.key]

    def certify(self, name, alt_names=LOCAL, days=30):
        made = Identity(os.path.join(self.folder, name))
        request, extensions = made.cert + '.req', made.cert + '.ext'
        openssl('req', *self._new_key(made), '-out', request, '-subj', f'/CN={name}')
        with open(extensions, 'w', encoding='ascii') as f:
            f.write(f'subjectAltName={alt_names}\n')
        openssl('x509', '-req', '-in', request, '-CA', self.ca, '-CAkey', self._own.key, '-CAcreateserial', '-days', days,
                '-extfile', extensions, '-out', made.cert)
        return made

    def trust(self, identity=None, version=None):
        """What a client needs to trust us; with an identity, to show."""
        context = ssl.create_default_context(cafile=self.ca)
        if identity:
            context.load_cert_chain(identity.cert, identity.key)
        if version:
            context.minimum_version = context.maximum_version = version
        return context


class TlsUpstream(Upstream):
    """`sessions` has for each handshake whether it resumed; `refused` why others failed; `peers` what callers showed."""

    def __init__(self, *answers, identity, client_ca=None, version=None, **more):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(identity.cert, identity.key)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        if version:
            self.context.minimum_version = self.context.maximum_version = version
        self.sessions, self.refused, self.peers = [], [], []
        super().__init__(*answers, **more)
        self.url = self.url.replace('http://', 'https://')

    def _serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            secure = self.context.wrap_socket(sock, server_side=True)
        except OSError as why:
            self.refused.append(str(why))
            sock.close()
            return
        self.sessions.append(secure.session_reused)
        self.peers.append(dict(pair[0] for pair in secure.getpeercert()['subject']) if secure.getpeercert() else None)
        super()._serve(secure)
