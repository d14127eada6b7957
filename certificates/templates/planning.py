"""A layout and a certificate type make a template.

Rows hold the items in the order of the catalog, unless the type says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from catalog import CertificateType, CodeTable, FaceItem
from catalog.model import FieldType
from certificates.drawing.errors import PictureRefused
from certificates.drawing.lines import Align, Box, Style, laid
from certificates.drawing.marks import Backdrop, Lettering, Mark, Picture, SealPlace
from certificates.drawing.ornament import border, frame, ground, rosette, rule, shade, tint
from certificates.drawing.pictures import looked
from certificates.drawing.svg import shapes
from certificates.templates.errors import TemplateInvalid
from certificates.templates.grammar import (
    Book,
    Choice,
    Family,
    FootPlan,
    NumberPlan,
    PagePlan,
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
from certificates.templates.rows import LEADING, Made, Rows

Tables = Mapping[str, CodeTable]
_NARROW = 0.6
"""Width of a Latin letter or a digit, in ems, taken generously."""
_NUMBERS = ("_no", "_code")
_ISSUERS = ("issuer", "registrar", "registry", "police_station", "funeral_home")
_DATES = (
    "issue_date", "filed_date", "decided_on", "certified_on", "conferred_on", "graduated_on",
    "registered_on", "register_date", "cremation_date",
)  # fmt: skip


def template(kind: CertificateType, book: Book, tables: Tables) -> Template:
    """The template of a certificate type.

    Raises:
        TemplateInvalid: The type has none, or names what it does not have.
    """
    choice = book.choices.get(kind.id)
    if choice is None or choice.family not in book.families:
        raise TemplateInvalid([
            Complaint(where=kind.id, rule="template", found="没有模板 / there is no template")
        ])  # fmt: skip
    family = book.families[choice.family]
    changed = {
        key: value for key in ("ink", "paper", "background") if (value := getattr(choice, key))
    }
    if choice.ink:
        changed |= {"label_colour": shade(choice.ink, 0.45), "title_colour": shade(choice.ink, 0.5)}
    family = family.model_copy(update=changed)
    return _Plan(kind, family, choice, tables, book.backgrounds).template()


def reach(item: FaceItem, tables: Tables) -> float:
    """How many ems the longest value of an item takes."""
    if item.type is FieldType.DATE:
        return 8.0
    table = tables.get(item.code_table or "")
    if item.type is FieldType.CODE and table is not None:
        codes = table.codes.values()
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
        self,
        kind: CertificateType,
        family: Family,
        choice: Choice,
        tables: Tables,
        backgrounds: Mapping[str, bytes],
    ) -> None:
        self._kind, self._choice, self._tables = kind, choice, tables
        self.family, self._backgrounds = family, backgrounds
        self._labels = {
            each.id: each.label.removesuffix("（逐剂）") for each in kind.items.values()
        }
        self._reaches = {each.id: reach(each, tables) for each in kind.items.values()}
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
                Complaint(
                    where=f"{self._kind.id}.{each}",
                    rule="template",
                    found="没有此项 / no such item",
                )
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
            short = pair and max(self._reaches[item], len(self._labels[item]) * 0.8) <= pair
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

    def _page(self, plan: PagePlan, rows: tuple[tuple[str, ...], ...]) -> Page:
        family = self.family
        width, height = family.sheet
        made = Made(marks=[ground(width, height, family.paper)])
        made.marks += self._background()
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
            self._numbered(plan.number, made)
        if plan.picture and self._roles.pictures:
            item = self._roles.pictures[0]
            made.pictures.append(
                PicturePlace(item=item, label=self._labels[item], box=plan.picture)
            )
        if plan.rows:
            picture = plan.picture if made.pictures else None
            Rows(family, plan.rows, rows, picture, self._labels, self._reaches, made).lay()
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

    def _background(self) -> tuple[Mark, ...]:
        name = self.family.background
        if not name:
            return ()
        width, height = self.family.sheet
        try:
            data = self._backgrounds[name]
            if name.endswith(".svg"):
                return shapes(data, width, height)
            seen = looked(data)
        except (KeyError, PictureRefused) as wrong:
            why = wrong.why if isinstance(wrong, PictureRefused) else "没有这个文件 / no such file"
            raise TemplateInvalid([
                Complaint(where=f"{self._kind.id}: {name}", rule="background", found=why)
            ]) from None  # fmt: skip
        picture = Picture(data=data, format=seen.format, x=0, y=0, width=width, height=height)
        return (picture,)

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
        # As many lines as are told, and no more: a long title becomes smaller.
        lines = self._title.count("\n") + 1
        high = min(plan.box.height, plan.size * (1.02 + 1.25 * (lines - 1)))
        box = plan.box._replace(y=plan.box.y + (plan.box.height - high) / 2, height=high)
        return laid(self._title, box, style, where=f"{self._kind.id} title")

    def _under_title(self, plan: TitlePlan, item: str) -> Field:
        x, y, width, height = plan.box
        size = plan.size * 0.34
        style = replace(self._style(size, size * 0.5), align=Align.CENTRE)
        return Field(item=item, box=Box(x, y + height, width * 0.38, size * 1.4)._replace(
            x=x + width * 0.31), style=style)  # fmt: skip

    def _numbered(self, told: NumberPlan, made: Made) -> None:
        item = self._kind.items[self._roles.number]
        style = self._style(told.size, told.size * 0.5)
        label = self._labels[item.id] + "："
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

    def _footed(self, plan: FootPlan, made: Made) -> None:
        x, y, width, height = plan.box
        shown = [each for each in (self._roles.issuer, self._roles.date) if each]
        placed = {item for row in made.rows for item in row}
        shown = [each for each in shown if each not in placed]
        row = height / max(2, len(shown))
        labels = [self._labels[each] for each in shown]
        reserved = min(max(map(len, labels), default=0) * plan.size, width * 0.42)
        style = self._style(plan.size, plan.size * 0.45)
        for at, (item, label) in enumerate(zip(shown, labels, strict=True)):
            top = y + (height - row * len(shown)) / 2 + at * row
            box = Box(x, top, reserved, row)
            made.marks += laid(
                label,
                box,
                replace(style, align=Align.SPREAD, colour=self.family.label_colour),
                where=f"{self._kind.id} foot",
            )
            field = Box(
                x + reserved + plan.size * 0.8, top, width - reserved - plan.size * 0.8, row
            )
            made.fields.append(Field(item=item, box=field, style=style, dates=self.family.dates))
        middle = x + reserved + plan.size * 0.8 + min((width - reserved) / 2, plan.size * 5)
        made.seals.append(SealPlace(role="issuer", x=middle, y=y + height / 2, diameter=plan.seal))

    def _tabled(self, box: Box, made: Made) -> None:
        items = [self._kind.items[each] for each in self._roles.repeated]
        weights = [min(max(1.25 * reach(each, self._tables), 6.5), 15.0) for each in items]
        ink = self.family.ink
        head, row = 7.0, 7.8
        rows = int((box.height - head) / row)
        style = Style(size=2.5, floor=1.3, align=Align.CENTRE, leading=1.15)
        columns, x = [], box.x
        for each, weight in zip(items, weights, strict=True):
            width = box.width * weight / sum(weights)
            columns.append(Column(item=each.id, x=x, width=width))
            made.marks += laid(
                self._labels[each.id],
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
        return Style(size=size, floor=floor, leading=LEADING)
