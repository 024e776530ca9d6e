"""Every single-point change that the mutation rules make to one module's source, as text replacements."""
import dataclasses
import re

from verilog_source import KEYWORDS, TYPES

BINARY = {
    "+": [("operator", "-")], "-": [("operator", "+")], "*": [("operator", "+")],
    "&": [("operator", "|")], "|": [("operator", "&")], "^": [("operator", "&")],
    "<<": [("operator", ">>")], ">>": [("operator", "<<")], ">>>": [("operator", ">>")], "<<<": [("operator", ">>>")],
    "<": [("off by one", "<="), ("comparison", ">=")], "<=": [("off by one", "<"), ("comparison", ">")],
    ">": [("off by one", ">="), ("comparison", "<=")], ">=": [("off by one", ">"), ("comparison", "<")],
    "==": [("comparison", "!=")], "!=": [("comparison", "==")],
    "&&": [("operator", "||")], "||": [("operator", "&&")],
}
UNARY = {"!": "", "~": "", "-": "", "&": "|", "|": "&", "^": "|"}
CLOCK_AND_RESET = frozenset(("clk_i", "rst_ni"))


@dataclasses.dataclass(frozen=True)
class Change:
    """Replaces text[start:end] by `text`."""
    kind: str
    start: int
    end: int
    text: str


