//! The suite against the tables that were given: which rules are for which table.

use std::collections::BTreeMap;
use std::sync::Arc;

use provenance::Digest;

use crate::config::{ColumnsOf, Relationship, Role, SplitRules, Suite, TableRules};
use crate::gather::frozen::Histograms;

/// One table that was given, with the rules that are for it.
#[derive(Debug, Clone)]
pub struct TablePlan {
    /// Its `--data` name.
    pub name: String,
    /// Its location as it was given.
    pub uri: String,
    /// Its rules; none when the suite does not speak of it.
    pub rules: Option<TableRules>,
    /// Whether a model is trained or judged on it.
    pub is_split: bool,
}

/// A relationship between two tables that were given.
#[derive(Debug, Clone)]
pub struct RelationPlan {
    /// The referring columns.
    pub from: ColumnsOf,
    /// The columns referred to.
    pub to: ColumnsOf,
    /// The bounds.
    pub rule: Relationship,
}

/// A profile that distributions are held against.
#[derive(Debug)]
pub struct Profiled {
    /// Where it is.
    pub uri: String,
    /// Of its bytes.
    pub digest: Digest,
    /// Its columns.
    pub columns: Histograms,
}

/// Profiles that distributions are held against, by the names of the suite.
pub type Held = BTreeMap<String, Arc<Profiled>>;

/// Everything to be checked, resolved.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tables in the order given.
    pub tables: Vec<TablePlan>,
    /// Relationships, once for each referring table.
    pub relations: Vec<RelationPlan>,
    /// Rules between splits, once for each pair of tables.
    pub splits: Vec<SplitRules>,
    /// Rules that are for another environment: their field, and a sentence.
    pub left_out: Vec<(String, String)>,
    /// Profiles that distributions are held against, by the names of the suite.
    pub profiles: Held,
}

/// A rule that is for no table that was given: the field and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The field of the suite.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Plan {
    /// Resolves every name of the suite.
    ///
    /// # Errors
    /// A rule names a table that was not given, or two rules claim one table.
    pub fn resolve(suite: &Suite, data: &[(String, String)]) -> Result<Self, Unresolved> {
        Self::resolve_with(suite, data, BTreeMap::new())
    }

    /// The same, where some names are those of profiles.
    ///
    /// # Errors
    /// As [`Plan::resolve`].
    pub fn resolve_with(
        suite: &Suite,
        data: &[(String, String)],
        profiles: Held,
    ) -> Result<Self, Unresolved> {
        let given: Vec<&str> = data.iter().map(|(name, _)| name.as_str()).collect();
        let mut rules: BTreeMap<&str, (&str, &TableRules)> = BTreeMap::new();
        for (name, table) in &suite.tables {
            let targets = targets(name, table);
            for (index, target) in targets.iter().enumerate() {
                let field = if table.applies_to.is_empty() {
                    format!("tables.{name}")
                } else {
                    format!("tables.{name}.applies_to[{index}]")
                };
                let Some(known) = given.iter().copied().find(|given| given == target) else {
                    return Err(unknown(field, target, &given));
                };
                if let Some((other, _)) = rules.insert(known, (name, table)) {
                    let message = format!("`{target}` has rules below tables.{other} already");
                    return Err(Unresolved { field, message });
                }
            }
        }
        for (name, table) in &suite.tables {
            if let Some(against) = &table.row_count_against
                && !given.contains(&against.table.as_str())
            {
                let field = format!("tables.{name}.row_count_against.table");
                return Err(unknown(field, &against.table, &given));
            }
        }
        for (name, table) in &suite.tables {
            for (column, rules) in &table.columns {
                for (index, rule) in rules.distribution.iter().enumerate() {
                    let field = format!("tables.{name}.columns.{column}.distribution[{index}].reference");
                    if profiles.contains_key(&rule.reference) {
                        continue;
                    }
                    if !given.contains(&rule.reference.as_str()) {
                        return Err(unknown(field, &rule.reference, &given));
                    }
                    if targets(name, table).contains(&rule.reference) {
                        let message = format!("`{}` would be held against itself", rule.reference);
                        return Err(Unresolved { field, message });
                    }
                }
            }
        }
        let expand = |field: String, name: &str| -> Result<Vec<String>, Unresolved> {
            if given.contains(&name) {
                return Ok(vec![name.to_owned()]);
            }
            match suite.tables.get(name) {
                Some(table) => Ok(targets(name, table)),
                None => {
                    let known: Vec<&str> = given
                        .iter()
                        .copied()
                        .chain(suite.tables.keys().map(String::as_str))
                        .collect();
                    Err(unknown(field, name, &known))
                }
            }
        };
        let one = |field: String, name: &str| -> Result<String, Unresolved> {
            let mut names = expand(field.clone(), name)?;
            match (names.pop(), names.is_empty()) {
                (Some(only), true) => Ok(only),
                _ => Err(Unresolved {
                    field,
                    message: format!("`{name}` stands for several tables; name one of them"),
                }),
            }
        };
        let mut relations = Vec::new();
        for (index, rule) in suite.relationships.iter().enumerate() {
            let at = format!("relationships[{index}]");
            let to = ColumnsOf {
                table: one(format!("{at}.to"), &rule.to.table)?,
                columns: rule.to.columns.clone(),
            };
            for table in expand(format!("{at}.from"), &rule.from.table)? {
                let from = ColumnsOf {
                    table,
                    columns: rule.from.columns.clone(),
                };
                relations.push(RelationPlan {
                    from,
                    to: to.clone(),
                    rule: rule.clone(),
                });
            }
        }
        let mut splits = Vec::new();
        for (index, rule) in suite.splits.iter().enumerate() {
            let mut rule = rule.clone();
            rule.train = one(format!("splits[{index}].train"), &rule.train)?;
            rule.test = one(format!("splits[{index}].test"), &rule.test)?;
            splits.push(rule);
        }
        let tables = data
            .iter()
            .map(|(name, uri)| {
                let rules = rules.get(name.as_str()).map(|(_, rules)| (*rules).clone());
                let in_splits = splits
                    .iter()
                    .any(|split| split.train == *name || split.test == *name);
                let referred_to = relations.iter().any(|relation| relation.to.table == *name);
                let is_split = match rules.as_ref().and_then(|rules| rules.role) {
                    Some(role) => role == Role::Split,
                    None => in_splits || !referred_to,
                };
                TablePlan {
                    name: name.clone(),
                    uri: uri.clone(),
                    rules,
                    is_split,
                }
            })
            .collect();
        Ok(Self {
            tables,
            relations,
            splits,
            left_out: Vec::new(),
            profiles,
        })
    }

    /// Whether rows of other tables refer to this one, or are held against it.
    #[must_use]
    pub fn is_looked_up(&self, name: &str) -> bool {
        let rules = self.tables.iter().flat_map(|table| &table.rules);
        let mut held_against = rules
            .flat_map(|rules| rules.columns.values())
            .flat_map(|rules| &rules.distribution);
        self.relations.iter().any(|relation| relation.to.table == name)
            || held_against.any(|rule| rule.reference == name)
    }

    /// The table of this name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TablePlan> {
        self.tables.iter().find(|table| table.name == name)
    }
}

