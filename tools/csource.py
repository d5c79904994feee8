"""What the checks of tools/ share: C sources as lists of lines with comments and literals blanked, their functions, and
lists of exceptions. Relies on what clang-format guarantees: a function's body opens and closes in column 0."""
import os
import re
import sys


def blank(text, keep_strings=False):
    """The text with comments, and the inside of literals, as spaces; every line break stays where it is."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def spaces(match):
        found = match.group(0)
        if found[0] in '"\'':
            return found if keep_strings else found[0] + ' ' * (len(found) - 2) + found[-1]
        return re.sub(r'[^\n]', ' ', found)
    return pattern.sub(spaces, text)


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def sources(roots):
    """All .c and .h files of the folders (or files) named, in order."""
    for root in roots:
        if os.path.isfile(root):
            yield root
        for folder, folders, files in os.walk(root):
            folders.sort()
            yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(('.c', '.h')))


class Function:
    def __init__(self, name, params, first, last):
        self.name, self.params, self.first, self.last = name, params, first, last

    @property
    def lines(self):
        return self.last - self.first + 1


def balanced_end(text, start):
    """Index behind the parenthesis that closes the one at `start`; len(text) if none does."""
    depth = 0
    for i in range(start, len(text)):
        depth += {'(': 1, ')': -1}.get(text[i], 0)
        if depth == 0:
            return i + 1
    return len(text)


def parse_head(head):
    """Name and number of parameters of 'static int name(int a, void (*f)(int, int))'."""
    head = re.sub(r'__attribute__\s*\(\(.*?\)\)', ' ', head, flags=re.S)
    call = re.search(r'([A-Za-z_]\w*)\s*\(', head)
    if not call:
        return None, 0
    inside = head[call.end():balanced_end(head, call.end() - 1) - 1]
    if call.group(1) == 'TEST':
        return 'TEST(' + ' '.join(inside.split()) + ')', 0
    if inside.strip() in ('', 'void'):
        return call.group(1), 0
    depth, count = 0, 1
    for c in inside:
        depth += {'(': 1, '[': 1, ')': -1, ']': -1}.get(c, 0)
        count += c == ',' and depth == 0
    return call.group(1), count


def functions(text):
    """Every function with a body, its lines counted from 1, head and braces included."""
    lines = blank(text).split('\n')
    open_at = None
    for i, line in enumerate(lines):
        if line.startswith('{') and open_at is None:
            open_at = i
            first = i
            while first > 0 and re.match(r'[^#}\s]|\s+\S', lines[first - 1]) and \
                    not lines[first - 1].rstrip().endswith((';', '}', '\\')):
                first -= 1
        elif line.startswith('}') and open_at is not None:
            name, params = parse_head('\n'.join(lines[first:open_at]))
            if name:
                yield Function(name, params, first + 1, i + 1)
            open_at = None


class Exceptions:
    """A list of exceptions: lines of `count` words and then a reason; '#' starts a comment line. One that is never
    asked for is an error itself, so that the list does not rot."""

    def __init__(self, path, words):
        self.path, self.rows, self.used, self.errors = path, {}, set(), []
        if not os.path.exists(path):
            return
        for number, line in enumerate(read(path).split('\n'), 1):
            if not line.strip() or line.startswith('#'):
                continue
            parts = line.split(None, words)
            if len(parts) <= words:
                self.errors.append(f'{path}:{number}: {words} words and a reason are expected')
            else:
                self.rows[tuple(parts[:words])] = number

    def allows(self, *words):
        if words in self.rows:
            self.used.add(words)
            return True
        return False

    def stale(self):
        return self.errors + [f'{self.path}:{number}: nothing needs this exception any more: {" ".join(words)}'
                              for words, number in self.rows.items() if words not in self.used]


def report(errors, what):
    """Prints the errors and ends the program."""
    for error in errors:
        print(error)
    if errors:
        print(f'{what}: {len(errors)} {"error" if len(errors) == 1 else "errors"}')
    sys.exit(1 if errors else 0)
