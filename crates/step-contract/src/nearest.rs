//! "Did you mean …?"

/// `` (did you mean `near`?)``, for the end of a sentence; empty when no known word is near.
///
/// ```
/// use step_contract::did_you_mean;
/// assert_eq!(did_you_mean("auc_rco", ["auc_roc", "f1_score"]), " (did you mean `auc_roc`?)");
/// assert_eq!(did_you_mean("banana", ["auc_roc", "f1_score"]), "");
/// ```
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

/// The known word nearest to `word`, if one is near enough to be a likely typo.
///
/// Distance is Damerau–Levenshtein over lower-cased text; up to a third of the longer word may differ.
///
/// ```
/// use step_contract::nearest;
/// assert_eq!(nearest("auc_rco", ["auc_roc", "f1_score"]), Some("auc_roc"));
/// assert_eq!(nearest("banana", ["auc_roc", "f1_score"]), None);
/// ```
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance * 3 <= word.chars().count().max(candidate.chars().count()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
