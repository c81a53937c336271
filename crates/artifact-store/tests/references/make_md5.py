"""Digests as DVC takes them: `python make_md5.py > md5.json`, with dvc-data 3.18.3."""

import io
import json

from dvc_data.hashfile.hash import fobj_md5

# Name, how often, bytes.
CASES = [
    ("empty", 1, b""),
    ("unix text", 3, b"id,delay\n1,2\n"),
    ("dos text", 3, b"id,delay\r\n1,2\r\n"),
    ("lone returns", 2, b"a\rb\r\r\n\n\r"),
    ("a zero byte", 2, b"a\r\n\0b\r\n"),
    ("30 % odd", 100, b"\xc3\xa9\xc3abcde\r\n"[:10]),
    ("31 % odd", 1, b"\xff" * 31 + b"\r\n" + b"a" * 67),
    ("dos text over a megabyte", 300_000, b"abcd\r\n"),
    ("a line end across pieces", 100_000, b"0123456789abcde\r\n"),
]

rows = []
for name, times, unit in CASES:
    data = unit * times
    digests = [fobj_md5(io.BytesIO(data), name=kind) for kind in ("md5", "md5-dos2unix")]
    rows.append([name, f"{times} {unit.hex()}", *digests])
print(json.dumps(rows, indent=1))
