//! What a reference stands for in its repository. All calls block.

use std::path::{Path, PathBuf};

use super::config::{Config, Remote};
use super::git::{Commit, GitDir};
use super::name::DvcRef;
use super::outs::{self, Out};
use super::tree::{Checkout, Tree, joined};
use crate::error::StoreError;

/// One output, and what of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub out: Out,
    /// What is meant inside of a directory; empty for all of it.
    pub inside: String,
    /// What its names begin with, where several outputs are below one path.
    pub under: String,
    /// Where its bytes are.
    pub remote: Remote,
}

/// Everything that the repository says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub chosen: Vec<Chosen>,
    /// The commit that was read; none when the checkout was, as it lies.
    pub commit: Option<String>,
    /// From the top of the DVC repository.
    pub path: String,
    /// The `.dvc` directory, which the paths of local remotes are relative to.
    pub dot_dvc: PathBuf,
}

/// Looks a reference up.
pub(super) fn look_up(reference: &DvcRef) -> Result<Said, StoreError> {
    let location = format!("dvc:{reference}");
    let invalid = |what: String| StoreError::Invalid {
        location: location.clone(),
        what,
    };
    let missing = |what: String| StoreError::NotFound {
        location: location.clone(),
        what,
    };
    let (base, path) = place(reference).map_err(missing)?;
    let (tree, top, commit) = opened(&base, &path, reference.rev.as_deref()).map_err(invalid)?;
    let path = path
        .strip_prefix(&top)
        .unwrap_or(&path)
        .trim_start_matches('/')
        .to_owned();
    let dot_dvc = base.join(&top).join(".dvc");
    let mut config = Config::default();
    let shared = tree.text(".dvc/config").map_err(invalid)?;
    // What is set for this machine alone is in no commit.
    let own = Checkout(base.join(&top))
        .text(".dvc/config.local")
        .map_err(invalid)?;
    for (file, text) in [(".dvc/config", shared), (".dvc/config.local", own)] {
        config.read(file, &text.unwrap_or_default()).map_err(invalid)?;
    }
    let all = outs::all(tree.as_ref()).map_err(invalid)?;
    let chosen = choose(&all, &path);
    if chosen.is_empty() {
        return Err(missing(untracked(tree.as_ref(), &all, &path)));
    }
    let chosen = chosen.into_iter().map(|(out, inside, under)| {
        Ok(Chosen {
            remote: config.remote(out.remote.as_deref())?,
            out: out.clone(),
            inside,
            under,
        })
    });
    Ok(Said {
        chosen: chosen.collect::<Result<_, String>>().map_err(invalid)?,
        commit,
        path,
        dot_dvc,
    })
}

/// The directory of the repository, and the path inside of it.
fn place(reference: &DvcRef) -> Result<(PathBuf, String), String> {
    let whole = |path: &Path| std::path::absolute(path).map_err(|error| error.to_string());
    if let Some(repo) = &reference.repo {
        let base = whole(Path::new(repo))?;
        if !base.is_dir() {
            return Err(format!("there is no directory `{repo}`"));
        }
        return Ok((base, reference.path.clone()));
    }
    let path = normal(&whole(Path::new(&reference.path))?);
    let base = path.ancestors().find(|dir| dir.join(".dvc").is_dir()).ok_or(
        "it is in no DVC repository: no directory above it has a `.dvc`; write dvc:REPOSITORY#PATH@REVISION",
    )?;
    let inside = path.strip_prefix(base).unwrap_or(&path);
    let inside = inside.to_str().ok_or("the path is not UTF-8 text")?;
    Ok((base.to_owned(), inside.to_owned()))
}

/// Without `..`, as far as names go.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

type Opened = (Box<dyn Tree>, String, Option<String>);

/// The files of the DVC repository that a path is in, the directory that it is at, and the commit.
fn opened(base: &Path, path: &str, rev: Option<&str>) -> Result<Opened, String> {
    let Some(rev) = rev else {
        if GitDir::of(base).is_some() && !base.join(".git").exists() {
            return Err(
                "a bare Git directory has no checkout; say which revision: dvc:DIRECTORY#PATH@REVISION"
                    .to_owned(),
            );
        }
        let top = top_of(&Checkout(base.to_owned()), base, path)?;
        return Ok((Box::new(Checkout(base.join(&top))), top, None));
    };
    let (dir, git) = base
        .ancestors()
        .find_map(|dir| Some((dir, GitDir::of(dir)?)))
        .ok_or_else(|| {
            format!(
                "{} is in no Git repository, so that it has no revision `{rev}`",
                base.display()
            )
        })?;
    let above = base.strip_prefix(dir).ok().and_then(Path::to_str).unwrap_or("");
    let mut commit: Commit = git.commit(rev, above)?;
    let top = top_of(&commit, base, path).map_err(|why| format!("{why} at `{rev}`"))?;
    commit.top = joined(above, &top);
    let id = commit.id.clone();
    Ok((Box::new(commit), top, Some(id)))
}

/// The innermost DVC repository on the way to a path.
fn top_of(tree: &dyn Tree, base: &Path, path: &str) -> Result<String, String> {
    let parts: Vec<&str> = path.split('/').collect();
    for count in (0..parts.len()).rev() {
        let dir = parts[..count].join("/");
        if tree.entries(&dir)?.has_dir(".dvc") {
            return Ok(dir);
        }
    }
    Err(format!(
        "{} has no `.dvc` directory, so that it is no DVC repository",
        base.display()
    ))
}

/// Outputs, what is meant inside of them, and what their names begin with.
fn choose<'a>(all: &'a [Out], path: &str) -> Vec<(&'a Out, String, String)> {
    let at = |out: &&Out| out.path == path || out.is_dir && below(path, &out.path).is_some();
    if let Some(out) = all.iter().find(at) {
        let inside = below(path, &out.path).unwrap_or("").to_owned();
        return vec![(out, inside, String::new())];
    }
    all.iter()
        .filter_map(|out| Some((out, String::new(), below(&out.path, path)?.to_owned())))
        .collect()
}

/// What of a path lies below a directory.
pub(super) fn below<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    if dir.is_empty() {
        return Some(path);
    }
    path.strip_prefix(dir)?.strip_prefix('/')
}

fn untracked(tree: &dyn Tree, all: &[Out], path: &str) -> String {
    if matches!(tree.read(path), Ok(Some(_))) {
        return format!("`{path}` is kept by Git and not by DVC; give its plain path in a checkout");
    }
    let hint = step_contract::did_you_mean(path, all.iter().map(|out| out.path.as_str()));
    let first: Vec<&str> = all.iter().take(10).map(|out| out.path.as_str()).collect();
    match (first.is_empty(), all.len() > first.len()) {
        (true, _) => {
            format!("nothing tracks `{path}`: no `.dvc` file and no `dvc.lock` with an output is there")
        }
        (false, more) => format!(
            "no `.dvc` file and no `dvc.lock` tracks `{path}`{hint}; tracked are {}{}",
            first.join(", "),
            if more { " and more" } else { "" }
        ),
    }
}
