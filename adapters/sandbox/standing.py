"""Enterprises as the business registry, the tax office and the credit platform know them."""

from __future__ import annotations

from datetime import timedelta

from adapters.model import Record, Scalar
from adapters.sandbox.county import County
from adapters.sandbox.days import months_after
from adapters.sandbox.draws import Draws
from adapters.sandbox.enterprises import BANKRUPT, PUNISHED, Enterprise, is_closing

REGISTRAR = "示范县市场监督管理局"
_INDUSTRIES = {"物流": "G", "商贸": "F", "餐饮": "H", "置业": "K"}


def registration(county: County, enterprise: Enterprise) -> tuple[Record, ...]:
    """The business registration of an enterprise and its investors."""
    draws = Draws(county.seed, "registration", enterprise.index)
    established, legal_rep = enterprise.established.isoformat(), enterprise.legal_rep
    alone = enterprise.contact is legal_rep or draws.chance("alone", 50)
    shares: tuple[tuple[str, str], ...] = ((legal_rep.name, "100%"),)
    if not alone:
        shares = ((legal_rep.name, "60%"), (enterprise.contact.name, "40%"))
    trade = enterprise.name.removesuffix("有限公司")[-2:]
    values: dict[str, Scalar] = {
        "uscc": enterprise.uscc,
        "name": enterprise.name,
        "enterprise_type": "1151" if alone else "1130",
        "legal_rep_name": legal_rep.name,
        "legal_rep_id_number": legal_rep.id_number,
        "registered_capital": f"{draws.number('capital', 5, 200) * 10}.000000",
        "established_on": established,
        "term_from": established,
        "term_to": None,
        "address": enterprise.address,
        "scope": f"{trade}及相关服务",
        "industry": _INDUSTRIES.get(trade, "C"),
        "registrar": REGISTRAR,
        "approved_on": months_after(
            enterprise.established, draws.number("changed", 1, 100)
        ).isoformat(),
        "contact_name": enterprise.contact.name,
        "contact_mobile": enterprise.contact.mobile,
        "state": "1",
    }
    lines = tuple({"investor_name": name, "investor_share": share} for name, share in shares)
    return (Record(values=values, lines=lines),)


def taxpayer(county: County, enterprise: Enterprise) -> tuple[Record, ...]:
    """The tax registration of an enterprise."""
    draws, contact = Draws(county.seed, "taxpayer", enterprise.index), enterprise.contact
    bankrupt, closing = enterprise.index == BANKRUPT, is_closing(enterprise.index)
    return (
        Record(
            values={
                "taxpayer_no": enterprise.uscc,
                "taxpayer_name": enterprise.name,
                "authority": "国家税务总局示范县税务局",
                "state": "09" if bankrupt else "03",
                "general_taxpayer": draws.chance("general", 60),
                "registered_address": enterprise.address,
                "business_address": enterprise.address,
                "finance_contact": contact.name,
                "finance_contact_id": contact.id_number,
                "finance_contact_mobile": contact.mobile,
                "tax_agent": contact.name,
                "accounting_system": "小企业会计准则",
                "bank_name": "示范农商银行示例支行",
                "bank_account": f"9990000{enterprise.index:012d}",
                "control_device": "税务数字账户(免税控设备)",
                "invoice_quota": "0.00"
                if closing
                else f"{draws.number('quota', 1, 75) * 10_000}.00",
                "unused_invoices": 0 if closing else draws.number("unused", 0, 20),
            }
        ),
    )


def compliance(county: County, enterprise: Enterprise) -> tuple[Record, ...]:
    """What an enterprise paid in taxes and owes."""
    draws = Draws(county.seed, "compliance", enterprise.index)
    bankrupt, closing = enterprise.index == BANKRUPT, is_closing(enterprise.index)
    owes = bankrupt or (draws.chance("owes", 8) and not closing)
    cleared = county.today - timedelta(days=draws.number("cleared", 5, 25)) if closing else None
    return (
        Record(
            values={
                "has_arrears": owes,
                "arrears_amount": f"{draws.number('arrears', 1, 90) * 1000}.00" if owes else "0.00",
                "paid_amount": f"{draws.number('paid', 8, 900) * 1000}.00",
                "credit_grade": "D" if bankrupt else draws.one_of("grade", ("A", "B", "M")),
                "has_violation": False,
                "unfiled_periods": draws.number("unfiled", 1, 6) if bankrupt else 0,
                "clearance_no": f"示税清〔{cleared.year}〕{enterprise.index:05d}号"
                if cleared
                else None,
                "clearance_date": cleared.isoformat() if cleared else None,
                "cleared": not owes,
            }
        ),
    )


def credit(county: County, enterprise: Enterprise) -> tuple[Record, ...]:
    """Penalties against an enterprise; nothing is no record."""
    draws = Draws(county.seed, "credit", enterprise.index)
    punished = enterprise.index in {BANKRUPT, PUNISHED} or draws.chance("punished", 12)
    if not punished or is_closing(enterprise.index):
        return ()
    day = months_after(county.today, -draws.number("months", 2, 30))
    listed = enterprise.index == BANKRUPT
    line: dict[str, Scalar] = {
        "penalty_decision_no": f"示市监处罚〔{day.year}〕{enterprise.index + 1:04d}号",
        "penalty_kind": "2",
        "penalty_reason": "未按规定公示年度报告",
        "penalty_organ": REGISTRAR,
        "penalty_date": day.isoformat(),
        "penalty_amount": f"{draws.number('fine', 1, 20) * 500}.00",
        "penalty_fulfilled": not listed,
        "publish_until": day.replace(year=day.year + 1).isoformat(),
        "dishonesty_list": "1" if listed else None,
        "listed_on": day.isoformat() if listed else None,
        "list_reason": "通过登记的住所无法联系" if listed else None,
        "domain_violation_free": "市场监管领域:有",
    }
    values: dict[str, Scalar] = {
        "report_no": f"XY990101{county.today.year}{enterprise.index:06d}",
        "training_done": not listed,
    }
    return (Record(values=values, lines=(line,)),)
