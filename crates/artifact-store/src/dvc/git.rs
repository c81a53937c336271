//! A commit of a Git repository, read without Git: its objects by `gix-odb`, its references from their files.

use std::path::{Path, PathBuf};

use gix_hash::ObjectId;
use gix_object::{Exists as _, FindExt as _, Kind};

use super::tree::{Entries, Tree, joined};

/// The tree of one commit, from a directory of it on.
pub(super) struct Commit {
    objects: gix_odb::Handle,
    tree: ObjectId,
    /// The directory that is the top.
    pub top: String,
    /// The commit's id, as hexadecimal digits.
    pub id: String,
}

/// Where a repository keeps what belongs to a checkout, and what all of its checkouts share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GitDir {
    own: PathBuf,
    common: PathBuf,
}

impl GitDir {
    /// The repository that a directory is a checkout of, or is itself.
    pub(super) fn of(dir: &Path) -> Option<Self> {
        let own = match std::fs::metadata(dir.join(".git")) {
            Ok(meta) if meta.is_dir() => dir.join(".git"),
            // In a further work tree and in a submodule it is a file that says where.
            Ok(_) => {
                let text = std::fs::read_to_string(dir.join(".git")).ok()?;
                dir.join(text.strip_prefix("gitdir:")?.trim())
            }
            Err(_) => dir.to_owned(),
        };
        let common = match std::fs::read_to_string(own.join("commondir")) {
            Ok(text) => own.join(text.trim()),
            Err(_) => own.clone(),
        };
        (own.join("HEAD").is_file() && common.join("objects").is_dir()).then_some(Self { own, common })
    }

    /// The commit that a name stands for: a tag, a branch, `HEAD`, or the digits of a commit.
    pub(super) fn commit(&self, rev: &str, top: &str) -> Result<Commit, String> {
        self.can_be_read()?;
        let objects = gix_odb::at(self.common.join("objects"), gix_hash::Kind::Sha1)
            .map_err(|error| format!("{}: {error}", self.common.join("objects").display()))?;
        let found = self.reference(rev)?.or_else(|| by_digits(&objects, rev));
        let Some(mut id) = found else {
            return Err(self.unknown(rev));
        };
        let mut buffer = Vec::new();
        loop {
            let broken =
                |error: &dyn std::fmt::Display| format!("object {id} of `{rev}` cannot be read: {error}");
            let kind = objects
                .find(&id, &mut buffer)
                .map_err(|error| broken(&error))?
                .kind;
            match kind {
                Kind::Tag => {
                    let tag = objects
                        .find_tag(&id, &mut buffer)
                        .map_err(|error| broken(&error))?;
                    id = tag.target();
                }
                Kind::Commit => {
                    let commit = objects
                        .find_commit(&id, &mut buffer)
                        .map_err(|error| broken(&error))?;
                    let tree = commit.tree();
                    return Ok(Commit {
                        objects,
                        tree,
                        top: top.to_owned(),
                        id: id.to_string(),
                    });
                }
                other => return Err(format!("`{rev}` is a {other}; name a tag, a branch or a commit")),
            }
        }
    }

    fn can_be_read(&self) -> Result<(), String> {
        if self.common.join("reftable").is_dir() {
            return Err(
                "its references are in Git's reftable format, which is not read here; clone it anew"
                    .to_owned(),
            );
        }
        let config = std::fs::read_to_string(self.common.join("config")).unwrap_or_default();
        let words = config.to_lowercase().replace(char::is_whitespace, "");
        if words.contains("objectformat=sha256") {
            return Err("it is a Git repository of SHA-256 objects, which is not read here".to_owned());
        }
        Ok(())
    }

    /// Where a name is looked for, in Git's own order.
    fn reference(&self, rev: &str) -> Result<Option<ObjectId>, String> {
        let packed = std::fs::read_to_string(self.common.join("packed-refs")).unwrap_or_default();
        for prefix in [
            "",
            "refs/",
            "refs/tags/",
            "refs/heads/",
            "refs/remotes/",
            "refs/remotes/origin/",
        ] {
            let mut name = format!("{prefix}{rev}");
            // `ref: refs/heads/main` leads on.
            for _ in 0..8 {
                match self.value(&name, &packed) {
                    Some(value) => match value.strip_prefix("ref:") {
                        Some(next) => name = next.trim().to_owned(),
                        None => {
                            return ObjectId::from_hex(value.as_bytes()).map(Some).map_err(|error| {
                                format!("`{name}` in {} is `{value}`: {error}", self.own.display())
                            });
                        }
                    },
                    None => break,
                }
            }
        }
        Ok(None)
    }

