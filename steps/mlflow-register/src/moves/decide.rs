//! Whether an alias may move. Pure.

use crate::cli::Expected;

/// What a promotion does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Forward {
    /// Moves the alias.
    Move,
    /// The alias is there.
    AlreadyThere,
    /// Nothing, for this reason.
    Refuse(String),
}

/// What a rollback does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Back {
    /// Moves the alias there.
    Move(Expected),
    /// The alias is there.
    AlreadyThere(Expected),
    /// The version was never promoted.
    Nothing,
    /// Nothing, for this reason.
    Refuse(String),
}

/// A promotion of version `ours`, with the alias at `now` and `expected` to be somewhere.
pub(crate) fn forward(ours: &str, now: Option<&str>, expected: Option<&Expected>) -> Forward {
    if now == Some(ours) {
        return Forward::AlreadyThere;
    }
    let known = match expected {
        None => {
            return Forward::Refuse(
                "which version the alias pointed to when this one was evaluated is not on record: evaluate and register again, or say it with --expect VERSION, or --expect none"
                    .to_owned(),
            );
        }
        Some(Expected::Nothing) => None,
        Some(Expected::Version(version)) => Some(version.as_str()),
    };
    if now == known {
        return Forward::Move;
    }
    let name = |version: Option<&str>| {
        version.map_or("no version".to_owned(), |version| format!("version {version}"))
    };
    Forward::Refuse(format!(
        "the alias points to {} and not to {}, which version {ours} was judged against: evaluate again, or confirm with --expect {}",
        name(now),
        name(known),
        now.unwrap_or("none")
    ))
}

/// A rollback of version `ours`, with the alias at `now`; its promotion, if any, replaced `previous`.
pub(crate) fn back(ours: &str, now: Option<&str>, previous: Option<&Expected>) -> Back {
    let Some(previous) = previous else {
        return if now == Some(ours) {
            Back::Refuse(format!(
                "the alias points to version {ours}, and what it replaced is not on record: it was not moved by `promote`"
            ))
        } else {
            Back::Nothing
        };
    };
    let before = match previous {
        Expected::Nothing => None,
        Expected::Version(version) => Some(version.as_str()),
    };
    if now == Some(ours) {
        Back::Move(previous.clone())
    } else if now == before {
        Back::AlreadyThere(previous.clone())
    } else {
        Back::Refuse(format!(
            "the alias points to {}, neither to version {ours} nor to what it replaced: somebody moved it since, and it was left there",
            now.map_or("no version".to_owned(), |version| format!("version {version}"))
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: &str) -> Expected {
        Expected::Version(number.to_owned())
    }

    #[test]
    fn a_promotion_moves_only_from_where_it_is_expected() {
        use Expected::Nothing;
        assert_eq!(forward("2", Some("1"), Some(&version("1"))), Forward::Move);
        assert_eq!(forward("1", None, Some(&Nothing)), Forward::Move);
        assert_eq!(
            forward("2", Some("2"), Some(&version("1"))),
            Forward::AlreadyThere
        );
        assert_eq!(forward("2", Some("2"), None), Forward::AlreadyThere);
        for (now, expected) in [
            (Some("3"), Some(version("1"))),
            (None, Some(version("1"))),
            (Some("1"), Some(Nothing)),
            (Some("1"), None),
            (None, None),
        ] {
            let found = forward("2", now, expected.as_ref());
            assert!(
                matches!(&found, Forward::Refuse(why) if why.contains("--expect")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_rollback_undoes_one_promotion_and_nothing_else() {
        use Expected::Nothing;
        assert_eq!(
            back("2", Some("2"), Some(&version("1"))),
            Back::Move(version("1"))
        );
        assert_eq!(back("1", Some("1"), Some(&Nothing)), Back::Move(Nothing));
        assert_eq!(
            back("2", Some("1"), Some(&version("1"))),
            Back::AlreadyThere(version("1"))
        );
        assert_eq!(back("1", None, Some(&Nothing)), Back::AlreadyThere(Nothing));
        assert_eq!(back("2", Some("1"), None), Back::Nothing);
        assert_eq!(back("2", None, None), Back::Nothing);
        for (now, previous) in [
            (Some("3"), Some(version("1"))),
            (None, Some(version("1"))),
            (Some("2"), None),
            (Some("3"), Some(Nothing)),
        ] {
            assert!(
                matches!(back("2", now, previous.as_ref()), Back::Refuse(_)),
                "{now:?} {previous:?}"
            );
        }
    }
}