class Mutator:
    """Collects the changes of one Module."""

    def __init__(self, module):
        self.module, self.tokens = module, module.tokens
        self.changes = []
        self.frozen = set()  # tokens that the rules of expressions leave alone

    def all_changes(self):
        """In source order, each replacement once."""
        for statement in self.module.statements:
            self._statement(statement)
        for condition in self.module.conditions:
            self._condition(condition)
        unique = {(c.start, c.end, c.text): c for c in reversed(self.changes)}
        return sorted((c for c in unique.values() if self.module.text[c.start:c.end] != c.text), key=lambda c: (c.start, c.end, c.text))

    # ---- pieces

    def _text(self, index):
        return self.tokens[index].text

    def _source(self, first, last):
        return self.module.text[self.tokens[first].start:self.tokens[last - 1].end]

    def _change(self, kind, first, last, text):
        """Replaces tokens [first, last)."""
        self.changes.append(Change(kind, self.tokens[first].start, self.tokens[last - 1].end, text))

    def _ends_operand(self, index):
        token = self.tokens[index]
        if token.kind == "operator":
            return token.text in (")", "]", "}")
        return token.kind == "number" or (token.kind == "word" and token.text not in KEYWORDS)

    # ---- statements

    def _statement(self, statement):
        first, last, kind = statement.first, statement.last, statement.kind
        if kind in ("typedef", "check"):
            return
        if kind in ("declaration", "function", "localparam"):
            self._declaration(statement)
        elif kind == "instance":
            self._instance(first, last)
        else:
            if any("unused" in self._text(i) for i in range(first, statement.assignment)):
                return  # only there to satisfy a linter
            self._lvalue(first, statement.assignment)
            if kind == "procedural" and not statement.reset:
                self.changes.append(Change("dropped assignment", self.tokens[first].start, self.tokens[last].end, ";"))
            self._expression(statement.assignment + 1, last, statement.reset)

    def _declaration(self, statement):
        """Ranges become one narrower, signed ones unsigned; values are expressions."""
        limit = statement.assignment if statement.assignment is not None else statement.last
        index = statement.first
        while index < limit:
            if self._text(index) == "[" and statement.kind != "localparam":
                self._narrow_range(index)
                index = self.module.pairs[index]
            elif self._text(index) == "signed" and statement.kind != "localparam":
                self._change("sign", index, index + 1, "")
            elif self._text(index) == "(" and statement.kind != "function":
                index = self.module.pairs[index]
            index += 1
        if statement.assignment is not None:
            self._expression(statement.assignment + 1, statement.last, False)

    def _narrow_range(self, opening):
        """[hi:lo] of a declaration becomes one bit narrower at the top."""
        close = self.module.pairs[opening]
        colon = self._colon(opening + 1, close)
        if colon is None:
            return  # [Depth]: the number of entries of a memory
        before = "".join(self._text(i) for i in range(opening + 1, colon))
        if before.endswith("-1"):
            self._change("width", colon - 1, colon, "2")
        elif before.isdigit() and int(before) > 0:
            self._change("width", opening + 1, colon, str(int(before) - 1))

    def _colon(self, first, last):
        """The ':' of a range at this depth, not of a ternary; None when there is none."""
        index, ternaries = first, 0
        while index < last:
            text = self._text(index)
            if text == "?":
                ternaries += 1
            elif text == ":":
                if ternaries == 0:
                    return index
                ternaries -= 1
            index = self.module.pairs.get(index, index) + 1
        return None

    def _lvalue(self, first, assignment):
        """Selects on the left side: indices are expressions."""
        for index in range(first, assignment):
            if self._text(index) == "[":
                self._select(index)
                self._expression(index + 1, self.module.pairs[index], False)

    def _instance(self, first, last):
        """Named connections: expressions are mutated; a lone signal is also tied to zero."""
        for index in range(first, last):
            if self._text(index) != "." or self.tokens[index + 1].kind != "word" or self._text(index + 2) != "(":
                continue
            opening, close = index + 2, self.module.pairs[index + 2]
            if close == opening + 1 or self._text(index + 1) in CLOCK_AND_RESET:
                continue
            if close == opening + 2 and self.tokens[opening + 1].kind == "word" and self._text(index + 1).endswith("_i"):
                self._change("connection", opening + 1, close, "'0")
            else:
                self._expression(opening + 1, close, False)

    # ---- conditions

    def _condition(self, condition):
        first, last = condition.first, condition.last
        if condition.kind == "reset":
            self._change("reset", first, last, "1'b0")
            if self._text(first) == "!":
                self._change("reset", first, first + 1, "")
        elif condition.kind == "for":
            semicolons = [i for i in range(first, last) if self._text(i) == ";"]
            equals = next(i for i in range(first, last) if self._text(i) == "=")
            self._expression(equals + 1, semicolons[0], False)
            self._loop_bound(semicolons[0] + 1, semicolons[1])
        else:
            if condition.kind == "if":
                self._change("condition", first, last, "1'b0")
                self._change("condition", first, last, "1'b1")
            self._expression(first, last, False)

    def _loop_bound(self, first, last):
        """i < N of a for: one round less. One more only makes selections out of range, which are ignored."""
        compared = next((i for i in range(first, last) if self._text(i) in ("<", "<=")), None)
        if compared is not None:
            self._change("off by one", compared + 1, last, minus_one(self._source(compared + 1, last)))

    # ---- expressions

    def _expression(self, first, last, reset):
        index = first
        while index < last:
            token = self.tokens[index]
            if token.text == "(" and self._is_width(index):
                self.frozen.update(range(index + 1, self.module.pairs[index]))
            if index in self.frozen:
                pass
            elif token.kind == "number":
                self._number(index, reset)
            elif token.kind == "system":
                if token.text == "$signed":
                    self._change("sign", index, index + 1, "")
            elif token.text == "rst_ni":
                self._change("reset", index, index + 1, "1'b1")
            elif token.kind == "word":
                self._enumerator(index, reset)
            elif token.text == "'" and self._text(index + 1) == "(":
                self._cast(index)
            elif token.text == "[" and index > first and (self._ends_operand(index - 1)):
                self._select(index)
            elif token.text == "?":
                self._ternary(index, first, last)
            elif token.text in BINARY or token.text in UNARY:
                self._operator(index, first)
            index += 1

    def _operator(self, index, first):
        text = self._text(index)
        if text in ("+", "-") and self._is_fixed_index(index):
            return
        if index > first and self._ends_operand(index - 1):
            for kind, other in BINARY.get(text, []):
                self._change(kind, index, index + 1, other)
        elif text in UNARY:
            self._change("operator", index, index + 1, UNARY[text])

    def _number(self, index, reset):
        if index + 1 < len(self.tokens) and self._text(index + 1) == "'":
            return  # the width of a cast
        for text in other_constants(self._text(index)):
            self._change("reset value" if reset else "constant", index, index + 1, text)

    def _enumerator(self, index, reset):
        for names in self.module.enumerators:
            if self._text(index) in names:
                at = names.index(self._text(index))
                self._change("reset value" if reset else "constant", index, index + 1, names[(at + 1) % len(names)])

    def _is_width(self, opening):
        """Is this the parenthesized width of a cast?"""
        close = self.module.pairs[opening]
        return self._text(close + 1) == "'" and self._text(close + 2) == "("

    def _cast(self, quote):
        """Width'(x) becomes one bit narrower, unless x is 0 or 1."""
        before = self.tokens[quote - 1]
        if self.module.pairs[quote + 1] == quote + 3 and self._text(quote + 2) in ("0", "1"):
            return
        if before.kind == "number" and before.text.isdigit() and int(before.text) > 1:
            self._change("width", quote - 1, quote, str(int(before.text) - 1))
        elif before.kind == "word" and before.text not in KEYWORDS | TYPES:
            self._change("width", quote - 1, quote, f"({before.text} - 1)")
        elif before.text == ")":
            opening = self.module.partner[quote - 1]
            self._change("width", opening, quote, f"({self._source(opening, quote)} - 1)")

    def _is_fixed_index(self, index):
        """Is this the sign in x[N - 1]? The other sign is a place that does not exist."""
        return (self._text(index - 2) == "[" and self._text(index + 2) == "]" and self.tokens[index - 1].kind == "word"
                and self.tokens[index + 1].kind == "number")

    def _select(self, opening):
        """[hi:lo] and [base +: width] lose a bit at an end; the other tokens are expressions for the caller."""
        close = self.module.pairs[opening]
        colon = self._colon(opening + 1, close)
        plus = next((i for i in range(opening + 1, close) if self._text(i) == "+:"), None)
        if colon is not None:
            self.frozen.update(range(opening + 1, close))
            self._change("width", opening + 1, colon, minus_one(self._source(opening + 1, colon)))
            self._change("width", colon + 1, close, self._source(colon + 1, close) + " + 1")
        elif plus is not None:
            self.frozen.update(range(plus + 1, close))
            self._change("width", plus + 1, close, minus_one(self._source(plus + 1, close)))

    def _ternary(self, question, first, last):
        """Swaps the branches and forces the condition."""
        colon = self._matching_colon(question, last)
        begin = question
        while begin > first and not self._starts_operand(begin - 1):
            begin = self.module.partner.get(begin - 1, begin - 1)
        end = colon + 1
        while end < last and self._text(end) not in (",", ";", ":") and self.tokens[end].text not in (")", "]", "}"):
            end = self.module.pairs.get(end, end) + 1
        then, other = self._source(question + 1, colon), self._source(colon + 1, end)
        if "?" not in other and "?" not in then:
            self._change("swapped branches", question + 1, end, f" {other} : {then}")
        self._change("condition", begin, question, "1'b0 ")
        self._change("condition", begin, question, "1'b1 ")

    def _starts_operand(self, index):
        """Is the token one after which a ternary's condition begins?"""
        return self.tokens[index].kind == "operator" and self._text(index) in ("=", "(", "[", "{", ",", "?", ":") or (
            self._text(index) == "<=" and index not in self.module.partner and self._is_assignment(index))

    def _is_assignment(self, index):
        return any(statement.assignment == index for statement in self.module.statements)

    def _matching_colon(self, question, last):
        depth, index = 0, question + 1
        while index < last:
            text = self._text(index)
            if text == "?":
                depth += 1
            elif text == ":":
                if depth == 0:
                    return index
                depth -= 1
            index = self.module.pairs.get(index, index) + 1
        raise ValueError(f"line {self.tokens[question].line}: '?' without ':'")


