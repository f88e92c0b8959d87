"""Three CSV files as they are met in the wild, each with something in it to be learned, and one with nothing."""

import csv
import datetime
import io
import random
from collections.abc import Sequence


def _text(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def rentals(rows: int = 420) -> str:
    """Awkward names, "?" for missing, ids, dates of three kinds, a constant, line breaks and quotes in cells."""
    made = random.Random(1)
    names = ["Booking ID", "Trip Miles", "km/h", "a.b", "größe", "2nd driver", 'the "best" one', "picked up at",
             "returned", "day", "Remarks", "Currency", "stand\nplace", "empty", "Price/€ (net)"]  # fmt: skip
    lines: list[Sequence[object]] = [names]
    start = datetime.datetime(2024, 1, 1)
    for number in range(rows):
        miles, speed = made.lognormvariate(3, 1), made.gauss(60, 10)
        size = made.choice(["small", "middle", "large"])
        picked = start + datetime.timedelta(minutes=made.randrange(60 * 24 * 365))
        weekend = picked.weekday() >= 5
        price = 20 + miles * {"small": 1, "middle": 1.5, "large": 2}[size] + 30 * weekend + made.gauss(0, 3)
        remarks = " ".join(made.choices(["late", "the car,", "was", 'a "mess"', "fine", "and\nthen"], k=12))
        returned = picked + datetime.timedelta(hours=made.randrange(1, 48))
        lines.append([
            f"BK-{number:05d}",
            f"{miles:.2f}",
            "?" if made.random() < 0.1 else f"{speed:.1f}",
            made.randrange(5),
            size,
            made.choice(["yes", "no", "?"]),
            made.choice(["a", 'b "c"', "d'e"]),
            picked.isoformat(sep=" ") if made.random() > 0.05 else "?",
            returned.isoformat() + "Z",
            returned.strftime("%d.%m.%Y"),
            remarks,
            "EUR",
            made.choice(["North\nGate", "South"]),
            "?",
            f"{price:.2f}",
        ])  # fmt: skip
    return _text(lines)


def sensors(rows: int = 450) -> str:
    """Eighty columns, NA for missing, names in brackets, an index without meaning, and a label of two values."""
    made = random.Random(2)
    names = ["", *(f"sensor[{n}].value" for n in range(60)), *(f"mode {n}/16" for n in range(1, 17))]
    names = ["row nr", *names[1:], "serial", "site.code", "faulty"]
    lines: list[Sequence[object]] = [names]
    for number in range(rows):
        values = [made.gauss(n, 1 + n) for n in range(60)]
        modes = [made.choice("ABC") for _ in range(16)]
        signal = values[3] - 3 + (4 if modes[2] == "A" else -2) + made.gauss(0, 1)
        cells = ["NA" if made.random() < 0.03 else f"{value:.4f}" for value in values]
        lines.append([number, *cells, *modes, f"{made.getrandbits(64):016x}", 60_000_000 + made.randrange(6),
                      int(signal > 0)])  # fmt: skip
    return _text(lines)


FLOWER_COLUMNS = "petal length,petal/width,colour,date,kind"


def flowers(rows: int = 360) -> str:
    """No header, white space around numbers, classes with quotes and commas in their names."""
    made = random.Random(3)
    kinds = ["iris, blue", 'the "white" one', "rose"]
    lines: list[Sequence[object]] = []
    for _ in range(rows):
        kind = made.randrange(3)
        day = datetime.date(2023, 1, 1) + datetime.timedelta(days=made.randrange(365))
        lines.append([
            f" {made.gauss(2 + 2 * kind, 0.8):.1f}",
            "" if made.random() < 0.05 else f"{made.gauss(1, 0.3):.2f} ",
            made.choice(["red", "blue", ["violet", "white", "pink"][kind]]),
            day.isoformat(),
            kinds[kind],
        ])  # fmt: skip
    return _text(lines)


def noise(rows: int = 400) -> str:
    """Nothing in it says anything about the label."""
    made = random.Random(4)
    lines: list[Sequence[object]] = [["x", "y", "kind", "label"]]
    for _ in range(rows):
        lines.append(
            [f"{made.gauss(0, 1):.4f}", f"{made.gauss(0, 1):.4f}", made.choice("abc"), f"{made.gauss(10, 3):.4f}"]
        )
    return _text(lines)
