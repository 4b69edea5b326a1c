"""What the traffic costs, told so that every figure can be reckoned by hand from those that stand before it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.report.numbers import NONE
from benchmark.report.phrases import en as words
from benchmark.report.table import Table, figures
from benchmark.result.cost import Cost, CostLine, MonthlyCost, PriceOf, Saving, TargetCost
from benchmark.result.model import Result, SweepLevel
from benchmark.units import significant

BOUND = "\N{NO-BREAK SPACE}"  # keeps a figure and what belongs to it on one line
SUPERSCRIPTS = "¹²³⁴⁵⁶⁷⁸⁹"


class Marks:
    """Footnotes, each told once however many cells it is for."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def mark(self, note: str) -> str:
        """The sign that stands for a note."""
        if note not in self._said:
            self._said.append(note)
        return SUPERSCRIPTS[self._said.index(note) % len(SUPERSCRIPTS)]

    @property
    def notes(self) -> tuple[str, ...]:
        """All of them, in order."""
        return tuple(f"{self.mark(note)} {note}" for note in self._said)


def answers(result: Result) -> tuple[str, ...]:
    """What the candidates save, in a sentence each; nothing where a price is not known, or nothing is saved or lost."""
    cost = result.cost
    if cost is None or result.verdict.status == "invalid":
        return ()
    return tuple(_answer(cost, saving) for saving in cost.savings if amount(saving.per_million) != "0")


def _answer(cost: Cost, saving: Saving) -> str:
    monthly = None
    if saving.per_month is not None and cost.monthly_requests:
        monthly = words.cost_of_a_month(money(abs(saving.per_month), cost), f"{cost.monthly_requests:,}")
    return words.saves(
        who=words.target(saving.candidate),
        amount=money(abs(saving.per_million), cost),
        more=saving.per_million < 0,
        price=_prices(cost, saving),
        monthly=monthly,
    )


def _prices(cost: Cost, saving: Saving) -> str:
    """What a saving was reckoned with: the price, if it is one."""
    both = (cost.targets[saving.baseline], cost.targets[saving.candidate])
    kept = [line.price for target in both for line in target.lines if line.price]
    one = kept[0] if all(price == kept[0] for price in kept) else None
    if one is None or any(line.billed_as == "privatelink" for target in both for line in target.lines):
        return words.AT_ALL_PRICES
    return words.short_price(tariff(one.price), cost.currency, one.unit, one.date)


def tables(result: Result) -> tuple[Table, ...]:
    """Bytes on the wire, their cost for a million requests, and that of a month."""
    cost = result.cost
    if cost is None:
        return ()
    made = (_wire(cost), _million(cost), _tokens(cost), _month(cost))
    return tuple(table for table in made if table.rows)


def lines(result: Result) -> tuple[str, ...]:
    """What must be known of these figures."""
    return _lines(result.cost)


