"""Terms 學期 as they were: what the roster says of them, and where it says nothing the law.

Term 1 runs from 1 August to 31 January and term 2 from 1 February to 31 July (學年學期假期辦法, articles 2 and 3:
https://law.moj.gov.tw/LawClass/LawAll.aspx?pcode=H0020018). A school year that was brought in with terms of its own
keeps these.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from gatepost.roster.models import Term
from gatepost.roster.roc_dates import parse_term_key, school_year_days, school_year_of, term_key

SPANS_MOST = 20  # ten years


@dataclass(frozen=True, slots=True)
class Span:
    """A term from its first day to its last, both included."""

    year: int
    number: int
    first: date
    last: date

    @property
    def key(self) -> str:
        """1151, as school systems write it."""
        return term_key(self.year, self.number)


def terms(first: date, last: date) -> list[Span]:
    """The terms that hold any day from `first` to `last`, the newest first."""
    years = range(school_year_of(last), school_year_of(first) - 1, -1)[: SPANS_MOST // 2]
    known = {(one.school_year_id, one.number): one for one in Term.objects.filter(school_year__in=list(years))}
    found = [_span(year, number, known.get((year, number))) for year in years for number in (2, 1)]
    return [one for one in found if one.first <= last and one.last >= first]


def named(key: str) -> Span:
    """The term with a key such as 1151. Raises `DateWordingError` for a text that is none."""
    year, number = parse_term_key(key)
    return _span(year, number, Term.objects.filter(school_year=year, number=number).first())


def _span(year: int, number: int, known: Term | None) -> Span:
    if known is not None:
        return Span(year, number, known.starts_on, known.ends_on)
    begins, ends = school_year_days(year)
    second = date(ends.year, 2, 1)
    return Span(year, number, begins, second - timedelta(days=1)) if number == 1 else Span(year, number, second, ends)
