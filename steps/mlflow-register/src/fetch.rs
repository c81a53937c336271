//! `fetch`: a model onto a disk, every byte verified before any of it appears.

mod landing;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use mlflow_client::{Client, MlflowError, ModelUri, Resolved};
use provenance::{Digest, FileDigest, digest_files};
use step_report::{Bound, Check, Input, Report};
use step_runtime::{Context, Finished};

use crate::cli::FetchArgs;
use crate::error::Error;
use crate::metadata::{DIGEST_TAG, digest_of};
use crate::place::{Place, Tee};
use landing::Landing;

pub(crate) async fn run(args: FetchArgs, cx: &Context) -> Result<Finished, Error> {
    let uri: ModelUri = args.source.parse()?;
    // A place needs no server: a model in S3 is fetched where there is no MLflow.
    let client = match (&uri, args.mlflow.client(cx.ca_file())) {
        (_, Ok(client)) => client,
        (ModelUri::Place(mlflow_client::ArtifactRoot::Direct(_)), Err(_)) => nobody()?,
        (_, Err(error)) => return Err(error.into()),
    };
    let found = client.resolve(&uri).await?;
    let tag = match &found.version {
        Some(version) => digest_of(version)?,
        None => None,
    };
    let mut report = begin(cx, &args, &uri, &found);
    let wanted = wanted(&args, &found, tag);
    let may = !wanted.check.outcome.is_bad();
    report.checks.push(wanted.check);
    if !may {
        return Ok(end(report, cx, &args, "REFUSED", None));
    }

    let landing = Landing::at(&args.destination).await?;
    let there = landing.holds().await?;
    if let (Some(there), Some(first)) = (there, wanted.digests.first()) {
        if wanted.digests.iter().any(|digest| *digest != there) {
            return Err(occupied(&args, there, *first));
        }
        report.checks.push(verified(&wanted.digests, there, None));
        return Ok(already(report, cx, &args, there));
    }
    let place = Place {
        client: &client,
        store: &cx.store,
        root: found.root,
    };
    let directory = landing.begin()?;
    let files = download(&place, &directory).await?;
    let digest = digest_files(&files).map_err(|error| Error::Usage(format!("{uri}: {error}")))?;
    // What is on the disk, not what went by: a disk can lie as well.
    let on_disk = landing::digest(&directory).await?;
    let check = verified(&wanted.digests, digest, Some(on_disk));
    let good = !check.outcome.is_bad();
    report.checks.push(check);
    if !good {
        return Ok(end(report, cx, &args, "REFUSED", None));
    }
    // No digest is on record: what came tells whether what is there is the same.
    match there {
        Some(there) if there == digest => return Ok(already(report, cx, &args, there)),
        Some(there) => return Err(occupied(&args, there, digest)),
        None => landing.finish()?,
    }
    report.reason = format!(
        "{} files, {} in {}: {digest}",
        files.len(),
        crate::decide::bytes(files.iter().map(|file| file.size).sum()),
        args.destination.display()
    );
    Ok(end(report, cx, &args, "FETCHED", Some(digest)))
}

fn already(mut report: Report, cx: &Context, args: &FetchArgs, there: Digest) -> Finished {
    report.reason = format!("{} holds {there} already", args.destination.display());
    end(report, cx, args, "FETCHED", Some(there))
}

fn occupied(args: &FetchArgs, there: Digest, wanted: Digest) -> Error {
    Error::Usage(format!(
        "{} is not empty and holds {there}, not {wanted}: give a directory that is empty or not there",
        args.destination.display()
    ))
}

/// A client that is never asked.
fn nobody() -> Result<Client, MlflowError> {
    Client::new(mlflow_client::Options::new("http://127.0.0.1:9")?)
}

struct Wanted {
    digests: Vec<Digest>,
    check: Check,
}