def _lines(cost: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return ()
    internet = [each for each in cost.targets.values() if each.route == "internet"]
    said = []
    if any(each.gateway == "shared" for each in internet):
        said.append(words.SHARED_GATEWAY)
    if any(each.gateway == "dedicated" for each in internet):
        said.append(words.DEDICATED_GATEWAY)
    if internet:
        said.append(words.EGRESS[cost.caller_egress])
    priced = [line.price for each in cost.targets.values() for line in each.lines if line.price]
    if priced:
        said.append(words.PREVAILS)
    return tuple(said)


def swept(levels: Sequence[SweepLevel]) -> tuple[Table, ...]:
    """A sweep's costs: the bytes (on average) and the money of every level, in a row for each target."""
    told = [(level, level.cost) for level in levels if level.cost]
    if not told:
        return ()
    first = told[0][1]
    monthly = f"{first.monthly_requests:,}" if first.monthly_requests else None
    header = (*levels[0].values, *words.cost_swept_header(first.currency, monthly))
    rows, notes = [], Marks()
    for level, cost in told:
        for name, target in cost.targets.items():
            mark = f"{BOUND}{notes.mark(words.ESTIMATED)}" if target.estimated else ""
            each = [f"{kept.each:,.1f}{mark}" for kept in (target.received, target.sent)]
            month = (amount(target.per_month),) if monthly else ()
            rows.append((*level.values.values(), name, *each, amount(target.per_million), *month))
    names = len(levels[0].values) + 1
    return (Table(words.COST_SWEPT_CAPTION, header, tuple(rows), figures(header, names), notes.notes),)


def swept_lines(levels: Sequence[SweepLevel]) -> tuple[str, ...]:
    """What must be known of these figures, at any level."""
    return tuple(dict.fromkeys(line for level in levels for line in _lines(level.cost)))


def _wire(cost: Cost) -> Table:
    header = words.COST_WIRE
    rows, notes = [], Marks()
    for name, target in cost.targets.items():
        mark = f"{BOUND}{notes.mark(words.ESTIMATED)}" if target.estimated else ""
        for at, (what, kept) in enumerate((("responses", target.received), ("requests", target.sent))):
            rows.append(
                (
                    "" if at else name,
                    words.DIRECTIONS[what] + mark,
                    f"{kept.bytes:,}",
                    _count(kept.exchanges),
                    f"{kept.each:,.1f}",
                )
            )
    if any(not float(target.received.exchanges).is_integer() for target in cost.targets.values()):
        notes.mark(words.CARRIED)
    return Table(words.COST_WIRE_CAPTION, header, tuple(rows), "llrrr", notes.notes)


def _million(cost: Cost) -> Table:
    header = words.cost_header(cost.currency, _unit(cost))
    rows, notes = [], Marks()
    for name, target in cost.targets.items():
        for at, line in enumerate(target.lines):
            rows.append(("" if at else name, words.DIRECTIONS[line.what], *_reckoned(target, line, notes)))
        rows.append(("", words.TOTAL, "", "", "", amount(target.per_million)))
    return Table(words.COST_CAPTION, header, tuple(rows), "llrrrr", notes.notes, sums=_sums(rows))


def _reckoned(target: TargetCost, line: CostLine, notes: Marks) -> tuple[str, str, str, str]:
    """Bytes each, their volume of a million, its price, and what comes of it."""
    each, volume = f"{line.each:,.1f}", _volume(line.volume)
    if line.price is not None:
        mark = notes.mark(_source(target, line, line.price))
        return each, volume, f"{tariff(line.price.price)}{BOUND}{mark}", amount(line.cost)
    if line.cost is None:
        return each, volume, f"{words.UNKNOWN}{BOUND}{notes.mark(_unknown(target, line))}", NONE
    return each, volume, f"{words.FREE}{BOUND}{notes.mark(words.FREE_OF_CHARGE[line.billed_as])}", "0"


def _source(target: TargetCost, line: CostLine, price: PriceOf) -> str:
    kept = [each.price for each in target.lines if each.billed_as == "egress"]
    same = line.billed_as == "caller" and price in kept  # told once, for both
    return words.price_source(
        what=words.BILLED_AS["egress" if same else line.billed_as],
        region=None if line.billed_as == "privatelink" else target.region,
        price=tariff(price.price),
        currency=price.currency,
        unit=price.unit,
        date=price.date,
        source=price.source,
    )


def _unknown(target: TargetCost, line: CostLine) -> str:
    if line.billed_as == "privatelink":
        return words.NO_PRIVATELINK
    return words.no_egress_price(target.region)


def _tokens(cost: Cost) -> Table:
    rows = tuple(
        (
            name,
            amount(target.per_million),
            f"{target.tokens_each:,.2f}",
            f"{target.received.each / target.tokens_each:,.1f}",
            amount(target.per_million_tokens),
        )
        for name, target in cost.targets.items()
        if target.tokens_each
    )
    header = words.cost_tokens_header(cost.currency)
    return Table(words.COST_TOKENS_CAPTION, header, rows, figures(header))


def _month(cost: Cost) -> Table:
    if not cost.monthly_requests:
        return Table("", (), (), "")
    rows: list[tuple[str, ...]] = []
    for name, target in cost.targets.items():
        for at, line in enumerate(target.lines):
            kept = _month_cells(line, line.month) if line.month else (NONE,) * 4
            rows.append(("" if at else name, words.DIRECTIONS[line.what], *kept))
        rows.append(("", words.TOTAL, "", "", "", amount(target.per_month)))
    header = words.cost_month_header(cost.currency, _unit(cost))
    caption = words.cost_month_caption(f"{cost.monthly_requests:,}")
    return Table(caption, header, tuple(rows), "llrrrr", sums=_sums(rows))


def _sums(rows: Sequence[tuple[str, ...]]) -> tuple[int, ...]:
    return tuple(at for at, row in enumerate(rows) if row[1] == words.TOTAL)


def _month_cells(line: CostLine, month: MonthlyCost) -> tuple[str, ...]:
    price = tariff(line.price.price) if line.price else words.FREE
    return _volume(month.volume), _volume(month.free), price, amount(month.cost)


def money(value: float, cost: Cost) -> str:
    """An amount with its currency."""
    return f"{amount(value)} {cost.currency}"


def amount(value: float | None) -> str:
    """Money: to the cent, and with three digits where that is less."""
    if value is None:
        return NONE
    if not value:
        return "0"
    return f"{value:,.2f}" if abs(value) >= 1 else significant(value)


def tariff(price: float) -> str:
    """A price as it was read: to the cent, and with all that it has beyond."""
    return max(f"{price:,.2f}", f"{price:,}", key=len)


def _volume(value: float | None) -> str:
    """A volume, as exactly as tenths of bytes make it for a million requests."""
    return NONE if value is None else f"{value:,.4f}" if value else "0"


def _unit(cost: Cost) -> str:
    """The units of all volumes, for the head of their column."""
    units = [line.unit for each in cost.targets.values() for line in each.lines]
    return " or ".join(dict.fromkeys(units))


def _count(exchanges: float) -> str:
    return f"{exchanges:,.0f}" if float(exchanges).is_integer() else f"{exchanges:,.3f}"
