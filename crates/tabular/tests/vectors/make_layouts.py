"""Files with structs, and delimited text in many dialects, with what pyarrow and Python's csv module read of them.

    python make_layouts.py        writes nested.* and dialects.json beside itself
"""

import csv
import decimal
import io
import json
import pathlib
import random

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
rng = random.Random(7)


def maybe(value):
    return value if rng.random() < 0.8 else None


rows = [
    {
        "id": row,
        "tags": maybe([{"k": "x", "v": row}]),
        "user": maybe(
            {
                "name": maybe(rng.choice(["Ada", "Bob", "Cy"])),
                "home": maybe({"zip": maybe(rng.randrange(10)), "at": maybe([1.0, 2.0])}),
                "paid": maybe(decimal.Decimal(rng.randrange(1000)).scaleb(-2)),
            }
        ),
        "labels": maybe([("a", row)]),
        "last": maybe(float(row)),
    }
    for row in range(200)
]
home = pa.struct([("zip", pa.int32()), ("at", pa.list_(pa.float64()))])
user = pa.struct([("name", pa.string()), ("home", home), ("paid", pa.decimal128(9, 2))])
schema = pa.schema(
    [
        ("id", pa.int64()),
        ("tags", pa.list_(pa.struct([("k", pa.string()), ("v", pa.int64())]))),
        ("user", user),
        ("labels", pa.map_(pa.string(), pa.int64())),
        ("last", pa.float64()),
    ]
)
table = pa.Table.from_pylist(rows, schema)
pq.write_table(table, HERE / "nested.parquet", row_group_size=70)
feather.write_feather(table, HERE / "nested.arrow", compression="uncompressed")
lines = [json.dumps({k: v for k, v in row.items() if k not in ("labels", "tags")}, default=float) for row in rows]
(HERE / "nested.jsonl").write_text("\n".join(lines) + "\n")
leaves = {"id": ["id"], "user.name": ["user", "name"], "user.home.zip": ["user", "home", "zip"], "last": ["last"]}
found = {}
for name, path in leaves.items():
    column = table[path[0]].combine_chunks()
    for field in path[1:]:
        column = pc.struct_field(column, field)
    found[name] = column.to_pylist()
found["user.paid"] = [None if v is None else str(v) for v in pc.struct_field(table["user"].combine_chunks(), "paid").to_pylist()]
names = ["id", "tags", "user.name", "user.home.zip", "user.home.at", "user.paid", "labels", "last"]
(HERE / "nested.json").write_text(json.dumps({"names": names, "values": found}) + "\n")

# Dialects: what Python's reader makes of a text is what ours must.
WORDS = ["", "a", "b c", 'say "hi"', "it's", "semi;colon", "comma,", "tab\there", "back\\slash", "two\nlines", "#hash", "NA", "7"]
DIALECTS = [
    {"delimiter": ",", "quote": '"'},
    {"delimiter": ";", "quote": "'"},
    {"delimiter": "\t", "quote": '"'},
    {"delimiter": "|", "quote": '"', "escape": "\\"},
    {"delimiter": ",", "quote": "'", "escape": "\\"},
    {"delimiter": ",", "quote": '"', "comment": "#"},
    {"delimiter": ",", "quote": '"', "skip_lines": 3},
    {"delimiter": ";", "quote": '"', "names": ["one", "two", "three"]},
]
cases = []
for dialect in DIALECTS:
    for _ in range(12):
        body = [[rng.choice(WORDS) for _ in range(3)] for _ in range(rng.randrange(1, 6))]
        text = io.StringIO()
        options = {"delimiter": dialect["delimiter"], "quotechar": dialect["quote"], "lineterminator": rng.choice(["\n", "\r\n"])}
        if "escape" in dialect:
            options |= {"escapechar": dialect["escape"], "doublequote": False}
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, **options)
        if "skip_lines" in dialect:
            text.write("made by\nsome, \"program\nof 3 columns\n")
        head = [] if "names" in dialect else [["one", "two", "three"]]
        for row in head + body:
            if "comment" in dialect and rng.random() < 0.5:
                text.write("# a, comment \" of any kind\n")
            writer.writerow(row)
        raw = text.getvalue()
        lines = raw.split("\n")
        if "comment" in dialect:
            lines = [line for line in lines if not line.startswith("#")]
        options.pop("lineterminator")
        read = list(csv.reader(io.StringIO("\n".join(lines[dialect.get("skip_lines", 0) :]), newline=""), **options))
        cases.append({"dialect": dialect, "text": raw, "rows": read[len(head) :]})
(HERE / "dialects.json").write_text(json.dumps(cases, indent=0) + "\n")