fn targets(name: &str, table: &TableRules) -> Vec<String> {
    if table.applies_to.is_empty() {
        vec![name.to_owned()]
    } else {
        table.applies_to.clone()
    }
}

fn unknown(field: String, name: &str, known: &[&str]) -> Unresolved {
    let hint = step_contract::did_you_mean(name, known.iter().copied());
    let message = format!(
        "no table `{name}` was given{hint}; known are {}; give it with --data {name}=LOCATION",
        known.join(", ")
    );
    Unresolved { field, message }
}

/// Reads the `--data` flags; there is at least one.
///
/// ```
/// use data_validate::plan::parse_data;
/// let data = parse_data(&["train=s3://lake/flights/".to_owned()])?;
/// assert_eq!(data, [("train".to_owned(), "s3://lake/flights/".to_owned())]);
/// assert!(parse_data(&["train".to_owned()]).is_err());
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// A sentence that names the flag.
pub fn parse_data(flags: &[String]) -> Result<Vec<(String, String)>, String> {
    let data = parse_named("data", flags)?;
    if data.is_empty() {
        return Err("--data: no table was given".to_owned());
    }
    Ok(data)
}

/// Reads flags of the form `name=LOCATION`, each name once.
///
/// # Errors
/// A sentence that names the flag.
pub fn parse_named(which: &str, flags: &[String]) -> Result<Vec<(String, String)>, String> {
    let mut data: Vec<(String, String)> = Vec::new();
    for flag in flags
        .iter()
        .map(|flag| flag.trim())
        .filter(|flag| !flag.is_empty())
    {
        let (name, uri) = flag
            .split_once('=')
            .filter(|(name, uri)| is_name(name) && !uri.is_empty())
            .ok_or_else(|| {
                format!("--{which} {flag}: must be name=LOCATION, the name of letters, digits, `_` and `-`")
            })?;
        if data.iter().any(|(known, _)| known == name) {
            return Err(format!(
                "--{which} {flag}: the name `{name}` was given twice; one --{which} may name a directory or a glob"
            ));
        }
        data.push((name.to_owned(), uri.to_owned()));
    }
    Ok(data)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(yaml: &str, given: &[&str]) -> Result<Plan, Unresolved> {
        let data: Vec<(String, String)> = given
            .iter()
            .map(|name| ((*name).to_owned(), "x".to_owned()))
            .collect();
        Plan::resolve(&Suite::read("s.yaml", yaml).unwrap(), &data)
    }

    #[test]
    fn rules_for_several_tables_are_dealt_out() {
        let yaml = "tables: {flights: {applies_to: [train, test], columns: {a: {}}}}\n\
                    relationships: [{from: flights.a, to: airports.b}]\nsplits: {train: train, test: test}";
        let plan = resolve(yaml, &["train", "test", "airports", "planes"]).unwrap();
        let split: Vec<bool> = plan.tables.iter().map(|table| table.is_split).collect();
        assert_eq!(split, [true, true, false, true]);
        assert_eq!(
            plan.relations
                .iter()
                .map(|relation| relation.from.to_string())
                .collect::<Vec<_>>(),
            ["train.a", "test.a"]
        );
    }

    #[test]
    fn names_that_nobody_gave_are_faults_of_the_suite() {
        let fault = resolve(
            "tables: {f: {applies_to: [train, tset], columns: {a: {}}}}",
            &["train", "test"],
        )
        .unwrap_err();
        assert_eq!(fault.field, "tables.f.applies_to[1]");
        assert!(
            fault.message.contains("did you mean `test`?"),
            "{}",
            fault.message
        );
        let both = "tables: {a: {columns: {x: {}}}, b: {applies_to: [a], columns: {x: {}}}}";
        assert!(
            resolve(both, &["a"])
                .unwrap_err()
                .message
                .contains("has rules below tables.a already")
        );
        let many = "tables: {f: {applies_to: [a, b], columns: {x: {}}}}\nsplits: {train: f, test: b}";
        assert!(
            resolve(many, &["a", "b"])
                .unwrap_err()
                .message
                .contains("stands for several tables")
        );
    }
}
