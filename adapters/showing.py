"""A trial as a person reads it: step by step, Chinese first, nothing personal and no secret."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from adapters import masking
from adapters.conformance import Result
from adapters.documents import CHARSETS
from adapters.model import Outcome
from adapters.trying import Exchanged, FieldShown, Mapped, Trial
from catalog.model import DataResource, FieldType, Sensitivity
from catalog.tables import plain_table

BODY = 1200
"""Characters of a body that are shown."""

_OUTCOMES = {
    Outcome.ANSWERED: "[green]✔ 有记录 answered[/]",
    Outcome.NO_RECORD: "[green]✔ 查无记录 no record[/]",
    Outcome.REFUSED: "[red]✘ 被拒绝 refused[/]",
    Outcome.FAILED: "[red]✘ 答复无效 failed[/]",
    Outcome.TIMED_OUT: "[red]✘ 超时 timed out[/]",
    Outcome.UNREACHABLE: "[red]✘ 连不上 unreachable[/]",
    Outcome.BREAKER_OPEN: "[yellow]暂停访问 breaker open[/]",
    Outcome.CLOSED: "[yellow]对方维护中 closed[/]",
    Outcome.DEFERRED: "[yellow]稍后答复 deferred[/]",
    Outcome.NOT_GRANTED: "[red]✘ 对方枢纽未授权 not granted[/]",
    Outcome.WITHHELD: "[red]✘ 不予共享 withheld[/]",
    Outcome.NOT_OFFERED: "[yellow]对方枢纽未接入 not offered[/]",
    Outcome.NOT_ASKED: "[yellow]此源无法这样问 not asked[/]",
}
_MAPPED = {
    Mapped.READ: "[green]✔ 已读 read[/]",
    Mapped.EMPTY: "[dim]○ 无值 empty[/]",
    Mapped.NOWHERE: "[yellow]？ 路径落空 nowhere[/]",
    Mapped.ODD: "[yellow]！ 表外 not in table[/]",
    Mapped.BAD: "[red]✘ 读不懂 unreadable[/]",
    Mapped.CONSTANT: "[dim]＝ 常量 constant[/]",
}


def shown(trial: Trial, secrets: Iterable[str]) -> RenderableType:
    """The whole trial.

    Args:
        trial: What happened.
        secrets: Our values from the environment; none of them is shown, wherever it stands.
    """
    kept = tuple(secrets)
    parts: list[RenderableType] = [_head(trial)]
    for number, step in enumerate(trial.steps, 1):
        parts += [_sent(number, step, kept), _received(number, step, trial, kept)]
    if trial.raw is not None and trial.raw.rows is not None:
        parts.append(Text(f"收到 received：{len(trial.raw.rows)} 行 rows"))
    if trial.fields:
        parts.append(_fields(trial))
    parts.append(_verdict(trial))
    return Group(*parts)


def _head(trial: Trial) -> RenderableType:
    manifest = trial.agreed.manifest
    keys = "  ".join(f"{name}={masking.value(value)}" for name, value in trial.call.keys.items())
    return Panel(
        f"{escape(manifest.name)}（{manifest.source}，{manifest.kind}）\n"
        f"资源 resource：{trial.call.resource}\n问题 question：{escape(keys)}",
        title="试问一次 one live question", title_align="left", expand=False,
    )  # fmt: skip


def _sent(number: int, step: Exchanged, secrets: tuple[str, ...]) -> RenderableType:
    sent = step.sent
    lines = [f"[bold]{number}. 发出 sent[/]  {sent.method} {escape(sent.address)}"]
    lines += [
        f"   {escape(name)} = {escape(masking.without(value, secrets))}"
        for name, value in masking.query(sent.query).items()
    ]
    lines += _headers(dict(sent.headers), secrets)
    parts: list[RenderableType] = [Text.from_markup("\n".join(lines))]
    if sent.body:
        text = sent.body.decode(errors="replace")
        body = text if sent.method == "SELECT" else masking.body(text)
        parts.append(_body(masking.without(body, secrets), sent.method))
    return Group(*parts)


def _received(
    number: int, step: Exchanged, trial: Trial, secrets: tuple[str, ...]
) -> RenderableType:
    if step.status is None:
        rows = trial.raw is not None and trial.raw.rows is not None
        return (
            Text("") if rows else Text.from_markup(f"[red]{number}. 没有收到 nothing received[/]")
        )
    times = f"响应头 head {step.head_ms or 0:.0f} ms"
    if step.whole_ms is not None:
        times += f"，全文 whole {step.whole_ms:.0f} ms，{len(step.received)} 字节 bytes"
    lines = [f"[bold]{number}. 收到 received[/]  HTTP {step.status}  [dim]{times}[/]"]
    lines += _headers(dict(step.headers), secrets)
    text = masking.without(masking.body(_decoded(step, trial)[: BODY * 2]), secrets)
    return Group(Text.from_markup("\n".join(lines)), _body(text, "")) if text else Text.from_markup(
        "\n".join(lines)
    )  # fmt: skip


def _headers(headers: dict[str, str], secrets: tuple[str, ...]) -> list[str]:
    return [
        f"   [dim]{escape(name)}: {escape(masking.without(masking.header(name, value), secrets))}[/]"
        for name, value in headers.items()
    ]


def _decoded(step: Exchanged, trial: Trial) -> str:
    declared = dict(step.headers).get("content-type", "").lower().partition("charset=")[2]
    name = trial.agreed.manifest.connect.overruling_charset or declared.strip(" \"'") or "utf-8"
    return step.received.decode(CHARSETS.get(name, "utf-8"), errors="replace")


def _body(text: str, method: str) -> RenderableType:
    cut = text if len(text) <= BODY else f"{text[:BODY]}\n……（其余略 cut）"
    if method == "SELECT":
        return Syntax(cut, "sql", word_wrap=True, background_color="default")
    return Panel(Text(cut), border_style="dim", expand=False)


def _fields(trial: Trial) -> RenderableType:
    resource = trial.agreed.resources[trial.call.resource]
    heads = ("信息项 field", "路径 path", "读法 as", "收到 raw", "得到 value", "结果")
    table = plain_table(*heads, title="逐项映射（第一条记录） mapped, first record")
    for each in trial.fields:
        field = resource.fields[each.id]
        name = f"{'└ ' if each.line else ''}{each.id}\n[dim]{escape(field.label)}[/]"
        table.add_row(
            name, escape(each.path), escape(each.how), escape(_raw(each, resource)),
            escape(_value(each, resource)), _MAPPED[each.mapped],
        )  # fmt: skip
    return table


def _open(each: FieldShown, resource: DataResource) -> bool:
    """May the value be shown as it is? What is public, and what is one of a few codes."""
    field = resource.fields[each.id]
    public = field.sensitivity in {Sensitivity.PUBLIC, Sensitivity.INTERNAL}
    return public or (
        field.type in {FieldType.CODE, FieldType.BOOLEAN} and each.mapped is Mapped.READ
    )


def _raw(each: FieldShown, resource: DataResource) -> str:
    if each.raw is None:
        return ""
    return each.raw if _open(each, resource) else masking.value(each.raw[:60])


def _value(each: FieldShown, resource: DataResource) -> str:
    if each.value is None:
        return ""
    text = str(each.value)
    return text if _open(each, resource) else masking.value(text[:60])


def _verdict(trial: Trial) -> RenderableType:
    reply = trial.reply
    times = f"{reply.elapsed_ms:.0f} ms（映射 mapping {trial.mapping_ms:.1f} ms）"
    lines = [f"{_OUTCOMES[reply.outcome]}  {len(reply.records)} 条 records  {times}"]
    if reply.why:
        lines.append(f"原因 why：{reply.why}")
    if reply.as_of:
        lines.append(f"数据截至 as of：{reply.as_of.isoformat()}")
    bad = sorted({id_ for record in reply.records for id_ in record.bad})
    odd = sorted({id_ for record in reply.records for id_ in record.odd})
    if bad:
        lines.append(f"[red]读不懂 unreadable：{', '.join(bad)}[/]")
    if odd:
        lines.append(f"[yellow]表外代码 not in the table：{', '.join(odd)}[/]")
    return Panel(Text.from_markup("\n".join(lines)), title="结论 outcome", title_align="left",
                 expand=False)  # fmt: skip


def results(found: Iterable[Result]) -> RenderableType:
    """How sources did in the conformance kit: a line each, and every case that did not pass."""
    heads = ("县 county", "数据源 source", "用例 cases", "通过 passed", "结论")
    table = plain_table(*heads, title="一致性测试 conformance")
    parts: list[RenderableType] = [table]
    for each in found:
        mark = "[green]✔ 通过 passed[/]" if each.passed else "[red]✘ 不通过 failed[/]"
        total, lost = len(each.verdicts), len(each.failures)
        table.add_row(each.county, each.source, str(total), str(total - lost), mark)
        parts += [
            Text.from_markup(f"[red]✘[/] {escape(one.case)}：{escape('; '.join(one.wrong))}")
            for one in each.failures
        ]
        parts += [
            Text.from_markup(f"[red]✘[/] {escape(id_)}：没有样例 no sample")
            for id_ in each.unsampled
        ]
    return Group(*parts)


def result_row(result: Result) -> dict[str, object]:
    """The same for machines."""
    return {
        "county": result.county, "source": result.source, "passed": result.passed,
        "cases": len(result.verdicts), "unsampled": list(result.unsampled),
        "failures": [
            {"case": each.case, "outcome": each.outcome, "wrong": list(each.wrong)}
            for each in result.failures
        ],
    }  # fmt: skip
