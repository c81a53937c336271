//! How a person names a version of a Delta table.

use std::fmt;

use crate::location::Location;

/// `delta:TABLE[@vN]`: the location of a table (a directory, `s3://bucket/prefix/`), and a version of it. Without one, the
/// newest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeltaRef {
    /// The directory or the prefix that has `_delta_log` in it.
    pub table: Box<Location>,
    /// The version.
    pub version: Option<u64>,
}

impl DeltaRef {
    /// Reads what comes after `delta:`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (table, version) = match text.rsplit_once('@') {
            Some((table, version)) => {
                let number = version.strip_prefix('v').and_then(|digits| digits.parse().ok());
                let number = number
                    .ok_or_else(|| format!("after `@` comes a version such as v3, and not `{version}`"))?;
                (table, Some(number))
            }
            None => (text, None),
        };
        let table = table.trim_end_matches('/');
        if table.is_empty() {
            return Err("the table is missing; write delta:TABLE@vN".to_owned());
        }
        match table
            .parse()
            .map_err(|error: crate::LocationError| error.to_string())?
        {
            location @ (Location::Path(_) | Location::S3 { version: None, .. }) => Ok(Self {
                table: Box::new(location),
                version,
            }),
            _ => Err("a table of Delta is a directory or s3://bucket/prefix".to_owned()),
        }
    }

    /// What lies below the table.
    pub(crate) fn join(&self, name: &str) -> Location {
        self.table.join(name)
    }
}

impl fmt::Display for DeltaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        self.version
            .iter()
            .try_for_each(|version| write!(f, "@v{version}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "s3://lake/trips",
            "s3://lake/trips@v12",
            "/in/trips@v0",
            "lake/trips",
        ] {
            assert_eq!(DeltaRef::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            DeltaRef::parse("s3://lake/trips/@v1").unwrap().to_string(),
            "s3://lake/trips@v1"
        );
        for (text, why) in [
            ("", "the table is missing"),
            ("s3://lake/t@3", "such as v3, and not `3`"),
            ("s3://lake/t@latest", "such as v3"),
            ("https://example.com/t", "is a directory or s3://"),
            ("dvc:t", "is a directory or s3://"),
        ] {
            assert!(DeltaRef::parse(text).unwrap_err().contains(why), "{text}");
        }
    }
}
