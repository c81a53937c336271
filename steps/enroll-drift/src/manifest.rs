//! The CronWorkflow that runs the check, and the rules that the API server does not hold.

use std::fmt::Write as _;

use crate::config::DriftConfig;
use crate::event::slug;

/// What the schedule is made of.
#[derive(Debug, Clone)]
pub struct Enrolment<'a> {
    /// Name of the model.
    pub model: &'a str,
    /// Cron schedule; by default one check a window.
    pub schedule: Option<&'a str>,
    /// Key of the baseline in the default artifact repository.
    pub baseline_key: &'a str,
    /// Where the live data is.
    pub live: &'a str,
    /// Further parameters of the check.
    pub parameters: &'a [(String, String)],
}

/// The name of a model's CronWorkflow. A run of it is called `<name>-<10 digits of seconds>`, which must stay within
/// 63 characters: the slug has 30 at most.
#[must_use]
pub fn name(model: &str) -> String {
    format!("drift-{}", slug(model))
}

/// The CronWorkflow as YAML.
///
/// # Errors
/// When the schedule is none: the API server takes `61 25 * * *`, runs nothing and says nothing.
pub fn cron_workflow(config: &DriftConfig, enrolment: &Enrolment<'_>) -> Result<String, String> {
    let schedule = match enrolment.schedule {
        Some(schedule) => {
            check_schedule(schedule)?;
            schedule.split_whitespace().collect::<Vec<_>>().join(" ")
        }
        None => default_schedule(config.monitoring_window_hours).to_owned(),
    };
    let name = name(enrolment.model);
    let mut parameters = std::collections::BTreeMap::from([
        ("data", enrolment.live.to_owned()),
        ("config-map", format!("{}-mlops", slug(enrolment.model))),
    ]);
    if config.time_column.is_some() {
        parameters.insert("as-of", "{{workflow.scheduledTime}}".to_owned());
    }
    for (name, value) in enrolment.parameters {
        parameters.insert(name, value.clone());
    }
    let mut y = String::new();
    let mut line = |text: &str| _ = writeln!(y, "{text}");
    line("# Written by `enroll-drift enroll`: runs the drift check of one model on a schedule.");
    line("apiVersion: argoproj.io/v1alpha1");
    line("kind: CronWorkflow");
    line("metadata:");
    line(&format!("  name: {name}"));
    line("  labels:");
    line("    app.kubernetes.io/part-of: mlops-steps");
    line(&format!("    mlops-steps/model: {}", slug(enrolment.model)));
    line("spec:");
    line("  schedules:");
    line(&format!("  - {}", quoted(&schedule)));
    line("  timezone: UTC");
    line("  concurrencyPolicy: Forbid");
    // Longer than a controller takes to restart: a slot that fell into it is made up.
    line("  startingDeadlineSeconds: 600");
    // Of an hourly check a week, and then some; the workflows' own time to live takes the rest.
    line("  successfulJobsHistoryLimit: 200");
    line("  failedJobsHistoryLimit: 200");
    line("  workflowMetadata:");
    line("    labels:");
    line(&format!("      mlops-steps/model: {}", slug(enrolment.model)));
    line("  workflowSpec:");
    line("    entrypoint: watch");
    line("    ttlStrategy: {secondsAfterCompletion: 1209600}");
    line("    podGC: {strategy: OnPodSuccess}");
    line("    activeDeadlineSeconds: 14400");
    line("    templates:");
    line("    - name: watch");
    line("      dag:");
    line("        tasks:");
    line("        - name: check");
    line("          templateRef: {name: enroll-drift, template: check}");
    line("          arguments:");
    line("            parameters:");
    for (name, value) in parameters {
        line(&format!(
            "            - {{name: {name}, value: {}}}",
            quoted(&value)
        ));
    }
    line("            artifacts:");
    line(&format!(
        "            - {{name: baseline, s3: {{key: {}}}}}",
        quoted(enrolment.baseline_key)
    ));
    Ok(y)
}

