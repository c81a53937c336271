"""The tables of the corpus: small, and with all that real ones have. Drawn with a seed."""

import datetime
import decimal
import random

import pyarrow as pa

draw = random.Random(20131107)
NAN, INF = float("nan"), float("inf")
UTC = datetime.timezone.utc
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
UNICODE = ["é", "e\u0301", "Straße", "STRASSE", "日本語", "😀", "👩‍👩‍👧", "ﬁn", "٣٤", "naïve", "Ⅷ", "İ", "\u00a0", "zwölf", "12", "x_y"]
BLANK = ["", " ", "  ", "a", "a ", " a", "a\n", "\n", "a\nb", "\t", "ab", "abc\n", "NA", "null", "NaN", "nan", "0", "None"]


def holed(values, share=0.15):
    return [None if draw.random() < share else value for value in values]


def ints(count, low, high):
    return [draw.randint(low, high) for _ in range(count)]


def picks(count, values):
    return [draw.choice(values) for _ in range(count)]


def normal(count, mean=0.0, spread=1.0):
    return [draw.gauss(mean, spread) for _ in range(count)]


def spiked(values, spikes, share=0.08):
    return [draw.choice(spikes) if draw.random() < share else value for value in values]


def dates(count, first=datetime.date(2012, 1, 1), days=800):
    return [first + datetime.timedelta(days=draw.randrange(days)) for _ in range(count)]


def moments(count, zone=None, first=datetime.datetime(2012, 12, 31, 18), seconds=86400 * 90):
    first = first.replace(tzinfo=zone)
    return [first + datetime.timedelta(seconds=draw.randrange(seconds), microseconds=draw.choice([0, 0, 1, 250000])) for _ in range(count)]


