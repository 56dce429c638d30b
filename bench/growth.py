"""The same figures at 1, 10, 100 and 280 schools, with and without a year behind them; a table and a drawing."""

import json
from collections.abc import Callable

from bench import follow, home, morning, sweep
from bench.city import CITY_SCHOOLS, YEAR, City
from bench.figures import Figure
from bench.stage import FOLDER, ROOT, Stage

PICTURE = ROOT / "docs" / "pictures" / "growth.svg"
CITIES = (
    City(1, 0), City(1, YEAR), City(10, 0), City(10, YEAR), City(100, 0), City(100, YEAR), City(CITY_SCHOOLS, YEAR)
)  # fmt: skip


def figures(stage: Stage) -> list[Figure]:
    """Every row at every size; also written to `var/bench/growth.json` and drawn."""
    from bench.__main__ import apart

    measured: list[tuple[City, Figure]] = []
    for where in CITIES:
        for measure in (_follow, _morning, _sweep, _home):
            measured += [(where, figure) for figure in apart(_at(measure, where), stage)]
    rows = [
        {"schools": where.schools, "students": where.students, "history_days": where.history, **figure.as_json()}
        for where, figure in measured
    ]
    (FOLDER / "growth.json").write_text(json.dumps(rows, indent=1))
    PICTURE.write_text(drawing(measured))
    return [
        Figure(f"{figure.name}_{where.schools}_schools_{where.history}_days", figure.value, figure.unit)
        for where, figure in measured
    ]


def _at(measure: Callable[[Stage, City], list[Figure]], where: City) -> Callable[[Stage], list[Figure]]:
    return lambda stage: measure(stage, where)


def _follow(stage: Stage, where: City) -> list[Figure]:
    return follow.measured(stage, where, rounds=3)[:1]


def _morning(stage: Stage, where: City) -> list[Figure]:
    took = morning.figure(stage, where)
    return [Figure("morning", where.students / took.value, "taps/s")]


def _sweep(stage: Stage, where: City) -> list[Figure]:
    took = sweep.figure(stage, where, rounds=2)
    return [Figure("sweep", where.students / took.value, "students/s")]


def _home(stage: Stage, where: City) -> list[Figure]:
    return home.figures_at(stage, where, rounds=2, paced=False)[:1]


WIDTH, HEIGHT, LEFT, TOP, STEP = 720, 300, 60, 40, 150


def drawing(measured: list[tuple[City, Figure]]) -> str:
    """A small plot for each figure: one bar a city, light without history and dark with a year of it."""
    names = list(dict.fromkeys(figure.name for _, figure in measured))
    parts = [_plot(measured, name, left=LEFT + index * (STEP + 15)) for index, name in enumerate(names)]
    style = "text{font:11px sans-serif;fill:#444}.t{font-weight:bold}.without{fill:#9bb8d3}.year{fill:#2f5d8a}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>Figures by number of schools, without history and with a year of it</title>"
        f"<style>{style}</style>{''.join(parts)}</svg>\n"
    )


def _plot(measured: list[tuple[City, Figure]], name: str, *, left: int) -> str:
    bars = [(where, figure) for where, figure in measured if figure.name == name]
    most = max(figure.value for _, figure in bars)
    width = STEP / len(bars)
    base = HEIGHT - 60
    parts = [f'<text class="t" x="{left}" y="{TOP - 18}">{name}</text>']
    parts.append(f'<text x="{left}" y="{TOP - 4}">most {most:,.0f} {bars[0][1].unit}</text>')
    for index, (where, figure) in enumerate(bars):
        height = (base - TOP - 10) * figure.value / most
        x = left + index * width
        kind = "year" if where.history else "without"
        box = f'x="{x:.1f}" y="{base - height:.1f}" width="{width - 3:.1f}" height="{height:.1f}"'
        parts.append(f'<rect class="{kind}" {box}/>')
        parts.append(f'<text x="{x:.1f}" y="{base + 14}">{where.schools}</text>')
    return "".join(parts)
