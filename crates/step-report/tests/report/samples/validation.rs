use step_report::{Bound, Check, Format, Input, Note, Report, Sample, Severity, Table};

use super::{digest, timed};

/// A validation that fails: orphan keys, nulls and a range; two warnings; the rest is in order.
pub(crate) fn validation() -> Report {
    let mut report = Report::new("data-validate", "check", "0.1.0")
        .verdict("FAIL", "3 of 40 checks failed: orphans:flights.tailnum 2,512 rows, at most 0 allowed; null_rate:flights.dep_delay 12.1%, at most 5%; range:flights.distance -17, at least 0")
        .with_input(Input::new("flights", "s3://lake/flights/2013/").digest(&digest('a')).rows(336_776).detail("12 objects, 4.1 MiB"))
        .with_input(Input::new("planes", "s3://lake/planes.parquet").digest(&digest('b')).rows(3_322))
        .with_input(Input::new("airports", "s3://lake/airports.parquet").digest(&digest('c')).rows(1_458))
        .with_input(Input::new("suite", "/in/validation.yaml").digest(&digest('d')))
        .with_binding("dataset.digest", &digest('e'))
        .with_binding("suite.digest", &digest('d'))
        .with_parameter("window", "90d")
        .with_parameter("as_of", "2013-04-01T00:00:00Z")
        .with_parameter("time_column", "time_hour");
    report.checks = failing();
    report.checks.extend(warning());
    report.checks.extend(passing());
    report.checks.push(
        Check::new("overlap:train.validation", "overlap")
            .table("train")
            .skipped("the suite names no split called `validation`"),
    );
    let table = Table::new(
        "Columns read",
        [
            "Column", "Type", "Rows", "Nulls", "Distinct", "Min", "Mean", "Max",
        ],
    )
    .row([
        "dep_delay".into(),
        "double".into(),
        336_776.into(),
        40_750.into(),
        528.into(),
        (-43.0).into(),
        12.639_07.into(),
        1_301.0.into(),
    ])
    .row([
        "distance".into(),
        "double".into(),
        336_776.into(),
        0.into(),
        214.into(),
        (-17.0).into(),
        1_039.912_6.into(),
        4_983.0.into(),
    ])
    .row([
        "tailnum".into(),
        "string".into(),
        336_776.into(),
        2_512.into(),
        4_043.into(),
        "".into(),
        "".into(),
        "".into(),
    ])
    .row([
        "origin".into(),
        "string".into(),
        336_776.into(),
        0.into(),
        3.into(),
        "".into(),
        "".into(),
        "".into(),
    ])
    .note("One streaming pass; distinct counts above 10,000 are estimates.");
    let report = report.with_section(table).with_note(Note::warn(
        "s3://lake/flights/2013/part-0003.parquet was written after the window's end; its rows are counted in the window by time_hour.",
    ));
    timed(report, "2026-11-23T03:00:04.120Z", "2026-11-23T03:00:09.310Z")
}

fn failing() -> Vec<Check> {
    let tails = [
        ("N725MQ", 575),
        ("N722MQ", 513),
        ("N723MQ", 507),
        ("N713MQ", 483),
        ("N735MQ", 396),
        ("N0EGMQ", 371),
    ];
    vec![
        Check::new("range:flights.distance", "range")
            .table("flights")
            .column("distance")
            .observed(-17.0)
            .bound(Bound::at_least(0.0))
            .n(336_776)
            .sample(Sample::new("-17").count(1).row(201_331).object("part-0007.parquet"))
            .fail("distance goes down to -17, allowed is at least 0: 1 of 336,776 rows is below"),
        Check::new("null_rate:flights.dep_delay", "null_rate")
            .table("flights")
            .column("dep_delay")
            .observed(0.121)
            .bound(Bound::at_most(0.05))
            .format(Format::Percent)
            .n(336_776)
            .detail("nulls", 40_750)
            .fail("12.1% of dep_delay is null (40,750 of 336,776 rows), allowed is at most 5%"),
        Check::new("orphans:flights.tailnum", "orphans")
            .table("flights")
            .column("tailnum")
            .observed(2_512)
            .bound(Bound::at_most(0.0))
            .n(334_264)
            .samples(tails.map(|(tail, count)| Sample::new(tail).count(count)))
            .detail("distinct_orphans", 721)
            .detail("reference", "planes.tailnum")
            .fail("2,512 rows of flights name 721 tail numbers that planes.tailnum does not have, allowed is at most 0"),
    ]
}

