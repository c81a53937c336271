"""Holds workflow files to Argo's JSON schema, and loads them as Hera does: two readers that are not the controller.

python schema.py SCHEMA FILE...       fails with a line a fault
"""

import json
import pathlib
import sys

import yaml
from hera.workflows import CronWorkflow, Workflow, WorkflowTemplate
from jsonschema import Draft7Validator

KINDS = {"Workflow": Workflow, "WorkflowTemplate": WorkflowTemplate, "CronWorkflow": CronWorkflow}

schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
faults, seen = [], 0
for name in sys.argv[2:]:
    for document in yaml.safe_load_all(pathlib.Path(name).read_text()):
        kind = document["kind"]
        definition = f"io.argoproj.workflow.v1alpha1.{kind}"
        if definition not in schema["definitions"]:
            continue
        seen += 1
        rules = Draft7Validator({"$ref": f"#/definitions/{definition}", "definitions": schema["definitions"]})
        faults += [f"{name}: {'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in rules.iter_errors(document)]
        if kind in KINDS:
            loaded = KINDS[kind].from_dict(document)
            if len(loaded.templates) != len(document["spec"].get("templates", [])):
                faults.append(f"{name}: Hera loads {len(loaded.templates)} templates")
print(f"{seen} objects, {len(faults)} faults", *faults, sep="\n")
sys.exit(1 if faults or not seen else 0)
