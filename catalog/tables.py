"""How tables look on the command line, everywhere the same."""

from __future__ import annotations

from rich import box
from rich.table import Table


def plain_table(*heads: str, title: str = "", unbroken: int | None = None) -> Table:
    """An empty table with these heads; a cell that is too long is folded, never cut off.

    Args:
        heads: One for each column.
        title: Above it, to the left.
        unbroken: The column that keeps its words on one line, such as a state.
    """
    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for at, head in enumerate(heads):
        table.add_column(head, overflow="fold", no_wrap=at == unbroken)
    return table
