"""What Great Expectations, pandera and tensorflow-metadata write, and what the first two say of a table.

    python make_import.py      writes rows.parquet, the suites and the verdicts beside itself

Needs great_expectations, pandera[io], pandas, pyarrow, tensorflow-metadata. Every rule stands twice or more, with bounds that hold
and bounds that do not, so that a rule which was translated into nothing, or into something else, shows.
"""

import datetime
import json
import pathlib
import warnings

import great_expectations as gx
import numpy as np
import pandas as pd
import pandera.pandas as pa
from great_expectations.expectations.row_conditions import Column

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent

generator = np.random.default_rng(20131103)
count = 120


def holed(values, share=0.1):
    return [None if generator.random() < share else value for value in values]


frame = pd.DataFrame(
    {
        "id": pd.Series(range(1, count + 1), dtype="int64"),
        "carrier": [["UA", "AA", "DL", "B6"][k] for k in generator.integers(0, 4, count)],
        "origin": holed([["JFK", "LGA", "EWR"][k] for k in generator.integers(0, 3, count)]),
        "dep": holed([float(v) / 4 for v in generator.integers(-40, 400, count)]),
        "arr": holed([float(v) / 4 for v in generator.integers(-40, 400, count)]),
        "miles": pd.Series(generator.integers(80, 2500, count), dtype="int64"),
        "half": [float(v) / 2 for v in generator.integers(0, 7, count)],
        "rest": 0.0,
        "tail": holed([f"N{int(v):03d}{'ab'[int(v) % 2]}" for v in generator.integers(0, 999, count)], 0.05),
        "day": [datetime.datetime(2013, 1, 1) + datetime.timedelta(days=int(v)) for v in sorted(generator.integers(0, 300, count))],
        "night": [bool(v) for v in generator.integers(0, 2, count)],
        "empty": pd.Series([None] * count, dtype="object"),
    }
)
frame["rest"] = 10.0 - frame["half"]
frame["same"] = frame["half"].where(frame.index % 17 != 0)
frame.to_parquet(HERE / "rows.parquet", index=False, compression="zstd")
frame = pd.read_parquet(HERE / "rows.parquet")