    fn value(&self, name: &str, packed: &str) -> Option<String> {
        let is_inside = !name.split('/').any(|part| matches!(part, "" | "." | ".."));
        let is_reference =
            name.starts_with("refs/") || name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        if !(is_inside && is_reference) {
            return None;
        }
        let loose = [&self.own, &self.common]
            .iter()
            .find_map(|dir| std::fs::read_to_string(dir.join(name)).ok());
        let line = || {
            packed
                .lines()
                .find_map(|line| Some(line.split_once(' ').filter(|(_, of)| *of == name)?.0.to_owned()))
        };
        loose.map(|text| text.trim().to_owned()).or_else(line)
    }

    fn unknown(&self, rev: &str) -> String {
        let mut known = self.names();
        let hint = step_contract::did_you_mean(rev, known.iter().map(String::as_str));
        let count = known.len();
        known.truncate(10);
        let more = if count > 10 { " and more" } else { "" };
        format!(
            "no tag, branch or commit `{rev}` is in {}{hint}; there are {}{more}. A shallow clone has only what was fetched",
            self.common.display(),
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        )
    }

    /// Tags and branches.
    fn names(&self) -> Vec<String> {
        let packed = std::fs::read_to_string(self.common.join("packed-refs")).unwrap_or_default();
        let mut names: Vec<String> = packed
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(_, name)| {
                name.strip_prefix("refs/tags/")
                    .or_else(|| name.strip_prefix("refs/heads/"))
            })
            .map(str::to_owned)
            .collect();
        for kind in ["refs/tags", "refs/heads"] {
            below(&self.common.join(kind), "", &mut names);
        }
        names.sort();
        names.dedup();
        names
    }
}

fn below(dir: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = joined(prefix, &entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            below(&entry.path(), &name, names);
        } else {
            names.push(name);
        }
    }
}

/// The commit that these are the first digits of, when it is one alone.
fn by_digits(objects: &gix_odb::Handle, rev: &str) -> Option<ObjectId> {
    if let Ok(id) = ObjectId::from_hex(rev.as_bytes()) {
        return objects.exists(&id).then_some(id);
    }
    let prefix = gix_hash::Prefix::from_hex(rev).ok()?;
    objects.lookup_prefix(prefix, None).ok()??.ok()
}

impl Commit {
    /// What a path is in the tree.
    fn at(&self, path: &str) -> Result<Option<(ObjectId, bool)>, String> {
        let path = joined(&self.top, path);
        let (mut id, mut is_tree) = (self.tree, true);
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if !is_tree {
                return Ok(None);
            }
            let mut buffer = Vec::new();
            let tree = self
                .objects
                .find_tree(&id, &mut buffer)
                .map_err(|error| self.broken(&error))?;
            let Some(entry) = tree.entries.iter().find(|entry| entry.filename == part) else {
                return Ok(None);
            };
            (id, is_tree) = (entry.oid.to_owned(), entry.mode.is_tree());
        }
        Ok(Some((id, is_tree)))
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> String {
        format!("commit {} cannot be read whole: {error}", self.id)
    }
}

impl Tree for Commit {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        let Some((id, false)) = self.at(path)? else {
            return Ok(None);
        };
        let mut buffer = Vec::new();
        let data = self
            .objects
            .find(&id, &mut buffer)
            .map_err(|error| self.broken(&error))?;
        Ok((data.kind == Kind::Blob).then(|| data.data.to_vec()))
    }

    fn entries(&self, dir: &str) -> Result<Entries, String> {
        let mut found = Entries::default();
        let Some((id, true)) = self.at(dir)? else {
            return Ok(found);
        };
        let mut buffer = Vec::new();
        let tree = self
            .objects
            .find_tree(&id, &mut buffer)
            .map_err(|error| self.broken(&error))?;
        for entry in &tree.entries {
            let Ok(name) = std::str::from_utf8(entry.filename) else {
                continue;
            };
            if entry.mode.is_tree() {
                found.dirs.push(name.to_owned());
            } else if entry.mode.is_blob() {
                found.files.push(name.to_owned());
            }
        }
        Ok(found)
    }
}
