"""A small reader of this project's SystemVerilog: tokens, the module's header, and its statements, as far as making mutants needs them.

It relies on CONVENTIONS (one module a file, ANSI header, named connections) and refuses what it does not understand; it is no general parser.
"""
import dataclasses
import re

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<string>"(?:\\.|[^"\\])*")
      | (?P<directive>`[A-Za-z_]\w*)
      | (?P<number>(?:\d[\d_]*\s*)?'[sS]?[bodhBODH]\s*[0-9a-fA-F_xXzZ?]+|'[01xXzZ](?!\w)|\d[\d_]*)
      | (?P<system>\$[A-Za-z_]\w*)
      | (?P<word>[A-Za-z_]\w*(?:::[A-Za-z_]\w*)?)
      | (?P<operator><<<=|>>>=|<<<|>>>|===|!==|\*\*|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|\+:|-:|\+=|-=|~&|~\||~\^|->|[-+*/%&|^~!<>=?:;,.()\[\]{}@\#'])
      | (?P<space>\s+)""", re.VERBOSE | re.DOTALL)

KEYWORDS = frozenset("""always always_comb always_ff always_latch assert assign assume automatic begin bit byte case casez casex cover default else
  end endcase endfunction endgenerate endmodule enum final for function generate genvar if inside initial inout input int integer localparam
  logic longint module negedge output packed parameter posedge reg repeat return shortint signed struct task typedef unique unsigned var
  while wire priority""".split())
TYPES = frozenset("logic wire reg bit int integer genvar byte shortint longint var".split())
CLOSERS = {"(": ")", "[": "]", "{": "}"}


class SourceError(Exception):
    """The text is not what this reader understands; the message names the line."""


@dataclasses.dataclass(frozen=True)
class Token:
    kind: str  # string, number, system, word, operator
    text: str
    start: int
    end: int
    line: int


def tokens_of(text, defined=()):
    """The tokens that a simulator sees: comments, directives and the parts of `ifdef that are not compiled are left out."""
    found, position, line = [], 0, 1
    conditions = []  # of each open `ifdef: is this part compiled?
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise SourceError(f"line {line}: cannot read {text[position:position + 20]!r}")
        kind, end = match.lastgroup, match.end()
        if kind == "directive":
            name = match.group()[1:]
            rest = re.compile(r"[^\n]*").match(text, end).group()
            if name in ("ifdef", "ifndef"):
                conditions.append((rest.split()[0] in defined) == (name == "ifdef"))
                end += len(rest)
            elif name == "else":
                conditions[-1] = not conditions[-1]
            elif name == "endif":
                conditions.pop()
            elif name in ("include", "define", "default_nettype", "timescale", "undef"):
                end += len(rest)
            elif all(conditions):
                raise SourceError(f"line {line}: `{name} is not understood")
        elif kind not in ("comment", "space") and all(conditions):
            found.append(Token(kind, match.group(), position, end, line))
        line += text.count("\n", position, end)
        position = end
    if conditions:
        raise SourceError("an `ifdef is not closed")
    return found


def pairs_of(tokens):
    """{index of an opening bracket: index of its closing one}."""
    pairs, opened = {}, []
    for index, token in enumerate(tokens):
        if token.kind != "operator":
            continue
        if token.text in CLOSERS:
            opened.append(index)
        elif token.text in CLOSERS.values():
            if not opened or CLOSERS[tokens[opened[-1]].text] != token.text:
                raise SourceError(f"line {token.line}: '{token.text}' has no partner")
            pairs[opened.pop()] = index
    if opened:
        raise SourceError(f"line {tokens[opened[-1]].line}: '{tokens[opened[-1]].text}' is not closed")
    return pairs


@dataclasses.dataclass(frozen=True)
class Port:
    direction: str  # input or output
    shape: str      # everything between direction and name: "logic signed [Width-1:0]"
    name: str


@dataclasses.dataclass(frozen=True)
class Statement:
    """Tokens [first, last) of a simple statement, without its ';'."""
    kind: str      # declaration, localparam, assign, procedural, instance, function, check, typedef
    first: int
    last: int
    assignment: int | None = None  # index of its '=' or '<='
    reset: bool = False            # runs while rst_ni is low


@dataclasses.dataclass(frozen=True)
class Condition:
    """The parentheses of an if, a case, a for or a ternary's condition: tokens [first, last)."""
    kind: str
    first: int
    last: int


def split(tokens, pairs, first, last):
    """Ranges of tokens between the commas at this depth."""
    ranges, start, index = [], first, first
    while index < last:
        if index in pairs:
            index = pairs[index]
        elif tokens[index].text == ",":
            ranges.append((start, index))
            start = index + 1
        index += 1
    return ranges + [(start, last)] if start < last else ranges


def ports_of(text):
    """The ports of an ANSI list."""
    tokens = tokens_of(text)
    ports = []
    for first, last in split(tokens, pairs_of(tokens), 0, len(tokens)):
        if tokens[first].text not in ("input", "output"):
            raise SourceError(f"every port states its own direction here: {text[tokens[first].start:tokens[last - 1].end]}")
        ports.append(Port(tokens[first].text, text[tokens[first + 1].start:tokens[last - 2].end], tokens[last - 1].text))
    return ports


class Module:
    """One module's source: text, tokens, name, parameters, ports, statements and conditions."""

    def __init__(self, text, folder=None):
        """`folder` is where files lie that the list of ports includes."""
        self.text, self.folder = text, folder
        self.tokens = tokens_of(text)
        self.pairs = pairs_of(self.tokens)
        self.partner = {close: opening for opening, close in self.pairs.items()}
        self.statements, self.conditions, self.enumerators = [], [], []
        self.instances = []
        self.body = self._header()
        self._statements()

    def _text(self, index):
        return self.tokens[index].text if index < len(self.tokens) else ""

    def _slice(self, first, last):
        """The source text of tokens [first, last)."""
        return self.text[self.tokens[first].start:self.tokens[last - 1].end] if last > first else ""

    # ---- header

    def _header(self):
        starts = [index for index, token in enumerate(self.tokens) if token.text == "module"]
        if len(starts) != 1:
            raise SourceError(f"expected one module, found {len(starts)}")
        index = starts[0] + 1
        self.name_tokens = [index]
        self.name = self._text(index)
        index += 1
        self.parameters, self.parameter_text = [], ""
        if self._text(index) == "#":
            opening, close = index + 1, self.pairs[index + 1]
            self.parameter_text = self.text[self.tokens[index].start:self.tokens[close].end]
            for first, last in self._split(opening + 1, close):
                equals = [i for i in range(first, last) if self._text(i) == "="]
                if self._text(first) == "parameter" and equals:
                    self.parameters.append(self._text(equals[0] - 1))
            index = close + 1
        if self._text(index) != "(":
            raise SourceError(f"line {self.tokens[index].line}: expected the ports of {self.name}")
        close = self.pairs[index]
        self.port_text = self._with_includes(self.text[self.tokens[index].start + 1:self.tokens[close].start])
        self.ports = ports_of(self.port_text)
        last = max(i for i, token in enumerate(self.tokens) if token.text == "endmodule")
        if self._text(last + 1) == ":":
            self.name_tokens.append(last + 2)
        self.end = last
        return close + 2

    def _with_includes(self, text):
        return re.sub(r'`include\s+"([^"]+)"', lambda match: (self.folder / match[1]).read_text(), text)

    def _split(self, first, last):
        return split(self.tokens, self.pairs, first, last)

    # ---- statements

    def _statements(self):
        index = self.body
        reset_until = -1  # tokens before this one run while rst_ni is low
        while index < self.end:
            text = self._text(index)
            if text in ("begin", "end", "endcase", "endfunction", "endgenerate", "generate"):
                index += 1
                if text != "generate" and self._text(index) == ":":
                    index += 2
            elif text in ("if", "for", "case", "casez", "while", "repeat"):
                close = self.pairs[index + 1]
                kind = {"casez": "case", "while": "loop", "repeat": "loop"}.get(text, text)
                if text == "if" and self._is_check(close + 1):
                    index = close + 1
                    continue
                if text == "if" and self._text(close - 1) == "rst_ni":
                    kind = "reset"
                    if self._text(close - 2) == "!":
                        reset_until = max(reset_until, self._extent(close + 1))
                self.conditions.append(Condition(kind, index + 2, close))
                index = close + 1
            elif text in ("else", "always_comb", "initial", "final", "unique", "priority", ";", "default", ":", "always_latch"):
                index += 1
            elif text in ("always_ff", "always"):
                index += 2 if self._text(index + 1) == "@" else 1
                index = self.pairs[index] + 1 if index in self.pairs else index + 1  # @(…) or @*
            else:
                index = self._simple(index, reset_until)

    def _extent(self, index):
        """Index after the statement that begins at `index`: a begin…end block or one up to its ';'."""
        if self._text(index) != "begin":
            while self._text(index) != ";":
                index = self.pairs.get(index, index) + 1
            return index + 1
        depth = 0
        while True:
            depth += {"begin": 1, "case": 1, "casez": 1, "end": -1, "endcase": -1}.get(self._text(index), 0)
            index += 1
            if depth == 0:
                return index

    def _is_check(self, index):
        """Does the statement there only report a fault ($error, assert)?"""
        if self._text(index) == "begin":
            index += 3 if self._text(index + 1) == ":" else 1
        if self._text(index + 1) == ":":
            index += 2  # a label
        return self._text(index) in ("$error", "$fatal", "$warning", "$info", "$display", "assert", "assume", "cover")

    def _simple(self, first, reset_until):
        """Reads the statement that begins at `first`; the index after it."""
        index, assignment = first, None
        while self._text(index) != ";":
            if index >= self.end:
                raise SourceError(f"line {self.tokens[first].line}: a statement without ';'")
            text = self._text(index)
            if assignment is None and text in ("=", "<=", "+=", "-="):
                assignment = index
            elif assignment is None and text == ":" and self._text(first) not in TYPES:
                return index + 1  # the label of a statement or of a case item
            index = self.pairs.get(index, index) + 1
        kind = self._kind(first, index, assignment)
        if kind == "typedef" and self._text(first + 1) == "enum":
            opening = next(i for i in range(first, index) if self._text(i) == "{")
            self.enumerators.append([self._text(a) for a, _ in self._split(opening + 1, self.pairs[opening])])
        self.statements.append(Statement(kind, first, index, assignment, first < reset_until))
        return index + 1

    def _kind(self, first, last, assignment):
        head, following = self.tokens[first], self.tokens[first + 1]
        if head.text in ("localparam", "parameter"):
            return "localparam"
        if head.text in ("typedef", "genvar"):
            return "typedef"
        if head.text == "assign":
            return "assign"
        if head.text == "function":
            return "function"
        if head.text in ("assert", "assume", "cover") or head.kind == "system":
            return "check"
        if head.text in TYPES or head.text in ("input", "output", "automatic"):
            return "declaration"
        if head.kind == "word" and head.text not in KEYWORDS:
            if following.text == "#" or (following.kind == "word" and self._text(first + 2) == "("):
                return "instance"
            if following.kind == "word":
                return "declaration"  # of a named type
            if assignment is not None:
                return "procedural"
        if head.text == "{" and assignment is not None:
            return "procedural"
        raise SourceError(f"line {head.line}: the statement '{self._slice(first, last)[:40]}' is not understood")