/// JSON strings are YAML strings.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// One check a window where the window divides a day, else one a day or hour.
fn default_schedule(hours: u32) -> &'static str {
    match hours {
        1 => "5 * * * *",
        2 => "5 */2 * * *",
        3 => "5 */3 * * *",
        4 => "5 */4 * * *",
        6 => "5 */6 * * *",
        8 => "5 */8 * * *",
        12 => "5 */12 * * *",
        168 => "5 0 * * 1",
        hours if hours < 24 => "5 * * * *",
        _ => "5 0 * * *",
    }
}

/// Names and ends of the five fields of a schedule.
const FIELDS: [(&str, u32, u32); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 6),
];

/// Refuses what cron would never run.
///
/// # Errors
/// One sentence with the field, what it says and what is allowed.
pub fn check_schedule(schedule: &str) -> Result<(), String> {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != 5 {
        return Err(format!(
            "--schedule `{schedule}` has {} fields; five are needed: minute hour day month weekday",
            fields.len()
        ));
    }
    for (text, (name, low, high)) in fields.into_iter().zip(FIELDS) {
        for part in text.split(',') {
            check_part(part, low, high).map_err(|why| {
                format!("--schedule `{schedule}`: the {name} `{part}` {why}; {low} to {high} is allowed")
            })?;
        }
    }
    Ok(())
}

fn check_part(part: &str, low: u32, high: u32) -> Result<(), &'static str> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    if let Some(step) = step
        && !step.parse::<u32>().is_ok_and(|step| (1..=high).contains(&step))
    {
        return Err("has a step that is out of range");
    }
    if range == "*" {
        return Ok(());
    }
    let number = |text: &str| {
        text.parse::<u32>()
            .ok()
            .filter(|number| (low..=high).contains(number))
    };
    match range.split_once('-') {
        None => number(range).map(|_| ()).ok_or("is out of range or no number"),
        Some((from, to)) => match (number(from), number(to)) {
            (Some(from), Some(to)) if from <= to => Ok(()),
            _ => Err("is a range that is out of bounds or backwards"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules() {
        for good in ["0 0 * * *", "*/15 0-6,12 1 */2 1-5", "5 0 * * 1"] {
            assert_eq!(check_schedule(good), Ok(()), "{good}");
        }
        for (bad, said) in [
            ("61 25 * * *", "the minute `61`"),
            ("0 25 * * *", "the hour `25`"),
            ("0 0 0 * *", "the day of the month `0`"),
            ("* * * *", "has 4 fields"),
            ("@daily", "has 1 fields"),
            ("*/0 * * * *", "step"),
            ("9-3 * * * *", "backwards"),
            ("a * * * *", "no number"),
        ] {
            let error = check_schedule(bad).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        for hours in 1..=200 {
            assert_eq!(check_schedule(default_schedule(hours)), Ok(()));
        }
    }

    #[test]
    fn a_long_name_stays_within_the_limit_of_a_run() {
        let config = DriftConfig::parse("d", "drift_config: {time_column: at}").unwrap();
        let model = "A Very Long Model Name That No Object May Bear As It Stands, Really";
        let enrolment = Enrolment {
            model,
            schedule: None,
            baseline_key: "profiles/m/baseline.json",
            live: "s3://b/live/",
            parameters: &[("config-map".to_owned(), "other".to_owned())],
        };
        let yaml = cron_workflow(&config, &enrolment).unwrap();
        let name = yaml
            .lines()
            .find_map(|line| line.strip_prefix("  name: "))
            .unwrap();
        assert!(name.len() + 11 <= 63, "{name}");
        assert!(yaml.contains("{{workflow.scheduledTime}}"));
        assert!(yaml.contains("value: \"s3://b/live/\""));
        assert!(yaml.contains("{name: config-map, value: \"other\"}"), "{yaml}");
    }
}
