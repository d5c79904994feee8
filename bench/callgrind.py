"""bench/callgrind.py: reads what callgrind wrote with --dump-instr=yes and accounts instructions to functions as they stand
in the source, inlined or not.

Callgrind's own inclusive numbers are of no use here: it takes a switch between fibers for a call, so everything seems to be
called by everything. So the edges into and out of the switch are cut, and a function's cost is handed to its callers
in proportion to their calls (as gprof does). Self costs are exact."""
import collections
import re
import subprocess

SWITCHES = {'context_switch'}


class Site:
    """A machine instruction of one object: what it cost by itself, and the calls that it made."""
    __slots__ = ('cost', 'calls')

    def __init__(self):
        self.cost, self.calls = 0, collections.Counter()    # calls: function → how often


class Profile:
    def __init__(self, path):
        self.sites = {}                                     # (object, function, address) → Site
        self.total = 0
        self._read(path)

    def _read(self, path):
        names, state = {}, {'ob': '', 'cob': '', 'fn': '', 'cfn': ''}
        position, call = [0, 0], None
        with open(path) as f:
            for line in f:
                named = re.match(r'(c?(?:ob|fn|fl|fi|fe))=\((\d+)\)(?: (.*))?$', line)
                if named:
                    self._name(names, state, *named.groups())
                elif line.startswith('calls='):
                    call = int(line[6:].split()[0])
                elif line[:1] in '0123456789+-*' and line.strip():
                    words = line.split()
                    position = [self._position(w, was) for w, was in zip(words, position)]
                    cost = int(words[2]) if len(words) > 2 else 0
                    self._add(state, position[0], cost, call)
                    if call is not None:
                        call, state['cob'] = None, ''

    @staticmethod
    def _name(names, state, kind, number, name):
        space = kind[-2:] if kind[-2:] in ('ob', 'fn') else 'file'
        if name is not None:
            names[space, number] = name
        if space == 'file':
            return
        state[kind] = names[space, number]

    @staticmethod
    def _position(word, was):
        if word == '*':
            return was
        if word[0] in '+-':
            return was + int(word, 0)
        return int(word, 0)

    def _add(self, state, address, cost, call):
        function = (state['ob'], plain(state['fn']))
        site = self.sites.setdefault((*function, address), Site())
        if call is None:
            site.cost += cost
            self.total += cost
        elif call > 0:                                      # 0: entered before the counters were set back
            site.calls[state['cob'] or state['ob'], plain(state['cfn'])] += call


def plain(name):
    """Without the marks of recursion and of the compiler's clones."""
    name = re.sub(r"'\d+$", '', name)
    return re.sub(r'\.(lto_priv|isra|part|constprop|cold)(\.\d+)*', '', name)


def inline_chains(program, addresses):
    """address → the functions it belongs to as written, innermost first."""
    chains = {}
    done = subprocess.run(['addr2line', '-a', '-f', '-i', '-e', program], input='\n'.join(f'{a:#x}' for a in addresses),
                          capture_output=True, text=True, check=True)
    address, lines = None, []
    for line in done.stdout.splitlines() + ['0x0']:
        if re.fullmatch(r'0x[0-9a-f]+', line):
            if address is not None:
                chains[address] = [plain(name) for name in lines[0::2]]
            address, lines = int(line, 16), []
        else:
            lines.append(line)
    return chains


def costs_by_function(profile):
    """(object, function) → instructions with all that it calls, the switches cut out."""
    own, calls, called = collections.Counter(), collections.defaultdict(collections.Counter), collections.Counter()
    for (ob, fn, _), site in profile.sites.items():
        own[ob, fn] += site.cost
        if fn in SWITCHES:
            continue
        for callee, count in site.calls.items():
            if callee[1] in SWITCHES or callee == (ob, fn):
                continue
            calls[ob, fn][callee] += count
            called[callee] += count
    inclusive, path = {}, set()

    def cost(f):
        if f in inclusive:
            return inclusive[f]
        if f in path:
            return 0                                        # recursion: counted once
        path.add(f)
        total = own[f] + sum(cost(g) * n / called[g] for g, n in calls[f].items())
        path.discard(f)
        inclusive[f] = total
        return total
    for f in list(own):
        cost(f)
    return inclusive, called


class Source:
    """The program's own functions as written."""

    def __init__(self, profile, program):
        self._inclusive, self._called = costs_by_function(profile)
        self._mine = {key: site for key, site in profile.sites.items() if key[0] == program}
        self._chains = inline_chains(program, sorted({address for _, _, address in self._mine}))
        self.own, self.with_calls = collections.Counter(), collections.Counter()
        for (_, fn, address), site in self._mine.items():
            chain = self._chain(fn, address)
            self.own[chain[0]] += site.cost
            for name in set(chain):
                self.with_calls[name] += site.cost + sum(cost for _, cost in self._calls(fn, site))

    def _chain(self, fn, address):
        return self._chains.get(address) or [fn]

    def _calls(self, fn, site):
        """(function, its cost here with all that it calls) for each function called from this site."""
        if fn not in SWITCHES:
            for callee, count in site.calls.items():
                if callee[1] not in SWITCHES and self._called[callee]:
                    yield callee, self._inclusive.get(callee, 0) * count / self._called[callee]

    def callers(self, wanted):
        """Of a function as written, or one of a library: who pays how much for it, with all that it calls."""
        paid = collections.Counter()
        for (_, fn, address), site in self._mine.items():
            chain = self._chain(fn, address)
            calls = list(self._calls(fn, site))
            if wanted in chain[:-1]:
                at = len(chain) - 2 - chain[-2::-1].index(wanted)
                paid[chain[at + 1]] += site.cost + sum(cost for _, cost in calls)
            for callee, cost in calls:
                if callee[1] == wanted:
                    paid[chain[0]] += cost
        return paid
