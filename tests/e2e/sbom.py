"""Holds bills of materials to the schema of their CycloneDX version, with the reader of the CycloneDX project.

python sbom.py FILE...       fails with a line a fault
"""

import json
import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

faults = []
for name in sys.argv[1:]:
    text = pathlib.Path(name).read_text()
    bill = json.loads(text)
    found = JsonStrictValidator(SchemaVersion.from_version(bill["specVersion"])).validate_str(text)
    if found:
        faults.append(f"{name}: {str(found)[:300]}")
    # Every step is linked from hundreds of crates: a list of a few is none.
    if len(bill["components"]) < 100 or any("purl" not in part for part in bill["components"]):
        faults.append(f"{name}: {len(bill['components'])} components, or one without a purl")
print(f"{len(sys.argv) - 1} lists, {len(faults)} faults", *faults, sep="\n")
sys.exit(1 if faults or len(sys.argv) == 1 else 0)
