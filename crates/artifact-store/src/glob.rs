//! Globs over paths and keys: `*` and `?` stay within one part, `**` crosses `/`, `[a-c]` is a set.

/// Whether the name has a wildcard in it.
pub(crate) fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The part before the first wildcard, cut after its last `/`: what to list.
pub(crate) fn literal_prefix(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    let head = &pattern[..wild];
    head.rfind('/').map_or("", |slash| &head[..=slash])
}

/// Whether `name` matches `pattern`, whole.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Reachable states over the pattern, one step a character: no backtracking blow-up.
    let mut states = vec![false; pattern.len() + 1];
    states[0] = true;
    close(&pattern, &mut states);
    for c in name {
        let mut next = vec![false; pattern.len() + 1];
        for (at, _) in states
            .iter()
            .enumerate()
            .take(pattern.len())
            .filter(|(_, on)| **on)
        {
            step(&pattern, at, c, &mut next);
        }
        close(&pattern, &mut next);
        states = next;
    }
    states[pattern.len()]
}

/// A `*` also matches nothing: its state reaches the one behind it. `**/` matches no folder too.
fn close(pattern: &[char], states: &mut [bool]) {
    for at in 0..pattern.len() {
        if states[at] && pattern[at] == '*' {
            let behind = at + if pattern.get(at + 1) == Some(&'*') { 2 } else { 1 };
            states[behind] = true;
            if behind == at + 2 && pattern.get(behind) == Some(&'/') {
                states[behind + 1] = true;
            }
        }
    }
}

fn step(pattern: &[char], at: usize, c: char, next: &mut [bool]) {
    match pattern[at] {
        '*' if pattern.get(at + 1) == Some(&'*') => next[at] = true,
        '*' if c != '/' => next[at] = true,
        '*' => {}
        '?' if c != '/' => next[at + 1] = true,
        '?' => {}
        '[' => match set(&pattern[at + 1..], c) {
            Some((true, used)) => next[at + 1 + used] = true,
            Some((false, _)) => {}
            None if c == '[' => next[at + 1] = true,
            None => {}
        },
        literal if literal == c => next[at + 1] = true,
        _ => {}
    }
}

/// Reads a set up to its `]`: whether `c` is in it and how long it is; `None` when it never ends.
fn set(rest: &[char], c: char) -> Option<(bool, usize)> {
    let negated = matches!(rest.first(), Some('!' | '^'));
    let start = usize::from(negated);
    let end = start + 1 + rest.get(start + 1..)?.iter().position(|r| *r == ']')?;
    let members = &rest[start..end];
    let mut inside = false;
    let mut at = 0;
    while at < members.len() {
        if let (Some('-'), Some(high)) = (members.get(at + 1), members.get(at + 2)) {
            inside |= (members[at]..=*high).contains(&c);
            at += 3;
        } else {
            inside |= members[at] == c;
            at += 1;
        }
    }
    Some((inside != negated && c != '/', end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_shells_do() {
        for (pattern, name, expected) in [
            ("a/*.csv", "a/b.csv", true),
            ("a/*.csv", "a/b/c.csv", false),
            ("a/**/c.csv", "a/b/x/c.csv", true),
            ("a/**/c.csv", "a/c.csv", true),
            ("a/**", "a/b/c", true),
            ("a/**", "b/c", false),
            ("part-?.parquet", "part-1.parquet", true),
            ("part-?.parquet", "part-12.parquet", false),
            ("m=[0-9][0-9]/*", "m=07/x", true),
            ("m=[!0-9]/*", "m=7/x", false),
            ("m=[!0-9]/*", "m=a/x", true),
            ("odd[name", "odd[name", true),
            ("*", "", true),
            ("", "x", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!matches(&"*a".repeat(40), &"a".repeat(39)));
    }

    #[test]
    fn what_to_list() {
        assert_eq!(literal_prefix("a/b/part-*.csv"), "a/b/");
        assert_eq!(literal_prefix("*.csv"), "");
        assert_eq!(literal_prefix("/x/**/y"), "/x/");
    }

    proptest::proptest! {
        #[test]
        fn a_name_matches_itself_and_any_star(name in "[a-z/.0-9=-]{0,20}") {
            proptest::prop_assert!(matches(&name, &name));
            proptest::prop_assert!(matches("**", &name));
            proptest::prop_assert_eq!(matches("*", &name), !name.contains('/'));
        }
    }
}