def money(count, scale=2, most=100000):
    return [decimal.Decimal(draw.randint(-most // 10, most)).scaleb(-scale) for _ in range(count)]


def glitched(values, swaps):
    """The values with a few neighbours swapped."""
    values = list(values)
    for _ in range(swaps):
        at = draw.randrange(len(values) - 1)
        values[at], values[at + 1] = values[at + 1], values[at]
    return values


def array(values, kind):
    return pa.array(values, kind)


def whole_numbers():
    n = 300
    return {
        "id": array(draw.sample(range(1, 1000), n), pa.int64()),
        "small": array(holed(ints(n, -5, 5)), pa.int8()),
        "short": array(ints(n, 0, 40), pa.int16()),
        "plain": array(ints(n, -100, 1000), pa.int32()),
        "holed": array(holed(ints(n, 0, 100)), pa.int64()),
        "big": array([2**53 + value for value in ints(n, -3, 5)], pa.int64()),
        "unsigned": array([2**63 + value for value in ints(n, 0, 6)], pa.uint64()),
        "same": array([7] * n, pa.int64()),
    }


def floating():
    n = 400
    return {
        "x": array(normal(n), pa.float64()),
        "holed": array(holed([round(value, 2) for value in normal(n, 5, 3)]), pa.float64()),
        "nan": array(spiked([round(value, 1) for value in normal(n, 5, 3)], [NAN]), pa.float64()),
        "nan_null": array(holed(spiked(normal(n, 100, 20), [NAN])), pa.float64()),
        "inf": array(spiked(normal(n, 0, 10), [INF, -INF], 0.03), pa.float64()),
        "every": array(holed(spiked(normal(n, 0, 10), [NAN, INF, -INF])), pa.float64()),
        "zero": array(picks(n, [0.0, -0.0, 1.5, -1.5]), pa.float64()),
        "single": array([round(value, 1) for value in normal(n, 0, 2)], pa.float32()),
        "same": array([2.5] * n, pa.float64()),
    }


def texts():
    n = 250
    return {
        "word": array(picks(n, WORDS), pa.string()),
        "holed": array(holed(picks(n, WORDS)), pa.string()),
        "code": array([f"N{value:03d}{draw.choice('abc')}" for value in ints(n, 0, 999)], pa.string()),
        "unicode": array(holed(picks(n, UNICODE)), pa.string()),
        "blank": array(holed(picks(n, BLANK)), pa.string()),
        "large": array(picks(n, [*WORDS, "x" * 500]), pa.large_string()),
        "different": array([f"{draw.choice(UNICODE)}-{value}" for value in range(n)], pa.string()),
        "same": array(["only"] * n, pa.string()),
    }


def truths():
    n = 120
    return {
        "yes": array(picks(n, [True, False]), pa.bool_()),
        "maybe": array(holed(picks(n, [True, True, False])), pa.bool_()),
        "always": array([True] * n, pa.bool_()),
        "n": array(ints(n, 0, 3), pa.int64()),
    }


def times():
    n = 300
    return {
        "day": array(dates(n), pa.date32()),
        "day_null": array(holed(dates(n)), pa.date32()),
        "old": array(dates(n, datetime.date(1890, 1, 1), 60000), pa.date32()),
        "local": array(moments(n), pa.timestamp("us")),
        "local_null": array(holed(moments(n)), pa.timestamp("us")),
        "zoned": array(moments(n, UTC), pa.timestamp("us", "UTC")),
        "zoned_null": array(holed(moments(n, UTC)), pa.timestamp("us", "UTC")),
        "far": array(moments(n, UTC), pa.timestamp("us", "America/New_York")),
        "millis": array([value.replace(microsecond=0) for value in moments(n)], pa.timestamp("ms")),
        "nanos": array(moments(n), pa.timestamp("ns")),
    }


def decimals():
    n = 200
    net, tax = money(n), money(n)
    gross = [a + b if draw.random() < 0.97 else a for a, b in zip(net, tax)]
    return {
        "net": array(net, pa.decimal128(12, 2)),
        "tax": array(tax, pa.decimal128(12, 2)),
        "gross": array(gross, pa.decimal128(12, 2)),
        "holed": array(holed(money(n, 2, 300)), pa.decimal128(9, 2)),
        "fine": array(money(n, 6, 10**9), pa.decimal128(18, 6)),
        "wide": array([decimal.Decimal(f"{10**20 + value}.{value:05d}") for value in ints(n, 0, 9)], pa.decimal128(30, 5)),
    }


def dictionaries():
    n = 350
    coded = lambda values: pa.array(values, pa.string()).dictionary_encode()
    return {
        "kind": coded(picks(n, ["a", "a", "a", "b", "b", "c"])),
        "kind_null": coded(holed(picks(n, WORDS[:4]))),
        "unicode": coded(picks(n, UNICODE)),
        "amount": array(ints(n, 0, 500), pa.int64()),
    }


def nothing():
    n = 60
    nulls = [None] * n
    return {
        "id": array(list(range(n)), pa.int64()),
        "no_int": array(nulls, pa.int64()),
        "no_float": array(nulls, pa.float64()),
        "no_text": array(nulls, pa.string()),
        "no_bool": array(nulls, pa.bool_()),
        "no_day": array(nulls, pa.date32()),
        "no_time": array(nulls, pa.timestamp("us")),
        "one": array([*nulls[1:], 5], pa.int64()),
        "only_nan": array([NAN] * n, pa.float64()),
        "text": array(picks(n, ["", "a"]), pa.string()),
    }


def orders():
    n = 300
    up = sorted(ints(n, 0, 5000))
    return {
        "step": array(range(n), pa.int64()),
        "up": array(up, pa.int64()),
        "up_null": array(holed(up), pa.int64()),
        "nearly": array(glitched(up, 3), pa.int32()),
        "down": array(sorted(normal(n), reverse=True), pa.float64()),
        "down_nan": array(spiked(sorted(normal(n), reverse=True), [NAN], 0.02), pa.float64()),
        "level": array([value // 30 for value in range(n)], pa.int64()),
        "day": array(sorted(dates(n)), pa.date32()),
        "moment": array(glitched(sorted(moments(n, UTC)), 2), pa.timestamp("us", "UTC")),
        "word": array(sorted(picks(n, UNICODE + WORDS)), pa.string()),
    }


def keys():
    n = 200
    a, b = ints(n, 1, 25), ints(n, 1, 25)
    return {
        "a": array(a, pa.int64()),
        "b": array(b, pa.int32()),
        "c": array(picks(n, ["x", "y", "z"]), pa.string()),
        "a_null": array(holed(a), pa.int64()),
        "b_null": array(holed(b), pa.int64()),
        "c_null": array(holed(picks(n, WORDS)), pa.string()),
        "id": array([*range(n - 1), 0], pa.int64()),
        "id_null": array(holed(range(n)), pa.int64()),
        "id_text": array(holed([f"k{value}" for value in range(n)], 0.02), pa.string()),
    }


def purchases():
    n = 400
    return {
        "customer": array(ints(n, 1, 62), pa.int64()),
        "customer_null": array(holed(ints(n, 1, 60)), pa.int64()),
        "country": array(holed(picks(n, ["AT", "DE", "CH", "FR", "XX"])), pa.string()),
        "region": array(ints(n, 1, 3), pa.int32()),
        "price": array([round(abs(value), 2) for value in normal(n, 50, 20)], pa.float64()),
    }


def customers():
    n = 60
    return {
        "id": array(range(1, n + 1), pa.int64()),
        "country": array([*["AT", "DE", "CH", "FR"] * 14, None, None, None, None], pa.string()),
        "region": array([1 + value // 4 % 3 for value in range(n)], pa.int32()),
    }


def repeated():
    rows = [(draw.randint(0, 6), draw.choice(["a", "b", None]), draw.choice([0.5, NAN, None])) for _ in range(150)]
    return {
        "n": array([row[0] for row in rows], pa.int64()),
        "word": array([row[1] for row in rows], pa.string()),
        "x": array([row[2] for row in rows], pa.float64()),
    }


def skewed():
    n = 500
    return {
        "label": array(picks(n, ["no"] * 95 + ["yes"] * 5), pa.string()),
        "code": array(picks(n, [0] * 70 + [1] * 25 + [2] * 5), pa.int8()),
        "tail": array([min(int(draw.paretovariate(1)), 10**6) for _ in range(n)], pa.int64()),
        "share": array([draw.random() ** 4 for _ in range(n)], pa.float64()),
        "flag": array(holed(picks(n, [True] * 9 + [False])), pa.bool_()),
    }


def together():
    n = 250
    a = normal(n)
    b = [2 * value + draw.gauss(0, 0.5) for value in a]
    return {
        "a": array(a, pa.float64()),
        "b": array(b, pa.float64()),
        "c": array(holed([-value + draw.gauss(0, 2) for value in a]), pa.float64()),
        "d": array(normal(n), pa.float32()),
        "e": array(spiked(normal(n), [NAN]), pa.float64()),
        "f": array(spiked(normal(n), [INF], 0.01), pa.float64()),
        "same": array([1.0] * n, pa.float64()),
        "k": array([round(value * 3) for value in b], pa.int32()),
    }


def forms():
    n = 200
    day = lambda form, bad: [draw.choice(bad) if draw.random() < 0.03 else value.strftime(form) for value in dates(n)]
    return {
        "iso": array(day("%Y-%m-%d", ["2013-02-30", "2013-13-01", "2013/01/01"]), pa.string()),
        "german": array(holed(day("%d.%m.%Y", ["31.04.2013", "1.1.2013", "01-01-2013"])), pa.string()),
        "clock": array(day("%H:%M", ["24:00", "7:05", "23:60"]), pa.string()),
        "stamp": array([value.strftime("%Y-%m-%d %H:%M:%S") for value in moments(n)], pa.string()),
        "number": array(
            [draw.choice(["x", "1.0", "", "1_000"]) if draw.random() < 0.03 else str(value) for value in ints(n, -50, 500)], pa.string()
        ),
        "amount": array(
            holed([draw.choice(["x", "1e3", "-.5", "1."]) if draw.random() < 0.1 else f"{value:.2f}" for value in normal(n)]), pa.string()
        ),
        "truth": array(picks(n, ["true", "false"] * 20 + ["maybe"]), pa.string()),
    }


def wide():
    n = 1500
    return {
        "id": array(range(n), pa.int64()),
        "user": array(holed(ints(n, 1, 400), 0.02), pa.int64()),
        "word": array(holed(picks(n, WORDS), 0.01), pa.string()),
        "x": array(holed(spiked(normal(n, 10, 4), [NAN, INF], 0.01), 0.02), pa.float64()),
        "y": array([round(value, 3) for value in normal(n, -3, 9)], pa.float64()),
        "start": array(sorted(moments(n, UTC)), pa.timestamp("us", "UTC")),
        "day": array(dates(n), pa.date32()),
        "paid": array(money(n, 2, 50000), pa.decimal128(10, 2)),
        "ok": array(holed(picks(n, [True, False]), 0.01), pa.bool_()),
        "n": array(ints(n, 0, 2000), pa.int32()),
    }


def tiny():
    n = 50
    start = dates(n)
    return {
        "start": array(start, pa.date32()),
        "until": array([value + datetime.timedelta(days=draw.randint(-1, 20)) for value in start], pa.date32()),
        "low": array(ints(n, 0, 20), pa.int64()),
        "high": array(holed(ints(n, 15, 40)), pa.int64()),
        "mid": array(spiked([value / 2 for value in ints(n, 0, 60)], [NAN], 0.1), pa.float64()),
        "mid_null": array(holed(spiked([value / 2 for value in ints(n, 0, 60)], [NAN, INF], 0.1)), pa.float64()),
        "team": array(picks(n, ["a", "b", "c"]), pa.string()),
        "port": array(ints(n, 1, 3), pa.int64()),
        "star": array(holed(ints(n, 1, 3)), pa.int64()),
    }


def delimited():
    n = 150
    return {
        "id": [str(value) for value in range(1, n + 1)],
        "price": [f"{value:.2f}" for value in normal(n, 20, 5)],
        "count": holed([str(value) for value in ints(n, 0, 30)]),
        "name": holed(picks(n, WORDS + ["Müller, Anna", 'the "one"', "two\nlines"])),
        "day": [value.isoformat() for value in dates(n)],
        "ok": picks(n, ["true", "false"]),
    }


def delimited_words():
    n = 150
    return {
        "id": [str(value) for value in range(1, n + 1)],
        "country": holed(picks(n, ["NA", "DE", "US", "None", "null", "AT"])),
        "reading": picks(n, ["1.5", "2.5", "NA", "3.25", "N/A", "4"]),
        "code": picks(n, ["007", "010", "100"]),
        "note": picks(n, ["ok", " ok", "ok ", "n/a", "-"]),
    }


# The rows of a table by its name; those with a name in `CSV` are written as text, those in `GROUPS` in small row groups.
TABLES = {
    make.__name__: make()
    for make in [
        whole_numbers, floating, texts, truths, times, decimals, dictionaries, nothing, orders, keys, purchases, customers,
        repeated, skewed, together, forms, wide, tiny, delimited, delimited_words,
    ]
}  # fmt: skip
CSV = {"delimited", "delimited_words"}
GROUPS = {"wide": 200, "orders": 70, "times": 64}
