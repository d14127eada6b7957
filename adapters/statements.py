"""The statement of an SQL source, checked when the manifest is loaded.

A parser and closed lists decide: one SELECT, nothing that writes, locks or runs without end, no
function that is not known to be pure, values only as named parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

PURE_FUNCTIONS = frozenset({
    "Abs", "All", "And", "Any", "ArrayAgg", "Avg", "Case", "Cast", "Ceil", "Coalesce", "Concat",
    "ConcatWs", "Count", "CurrentDate", "CurrentTimestamp", "Date", "DateAdd", "DateSub",
    "DateTrunc", "Day", "Decode", "DecodeCase", "DenseRank", "Exists", "Extract", "Floor",
    "Greatest", "GroupConcat", "If", "Initcap", "Least", "Left", "Length", "Lower", "Lpad",
    "Max", "Min", "Mod", "Month", "Nullif", "Nvl2", "Or", "Pad", "Rank", "Replace", "Right",
    "Round", "RowNumber", "Rpad", "SafeConcat", "Split", "SplitPart", "StrPosition",
    "StrToDate", "StrToTime", "StrToUnix", "Substring", "Sum", "TimeToStr", "TimestampTrunc",
    "ToChar", "ToDate", "ToNumber", "Translate", "Trim", "TryCast", "TsOrDsToDate", "Upper",
    "Xor", "Year",
})  # fmt: skip
"""sqlglot's names of the functions a statement may use: they read their arguments and nothing
else."""

_FORBIDDEN = (
    "Into", "Lock", "Insert", "Update", "Delete", "Merge", "Create", "Drop", "Alter", "Command",
    "Copy", "Set", "Use", "Pragma", "Hint", "Parameter", "SessionParameter", "UserDefinedFunction",
    "Lateral", "Unnest", "TableFromRows", "Execute", "NextValueFor",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement as its driver wants it."""

    text: str
    names: tuple[str, ...]
    """Parameters in the order they stand; each as often as it stands."""


class StatementRefused(ValueError):
    """The statement is not one a manifest may have; the message says why."""


def statement(text: str, *, dialect: str, placeholder: str) -> Statement:
    """Check `text` and write its parameters the driver's way.

    Args:
        text: As the manifest has it, with `:name` parameters.
        dialect: sqlglot's name of the dialect.
        placeholder: What a parameter becomes; `{}` is its name.

    Raises:
        StatementRefused: It is anything but one pure SELECT with named parameters.
    """
    import sqlglot  # noqa: PLC0415 -- heavy, and only needed where there is an SQL source
    from sqlglot import exp  # noqa: PLC0415 -- as above

    try:
        found = sqlglot.parse(text, read=dialect)
        tokens = sqlglot.tokenize(text, read=dialect)
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise StatementRefused("not a statement the parser knows") from None
    if len(found) != 1 or not isinstance(found[0], exp.Select):
        raise StatementRefused("not exactly one SELECT")
    for node in found[0].walk():
        name = type(node).__name__
        if name in _FORBIDDEN:
            raise StatementRefused(f"{name.upper()} is not allowed")
        if isinstance(node, exp.Func) and name not in PURE_FUNCTIONS:
            shown = node.name if isinstance(node, exp.Anonymous) else name
            raise StatementRefused(f"function {shown} is not in the list of pure ones")
        if isinstance(node, exp.Placeholder) and not node.this:
            raise StatementRefused("a parameter without a name")
        if isinstance(node, exp.With) and node.recursive:
            raise StatementRefused("RECURSIVE is not allowed")
        if isinstance(node, exp.Column) and node.name.upper() == "NEXTVAL":
            raise StatementRefused("a sequence is not allowed")
    if any(token.comments for token in tokens):
        # MySQL executes some of them, which the parser does not see.
        raise StatementRefused("comments are not allowed; YAML has its own")
    return _rewritten(text, tokens, placeholder)


def _rewritten(text: str, tokens: Sequence[Any], placeholder: str) -> Statement:
    """Replace `:name` outside strings and comments. Done on the text, not on the tree, so that
    the database gets what the manifest says.
    """
    # Where parameters are written with a percent sign, any other one has to be doubled.
    percent = "%%" if placeholder.startswith("%") else "%"
    parts: list[str] = []
    names: list[str] = []
    end = 0
    for colon, name in pairwise(tokens):
        if colon.text != ":" or name.start != colon.end + 1:
            continue
        parts.append(text[end : colon.start].replace("%", percent))
        parts.append(placeholder.format(name.text))
        names.append(name.text)
        end = name.end + 1
    parts.append(text[end:].replace("%", percent))
    return Statement(text="".join(parts), names=tuple(names))
