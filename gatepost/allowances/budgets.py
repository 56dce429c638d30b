"""A school's budgets."""

from datetime import date

from django.db import transaction

from gatepost.allowances.models import Budget
from gatepost.audit import entries
from gatepost.roster.models import School


class BudgetRefused(Exception):
    """It cannot be set so; `code`: used (more is spent already than would be granted)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def set_budget(
    school: School, month: date, *, granted: int, segment_price: int, monthly_fee: int, by: object
) -> Budget:
    """What `school` spends in `month` from now on. Raises `BudgetRefused` (used)."""
    with transaction.atomic():
        Budget.objects.get_or_create(school=school, month=month, defaults={"granted": 0, "segment_price": 0})
        budget = Budget.objects.select_for_update().get(school=school, month=month)
        if granted < budget.used:
            raise BudgetRefused("used")
        budget.granted, budget.segment_price, budget.monthly_fee = granted, segment_price, monthly_fee
        budget.save(update_fields=["granted", "segment_price", "monthly_fee"])
        entries.record("sms-budget:set", by=by, school_code=school.code, month=month.isoformat(), granted=granted)
    return budget
