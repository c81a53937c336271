"""What Great Expectations, pandera and DuckDB say of a rule: whether it holds, and the number that goes with it."""

import logging
import os
import pathlib
import warnings

os.environ["GX_ANALYTICS_ENABLED"] = "false"
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import duckdb  # noqa: E402
import great_expectations as gx  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import pandera.pandas as pa  # noqa: E402


class Cannot(Exception):
    """The program has no answer: the rule is beyond it, or the values are."""


def number(value):
    """As JSON holds it; NaN and infinity by their names."""
    if value is None or isinstance(value, (str, bool)):
        return None
    value = float(value)
    if not np.isfinite(value):
        return str(value)
    return int(value) if value == int(value) and abs(value) < 2**53 else value


class Duck:
    """DuckDB, over tables that know the order of their rows."""

    def __init__(self, files: dict[str, pathlib.Path]):
        self.connection = duckdb.connect()
        self.connection.execute("set timezone = 'UTC'; set threads = 1")
        for name, path in files.items():
            # A column of numbers with words for "no value" among them is text to its reader of CSV.
            again = "replace (try_cast(reading as double) as reading)" if path.name == "delimited_words.csv" else ""
            self.connection.execute(f"create table {name}_all as select * {again}, row_number() over () as _row from '{path}'")
            self.connection.execute(f"create view {name} as from {name}_all")

    def filter(self, name: str, where: str):
        self.connection.execute(f"create or replace view {name} as from {name}_all where {where}")

    def all(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def close(self):
        self.connection.close()

    def one(self, sql: str):
        try:
            return self.connection.execute(sql).fetchone()
        except duckdb.Error as error:
            raise Cannot(f"{str(error).splitlines()[0]} in {sql}") from error

    def ask(self, sql: str):
        """The verdict, and a number. An unknown verdict is a no."""
        holds, found = self.one(sql)
        return bool(holds), number(found)


# What has a number for an answer, or else has none.
FIGURES = {f"ExpectColumn{name}ToBeBetween" for name in ["Mean", "Stdev", "Sum", "Min", "Max", "Median"]}


class Expect:
    """Great Expectations on its pandas engine."""

    def __init__(self):
        self.context = gx.get_context(mode="ephemeral")
        self.context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        self.source = self.context.data_sources.add_pandas("pandas")
        self.count = 0

    def batch(self, frame: pd.DataFrame):
        self.count += 1
        asset = self.source.add_dataframe_asset(f"table{self.count}")
        return asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})

    def ask(self, batch, name: str, arguments: dict):
        try:
            answer = batch.validate(getattr(gx.expectations, name)(**arguments))
        except Exception as error:
            raise Cannot(repr(error)[:200]) from error
        if answer.exception_info and answer.exception_info.get("raised_exception", True):
            raise Cannot(str(answer.exception_info)[:200])
        found = answer.result
        if "unexpected_count" in found:
            return bool(answer.success), number(found["unexpected_count"])
        value = found.get("observed_value")
        if isinstance(value, dict):
            value = value["values"][0] if len(value.get("values", [])) == 1 else None
        if value is None and name in FIGURES:
            return bool(answer.success), "none"
        return bool(answer.success), number(value) if np.isscalar(value) else None


def column(name: str, *checks, **more) -> pa.DataFrameSchema:
    """A schema of one column, where nulls may be."""
    return pa.DataFrameSchema({name: pa.Column(checks=list(checks), **{"nullable": True, **more})})


def whole(test) -> pa.DataFrameSchema:
    """A schema with one check of the whole table."""
    return pa.DataFrameSchema(checks=pa.Check(test, ignore_na=False))


def panderas(frame: pd.DataFrame, schema: pa.DataFrameSchema):
    """What pandera says; the number is that of the rows that fail, where it names rows."""
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        reasons = {str(error.reason_code) for error in errors.schema_errors}
        if any("CHECK_ERROR" in reason for reason in reasons):
            raise Cannot(str(errors.failure_cases.failure_case.iloc[0])[:200]) from errors
        rows = errors.failure_cases["index"].dropna()
        return False, number(rows.nunique()) if len(rows) else None
    except Exception as error:
        raise Cannot(repr(error)[:200]) from error
    return True, 0