# Great Expectations.
e = gx.expectations
c = Column
q = {"quantiles": [0.25, 0.9], "value_ranges": [[None, 1.5], [2.5, 3.0]]}
low = {"quantiles": [0.25, 0.9], "value_ranges": [[2.9, None], [None, 2.5]]}
columns = list(frame.columns)
rules = [
    e.ExpectTableRowCountToBeBetween(min_value=100, max_value=200),
    e.ExpectTableRowCountToBeBetween(min_value=120, max_value=200, strict_min=True),
    e.ExpectTableColumnCountToEqual(value=13),
    e.ExpectTableColumnsToMatchOrderedList(column_list=columns),
    e.ExpectTableColumnsToMatchSet(column_set=columns),
    e.ExpectTableColumnsToMatchSet(column_set=["id", "dep"], exact_match=False),
    e.ExpectColumnToExist(column="night"),
    e.ExpectColumnValuesToBeUnique(column="id"),
    e.ExpectColumnValuesToBeUnique(column="carrier"),
    e.ExpectColumnValuesToNotBeNull(column="id"),
    e.ExpectColumnValuesToNotBeNull(column="carrier"),
    e.ExpectColumnValuesToNotBeNull(column="origin"),
    e.ExpectColumnValuesToNotBeNull(column="dep", mostly=0.8),
    e.ExpectColumnValuesToNotBeNull(column="arr", mostly=0.99),
    e.ExpectColumnValuesToBeNull(column="empty"),
    e.ExpectColumnValuesToBeNull(column="tail", mostly=0.5),
    e.ExpectColumnValuesToBeInSet(column="carrier", value_set=["UA", "AA", "DL", "B6"]),
    e.ExpectColumnValuesToBeInSet(column="origin", value_set=["JFK", "LGA"]),
    e.ExpectColumnValuesToBeInSet(column="origin", value_set=["JFK", "LGA"], mostly=0.5),
    e.ExpectColumnValuesToNotBeInSet(column="carrier", value_set=["XX"]),
    e.ExpectColumnValuesToNotBeInSet(column="origin", value_set=["EWR"]),
    e.ExpectColumnDistinctValuesToBeInSet(column="night", value_set=[True, False]),
    e.ExpectColumnDistinctValuesToContainSet(column="carrier", value_set=["UA", "B6"]),
    e.ExpectColumnDistinctValuesToContainSet(column="origin", value_set=["BOS"]),
    e.ExpectColumnDistinctValuesToEqualSet(column="half", value_set=[0, 0.5, 1, 1.5, 2, 2.5, 3]),
    e.ExpectColumnValuesToBeBetween(column="dep", min_value=-10, max_value=100),
    e.ExpectColumnValuesToBeBetween(column="half", min_value=0, max_value=3),
    e.ExpectColumnValuesToBeBetween(column="half", min_value=0, max_value=3, strict_min=True),
    e.ExpectColumnValuesToBeBetween(column="half", min_value=0, max_value=3, strict_max=True, mostly=0.5),
    e.ExpectColumnValuesToBeBetween(column="miles", min_value=500, severity="warning"),
    e.ExpectColumnValuesToBeBetween(column="miles", max_value=500, row_condition='carrier == "UA" and dep > 3', condition_parser="pandas"),
    e.ExpectColumnValuesToBeBetween(column="half", max_value=1, row_condition='~(half > 1)', condition_parser="pandas"),
    e.ExpectColumnValuesToNotBeNull(column="origin", row_condition="origin != 'JFK'", condition_parser="pandas"),
    e.ExpectColumnValuesToBeInSet(column="origin", value_set=["LGA", "EWR"], row_condition="not (origin == 'JFK')", condition_parser="pandas"),
    e.ExpectColumnValuesToBeInSet(column="carrier", value_set=["UA", "AA"], row_condition=c("carrier").is_in(["UA", "AA"])),
    e.ExpectColumnValuesToBeInSet(column="carrier", value_set=["UA"], row_condition=(c("miles") > 1000) & c("dep").is_not_null()),
    e.ExpectColumnValuesToNotBeNull(column="arr", row_condition=c("arr").is_null() | (c("dep") >= 0)),
    e.ExpectColumnValuesToMatchRegex(column="tail", regex=r"^N\d{3}[ab]$"),
    e.ExpectColumnValuesToMatchRegex(column="tail", regex="a", mostly=0.9),
    e.ExpectColumnValuesToNotMatchRegex(column="tail", regex="^M"),
    e.ExpectColumnValuesToNotMatchRegex(column="tail", regex="b$"),
    e.ExpectColumnValuesToMatchRegexList(column="tail", regex_list=["a$", "b$"]),
    e.ExpectColumnValuesToMatchRegexList(column="tail", regex_list=["^N", "b$"], match_on="all"),
    e.ExpectColumnValuesToNotMatchRegexList(column="tail", regex_list=["^X", "c$"]),
    e.ExpectColumnValueLengthsToBeBetween(column="tail", min_value=5, max_value=5),
    e.ExpectColumnValueLengthsToBeBetween(column="tail", min_value=5, max_value=9, strict_min=True),
    e.ExpectColumnValueLengthsToEqual(column="carrier", value=2),
    e.ExpectColumnValuesToBeIncreasing(column="id", strictly=True),
    e.ExpectColumnValuesToBeDecreasing(column="id"),
    e.ExpectColumnValuesToBeIncreasing(column="day"),
    e.ExpectColumnMeanToBeBetween(column="half", min_value=1, max_value=2),
    e.ExpectColumnMeanToBeBetween(column="dep", min_value=100),
    e.ExpectColumnMedianToBeBetween(column="miles", min_value=800, max_value=1700),
    e.ExpectColumnStdevToBeBetween(column="half", min_value=0.5, max_value=2),
    e.ExpectColumnSumToBeBetween(column="half", max_value=10),
    e.ExpectColumnMinToBeBetween(column="id", min_value=1, max_value=1),
    e.ExpectColumnMinToBeBetween(column="dep", min_value=-10, strict_min=True),
    e.ExpectColumnMaxToBeBetween(column="id", max_value=120),
    e.ExpectColumnMaxToBeBetween(column="arr", max_value=50),
    e.ExpectColumnUniqueValueCountToBeBetween(column="carrier", min_value=4, max_value=4),
    e.ExpectColumnUniqueValueCountToBeBetween(column="origin", min_value=3, strict_min=True),
    e.ExpectColumnProportionOfUniqueValuesToBeBetween(column="id", min_value=1.0),
    e.ExpectColumnProportionOfUniqueValuesToBeBetween(column="tail", min_value=1.0),
    e.ExpectColumnProportionOfNonNullValuesToBeBetween(column="same", min_value=0.9),
    e.ExpectColumnQuantileValuesToBeBetween(column="half", quantile_ranges=q, allow_relative_error="linear"),
    e.ExpectColumnQuantileValuesToBeBetween(column="rest", quantile_ranges=low, allow_relative_error="linear"),
    e.ExpectColumnValuesToBeOfType(column="miles", type_="int64"),
    e.ExpectColumnValuesToBeOfType(column="dep", type_="int64"),
    e.ExpectColumnValuesToBeInTypeList(column="half", type_list=["float64", "float32"]),
    e.ExpectColumnPairValuesAToBeGreaterThanB(column_A="dep", column_B="arr"),
    e.ExpectColumnPairValuesAToBeGreaterThanB(column_A="rest", column_B="half", or_equal=True),
    e.ExpectColumnPairValuesAToBeGreaterThanB(column_A="dep", column_B="arr", mostly=0.44),
    e.ExpectColumnPairValuesAToBeGreaterThanB(column_A="dep", column_B="arr", mostly=0.46, ignore_row_if="either_value_is_missing"),
    e.ExpectColumnPairValuesToBeEqual(column_A="half", column_B="same"),
    e.ExpectColumnPairValuesToBeEqual(column_A="half", column_B="same", ignore_row_if="either_value_is_missing"),
    e.ExpectColumnPairValuesToBeInSet(column_A="carrier", column_B="night", value_pairs_set=[[k, b] for k in ["UA", "AA", "DL", "B6"] for b in [True, False]]),
    e.ExpectColumnPairValuesToBeInSet(column_A="carrier", column_B="night", value_pairs_set=[["UA", True]]),
    e.ExpectMulticolumnSumToEqual(column_list=["half", "rest"], sum_total=10),
    e.ExpectMulticolumnSumToEqual(column_list=["same", "rest"], sum_total=10),
    e.ExpectMulticolumnSumToEqual(column_list=["same", "rest"], sum_total=10, ignore_row_if="any_value_is_missing"),
    e.ExpectSelectColumnValuesToBeUniqueWithinRecord(column_list=["dep", "arr"]),
    e.ExpectSelectColumnValuesToBeUniqueWithinRecord(column_list=["half", "rest", "miles"]),
    e.ExpectCompoundColumnsToBeUnique(column_list=["id", "carrier"]),
    e.ExpectCompoundColumnsToBeUnique(column_list=["carrier", "night"], ignore_row_if="any_value_is_missing"),
]  # fmt: skip

