"""Medical insurance: messages encrypted with SM4 and signed with SM2, one address for everything.

What is asked is the transaction number (`infno`): 1101 people, 1102 employers. `infcode` -1 is an
error that only words describe. Who is refused (-2) is answered in clear, as a caller without our
keys could not open it; it is signed like everything else.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.ciphers import sm4_opened, sm4_sealed
from adapters.model import Record
from adapters.sandbox import cover
from adapters.sandbox.faults import Misbehaviour, Switch, json_misbehaviour
from adapters.sandbox.population import Population
from adapters.sandbox.spelling import Spelling, answer
from seals.sm2 import N, PrivateKey, Signature

CLOCK_MS = 5 * 60 * 1000
MISBEHAVIOUR: Misbehaviour = json_misbehaviour(
    {"infcode": "-1", "err_msg": "交易失败", "output": None},
    {"infcode": "-1", "err_msg": "系统结算期间停止服务", "output": None},
)

_PERSON = Spelling(
    names={
        "psn_no": "psn_no", "name": "psn_name", "id_number": "certno",
        "insurance_kind": "insutype", "state": "psn_insu_stas", "employer_name": "emp_name",
        "enrol_date": "psn_insu_date", "paid_months": "paid_mons", "credited_months": "equ_mons",
        "area": "insuplc_admdvs", "account_balance": "balc", "remote_filed": "trt_chk_flag",
        "family_shared": "ffacct_cnt",
    },
)  # fmt: skip
_EMPLOYER = Spelling(
    names={
        "emp_no": "emp_no", "employer_name": "emp_name", "uscc": "uscc",
        "headcount": "insu_psncnt", "arrears": "owe_amt", "state": "insu_stas",
    },
)  # fmt: skip


def _key() -> PrivateKey:
    return PrivateKey(secrets.randbelow(N - 2) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seals:
    """What the two ends know of each other."""

    app_id: str
    app_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    sm4_key: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    caller: PrivateKey = field(default_factory=_key, repr=False)
    """Whose public part we know; the environment hands the key to the caller."""
    platform: PrivateKey = field(default_factory=_key, repr=False)


class _Refused(ValueError):
    """Not a message of the one caller we know."""


def app(population: Population, seals: Seals, switch: Switch) -> ASGIApp:
    """The platform."""

    async def transaction(request: Request) -> Response:
        now = int(switch.now() * 1000)
        try:
            asked = _opened(seals, await request.body(), now)
        except _Refused as refused:
            said = {"infcode": "-2", "err_msg": str(refused), "output": None}
            return answer({**_signed(seals, said, now), "data": said})
        data = _answered(population, asked)
        sealed = sm4_sealed(seals.sm4_key, None, _compact(data).encode()).hex().upper()
        return answer({**_signed(seals, data, now), "encData": sealed})

    return Starlette(routes=[Route("/fsi/api/callService", transaction, methods=["POST"])])


def _answered(population: Population, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    question = asked.get("input")
    rows: Mapping[str, Any] = question if isinstance(question, Mapping) else {}
    match asked.get("infno"):
        case "1101":
            person = population.person(str(rows.get("certno", "")))
            found = cover.medical(population, person) if person else ()
            return _output({"insuinfo": [_insured(each) for each in found]})
        case "1102":
            enterprise = population.enterprise_of(str(rows.get("uscc", "")))
            if enterprise is None:
                return _output({})
            staff = population.headcounts.get(enterprise.employer_no, 0)
            (record,) = cover.medical_employer(population, enterprise, staff)
            return _output(_EMPLOYER.row(record.values))
    return {"infcode": "-1", "err_msg": "交易编号不存在", "output": None}


def _output(output: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"infcode": "0", "err_msg": "", "output": output}


def _insured(record: Record) -> Mapping[str, Any]:
    kinds = [_PERSON.row(line) for line in record.lines]
    return {**_PERSON.row(record.values), "insutypes": kinds}


def _opened(seals: Seals, body: bytes, now: int) -> Mapping[str, Any]:
    """What the caller asks.

    Raises:
        _Refused: Says why, in words for people.
    """
    try:
        fields: Any = json.loads(body)
        data = json.loads(sm4_opened(seals.sm4_key, None, bytes.fromhex(fields["encData"])))
        sign = base64.b64decode(fields["signData"], validate=True)
        signature = Signature.read(sign)
        moment = int(fields["timestamp"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _Refused("报文无法解密") from None
    if fields.get("appId") != seals.app_id or abs(now - moment) > CLOCK_MS:
        raise _Refused("应用未登记或时间戳超出允许范围")
    clear = {name: fields[name] for name in fields if name not in {"encData", "signData"}}
    text = _base(seals, {**clear, "data": data})
    if len(sign) != 64 or not seals.caller.public().verify(signature, text):
        raise _Refused("验签失败")
    if not isinstance(data, Mapping):
        raise _Refused("报文无法解密")
    return data


def _signed(seals: Seals, data: Mapping[str, Any], now: int) -> Mapping[str, Any]:
    """What stands around `data`, with the signature over both."""
    fields = {"appId": seals.app_id, "encType": "SM4", "signType": "SM2", "timestamp": str(now),
              "version": "2.0.1"}  # fmt: skip
    signature = seals.platform.sign(_base(seals, {**fields, "data": data}))
    return {**fields, "signData": base64.b64encode(signature.raw).decode()}


def _base(seals: Seals, fields: Mapping[str, Any]) -> bytes:
    """What is signed: the fields by name, empty ones left out, and the secret at the end."""
    pairs = []
    for name, value in sorted(fields.items()):
        text = _compact(value) if name == "data" else str(value or "")
        if text:
            pairs.append(f"{name}={text}")
    return "&".join([*pairs, f"key={seals.app_secret}"]).encode()


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
