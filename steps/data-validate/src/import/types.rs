//! What other programs call types.

/// Our word for a type as Python, pandas, numpy, polars, pyarrow, Spark or SQL call it; `None` when there is none.
///
/// ```
/// use data_validate::import::types::ours;
/// assert_eq!(ours("Int64"), Some("int"));
/// assert_eq!(ours("datetime64[ns, UTC]"), Some("timestamp"));
/// assert_eq!(ours("pl.Utf8"), Some("text"));
/// assert_eq!(ours("numeric(10, 2)"), Some("decimal"));
/// assert_eq!(ours("timedelta64[ns]"), None);
/// ```
#[must_use]
pub fn ours(name: &str) -> Option<&'static str> {
    let name = name.trim().trim_start_matches("<class '").trim_end_matches("'>");
    let lower = name.to_ascii_lowercase();
    let short = PREFIXES
        .iter()
        .find_map(|prefix| lower.strip_prefix(prefix))
        .unwrap_or(&lower);
    let end = short.find(['[', '(']).unwrap_or(short.len());
    let bare = short[..end].trim();
    // `timestamp without time zone`, `double precision`.
    let first = bare.split_whitespace().next().unwrap_or_default();
    let word = WORDS
        .iter()
        .find(|(_, words)| words.contains(&bare) || words.contains(&first));
    // `double[pyarrow]` is what stands before the bracket; `list[int]` and `timedelta64[ns]` are not.
    word.map(|(ours, _)| *ours)
}

/// What is said when a name stands for more than our type; `None` where it says just that.
#[must_use]
pub fn remark(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    if lower.contains("object") {
        Some("`object` is taken for text")
    } else if lower.contains("categor") || lower.contains("enum") {
        Some("a category is taken for text")
    } else if lower.contains(|next: char| next.is_ascii_digit())
        && ours(name).is_some_and(|kind| matches!(kind, "int" | "float"))
    {
        Some("the width is not asked")
    } else {
        None
    }
}

const PREFIXES: [&str; 11] = [
    "polars.datatypes.",
    "polars.",
    "pl.",
    "pandas.",
    "pd.",
    "numpy.",
    "np.",
    "pyarrow.",
    "pa.",
    "builtins.",
    "decimal.",
];

const WORDS: [(&str, &[&str]); 9] = [
    (
        "bool",
        &["bool", "boolean", "bool_", "bool8", "booleandtype", "booleantype"],
    ),
    (
        "int",
        &[
            "int",
            "integer",
            "int8",
            "int16",
            "int32",
            "int64",
            "int128",
            "uint",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "long",
            "short",
            "bigint",
            "smallint",
            "tinyint",
            "int_",
            "int64dtype",
            "int32dtype",
            "int16dtype",
            "int8dtype",
            "integertype",
            "longtype",
            "shorttype",
            "bytetype",
            "serial",
            "bigserial",
            "int2",
            "int4",
        ],
    ),
    (
        "float",
        &[
            "float",
            "float16",
            "float32",
            "float64",
            "double",
            "real",
            "float_",
            "halffloat",
            "float64dtype",
            "float32dtype",
            "floattype",
            "doubletype",
            "float4",
            "float8",
        ],
    ),
    (
        "decimal",
        &[
            "decimal",
            "decimal32",
            "decimal64",
            "decimal128",
            "decimal256",
            "decimaltype",
            "numeric",
            "bignumeric",
        ],
    ),
    ("number", &["number"]),
    (
        "text",
        &[
            "object",
            "str",
            "string",
            "str_",
            "object_",
            "unicode",
            "utf8",
            "large_string",
            "large_utf8",
            "string_view",
            "stringdtype",
            "stringtype",
            "category",
            "categorical",
            "categoricaldtype",
            "enum",
            "text",
            "varchar",
            "char",
            "character",
            "nvarchar",
            "nchar",
            "bpchar",
            "clob",
        ],
    ),
    (
        "bytes",
        &[
            "bytes",
            "binary",
            "large_binary",
            "bytes_",
            "binarytype",
            "varbinary",
            "bytea",
            "blob",
        ],
    ),
    ("date", &["date", "date32", "date64", "datetype"]),
    (
        "timestamp",
        &[
            "datetime",
            "datetime64",
            "timestamp",
            "datetimetzdtype",
            "timestamptype",
            "timestamp_ntz",
            "timestamp_ltz",
            "timestamp_tz",
            "timestamptz",
            "datetime2",
        ],
    ),
];
