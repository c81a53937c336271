//! A contract as a WorkflowTemplate, as RBAC, as a reference page.

pub(crate) mod markdown;
pub(crate) mod rbac;
mod served;
pub(crate) mod template;
mod yaml;

/// Folds text at word boundaries so that no line is longer than `width` characters where words allow.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}
