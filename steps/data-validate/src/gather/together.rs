//! How two columns go together.

use tabular::Batch;

/// The co-moments of two columns, over the rows where both are finite numbers. Parts merge as those of [`super::shape`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Together {
    /// Rows where both are finite.
    pub rows: u64,
    means: (f64, f64),
    squares: (f64, f64),
    products: f64,
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
        let pairs: Vec<(f64, f64)> = found[0]
            .numbers()
            .zip(found[1].numbers())
            .filter_map(|(a, b)| Some((a?, b?)))
            .filter(|(a, b)| a.is_finite() && b.is_finite())
            .collect();
        let Some(&first) = pairs.first() else { return };
        let n = pairs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| {
            of(&first) + pairs.iter().map(|pair| of(pair) - of(&first)).sum::<f64>() / n
        };
        let mut part = Self {
            rows: pairs.len() as u64,
            means: (mean(|pair| pair.0), mean(|pair| pair.1)),
            ..Self::default()
        };
        for (a, b) in &pairs {
            let (a, b) = (a - part.means.0, b - part.means.1);
            part.squares.0 += a * a;
            part.squares.1 += b * b;
            part.products += a * b;
        }
        self.absorb(part);
    }

    /// Takes in the next part.
    pub fn absorb(&mut self, other: Self) {
        self.without = self.without.take().or(other.without);
        if other.rows == 0 {
            return;
        }
        let (a, b) = (self.rows as f64, other.rows as f64);
        let delta = (other.means.0 - self.means.0, other.means.1 - self.means.1);
        let weight = a * b / (a + b);
        self.squares.0 += other.squares.0 + delta.0 * delta.0 * weight;
        self.squares.1 += other.squares.1 + delta.1 * delta.1 * weight;
        self.products += other.products + delta.0 * delta.1 * weight;
        self.means.0 += delta.0 * b / (a + b);
        self.means.1 += delta.1 * b / (a + b);
        self.rows += other.rows;
    }

    /// Pearson's coefficient; `None` when one of the two does not vary.
    #[must_use]
    pub fn correlation(&self) -> Option<f64> {
        let value = self.products / (self.squares.0.sqrt() * self.squares.1.sqrt());
        value.is_finite().then(|| value.clamp(-1.0, 1.0))
    }
}
