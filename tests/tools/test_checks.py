"""The checks of tools/ judge what they should: each gets small sources that are right and that are wrong."""
import importlib.machinery
import importlib.util
import os
import sys

import pytest

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools')
sys.path.insert(0, TOOLS)
sys.dont_write_bytecode = True

import csource  # noqa: E402


def load(name):
    loader = importlib.machinery.SourceFileLoader(name.replace('-', '_'), os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


check_size, check_layers, check_banned, run_tests = map(load, ('check-size', 'check-layers', 'check-banned', 'run-tests'))


def function_of(lines, params='void'):
    return f'static int f({params})\n{{\n' + '    x();\n' * (lines - 3) + '}\n'


def exceptions_of(tmp_path, text, kind=check_size.SizeExceptions, **more):
    path = tmp_path / 'exceptions'
    path.write_text(text)
    return kind(str(path), **more)


# csource

def test_comments_and_literals_are_blanked_and_lines_stay():
    text = 'a /* x\ny */ b "s\\"t" \'{\' // c\nd'
    blanked = csource.blank(text)
    assert blanked.split() == ['a', 'b', '"', '"', "'", "'", 'd']
    assert blanked.count('\n') == text.count('\n') and len(blanked) == len(text)


@pytest.mark.parametrize('head, name, params', [
    ('int f(void)', 'f', 0),
    ('static void f()', 'f', 0),
    ('struct str *f(int a, char *b)', 'f', 2),
    ('static bool f(void (*on_end)(int, int), int b,\n              struct x c[2])', 'f', 3),
    ('__attribute__((format(printf, 1, 2))) static void f(const char *format, ...)', 'f', 2),
    ('TEST(buf, grows, twice)', 'TEST(buf, grows, twice)', 0),
])
def test_a_functions_head_is_understood(head, name, params):
    assert csource.parse_head(head) == (name, params)


def test_structs_tables_and_macros_are_no_functions():
    text = ('struct a {\n    int x;\n};\nstatic const int t[] = {\n    1,\n};\n'
            '#define F(x) \\\n    do { \\\n    } while (0)\n\nint f(void)\n{\n    return 0;\n}\n')
    assert [(f.name, f.first, f.last) for f in csource.functions(text)] == [('f', 11, 14)]


# check-size

def test_sixty_lines_are_fine_and_sixty_one_are_not(tmp_path):
    none = exceptions_of(tmp_path, '')
    assert check_size.judge('src/a.c', function_of(60), none) == []
    assert 'f has 61 lines' in check_size.judge('src/a.c', function_of(61), none)[0]


def test_five_parameters_are_fine_and_six_are_not(tmp_path):
    none = exceptions_of(tmp_path, '')
    assert check_size.judge('src/a.c', function_of(5, 'int a, int b, int c, int d, int e'), none) == []
    assert '6 parameters' in check_size.judge('src/a.c', function_of(5, 'int a, int b, int c, int d, int e, int f'), none)[0]


def test_a_file_has_at_most_800_lines(tmp_path):
    none = exceptions_of(tmp_path, '')
    assert check_size.judge('src/a.c', '\n' * 800, none) == []
    assert '801 lines' in check_size.judge('src/a.c', '\n' * 801, none)[0]


def test_an_exception_needs_a_reason_and_a_user(tmp_path):
    good = exceptions_of(tmp_path, 'src/a.c f lines 70 one pass over the bytes\n')
    assert check_size.judge('src/a.c', function_of(70), good) == [] and good.stale() == []
    assert '71 lines, 70 are allowed' in check_size.judge('src/a.c', function_of(71), good)[0]
    unused = exceptions_of(tmp_path, 'src/a.c f lines 70 one pass over the bytes\n')
    assert check_size.judge('src/a.c', function_of(60), unused) == []
    assert 'nothing needs this exception' in unused.stale()[0]
    assert 'a reason' in exceptions_of(tmp_path, 'src/a.c f lines 70\n').stale()[0]


# check-layers

LAYERS = '''
base:  <uv.h>
net:   base <uv.h>
http:  base
http(server,client*): http net base
main:  http base
pure:  http
'''


def layer_errors(path, text, layers=LAYERS):
    judged = check_layers.Layers(layers)
    assert judged.errors == []
    return judged.judge(path, text, lambda target: 'missing' not in target)


@pytest.mark.parametrize('path, include', [
    ('net/a.c', '"base/b.h"'), ('net/a.c', '"net/b.h"'), ('net/a.c', '<uv.h>'), ('http/url.c', '"http/head.h"'),
    ('http/server.c', '"net/a.h"'), ('http/client_pool.c', '"http/server.h"'), ('http/server.h', '"http/url.h"'),
    ('main.c', '"http/server.h"'), ('http/server.c', '<unistd.h>'), ('http/url.c', '<string.h>'),
])
def test_an_include_that_goes_down_is_fine(path, include):
    assert layer_errors(path, f'#include {include}\n') == []


@pytest.mark.parametrize('path, include, why', [
    ('base/a.c', '"net/b.h"', 'not below'), ('http/url.c', '"net/b.h"', 'not below'),
    ('http/url.c', '"http/server.h"', 'not below'), ('http/server.c', '<uv.h>', 'alone'),
    ('http/url.c', '<sys/socket.h>', 'no I/O'), ('net/a.c', '"b.h"', 'folder/b.h'),
    ('net/a.c', '"base/missing.h"', 'there is no'), ('net/a.c', '"xyz/a.h"', 'no line'), ('xyz/a.c', '', 'no line'),
    ('main.c', '"net/a.h"', 'not below'),
])
def test_an_include_that_goes_up_or_aside_is_named(path, include, why):
    errors = layer_errors(path, f'/* first */\n#include {include}\n')
    assert len(errors) == 1 and why in errors[0]


def test_an_include_in_a_comment_does_not_count():
    assert layer_errors('base/a.c', '/*\n#include "net/b.h"\n*/\n') == []


def test_a_layer_may_only_name_layers_above_its_line():
    assert 'not below' in check_layers.Layers('base: net\nnet:\n').errors[0]


# check-banned

def banned(path, text, excepted=()):
    return check_banned.judge(path, text, lambda path, name: name in excepted)


@pytest.mark.parametrize('path, text', [
    ('src/json/a.c', 'strcpy(a, b);'), ('src/json/a.c', 'x = malloc(3);'), ('src/json/a.c', 'return time(NULL);'),
    ('src/json/a.c', 'if (read(fd, p, n) < 0)'), ('src/json/a.c', '(void)write(fd, p, n);'), ('src/json/a.c', '    abort();'),
    ('src/base/mem.c', 'sprintf(a, b);'), ('tests/unit/base/test_a.c', 'sleep(1);'), ('src/gateway/a.c', 'getenv("X")'),
    ('tests/unit/base/test_a.c', 'strtok(a, b);'), ('src/json/a.c', 'else free(p);'), ('src/http/a.c', 'getaddrinfo(a)'),
    ('src/json/a.c', '#define NEW(n) malloc(n)'),
])
def test_a_banned_call_is_named(path, text):
    errors = banned(path, '\n' + text + '\n')
    assert len(errors) == 1 and errors[0].startswith(f'{path}:2: ')


@pytest.mark.parametrize('path, text', [
    ('src/json/a.c', 'ops->read(x);'), ('src/json/a.c', 'ops.write(x);'), ('src/json/a.c', 'bool read(int x);'),
    ('src/json/a.c', 'stream_read(x);'), ('src/json/a.c', '/* malloc(3) */ "malloc(3)"'), ('src/base/mem.c', 'malloc(3);'),
    ('src/base/clock.c', 'clock_gettime(a, b);'), ('src/main.c', 'getenv("X");'), ('src/cli/a.c', 'printf("x");'),
    ('src/net/a.c', 'accept4(fd);'), ('tests/unit/base/test_a.c', 'free(p);'), ('src/json/a.c', 'bool (*read)(int);'),
])
def test_what_only_looks_like_one_or_stands_where_it_may_is_not(path, text):
    assert banned(path, text) == []


def test_a_banned_call_may_be_excepted():
    assert banned('src/json/a.c', 'fwrite(a);', excepted=['fwrite']) == []


# run-tests

def test_cmockas_counts_are_added_up(capsys):
    total = run_tests.Sum()
    said = '[  PASSED  ] 3 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n'
    run_tests.show_unit({'name': 'x / base/test_a', 'result': 'OK', 'stderr': said, 'duration': 0.1}, total)
    assert total.line() == '3 passed, 0 failed, 1 skipped'
    assert '[  PASSED  ] 3 test(s).  base/test_a' in capsys.readouterr().out


def test_a_program_that_dies_after_its_tests_passed_has_failed():
    total = run_tests.Sum()
    test = {'name': 'base/test_a', 'result': 'FAIL', 'returncode': 1, 'duration': 0.1, 'stderr': '[  PASSED  ] 3 test(s).\n'}
    run_tests.show_unit(test, total)
    assert total.line() == '0 passed, 1 failed'
