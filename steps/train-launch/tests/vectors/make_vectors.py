"""Cuts the schema of a Job and a ConfigMap out of Kubernetes' own OpenAPI documents.

    go mod download -json k8s.io/kubernetes@v1.34.4     # says where it is
    python make_vectors.py DIR/api/openapi-spec/v3

Descriptions are left out: only names, types and what is required are held against the manifest.
"""

import json
import pathlib
import sys

WANTED = ["io.k8s.api.batch.v1.Job", "io.k8s.api.core.v1.ConfigMap"]


def bare(node: object) -> object:
    """A schema without its prose."""
    if isinstance(node, dict):
        prose = {"description", "default"}
        return {
            key: bare(value)
            for key, value in node.items()
            if not key.startswith("x-kubernetes") and (key not in prose or isinstance(value, dict) and "type" in value)
        }
    return [bare(item) for item in node] if isinstance(node, list) else node


def references(node: object) -> set[str]:
    """The schemas that a schema names."""
    if isinstance(node, dict):
        found = {node["$ref"].rsplit("/", 1)[1]} if isinstance(node.get("$ref"), str) else set()
        return found.union(*(references(value) for value in node.values()))
    return set().union(*(references(item) for item in node)) if isinstance(node, list) and node else set()


def main() -> None:
    root = pathlib.Path(sys.argv[1])
    schemas: dict[str, object] = {}
    for name in ("api__v1_openapi.json", "apis__batch__v1_openapi.json"):
        schemas |= json.loads((root / name).read_text())["components"]["schemas"]
    kept: dict[str, object] = {}
    pending = list(WANTED)
    while pending:
        name = pending.pop()
        if name not in kept:
            kept[name] = bare(schemas[name])
            pending.extend(references(kept[name]))
    out = pathlib.Path(__file__).parent / "kubernetes-1.34.json"
    out.write_text(json.dumps(dict(sorted(kept.items())), sort_keys=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