context = gx.get_context(mode="ephemeral")
suite = context.suites.add(gx.ExpectationSuite(name="flights"))
for rule in rules:
    suite.add_expectation(rule)
asset = context.data_sources.add_pandas("p").add_dataframe_asset("flights")
batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
said = {}
for answer in batch.validate(suite).results:
    assert not answer.exception_info.get("raised_exception"), answer
    said[answer.expectation_config.id] = bool(answer.success)
written = suite.to_json_dict()
assert len(written["expectations"]) == len(rules) == len(said)
verdicts = [said[rule.pop("id")] for rule in written["expectations"]]
written.pop("id", None)
(HERE / "gx.json").write_text(json.dumps(written, indent=1) + "\n")
(HERE / "gx_verdicts.json").write_text(json.dumps(verdicts) + "\n")

# The same as it was written before 1.0.
old = {
    "data_asset_type": None,
    "expectation_suite_name": "flights",
    "ge_cloud_id": None,
    "expectations": [
        {"expectation_type": rule["type"], "kwargs": rule["kwargs"], "meta": {}}
        for rule in written["expectations"]
        if "row_condition" not in rule["kwargs"] and rule["severity"] == "critical"
    ],
    "meta": {"great_expectations_version": "0.18.22"},
}
(HERE / "gx_legacy.json").write_text(json.dumps(old, indent=1) + "\n")

