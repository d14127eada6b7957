"""A layout and a certificate type make a template.

Rows hold the items in the order of the catalog, unless the type says otherwise. How high a row
becomes is a matter of the longest value its items may have, never of a value: two certificates of a
type differ in nothing but what is filled in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from catalog import CertificateType, CodeTable, FaceItem
from catalog.model import FieldType
from certificates.drawing.lines import Align, Box, Stand, Style, laid
from certificates.drawing.marks import Backdrop, Colour, Lettering, Mark, SealPlace
from certificates.drawing.ornament import border, frame, ground, rosette, rule, shade, tint
from certificates.templates.errors import TemplateInvalid
from certificates.templates.grammar import (
    Choice,
    Choices,
    Families,
    Family,
    FootPlan,
    Look,
    PagePlan,
    RowsPlan,
    TitlePlan,
)
from certificates.templates.model import (
    Column,
    Complaint,
    Field,
    Page,
    PicturePlace,
    Table,
    Template,
)

Tables = Mapping[str, CodeTable]
_LEADING = 1.3
_SHRUNK = 0.72
"""How much smaller a label may become to stay on one line."""
_AIR = 0.35
"""What every row has of air before long values get more room, by the size of its letters."""
_NARROW = 0.6
"""Width of a Latin letter or a digit, in ems, taken generously."""
_NUMBERS = ("_no", "_code")
_ISSUERS = ("issuer", "registrar", "registry", "police_station", "funeral_home", "unit")
_DATES = (
    "issue_date", "filed_date", "decided_on", "certified_on", "conferred_on", "graduated_on",
    "registered_on", "register_date", "cremation_date",
)  # fmt: skip


def template(
    kind: CertificateType, families: Families, choices: Choices, tables: Tables
) -> Template:
    """The template of a certificate type.

    Raises:
        TemplateInvalid: The type has none, or names what it does not have.
    """
    choice = choices.get(kind.id)
    if choice is None or choice.family not in families:
        raise TemplateInvalid([
            Complaint(where=kind.id, rule="template", found="没有模板 / there is no template")
        ])  # fmt: skip
    family = families[choice.family]
    changed = {key: value for key in ("ink", "paper") if (value := getattr(choice, key))}
    if choice.ink:
        changed |= {"label_colour": shade(choice.ink, 0.45), "title_colour": shade(choice.ink, 0.5)}
    return _Plan(kind, family.model_copy(update=changed), choice, tables).template()


def reach(item: FaceItem, tables: Tables) -> float:
    """How many ems the longest value of an item takes."""
    if item.type is FieldType.DATE:
        return 8.0
    if item.type is FieldType.CODE and item.code_table in tables:
        codes = tables[item.code_table].codes.values()
        longest = max((len(each.label) for each in codes), default=item.max_length)
        return float(max(longest, item.max_length if item.max_length > 5 else 0))
    narrow = item.type in {FieldType.INTEGER, FieldType.DECIMAL} or item.example.isascii()
    return item.max_length * (_NARROW if narrow and item.example else 1.0)


@dataclass(frozen=True, slots=True)
class _Roles:
    """What the items of a type are for."""

    number: str
    issuer: str
    date: str
    rows: tuple[str, ...]
    pictures: tuple[str, ...]
    repeated: tuple[str, ...]


class _Plan:
    """One template under way."""

    def __init__(
        self, kind: CertificateType, family: Family, choice: Choice, tables: Tables
    ) -> None:
        self._kind, self._choice, self._tables = kind, choice, tables
        self.family = family
        self._roles = self._cast()
        self._title = choice.title or kind.name

    def template(self) -> Template:
        pages = tuple(map(self._page, self.family.pages, self._distributed()))
        return Template(
            type=self._kind.id,
            title=self._title.replace("\n", ""),
            family=self._choice.family,
            version=1,
            pages=pages,
        )

    def _cast(self) -> _Roles:
        items, choice, pages = self._kind.items, self._choice, self.family.pages
        named = {
            item
            for item in (
                choice.number, choice.issuer, choice.date, choice.subtitle,
                *(name for page in choice.rows or () for row in page for name in row),
            )
            if item
        }  # fmt: skip
        if strange := sorted(named - set(items)):
            raise TemplateInvalid(
                Complaint(where=f"{self._kind.id}.{each}", rule="template", found="没有此项 / no such item")
                for each in strange
            )
        first = next(iter(items))
        number = choice.number
        if number is None:
            number = first if first.endswith(_NUMBERS) else ""
        if not any(page.number for page in pages):
            number = ""
        issuer = self._one(choice.issuer, _ISSUERS)
        date = self._one(choice.date, _DATES)
        apart = {number, issuer, date, choice.subtitle}
        return _Roles(
            number=number,
            issuer=issuer,
            date=date,
            rows=tuple(
                each.id
                for each in items.values()
                if each.max_length and not each.repeated and each.id not in apart
            ),
            pictures=tuple(each.id for each in items.values() if not each.max_length),
            repeated=tuple(each.id for each in items.values() if each.repeated),
        )

    def _one(self, chosen: str | None, usual: Sequence[str]) -> str:
        if chosen is not None:
            return chosen
        return next((each for each in usual if each in self._kind.items), "")

    def _distributed(self) -> Iterator[tuple[tuple[str, ...], ...]]:
        """The rows of each page."""
        given = list(self._choice.rows or ())
        plans = self.family.pages
        main = max((at for at, plan in enumerate(plans) if plan.rows), default=0)
        for at, plan in enumerate(plans):
            if plan.rows is None:
                yield ()
            elif self._choice.rows is not None:
                yield given.pop(0) if given else ()
            else:
                yield tuple(self._paired(plan.rows.pair)) if at == main else ()

    def _paired(self, pair: float) -> Iterator[tuple[str, ...]]:
        waiting = ""
        for item in self._roles.rows:
            short = pair and max(self.reach(item), len(self.label(item)) * 0.8) <= pair
            if waiting and short:
                yield waiting, item
                waiting = ""
                continue
            if waiting:
                yield (waiting,)
                waiting = ""
            if short:
                waiting = item
            else:
                yield (item,)
        if waiting:
            yield (waiting,)

    def reach(self, item: str) -> float:
        """How many ems its longest value takes."""
        return reach(self._kind.items[item], self._tables)

    def label(self, item: str) -> str:
        """What stands before it."""
        return self._kind.items[item].label.removesuffix("（逐剂）")

    def _page(self, plan: PagePlan, rows: tuple[tuple[str, ...], ...]) -> Page:
        family = self.family
        width, height = family.sheet
        made = _Made(marks=[ground(width, height, family.paper)])
        made.marks += border(family.border, width, height, family.ink)
        if family.rosette:
            made.marks += rosette(
                width / 2, height / 2, family.rosette, tint(family.ink, 0.84), 0.12
            )
        if plan.title:
            made.marks += self._titled(plan.title)
            if self._choice.subtitle:
                made.fields.append(self._under_title(plan.title, self._choice.subtitle))
        if plan.number and self._roles.number:
            self._numbered(plan, made)
        if plan.picture and self._roles.pictures:
            item = self._roles.pictures[0]
            made.pictures.append(PicturePlace(item=item, label=self.label(item), box=plan.picture))
        if plan.rows:
            _Rows(self, plan, rows, made).lay()
        if plan.table and self._roles.repeated:
            self._tabled(plan.table, made)
        if plan.foot:
            self._footed(plan.foot, made)
        return Page(
            width=width,
            height=height,
            backdrop=Backdrop(marks=tuple(made.marks)),
            paper=family.paper,
            fields=tuple(made.fields),
            pictures=tuple(made.pictures),
            tables=tuple(made.tables),
            codes=(plan.code,) if plan.code else (),
            seals=tuple(made.seals),
        )

    def _titled(self, plan: TitlePlan) -> tuple[Mark, ...]:
        longest = max(map(len, self._title.split("\n")))
        spacing = plan.spacing * max(0.0, 1 - max(0, longest - 4) / 8)
        style = Style(
            size=plan.size,
            floor=plan.size * 0.35,
            colour=self.family.title_colour,
            align=Align.CENTRE,
            leading=1.25,
            spacing=spacing,
            weight=0.022,
        )
        return laid(self._title, plan.box, style, where=f"{self._kind.id} title")

    def _under_title(self, plan: TitlePlan, item: str) -> Field:
        x, y, width, height = plan.box
        size = plan.size * 0.34
        style = replace(self._style(size, size * 0.5), align=Align.CENTRE)
        return Field(item=item, box=Box(x, y + height, width * 0.38, size * 1.4)._replace(
            x=x + width * 0.31), style=style)  # fmt: skip

    def _numbered(self, plan: PagePlan, made: _Made) -> None:
        told = plan.number
        assert told is not None  # noqa: S101 - the caller has looked
        item = self._kind.items[self._roles.number]
        style = self._style(told.size, told.size * 0.5)
        label = self.label(item.id) + "："
        reserved = len(label) * told.size
        x, y, width, height = told.box
        usual = sum(0.56 if each.isascii() else 1.0 for each in item.example)
        wide = min(width, reserved + max(usual * 1.06, 4) * told.size)
        x += width - wide
        made.marks += laid(
            label, Box(x, y, reserved, height), replace(style, colour=self.family.label_colour)
        )
        # No higher than one line: a long number becomes smaller rather than two lines.
        high = told.size * 1.2
        box = Box(x + reserved, y + (height - high) / 2, wide - reserved, high)
        made.fields.append(Field(item=item.id, box=box, style=style, dates=self.family.dates))

    def _footed(self, plan: FootPlan, made: _Made) -> None:
        x, y, width, height = plan.box
        shown = [each for each in (self._roles.issuer, self._roles.date) if each]
        placed = {item for row in made.rows for item in row}
        shown = [each for each in shown if each not in placed]
        row = height / max(2, len(shown))
        labels = [self.label(each) for each in shown]
        reserved = min(max(map(len, labels), default=0) * plan.size, width * 0.42)
        style = self._style(plan.size, plan.size * 0.45)
        for at, (item, label) in enumerate(zip(shown, labels, strict=True)):
            top = y + at * row
            box = Box(x, top, reserved, row)
            made.marks += laid(
                label,
                box,
                replace(style, align=Align.SPREAD, colour=self.family.label_colour),
                where=f"{self._kind.id} foot",
            )
            field = Box(x + reserved + plan.size * 0.8, top, width - reserved - plan.size * 0.8, row)
            made.fields.append(Field(item=item, box=field, style=style, dates=self.family.dates))
        middle = x + reserved + plan.size * 0.8 + min((width - reserved) / 2, plan.size * 5)
        made.seals.append(
            SealPlace(role="issuer", x=middle, y=y + height / 2, diameter=plan.seal)
        )

    def _tabled(self, box: Box, made: _Made) -> None:
        items = [self._kind.items[each] for each in self._roles.repeated]
        weights = [min(max(reach(each, self._tables), 6.5), 15.0) for each in items]
        ink = self.family.ink
        head, row = 7.0, 7.8
        rows = int((box.height - head) / row)
        style = Style(size=2.5, floor=1.3, align=Align.CENTRE, leading=1.15)
        columns, x = [], box.x
        for each, weight in zip(items, weights, strict=True):
            width = box.width * weight / sum(weights)
            columns.append(Column(item=each.id, x=x, width=width))
            made.marks += laid(
                self.label(each.id),
                Box(x + 0.4, box.y, width - 0.8, head),
                replace(style, lettering=Lettering.HEI, colour=self.family.label_colour),
            )
            x += width
            if x < box.x + box.width - 0.1:
                made.marks.append(rule(x, box.y, x, box.y + head + rows * row, ink, 0.15))
        for at in range(1, rows + 1):
            y = box.y + head + (at - 1) * row
            made.marks.append(rule(box.x, y, box.x + box.width, y, ink, 0.15))
        whole = Box(box.x, box.y, box.width, head + rows * row)
        made.marks.append(frame(whole, ink, 0.35))
        made.tables.append(
            Table(columns=tuple(columns), y=box.y + head, row=row, rows=rows, style=style)
        )

    def _style(self, size: float, floor: float) -> Style:
        return Style(size=size, floor=floor, leading=_LEADING)


@dataclass(slots=True)
class _Made:
    """What a page has by now."""

    marks: list[Mark]
    fields: list[Field]
    pictures: list[PicturePlace]
    tables: list[Table]
    seals: list[SealPlace]
    rows: list[tuple[str, ...]]

    def __init__(self, marks: list[Mark]) -> None:
        self.marks = marks
        self.fields, self.pictures, self.tables, self.seals, self.rows = [], [], [], [], []


class _Rows:
    """The rows of one page under way."""

    def __init__(
        self, plan: _Plan, page: PagePlan, rows: tuple[tuple[str, ...], ...], made: _Made
    ) -> None:
        assert page.rows is not None  # noqa: S101 - the caller has looked
        self._of, self._rows, self._made = plan, rows, made
        self._told: RowsPlan = page.rows
        self._picture = page.picture if made.pictures else None
        self._family = plan.family
        labels = [len(plan.label(item)) * self._told.size for row in rows for item in row]
        cap = self._told.label
        fitting = [each for each in labels if each <= cap] if self._told.own else labels
        self._reserved = min(max(fitting, default=0.0) * 1.02, cap)

    def lay(self) -> None:
        told = self._told
        self._made.rows += self._rows
        if not self._rows:
            return
        heights = self._heights()
        y = told.box.y
        top = y
        for row, height in zip(self._rows, heights, strict=True):
            self._row(row, y, height)
            y += height
        if told.look is Look.GRID:
            whole = Box(told.box.x, top, told.box.width, y - top)
            self._made.marks.append(frame(whole, self._family.ink, 0.45))

    def _width(self, y: float) -> float:
        """Beside a picture, rows are narrower."""
        box, picture = self._told.box, self._picture
        if picture is None or y >= picture.y + picture.height + 1:
            return box.width
        return picture.x - box.x - self._told.size * 0.6

    def _cells(self, row: tuple[str, ...], y: float) -> list[tuple[str, Box]]:
        """Left edge and width of the cells of a row; heights come later."""
        width = self._width(y) / len(row)
        return [
            (item, Box(self._told.box.x + at * width, y, width, 0.0)) for at, item in enumerate(row)
        ]

    def _need(self, row: tuple[str, ...], y: float, size: float, share: float) -> float:
        """How high a row must be for so much of its longest values, at a size."""
        pad = self._told.size * (0.9 if self._told.look is Look.GRID else 0.5)
        lines = 1
        for item, box in self._cells(row, y):
            room = box.width - self._label_width(item) - self._inset() * 3
            ems = self._of.reach(item) * share * 1.08
            lines = max(lines, math.ceil(ems * size / max(room, size)))
        return max(size * (1 + (lines - 1) * _LEADING), self._told.size) + pad

    def _heights(self) -> list[float]:
        told = self._told
        # Where a row will stand is needed to know how wide it is: count on with the least heights.
        least, likely, y = [], [], told.box.y
        for row in self._rows:
            least.append(self._need(row, y, told.floor, 1.0))
            likely.append(max(least[-1], self._need(row, y, told.size, 0.25)))
            y += least[-1]
        some = max(0.0, min((told.box.height - sum(least)) / len(least), _AIR * told.size))
        least, likely = [each + some for each in least], [each + some for each in likely]
        free = told.box.height - sum(least)
        wanted = [more - less for more, less in zip(likely, least, strict=True)]
        if free > 0 and sum(wanted) > 0:
            given = min(1.0, free / sum(wanted))
            least = [less + given * each for less, each in zip(least, wanted, strict=True)]
        free = max(0.0, told.box.height - sum(least))
        air = min(free / len(least), max(0.0, told.stretch - _AIR) * told.size)
        return [each + air for each in least]

    def _inset(self) -> float:
        return self._told.size * (0.35 if self._told.look is Look.GRID else 0.25)

    def _label_width(self, item: str) -> float:
        """A label that is longer than the column of labels has its own width, where that is allowed."""
        own = len(self._of.label(item)) * self._told.size * 1.02
        return max(self._reserved, own) if self._told.own else self._reserved

    def _row(self, row: tuple[str, ...], y: float, height: float) -> None:
        told, made, family = self._told, self._made, self._family
        plain = height < told.size * 2.9
        inset = self._inset()
        grid = told.look is Look.GRID
        if grid and y > told.box.y + 0.1:
            made.marks.append(rule(told.box.x, y, told.box.x + self._width(y), y, family.ink, 0.2))
        stand = Stand.MIDDLE if plain or grid else Stand.TOP
        if told.look is Look.RULED:
            stand = Stand.BOTTOM
            height -= told.size * 0.45
        above = told.size * 0.4 if stand is Stand.TOP else 0.0
        style = Style(size=told.size, floor=told.floor, leading=_LEADING, stand=stand)
        for at, (item, cell) in enumerate(self._cells(row, y)):
            reserved = self._label_width(item)
            x = cell.x + (inset if grid else (at > 0) * told.size * 0.8)
            made.marks += self._labelled(item, Box(x, y + above, reserved, height - above), style)
            begin = x + reserved + inset * 2
            end = cell.x + cell.width - inset
            value = Box(begin, y + above, end - begin, height - above)
            if grid:
                self._cell_rules(cell, at, x + reserved + inset, y, height)
            elif told.look is Look.RULED:
                low = y + height + told.size * 0.18
                made.marks.append(rule(begin - inset, low, end, low, tint(family.ink, 0.45), 0.12))
            made.fields.append(Field(item=item, box=value, style=style, dates=family.dates))

    def _labelled(self, item: str, box: Box, style: Style) -> tuple[Mark, ...]:
        """A label on one line if it need not become much smaller for that, otherwise on two."""
        told, grid = self._told, self._told.look is Look.GRID
        text = self._of.label(item)
        narrow = len(text) * told.size * _SHRUNK > box.width
        if narrow:
            head, mark, tail = text.partition("（")
            half = (len(text) + 1) // 2
            text = f"{head}\n{mark}{tail}" if mark and head else f"{text[:half]}\n{text[half:]}"
        elif len(text) * told.size > box.width:
            high = told.size * 1.02
            middle = style.stand is Stand.MIDDLE
            box = box._replace(y=box.y + (box.height - high) / 2 if middle else box.y, height=high)
        align = Align.LEFT if narrow or told.own else Align.SPREAD
        labelled = replace(
            style,
            colour=self._family.label_colour,
            lettering=Lettering.HEI if grid else Lettering.SONG,
            align=Align.CENTRE if narrow and grid else align,
            leading=1.15 if narrow else _LEADING,
            floor=told.size * 0.45,
        )
        return laid(text, box, labelled, where=f"label {item}")

    def _cell_rules(self, cell: Box, at: int, x: float, y: float, height: float) -> None:
        ink = self._family.ink
        if at:
            self._made.marks.append(rule(cell.x, y, cell.x, y + height, ink, 0.2))
        self._made.marks.append(rule(x, y, x, y + height, ink, 0.2))
