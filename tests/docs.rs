//! The documents hold: links lead somewhere, commands exist, nothing of a private machine is in the tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use toolkit_tests::root;

fn tracked() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// Text outside fenced code blocks.
fn prose(markdown: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

fn links(markdown: &str) -> Vec<String> {
    prose(markdown)
        .match_indices("](")
        .filter_map(|(at, _)| {
            let rest = &prose(markdown)[at + 2..];
            rest.find(')').map(|end| rest[..end].to_owned())
        })
        .filter(|link| !link.contains("://") && !link.starts_with('#') && !link.starts_with("mailto:"))
        .collect()
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut seen = 0;
    for page in tracked()
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    {
        // Goldens are reports; their links are the data's.
        if page
            .components()
            .any(|part| part.as_os_str() == "cases" || part.as_os_str() == "goldens")
        {
            continue;
        }
        let folder = root().join(page).parent().unwrap().to_path_buf();
        for link in links(&text(page)) {
            seen += 1;
            let file = link.split('#').next().unwrap_or_default();
            assert!(
                folder.join(file).exists(),
                "{}: the link to {link} leads nowhere",
                page.display()
            );
        }
    }
    assert!(seen > 10, "hardly any links were looked at: {seen}");
}

#[test]
fn every_make_target_that_the_documents_name_exists() {
    let makefile = text(Path::new("Makefile"));
    let targets: Vec<&str> = makefile
        .lines()
        .filter(|line| line.contains("##"))
        .filter_map(|line| line.split(':').next())
        .collect();
    let mut seen = 0;
    for page in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        for (at, _) in text(Path::new(page)).match_indices("`make ") {
            let rest = &text(Path::new(page))[at + 6..];
            let target: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect();
            if !target.is_empty() {
                seen += 1;
                assert!(
                    targets.contains(&target.as_str()),
                    "{page}: there is no `make {target}`"
                );
            }
        }
    }
    assert!(seen > 3, "hardly any commands were looked at: {seen}");
}

#[test]
fn nothing_of_a_private_machine_is_in_the_tree() {
    // Written in halves, so that this file does not find itself.
    let forbidden = [
        ["/ro", "ot/"],
        ["/wo", "rk/"],
        ["pypi", ".org"],
        ["proxy.gol", "ang.org"],
        ["registry.np", "mjs"],
    ];
    for path in tracked() {
        if path.file_name().is_some_and(|name| name == "Cargo.lock") {
            continue;
        }
        let text = text(&path);
        for [a, b] in forbidden {
            let word = format!("{a}{b}");
            assert!(!text.contains(&word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn every_step_has_a_reference_page_that_the_readme_leads_to() {
    let readme = text(Path::new("README.md"));
    for step in toolkit_tests::steps() {
        let page = format!("docs/reference/{}.md", step.spec.name);
        assert!(readme.contains(&page), "README.md does not lead to {page}");
    }
}