# pandera. Each rule stands for itself: what is wrong is told by column and check.
Check = pa.Check
schema = pa.DataFrameSchema(
    {
        "id": pa.Column("int64", [Check.ge(1), Check.le(120)], unique=True),
        "carrier": pa.Column(str, [Check.isin(["UA", "AA", "DL"]), Check.str_length(2, 2), Check.notin(["XX"])], unique=True),
        "origin": pa.Column(str, [Check.isin(["JFK", "LGA", "EWR"]), Check.str_startswith("J"), Check.str_contains("[JLE]")]),
        "dep": pa.Column("float64", [Check.in_range(-10, 100), Check.ne(4.25)], nullable=True),
        "arr": pa.Column("float64", [Check.gt(-10), Check.lt(50, raise_warning=True)]),
        "miles": pa.Column("int64", [Check.gt(500), Check.lt(2500)]),
        "half": pa.Column("float64", [Check.in_range(0, 3, include_min=False), Check.isin([0, 0.5, 1, 1.5, 2, 2.5, 3])]),
        "rest": pa.Column("int64", [Check.ge(7), Check.le(10)]),
        "tail": pa.Column(str, [Check.str_matches(r"N\d{3}"), Check.str_endswith("a"), Check.str_length(exact_value=5)], nullable=True, unique=True),
        "day": pa.Column("datetime64[us]", [Check.ge(pd.Timestamp("2013-01-01")), Check.lt(pd.Timestamp("2013-06-01"))]),
        "night": pa.Column(bool, Check.eq(True)),
        "empty": pa.Column(None, nullable=True),
        "same": pa.Column("float64", [Check.unique_values_eq([0, 0.5, 1, 1.5, 2, 2.5, 3])], nullable=True),
        "nowhere": pa.Column("float64"),
        "maybe": pa.Column("float64", required=False),
    },
    unique=["id", "carrier"],
    strict=False,
)  # fmt: skip
schema.to_yaml(HERE / "pandera.yaml")
(HERE / "pandera.json").write_text(schema.to_json(indent=1, minimal=False) + "\n")

# The form before: checks by name below `checks`, and every option written out.
nested = json.loads(schema.to_json(minimal=False))
KEYS = {"title", "description", "dtype", "nullable", "unique", "coerce", "required", "regex", "drop_invalid_rows", "checks"}
for rules in nested["columns"].values():
    flat = {key: rules.pop(key) for key in list(rules) if key not in KEYS}
    if flat:
        rules["checks"] = flat
(HERE / "pandera_nested.json").write_text(json.dumps(nested, indent=1) + "\n")

NAMES = {"not_nullable": "nullable", "field_uniqueness": "unique", "column_in_dataframe": "required"}
said = {}
for name, rules in nested["columns"].items():
    for key in [*(rules.get("checks") or {}), "dtype", "required"]:
        if not (key == "dtype" and rules["dtype"] is None):
            said[f"{name}.{key}"] = True
    for key, on in [("nullable", not rules["nullable"]), ("unique", rules["unique"])]:
        if on:
            said[f"{name}.{key}"] = True
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
for column, check, case in zip(cases.column, cases.check, cases.failure_case):
    check = str(check)
    key = NAMES.get(check, "dtype" if check.startswith("dtype(") else check.split("(")[0])
    name = case if key == "required" else column
    if check == "multiple_fields_uniqueness":
        raise SystemExit("the key is not unique")
    assert f"{name}.{key}" in said, (column, check, case)
    said[f"{name}.{key}"] = False
