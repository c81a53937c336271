//! Counts on bins that a reference froze.

use std::collections::BTreeMap;
use std::sync::Arc;

use drift_stats::bins::{Categories, Edges};
use serde::{Deserialize, Serialize};
use tabular::{Column, ColumnProfile, Values};

use super::measure::{ColumnWanted, Wanted};
use super::objects::OpenedTable;
use super::scan::{Pass, measure};
use crate::config::Distribution;
use crate::error::ScanError;
use crate::plan::Plan;

/// Bins of numbers in a profile, and values that get a bin each: what a rule asks for that does not say.
const BINS: usize = 10;
const CATEGORIES: usize = 50;

/// Steps of the grid on which distribution functions are compared.
const GRID: usize = 200;

/// Bins, frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frozen {
    /// Of numbers: a fine grid of quantiles, each value of it a bin of its own, and the coarse bins that it refines.
    Numbers {
        /// All edges.
        fine: Edges,
        /// Some of them.
        coarse: Edges,
    },
    /// Of other values, the last bin for all that have none.
    Values(Categories),
}

/// Rows by bin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// By bin.
    pub bins: Vec<u64>,
    /// Rows without a value.
    pub nulls: u64,
    /// NaN and infinity.
    pub odd: u64,
}

/// A column of a reference, counted on its own bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The bins.
    #[serde(with = "shared")]
    pub frozen: Arc<Frozen>,
    /// Its rows on them.
    pub counts: Counts,
}

/// Bins in a file.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Frozen;

    pub(super) fn serialize<S: Serializer>(frozen: &Arc<Frozen>, to: S) -> Result<S::Ok, S::Error> {
        frozen.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Frozen>, D::Error> {
        Frozen::deserialize(from).map(Arc::new)
    }
}

/// The columns of a table, each counted on bins of its own.
pub type Histograms = BTreeMap<String, Reference>;

impl Reference {
    /// Takes in the rows of another part.
    ///
    /// # Errors
    /// A sentence, when they were counted on other bins.
    pub fn absorb(&mut self, other: &Self) -> Result<(), String> {
        if self.frozen != other.frozen {
            return Err("it was counted on other bins in another part".to_owned());
        }
        self.counts.absorb(&other.counts);
        Ok(())
    }

    /// As a rule asks for it.
    fn for_rule(&self, rule: &Distribution) -> Result<Self, String> {
        match &*self.frozen {
            Frozen::Numbers { .. } if rule.bins != BINS => Err(format!(
                "a profile has {BINS} bins, and the rule asks for {}; leave out `bins`",
                rule.bins
            )),
            Frozen::Values(_) if rule.categories != CATEGORIES => Err(format!(
                "a profile has {CATEGORIES} categories, and the rule asks for {}; leave out `categories`",
                rule.categories
            )),
            _ => Ok(self.clone()),
        }
    }
}

/// By table, column and number of the rule; or why the reference is none.
pub(super) type References = BTreeMap<(usize, String, usize), Result<Arc<Reference>, String>>;

impl Frozen {
    /// Chooses bins by what one pass told of the reference.
    fn choose(profile: &ColumnProfile, (bins, categories): (usize, usize)) -> Result<Self, String> {
        let Some(numbers) = profile.numbers.as_ref().filter(|_| profile.kind.is_number()) else {
            let top = profile
                .top
                .as_ref()
                .ok_or_else(|| format!("a distribution cannot be had of {}", profile.kind))?;
            let most = top.most(categories);
            return Categories::top(most, categories)
                .map(Self::Values)
                .map_err(|error| error.to_string());
        };
        let least = numbers.moments.min.ok_or("it has no finite number")?;
        let at = |steps: usize| {
            (1..steps).filter_map(move |step| numbers.quantiles.quantile(step as f64 / steps as f64))
        };
        let coarse = Edges::from_quantiles(at(bins).collect(), least).map_err(|error| error.to_string())?;
        // The largest double below each is an edge as well: what many rows share is then a bin without an inside.
        let mut all: Vec<f64> = at(GRID)
            .chain(coarse.values().iter().copied())
            .map(|edge| edge + 0.0)
            .collect();
        all.extend(
            all.clone()
                .into_iter()
                .map(f64::next_down)
                .filter(|edge| edge.is_finite()),
        );
        all.sort_unstable_by(f64::total_cmp);
        all.dedup();
        let fine = Edges::new(all).map_err(|error| error.to_string())?;
        Ok(Self::Numbers { fine, coarse })
    }

    /// Bins, without those of nulls and of what is not finite.
    fn bins(&self) -> usize {
        match self {
            Self::Numbers { fine, .. } => fine.bins(),
            Self::Values(categories) => categories.bins(),
        }
    }
}

impl Counts {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(frozen: &Frozen) -> Self {
        Self {
            bins: vec![0; frozen.bins()],
            ..Self::default()
        }
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.bins.iter().sum::<u64>() + self.nulls + self.odd
    }

