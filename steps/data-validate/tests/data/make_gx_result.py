"""What Great Expectations (1.24.1, on pandas) counts in a small table with nulls: gx_result.json.

    pip install great_expectations==1.24.1 && python make_gx_result.py
"""

import io
import json
from pathlib import Path

import great_expectations as gx
import pandas as pd

CSV = "id,n,w\n1,5,a\n2,50,a\n2,500,\n3,,b\n,7,\n3,500,b\n"
EXPECTATIONS = [
    gx.expectations.ExpectColumnValuesToBeBetween(column="n", max_value=99),
    gx.expectations.ExpectColumnValuesToBeIncreasing(column="n"),
    gx.expectations.ExpectColumnValuesToNotBeNull(column="w"),
    gx.expectations.ExpectColumnValuesToBeInSet(column="w", value_set=["a"]),
    gx.expectations.ExpectColumnValuesToBeUnique(column="id"),
    gx.expectations.ExpectCompoundColumnsToBeUnique(column_list=["id", "w"], ignore_row_if="any_value_is_missing"),
]

context = gx.get_context(mode="ephemeral")
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
definition = asset.add_batch_definition_whole_dataframe("whole")
batch = definition.get_batch({"dataframe": pd.read_csv(io.StringIO(CSV))})


def counts(expectation):
    result = batch.validate(expectation, result_format="SUMMARY").to_json_dict()["result"]
    return {name: value for name, value in result.items() if not name.startswith("partial_")}


results = {expectation.expectation_type: counts(expectation) for expectation in EXPECTATIONS}
text = json.dumps({"csv": CSV, "results": results}, indent=1)
Path(__file__).with_name("gx_result.json").write_text(text + "\n")