/// Which digests the files must have: that of the tag, and that of the flag. A registered version without
/// either is nobody's word.
fn wanted(args: &FetchArgs, found: &Resolved, tag: Option<Digest>) -> Wanted {
    let check = Check::new("digest:known", "digest");
    let check = match (tag, args.digest) {
        (Some(tag), Some(asked)) => {
            let good = tag == asked;
            check.observed(tag.to_string()).bound(Bound::equals(asked.to_string())).judge(
                good,
                if good {
                    "the tag of the version and --digest are the same".to_owned()
                } else {
                    format!("the version's tag is {tag}, and --digest asks for {asked}")
                },
            )
        }
        (Some(tag), None) => check.observed(tag.to_string()).pass("the version's tag says what it is"),
        (None, Some(asked)) => check.observed(asked.to_string()).pass("--digest says what it is"),
        (None, None) => match &found.version {
            Some(version) if !args.unverified => check.not_observed("no tag").fail(format!(
                "version {} of {} has no tag {DIGEST_TAG}: register it with `mlflow-register register`, give --digest, or accept it with --unverified",
                version.version, version.name
            )),
            _ => check.skipped("no digest is on record: what comes is taken as it is"),
        },
    };
    Wanted {
        digests: tag.into_iter().chain(args.digest).collect(),
        check,
    }
}

fn verified(wanted: &[Digest], digest: Digest, on_disk: Option<Digest>) -> Check {
    let check = Check::new("digest:files", "digest").observed(digest.to_string());
    let check = match wanted.first() {
        Some(first) => check.bound(Bound::equals(first.to_string())),
        None => check,
    };
    if let Some(other) = on_disk.filter(|other| *other != digest) {
        return check.fail(format!("the files came as {digest} and are {other} on the disk"));
    }
    match wanted.iter().find(|wanted| **wanted != digest) {
        Some(wanted) => check.fail(format!(
            "the files have {digest}, and must have {wanted}: nothing was put there"
        )),
        None if wanted.is_empty() => check.warn(format!(
            "the files have {digest}; there was nothing to hold it against"
        )),
        None => check.pass("every byte is as it was registered"),
    }
}

async fn download(place: &Place<'_>, into: &Path) -> Result<Vec<FileDigest>, Error> {
    let mut files = Vec::new();
    for path in place.list().await? {
        let target = into.join(&path);
        // The list may be anybody's: a path that leaves the directory is not written.
        let entry = FileDigest {
            path: path.clone(),
            size: 0,
            digest: provenance::digest_bytes(""),
        };
        digest_files(&[entry]).map_err(|error| Error::Usage(error.to_string()))?;
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|error| disk(parent, &error))?;
        }
        let tee = place.read(&path, || Ok(Tee::new(File::create(&target)?))).await?;
        let (file, handle) = tee.finish(&path);
        handle.sync_all().map_err(|error| disk(&target, &error))?;
        files.push(file);
    }
    if files.is_empty() {
        return Err(Error::Usage(format!("there is no file in {:?}", place.root)));
    }
    Ok(files)
}

pub(crate) fn disk(path: &Path, error: &io::Error) -> Error {
    Error::Usage(format!("cannot write {}: {error}", path.display()))
}

fn begin(cx: &Context, args: &FetchArgs, uri: &ModelUri, found: &Resolved) -> Report {
    let mut report = cx
        .report()
        .with_input(Input::new("model", uri.to_string()))
        .with_parameter("source", uri.to_string())
        .with_parameter("destination", args.destination.display().to_string());
    if let Some(version) = &found.version {
        report = report
            .with_binding("model.name", &version.name)
            .with_binding("model.version", &version.version);
    }
    report
}

fn end(
    mut report: Report,
    cx: &Context,
    args: &FetchArgs,
    verdict: &str,
    digest: Option<Digest>,
) -> Finished {
    let mut statement = cx.statement();
    match digest {
        Some(digest) => {
            report
                .bindings
                .insert("model.digest".to_owned(), digest.to_string());
            statement = statement
                .material(&args.source, &digest)
                .subject(&args.destination.display().to_string(), &digest);
        }
        None => report.reason = crate::report::refusal(&report.checks),
    }
    Finished::decision(verdict, report, statement)
}
