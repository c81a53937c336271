//! A base without a registry: what gcr.io/distroless/static-debian12 holds, from the files of this machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Result;

use super::buildah::{Builder, Recipe, emptied, place};
use crate::lab::tools;

/// Name of the base that is made here.
pub(crate) const BASE: &str = "localhost/mlops-steps/base:1";

const PASSWD: &str = "\
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
";
const GROUP: &str = "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n";
/// The C library in the binary knows no other sources than these.
const NSSWITCH: &str = "hosts: files dns\n";

const DOCKERFILE: &str = "\
FROM scratch
COPY . /
ENV PATH=/usr/local/bin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
";

/// The certificates of this machine's authorities.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const ZONES: &str = "/usr/share/zoneinfo";

/// Lays out the files of the base below `root`.
pub(crate) fn lay_out(root: &Path) -> Result<()> {
    if !Path::new(CERTIFICATES).exists() {
        tools::debian(&["ca-certificates"], "an image carries certificate authorities")?;
    }
    if !Path::new(ZONES).join("Europe/Berlin").exists() {
        tools::debian(&["tzdata"], "an image carries time zones")?;
    }
    for folder in ["etc", "home/nonroot", "usr/share", "usr/local/bin"] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    let tmp = root.join("tmp");
    std::fs::create_dir_all(&tmp)?;
    std::fs::set_permissions(&tmp, std::fs::Permissions::from_mode(0o1777))?;
    std::fs::write(root.join("etc/passwd"), PASSWD)?;
    std::fs::write(root.join("etc/group"), GROUP)?;
    std::fs::write(root.join("etc/nsswitch.conf"), NSSWITCH)?;
    place(root, "etc/ssl/certs/ca-certificates.crt", Path::new(CERTIFICATES))?;
    let zones = root.join("usr/share/zoneinfo");
    tools::run(
        std::process::Command::new("cp")
            .args(["--recursive", "--dereference", "--no-preserve=mode", ZONES])
            .arg(&zones),
    )?;
    // Variants that nothing asks for: leap seconds counted, and the same zones once more.
    for variant in ["right", "posix"] {
        let path = zones.join(variant);
        if path.is_dir() {
            std::fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

/// Builds the base.
pub(crate) fn build(builder: &Builder, work: &Path) -> Result<()> {
    let root = work.join("base");
    emptied(&root)?;
    lay_out(&root)?;
    let file = work.join("base.Dockerfile");
    std::fs::write(&file, DOCKERFILE)?;
    let recipe = Recipe {
        name: BASE,
        file: &file,
        context: &root,
        arguments: &[],
        labels: &[],
    };
    builder.build(&recipe)
}
