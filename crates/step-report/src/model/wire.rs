//! How numbers travel: JSON has no NaN and no infinity, so they are written as null and read back as NaN.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest magnitude below which every integer is an exact `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number that writes itself without `.0` when it is whole: a count reads as a count.
struct Plain(f64);

impl Serialize for Plain {
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(value) = *self;
        if !value.is_finite() {
            to.serialize_none()
        } else if value.fract() == 0.0 && value.abs() < EXACT {
            to.serialize_i64(value as i64)
        } else {
            to.serialize_f64(value)
        }
    }
}

/// One number, null when it is not finite.
pub(crate) mod number {
    use super::{Deserialize, Deserializer, Plain, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        Plain(*value).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
    }
}

/// A number that may be absent; absent and not finite are both null.
pub(crate) mod maybe {
    use super::{Deserialize, Deserializer, Plain, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(crate) fn serialize<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        value.map(Plain).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        Option::<f64>::deserialize(from)
    }
}

/// A list of numbers.
pub(crate) mod list {
    use super::{Deserialize, Deserializer, Plain, Serializer};

    pub(crate) fn serialize<S: Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().copied().map(Plain))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        let read = Vec::<Option<f64>>::deserialize(from)?;
        Ok(read.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }
}

/// A list of points.
pub(crate) mod points {
    use super::{Deserialize, Deserializer, Plain, Serializer};

    pub(crate) fn serialize<S: Serializer>(values: &[[f64; 2]], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(|point| point.map(Plain)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<[f64; 2]>, D::Error> {
        let read = Vec::<[Option<f64>; 2]>::deserialize(from)?;
        Ok(read
            .into_iter()
            .map(|point| point.map(|value| value.unwrap_or(f64::NAN)))
            .collect())
    }
}
