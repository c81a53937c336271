//! A command line into words, as a POSIX shell splits it: quotes and backslashes, and nothing else.
//! No shell ever sees it: `$`, `*`, `|` and `;` are letters here.

/// Splits `line` into words.
///
/// ```
/// let words = train_launch::words(r#"python train.py --note "two words" --re a\ b 'it''s $HOME'"#);
/// assert_eq!(words.unwrap(), ["python", "train.py", "--note", "two words", "--re", "a b", "its $HOME"]);
/// ```
///
/// # Errors
/// A quote that is not closed, a backslash at the end, or no word at all.
pub fn words(line: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' | '\r' => found.extend(word.take()),
            '\'' => {
                let into = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('\'') => break,
                        Some(inner) => into.push(inner),
                        None => return Err(unclosed('\'', line)),
                    }
                }
            }
            '"' => {
                let into = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') => match letters.next() {
                            Some(inner @ ('"' | '\\' | '$' | '`')) => into.push(inner),
                            Some(inner) => into.extend(['\\', inner]),
                            None => return Err(unclosed('"', line)),
                        },
                        Some(inner) => into.push(inner),
                        None => return Err(unclosed('"', line)),
                    }
                }
            }
            '\\' => match letters.next() {
                Some(inner) => word.get_or_insert_default().push(inner),
                None => return Err(format!("the command ends with a backslash: {line}")),
            },
            other => word.get_or_insert_default().push(other),
        }
    }
    found.extend(word);
    if found.is_empty() {
        Err("the command is empty".to_owned())
    } else {
        Ok(found)
    }
}

/// Words as one line that [`words`] splits into them again.
///
/// ```
/// let line = train_launch::quoted(&["sh".into(), "-c".into(), "echo 'a b'; exit 3\n".into(), String::new()]);
/// assert_eq!(train_launch::words(&line).unwrap(), ["sh", "-c", "echo 'a b'; exit 3\n", ""]);
/// ```
pub fn quoted(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    let quoted: Vec<String> = words
        .iter()
        .map(|word| match word.chars().all(plain) && !word.is_empty() {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', r"'\''")),
        })
        .collect();
    quoted.join(" ")
}

fn unclosed(quote: char, line: &str) -> String {
    format!("the command has a {quote} that is not closed: {line}")
}

/// The arguments of the child: one value is split, several are taken as they are.
///
/// # Errors
/// See [`words`].
pub fn argv(values: &[String]) -> Result<Vec<String>, String> {
    match values {
        [one] => words(one),
        [program, ..] if !program.trim().is_empty() => Ok(values.to_vec()),
        _ => Err("the command is empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_a_shell() {
        for (line, expected) in [
            ("a  b\tc", vec!["a", "b", "c"]),
            ("a '' b", vec!["a", "", "b"]),
            (r#""a\"b" 'c\d'"#, vec!["a\"b", r"c\d"]),
            ("sh -c 'exit 3; echo $X'", vec!["sh", "-c", "exit 3; echo $X"]),
            ("--x=\"1 2\"", vec!["--x=1 2"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for line in ["", "  ", "a 'b", "a \"b", "a\\", "\"a\\"] {
            assert!(words(line).is_err(), "{line}");
        }
    }

    #[test]
    fn several_values_stay_as_they_are() {
        let values = ["python".to_owned(), "my script.py".to_owned()];
        assert_eq!(argv(&values).unwrap(), values);
        assert_eq!(argv(&["python x.py".to_owned()]).unwrap(), ["python", "x.py"]);
        assert!(argv(&[String::new(), "x".to_owned()]).is_err());
    }
}
