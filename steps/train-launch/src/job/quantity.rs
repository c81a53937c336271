//! Kubernetes quantities: `500m`, `4Gi`, `1.5`, `1e3`.

/// Checks a quantity by the grammar of `k8s.io/apimachinery/pkg/api/resource`.
///
/// # Errors
/// It is none, or it is zero or less.
pub(crate) fn quantity(text: &str) -> Result<String, String> {
    let no = || format!("`{text}` is not a quantity of Kubernetes; write such as 500m, 2, 4Gi");
    let digits = text
        .bytes()
        .take_while(|b| b.is_ascii_digit() || *b == b'.')
        .count();
    let (number, suffix) = text.split_at(digits);
    let value: f64 = number.parse().map_err(|_| no())?;
    const SUFFIXES: [&str; 16] = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    let exponent = |s: &str| {
        s.strip_prefix(['e', 'E'])
            .is_some_and(|rest| rest.parse::<i8>().is_ok())
    };
    if !SUFFIXES.contains(&suffix) && !exponent(suffix) {
        return Err(no());
    }
    if value <= 0.0 {
        return Err(format!("`{text}` is nothing: a request must be more than zero"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn knows_quantities() {
        for text in ["1", "500m", "4Gi", "1.5", "1e3", "2E2", "100k"] {
            assert!(quantity(text).is_ok(), "{text}");
        }
        for text in ["", "4GB", "4gi", "-1", "0", "one", "1 Gi", "1..2"] {
            assert!(quantity(text).is_err(), "{text}");
        }
    }
}
