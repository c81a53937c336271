//! Column names and patterns.

/// Names or patterns: `*` stands for any text, `?` for one character.
#[derive(Debug, Clone, Copy)]
pub struct Patterns<'a>(pub &'a [String]);

impl Patterns<'_> {
    /// Whether one of them takes the name.
    #[must_use]
    pub fn matches(self, name: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern, name))
    }
}

/// Whether a text is more than a name.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether the whole name fits the pattern. Greedy with one step back: linear but for hostile patterns.
///
/// ```
/// use enroll_drift::columns::matches;
/// assert!(matches("wind_*", "wind_speed") && matches("?_id", "a_id") && matches("temp", "temp"));
/// assert!(!matches("wind_*", "rewind_x") && !matches("?_id", "_id") && !matches("temp", "temps"));
/// ```
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star was, and how much of the name it takes so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
