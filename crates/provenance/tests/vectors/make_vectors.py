"""Reference values for the digest rules and for the shape of a statement.

Digests by hashlib, and held against `sha256sum` through the shell command that the documentation gives;
the statement by the in-toto project's own bindings (PyPI in-toto-attestation), which also validate it.
Run: python make_vectors.py  (writes digests.json and statement.json beside this file)
"""

import hashlib
import json
import pathlib
import subprocess
import tempfile

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2 as slsa
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

HERE = pathlib.Path(__file__).parent


def sha(data):
    return hashlib.sha256(data).hexdigest()


TREES = {
    "one file": {"MLmodel": b"flavors: {}\n"},
    "sorted by bytes": {"a/b": b"1", "a-b": b"2", "a": None, "a.b": b"3", "B": b"4"},
    "names in utf-8": {"\u00e9t\u00e9.txt": b"x", "z.txt": b"", "\U0001f600/\u4e2d": b"\x00\xff"},
    "blanks": {" leading": b"a", "in the middle": b"b", "trailing ": b"c"},
    "empty directories do not count": {"kept/file": b"k", "empty/deeper": None},
    "bigger than a buffer": {"model.bin": bytes(i * 31 % 251 for i in range(600_000))},
}
SHELL = r"find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum"


def tree(name, spec):
    files = {path: data for path, data in spec.items() if data is not None}
    lines = b""
    for path in sorted(files, key=lambda p: p.encode()):
        lines += f"{sha(files[path])}  {path}\n".encode()
    with tempfile.TemporaryDirectory() as root:
        for path, data in spec.items():
            target = pathlib.Path(root, path)
            if data is None:
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        shell = subprocess.run(["bash", "-c", SHELL], cwd=root, capture_output=True, text=True, check=True)
    assert shell.stdout.split()[0] == sha(lines), name
    return {
        "name": name,
        "directories": [p for p, d in spec.items() if d is None],
        # The big one by its rule, so that this file stays small.
        "files": {p: (d.hex() if len(d) < 1000 else f"i*31%251:{len(d)}") for p, d in files.items()},
        "digest": "sha256:" + sha(lines),
    }


def dataset():
    """Two splits; objects named relative to the directory that they share."""
    parts = {"train": {"m=1/0.parquet": b"jan", "m=2/0.parquet": b"feb"}, "airports": {"airports.csv": b"JFK"}}
    total = b""
    splits = {}
    for name in sorted(parts):
        lines = b"".join(
            f"{sha(data)}  {path}\n".encode() for path, data in sorted(parts[name].items())
        )
        splits[name] = {"digest": "sha256:" + sha(lines), "objects": {p: d.hex() for p, d in parts[name].items()}}
        total += f"{sha(lines)}  {name}\n".encode()
    return {"prefix": "s3://raw/flights/", "splits": splits, "digest": "sha256:" + sha(total)}


def struct(value):
    message = Struct()
    json_format.ParseDict(value, message)
    return message


def time(text):
    stamp = Timestamp()
    stamp.FromJsonString(text)
    return stamp


def statement():
    def resource(digest, name="", uri=""):
        return ResourceDescriptor(name=name, uri=uri, digest={"sha256": digest}).pb

    definition = slsa.BuildDefinition(
        build_type="urn:mlops-steps:build:evaluate:gate:v1",
        external_parameters=struct({"gates": "quality_gates.yaml", "alpha": 0.05, "slices": ["carrier", "origin"]}),
        resolved_dependencies=[
            resource(sha(b"model"), uri="runs:/0f3c/model"),
            resource(sha(b"rows"), uri="s3://raw/test.parquet"),
        ],
    )
    details = slsa.RunDetails(
        builder=slsa.Builder(id="urn:mlops-steps:step:evaluate", version={"evaluate": "0.1.0"}),
        metadata=slsa.BuildMetadata(
            invocation_id="b7d2",
            started_on=time("2026-11-23T14:00:00Z"),
            finished_on=time("2026-11-23T14:00:09Z"),
        ),
    )
    predicate = slsa.Provenance(build_definition=definition, run_details=details)
    body = Statement(
        [resource(sha(b"report"), name="report.json")],
        "https://slsa.dev/provenance/v1",
        json_format.MessageToDict(predicate),
    )
    body.validate()
    return json_format.MessageToDict(body.pb)


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=True, sort_keys=True) + "\n")


write("digests.json", {"trees": [tree(n, s) for n, s in TREES.items()], "dataset": dataset()})
write("statement.json", statement())