fn warning() -> Vec<Check> {
    vec![
        Check::new("mean:flights.air_time", "mean")
            .table("flights")
            .column("air_time")
            .severity(Severity::Warn)
            .observed(150.686_46)
            .bound(Bound::between(120.0, 150.0))
            .n(327_346)
            .judge(false, "the mean of air_time is 150.7, allowed is 120 to 150"),
        Check::new("freshness:weather.time_hour", "freshness")
            .table("weather")
            .column("time_hour")
            .severity(Severity::Warn)
            .observed("2013-12-30T18:00:00Z")
            .bound(Bound::text("not before 2013-12-31"))
            .n(26_115)
            .judge(
                false,
                "the newest row of weather is of 2013-12-30T18:00:00Z, expected is 2013-12-31 or later",
            ),
        Check::new("quantile:weather.wind_gust.p99", "quantile")
            .table("weather")
            .column("wind_gust")
            .not_observed("no finite value in 26,115 rows")
            .bound(Bound::at_most(60.0))
            .n(0)
            .insufficient("wind_gust has no finite value, so its 99% quantile cannot be judged"),
    ]
}

fn passing() -> Vec<Check> {
    let columns = [
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "carrier",
        "flight",
        "origin",
        "dest",
        "time_hour",
        "sched_dep_time",
    ];
    let mut checks = vec![
        Check::new("row_count:flights", "row_count")
            .table("flights")
            .observed(336_776)
            .bound(Bound::between(300_000.0, 400_000.0))
            .n(336_776)
            .pass("flights has 336,776 rows, allowed is 300,000 to 400,000"),
    ];
    for column in columns {
        checks.push(
            Check::new(format!("null_rate:flights.{column}"), "null_rate")
                .table("flights")
                .column(column)
                .observed(0.0)
                .bound(Bound::at_most(0.0))
                .format(Format::Percent)
                .n(336_776)
                .pass(format!("no {column} is null")),
        );
        checks.push(
            Check::new(format!("type:flights.{column}"), "type")
                .table("flights")
                .column(column)
                .observed(if matches!(column, "carrier" | "origin" | "dest") {
                    "string"
                } else {
                    "int64"
                })
                .bound(Bound::equals(
                    if matches!(column, "carrier" | "origin" | "dest") {
                        "string"
                    } else {
                        "int64"
                    },
                ))
                .pass(format!("{column} has the type that the suite asks for")),
        );
    }
    for (table, key, rows) in [
        ("planes", "tailnum", 3_322),
        ("airports", "faa", 1_458),
        ("airlines", "carrier", 16),
    ] {
        checks.push(
            Check::new(format!("unique:{table}.{key}"), "unique")
                .table(table)
                .column(key)
                .observed(0)
                .bound(Bound::at_most(0.0))
                .n(rows)
                .pass(format!("every {key} of {table} is there once")),
        );
    }
    for (column, set) in [
        ("origin", "EWR, JFK, LGA"),
        ("carrier", "16 airlines"),
        ("month", "1 to 12"),
    ] {
        checks.push(
            Check::new(format!("set:flights.{column}"), "set")
                .table("flights")
                .column(column)
                .observed(0)
                .bound(Bound::text(format!("one of {set}")))
                .n(336_776)
                .pass(format!("every {column} is one of {set}")),
        );
    }
    for column in ["temp", "humid", "precip", "visib"] {
        checks.push(
            Check::new(format!("range:weather.{column}"), "range")
                .table("weather")
                .column(column)
                .observed(100.04)
                .bound(Bound::between(0.0, 110.0))
                .n(26_115)
                .pass(format!("{column} reaches 100.04, allowed is 0 to 110")),
        );
    }
    checks
}