assert any("less_than" in str(warning.message) for warning in warned)
said["arr.less_than"] = False
# What cannot be asked of a column that is not there is a no, which pandera does not say.
for key in ["dtype", "nullable"]:
    del said[f"nowhere.{key}"], said[f"maybe.{key}"]
(HERE / "pandera_verdicts.json").write_text(json.dumps(said, indent=1) + "\n")

# TensorFlow Data Validation: a schema as the library writes it, and one that uses what the syntax allows.
from google.protobuf import text_format  # noqa: E402
from tensorflow_metadata.proto.v0 import schema_pb2  # noqa: E402

schema = schema_pb2.Schema(default_environment=["TRAINING", "SERVING"])
schema.string_domain.add(name="carriers", value=["UA", "AA", "DL"])
schema.dataset_constraints.min_examples_count = 100
schema.dataset_constraints.num_examples_drift_comparator.min_fraction_threshold = 0.5


def feature(name, kind, least=1.0, **more):
    one = schema.feature.add(name=name, type=getattr(schema_pb2, kind), **more)
    if least is not None:
        one.presence.min_fraction = least
        one.presence.min_count = 1
    one.shape.dim.add(size=1)
    return one


feature("id", "INT", int_domain=schema_pb2.IntDomain(min=1, max=100))
feature("carrier", "BYTES", domain="carriers").distribution_constraints.min_domain_mass = 0.5
feature("origin", "BYTES", 0.5, string_domain=schema_pb2.StringDomain(value=["JFK", 'L"GA', "Åé\n"]))
feature("dep", "FLOAT", 0.95, float_domain=schema_pb2.FloatDomain(min=-10, max=float("inf"), disallow_nan=True, disallow_inf=True))
feature("arr", "FLOAT", None)
feature("miles", "INT", unique_constraints=schema_pb2.UniqueConstraints(min=2, max=5000))
feature("night", "INT", not_in_environment=["SERVING"], bool_domain=schema_pb2.BoolDomain())
feature("only", "INT", in_environment=["EXTRA"], not_in_environment=["TRAINING", "SERVING"])
feature("old", "INT", lifecycle_stage=schema_pb2.LifecycleStage.DEPRECATED)
(HERE / "tfdv.pbtxt").write_text(text_format.MessageToString(schema, as_utf8=True))
drifting = schema.feature[5]
drifting.skew_comparator.infinity_norm.threshold = 0.01
drifting.drift_comparator.jensen_shannon_divergence.threshold = 0.04
drifting.natural_language_domain.SetInParent()
(HERE / "tfdv_drift.pbtxt").write_text(text_format.MessageToString(schema))

SYNTAX = r"""
# A comment; feature { name: "no" }
feature { name: 'a' type: BYTES string_domain { value: "x" 'y'  # one text
  "z" value: ['p', "q",
  'r'] } },
feature: < name: "b", type: BYTES; string_domain: < value: "\101\x42\u00e9\U0001F600\n\t\\\"\'" > >;
feature [{ name: "c" type: INT int_domain { min: -0x10 max: 017 } }, < name: "d" type: FLOAT float_domain { min: -1.5e-3 max: 2.f } >]
feature{name:"e"type:BYTES string_domain{value:"\303\251"}}
"""
parsed = text_format.Parse(SYNTAX, schema_pb2.Schema())
(HERE / "syntax.pbtxt").write_text(SYNTAX)
(HERE / "syntax.json").write_text(
    json.dumps(
        {
            "sets": {one.name: list(one.string_domain.value) for one in parsed.feature if one.HasField("string_domain")},
            "ends": {"c": [parsed.feature[2].int_domain.min, parsed.feature[2].int_domain.max], "d": [round(parsed.feature[3].float_domain.min, 6), parsed.feature[3].float_domain.max]},
        },
        indent=1,
    )
    + "\n"
)