    /// Takes in the rows of a batch.
    ///
    /// # Errors
    /// The values are not of the kind of the reference.
    pub fn see(&mut self, frozen: &Frozen, column: &Column) -> Result<(), String> {
        let kind = column.kind();
        let validity = column.validity();
        match frozen {
            Frozen::Numbers { fine, .. } if kind.is_number() => {
                for value in column.numbers().flatten() {
                    if value.is_finite() {
                        self.bins[fine.bin(value)] += 1;
                    } else {
                        self.odd += 1;
                    }
                }
            }
            Frozen::Values(categories) if !kind.is_number() => {
                if let Values::Dictionary(dictionary) = column.values() {
                    let bins: Vec<usize> = (0..dictionary.size())
                        .map(|key| bin(categories, dictionary.value(key)))
                        .collect();
                    for key in validity.runs().flat_map(|run| &dictionary.keys()[run]) {
                        let bin = usize::try_from(*key).ok().and_then(|key| bins.get(key));
                        self.bins[bin.copied().unwrap_or(categories.bins() - 1)] += 1;
                    }
                } else {
                    for text in column.texts().flatten() {
                        self.bins[bin(categories, &text)] += 1;
                    }
                }
            }
            _ => {
                return Err(format!(
                    "its values are {kind}, and those of the reference are not"
                ));
            }
        }
        self.nulls += column.null_count() as u64;
        Ok(())
    }

    /// Takes in the next part.
    pub fn absorb(&mut self, other: &Self) {
        self.bins.resize(other.bins.len().max(self.bins.len()), 0);
        self.bins
            .iter_mut()
            .zip(&other.bins)
            .for_each(|(mine, theirs)| *mine += theirs);
        self.nulls += other.nulls;
        self.odd += other.odd;
    }
}

/// A label as the profile keeps it.
fn bin(categories: &Categories, text: &str) -> usize {
    categories.bin(&tabular::shortened(text))
}

/// Reads every reference: once for its bins, once on them.
pub(super) fn references<'a>(
    plan: &Plan,
    opened: &[OpenedTable],
    pass_of: impl Fn(usize) -> Pass<'a>,
) -> Result<References, ScanError> {
    let mut found = References::new();
    for (table, column, number, rule) in rules(plan) {
        let place = format!("`{}`", rule.reference);
        let none = || Err("no such column".to_owned());
        let read = match plan.profiles.get(&rule.reference) {
            Some(profile) => profile
                .columns
                .get(column)
                .map_or_else(none, |reference| reference.for_rule(rule)),
            None => {
                let reference = super::relations::position(plan, &rule.reference);
                if opened[reference].columns().contains(column) {
                    one(&opened[reference], column, rule, pass_of(reference))?
                } else {
                    none()
                }
            }
        };
        let read = read
            .map(Arc::new)
            .map_err(|why| format!("`{column}` of {place}: {why}"));
        found.insert((table, column.clone(), number), read);
    }
    Ok(found)
}

/// Counts the columns of whole tables on bins that their profiles choose; columns that have none are left out.
pub(super) fn histograms(
    table: &OpenedTable,
    profiles: &BTreeMap<String, ColumnProfile>,
    pass: Pass<'_>,
) -> Result<Histograms, ScanError> {
    let mut wanted = Wanted::default();
    let mut chosen = BTreeMap::new();
    for (name, profile) in profiles {
        if let Ok(frozen) = Frozen::choose(profile, (BINS, CATEGORIES)).map(Arc::new) {
            let column = ColumnWanted {
                frozen: vec![Ok(Arc::clone(&frozen))],
                ..ColumnWanted::default()
            };
            wanted.columns.insert(name.clone(), column);
            chosen.insert(name.clone(), frozen);
        }
    }
    if chosen.is_empty() {
        return Ok(Histograms::new());
    }
    let mut seen = measure(table, &wanted, pass)?;
    let counted = chosen.into_iter().filter_map(|(name, frozen)| {
        let counts = seen.columns.remove(&name)?.frozen.pop()?.ok()?;
        Some((name, Reference { frozen, counts }))
    });
    Ok(counted.collect())
}

fn rules(plan: &Plan) -> impl Iterator<Item = (usize, &String, usize, &Distribution)> {
    plan.tables.iter().enumerate().flat_map(|(index, table)| {
        let columns = table.rules.iter().flat_map(|rules| &rules.columns);
        columns.flat_map(move |(name, rules)| {
            let numbered = rules.distribution.iter().enumerate();
            numbered.map(move |(number, rule)| (index, name, number, rule))
        })
    })
}

fn one(
    table: &OpenedTable,
    column: &str,
    rule: &Distribution,
    pass: Pass<'_>,
) -> Result<Result<Reference, String>, ScanError> {
    let wanted = |of_column: ColumnWanted| Wanted {
        columns: BTreeMap::from([(column.to_owned(), of_column)]),
        ..Wanted::default()
    };
    let first = ColumnWanted {
        profile: true,
        ..ColumnWanted::default()
    };
    let mut seen = measure(table, &wanted(first), pass)?;
    let Some(profile) = seen.columns.remove(column).and_then(|column| column.profile) else {
        return Ok(Err("it does not decode".to_owned()));
    };
    if !seen.broken.is_empty() {
        return Ok(Err("it does not decode".to_owned()));
    }
    let frozen = match Frozen::choose(&profile, (rule.bins, rule.categories)) {
        Ok(frozen) => Arc::new(frozen),
        Err(why) => return Ok(Err(why)),
    };
    let second = ColumnWanted {
        frozen: vec![Ok(Arc::clone(&frozen))],
        ..ColumnWanted::default()
    };
    let mut seen = measure(table, &wanted(second), pass)?;
    let counts = seen
        .columns
        .remove(column)
        .and_then(|mut column| column.frozen.pop());
    Ok(match counts {
        Some(Ok(counts)) => Ok(Reference { frozen, counts }),
        Some(Err(why)) => Err(why),
        None => Err("it has no rows".to_owned()),
    })
}