def minus_one(text):
    """The text of an expression that is one less."""
    if text.isdigit():
        return str(int(text) - 1)
    match = re.fullmatch(r"(.*\S)\s*-\s*(\d+)", text)
    return f"{match[1]} - {int(match[2]) + 1}" if match else f"{text} - 1"


def other_constants(text):
    """Texts of the neighbours of a constant: 0 and 1 swapped, others one more and one less, in the same notation."""
    if text in ("'0", "'1"):
        return ["'1" if text == "'0" else "'0"]
    match = re.fullmatch(r"(\d*)\s*'([sS]?)([bodhBODH])\s*([0-9a-fA-F_]+)", text)
    if match:
        base = {"b": 2, "o": 8, "d": 10, "h": 16}[match[3].lower()]
        value, width = int(match[4].replace("_", ""), base), int(match[1] or 32)
        spell = {2: "{:b}", 8: "{:o}", 10: "{:d}", 16: "{:x}"}[base].format
        values = {value ^ 1} if value in (0, 1) else {value - 1, value + 1}
        return [f"{match[1]}'{match[2]}{match[3]}{spell(v & ((1 << width) - 1))}" for v in sorted(values)]
    if re.fullmatch(r"\d[\d_]*", text):
        value = int(text.replace("_", ""))
        return [str(value ^ 1)] if value in (0, 1) else [str(value - 1), str(value + 1)]
    return []  # with x or z digits
