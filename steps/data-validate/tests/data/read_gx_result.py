"""Has Great Expectations (1.x) read a file of `data-validate check --gx-result`, and say what it understood.

    python read_gx_result.py gx.json
"""

import json
import sys

from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema

with open(sys.argv[1]) as file:
    read = expectationSuiteValidationResultSchema.load(json.load(file))
result = ExpectationSuiteValidationResult(**read) if isinstance(read, dict) else read
print("success:", result.success, "of suite", result.suite_name)
for one in result.results:
    print(one.success, one.expectation_config.type, one.expectation_config.kwargs, one.result)
print(result.statistics)
