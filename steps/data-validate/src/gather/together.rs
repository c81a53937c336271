//! How two columns go together.

use serde::{Deserialize, Serialize};
use tabular::Batch;
use tabular::profile::Pairs;

/// Two columns, over the rows where both are finite numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Together {
    /// The rows where both are finite.
    pub pairs: Pairs,
    /// A column that is not there, does not decode or holds no numbers.
    pub without: Option<String>,
}

impl Together {
    /// Takes in the rows of a batch.
    pub fn see(&mut self, batch: &Batch, columns: &[String; 2]) {
        let mut found = Vec::with_capacity(2);
        for name in columns {
            match batch.columns().iter().find(|column| column.field().name == *name) {
                Some(column) if column.kind().is_number() || column.kind() == tabular::Kind::Bool => {
                    found.push(column);
                }
                Some(column) => {
                    self.without = Some(format!("`{name}` is {}, not numbers", column.kind()));
                    return;
                }
                None => {
                    self.without = Some(format!("`{name}` is missing or does not decode in a file"));
                    return;
                }
            }
        }
        let pairs = found[0].numbers().zip(found[1].numbers());
        let pairs = pairs.filter_map(|(a, b)| Some([a?, b?]));
        pairs
            .filter(|pair| pair.iter().all(|value| value.is_finite()))
            .for_each(|pair| self.pairs.add(pair));
    }

    /// Takes in the next part.
    pub fn absorb(&mut self, other: Self) {
        self.without = self.without.take().or(other.without);
        self.pairs.absorb(&other.pairs);
    }
}
