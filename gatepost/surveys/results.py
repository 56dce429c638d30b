"""What a survey that is over says, in counts. No group is so small that somebody could be picked out of it.

A group of fewer than `GROUP_MIN` replies is counted with the others; if those are still too few, the smallest group
that could be shown goes with them, so that nobody finds them by subtraction.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gatepost.surveys.models import Answer, Reply, Survey

GROUP_MIN = 5
TEXTS_MOST = 2_000
OTHERS = ""  # the name of the group that holds the small ones

Counts = dict[str, Counter[int]]  # by question: how often each step of the scale


@dataclass(frozen=True, slots=True)
class Group:
    """The answers of a part: `name` is a language or a district's code; `OTHERS` holds the small ones."""

    name: str
    replies: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Results:
    """All there is to see. `is_over` false, or fewer than `GROUP_MIN` replies: nothing but their number, or not even
    that."""

    is_over: bool
    replies: int  # 0 stands for "fewer than `GROUP_MIN`", too
    counts: Counts = field(default_factory=dict)
    by_language: list[Group] = field(default_factory=list)
    by_district: list[Group] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def of(survey: Survey, *, now: datetime) -> Results:
    """The results; texts in the order of the alphabet, which says nothing about who wrote them, or when."""
    is_over = survey.closes_at <= now
    rows = Reply.objects.filter(survey=survey)
    if not is_over:
        number = rows.count()
        return Results(False, number if number >= GROUP_MIN else 0)
    languages, districts = {}, {}
    for pk, language, district in rows.values_list("pk", "language", "district"):
        languages[pk], districts[pk] = language, district or OTHERS
    if len(languages) < GROUP_MIN:
        return Results(True, 0)
    answers = list(Answer.objects.filter(reply__survey=survey).values_list("reply", "question", "value"))
    texts = rows.exclude(text="").order_by("text").values_list("text", flat=True)[:TEXTS_MOST]
    return Results(
        True,
        len(languages),
        _counted((question, value) for _reply, question, value in answers),
        _groups(languages, answers),
        _groups(districts, answers),
        list(texts),
    )


def _groups(names: Mapping[int, str], answers: Iterable[tuple[int, str, int]]) -> list[Group]:
    """The groups, the largest first and the others last; none where there would be one alone."""
    sizes = Counter(names.values())
    shown = _large_enough(sizes)
    if len(shown) < 2 and sum(shown.values()) == sum(sizes.values()):
        return []
    by_group: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for reply, question, value in answers:
        name = names[reply] if names[reply] in shown else OTHERS
        by_group[name].append((question, value))
    groups = [Group(name, number, _counted(by_group[name])) for name, number in shown.most_common()]
    rest = sum(sizes.values()) - sum(shown.values())
    if rest:
        groups.append(Group(OTHERS, rest, _counted(by_group[OTHERS])))
    return groups if len(groups) > 1 else []


def _large_enough(sizes: Mapping[str, int]) -> Counter[str]:
    shown = Counter({name: number for name, number in sizes.items() if number >= GROUP_MIN and name != OTHERS})
    rest = sum(sizes.values()) - sum(shown.values())
    while shown and 0 < rest < GROUP_MIN:
        smallest = min(shown, key=lambda name: (shown[name], name))
        rest += shown.pop(smallest)
    return shown


def _counted(answers: Iterable[tuple[str, int]]) -> Counts:
    counts: Counts = defaultdict(Counter)
    for question, value in answers:
        counts[question][value] += 1
    return dict(counts)
