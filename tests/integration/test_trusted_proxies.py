"""Who the client is when proxies stand in front: for limits, for the log, and for paths that answer this machine only."""
import pytest

from weir import Weir, in_front_of
from wire import CHAT, COMPLETION, Caller, Upstream, exchange, plain


@pytest.fixture(scope='module')
def up():
    with Upstream(plain(COMPLETION)) as u:
        yield u


def config(up, **server):
    return in_front_of(up.url, server=server, tiers={'default': {'requests_per_minute': 2, 'requests_per_hour': 0}})


def ask(weir, forwarded):
    headers = [('X-Forwarded-For', value) for value in ([forwarded] if isinstance(forwarded, str) else forwarded)]
    return exchange(weir.url, body=CHAT, headers=headers).status


@pytest.mark.smoke
def test_clients_behind_a_trusted_proxy_have_limits_of_their_own(up):
    with Weir(config(up, trusted_proxies=['127.0.0.1', '10.0.0.0/8'])) as w:
        assert [ask(w, '1.1.1.1') for _ in range(3)] == [200, 200, 429]
        assert ask(w, '2.2.2.2') == 200
        assert ask(w, '9.9.9.9, 1.1.1.1') == 429, 'what stands left is the client\'s own invention'
        assert ask(w, ['1.1.1.1', '10.1.1.1']) == 429, 'a chain of proxies'
        assert ask(w, '2001:db8:1:2::1') == 200 and ask(w, '2001:db8:1:2::2') == 200
        assert ask(w, '[2001:db8:1:2:ffff::3]:1') == 429 and ask(w, '2001:db8:1:3::1') == 200
        assert w.wait_for_log(lambda l: l.get('client') == '2.2.2.2')
        assert all(request.get('x-forwarded-for') is None for request in up.requests), 'no provider learns of clients'


def test_nobody_is_believed_by_default(up):
    with Weir(config(up)) as w:
        assert [ask(w, f'1.1.1.{i}') for i in range(3)] == [200, 200, 429]
        assert w.wait_for_log(lambda l: l.get('client') == '127.0.0.1')


def test_a_proxy_on_this_machine_makes_nobody_local(up):
    with Weir(config(up, trusted_proxies=['127.0.0.0/8'])) as w:
        assert exchange(w.url, '/circuit-breakers').status == 200
        assert exchange(w.url, '/circuit-breakers', headers=[('X-Forwarded-For', '1.1.1.1')]).status == 403
        assert exchange(w.url, '/circuit-breakers', headers=[('X-Forwarded-For', '127.0.0.5')]).status == 200


def test_whoever_reaches_a_unix_socket_may_be_a_proxy(up, tmp_path):
    path = f'{tmp_path}/weir.sock'
    with Weir(config(up, trusted_proxies='unix', listen=['127.0.0.1:0', f'unix:{path}'])):
        def through_unix(client):
            with Caller(f'unix:{path}') as caller:
                caller.ask(body=CHAT, headers=[('X-Forwarded-For', client)])
                return caller.read().status
        assert [through_unix('1.1.1.1') for _ in range(3)] == [200, 200, 429]
        assert through_unix('2.2.2.2') == 200
