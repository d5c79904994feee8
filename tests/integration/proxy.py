"""An HTTP proxy that knows CONNECT, and one that knows nothing but what a test tells it to say.

    with ConnectProxy(names={'provider.test': '127.0.0.1'}, user='u:secret') as p: ...
"""
import base64
import contextlib
import socket
import threading

from wire import Closed, Reader


class ConnectProxy:
    """`asked` has the target of each CONNECT, `users` what was shown as Proxy-Authorization. With `answer` (bytes, or a
    function of the socket) nobody is connected to anything."""

    def __init__(self, names=None, user=None, answer=None, host='127.0.0.1'):
        self.names, self.user, self.answer = names or {}, user, answer
        self.asked, self.users, self._open, self._lock = [], [], set(), threading.Lock()
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=64)
        self.port = self.listener.getsockname()[1]
        self.address = f'[{host}]:{self.port}' if ':' in host else f'{host}:{self.port}'
        self.url = f'http://{self.address}'
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            self._serve_one(sock)
        except (Closed, OSError):
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _serve_one(self, sock):
        line, headers = Reader(sock).head()
        method, target, _ = line.split(' ')
        assert method == 'CONNECT', line
        shown = [v for k, v in headers if k.lower() == 'proxy-authorization']
        with self._lock:
            self.asked.append(target)
            self.users.append(shown[0] if shown else None)
        if callable(self.answer):
            self.answer(sock)
        elif self.answer is not None:
            sock.sendall(self.answer)
            sock.recv(1)
        elif self.user and shown != ['Basic ' + base64.b64encode(self.user.encode()).decode()]:
            sock.sendall(b'HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nWho?')
        else:
            self._tunnel(sock, target)

    def _tunnel(self, sock, target):
        host, port = target.rsplit(':', 1)
        host = host.strip('[]')
        with socket.create_connection((self.names.get(host, host), int(port))) as far:
            sock.sendall(b'HTTP/1.0 200 Connection established\r\nProxy-agent: test\r\n\r\n')
            back = threading.Thread(target=self._copy, args=(far, sock), daemon=True)
            back.start()
            self._copy(sock, far)
            back.join()

    @staticmethod
    def _copy(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
