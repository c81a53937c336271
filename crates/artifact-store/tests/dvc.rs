//! Repositories that DVC itself has made, with their remotes on a real S3 server and on a disk: the bytes are those that
//! `dvc pull` brings.

#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use artifact_store::{Keys, Location, ObjectMeta, RetryPolicy, Store, StoreError, StoreOptions};
use step_testkit::{Fault, FaultProxy, S3Server, references};
use tempfile::TempDir;

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/references")
        .join(name)
}

fn store() -> Store {
    store_at(None)
}

fn store_at(endpoint: Option<String>) -> Store {
    Store::from_env(StoreOptions {
        endpoint,
        keys: Some(Keys {
            access: S3Server::ACCESS_KEY.to_owned(),
            secret: S3Server::SECRET_KEY.to_owned(),
        }),
        retry: Some(RetryPolicy {
            min_delay: Duration::from_millis(10),
            max_delay: Duration::from_millis(50),
            max_elapsed: Duration::from_millis(500),
        }),
        ..StoreOptions::default()
    })
}

/// A repository with its remote in S3, through a proxy.
struct Made {
    dir: TempDir,
    server: S3Server,
    proxy: FaultProxy,
}

impl Made {
    fn new() -> Self {
        let (dir, server) = (TempDir::new().unwrap(), S3Server::start(&["lake"]).unwrap());
        let proxy = FaultProxy::before(&server.url()).unwrap();
        let args = ["s3://lake/dvc".to_owned(), proxy.url()];
        references::python(&here("make_dvc.py"), args, &server.env(), dir.path()).unwrap();
        Self { dir, server, proxy }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn at(&self, repo: &str, rest: &str) -> Location {
        format!("dvc:{}{rest}", self.path(repo)).parse().unwrap()
    }

    /// Puts other bytes in the place of an object, as another client would.
    async fn overwrite(&self, key: &str, bytes: Vec<u8>) {
        let plain = store_at(Some(self.server.url()));
        let at = format!("s3://lake/{key}").parse().unwrap();
        plain.write(&at, bytes.into()).await.unwrap();
    }

    /// Lets the configuration of the clone say something else, for this machine alone.
    fn local_config(&self, text: &str) {
        std::fs::write(self.path("repo/.dvc/config.local"), text).unwrap();
    }
}

/// The bytes of each file, read as a digest is taken.
async fn bytes(store: &Store, at: &Location) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    let mut all = BTreeMap::new();
    for meta in store.list(at).await? {
        let object = store.open_found(&meta).await?;
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            object.reader().read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes = read
            .await
            .unwrap()
            .map_err(|error| StoreError::from_io(&error).unwrap().clone())?;
        assert_eq!(bytes.len() as u64, meta.size, "{}", meta.name());
        all.insert(meta.name().to_owned(), bytes);
    }
    Ok(all)
}

/// The files below a directory, by their names.
fn on_disk(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

async fn refused(store: &Store, at: &Location) -> String {
    bytes(store, at).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_is_what_dvc_pull_brings() {
    let (made, store) = (Made::new(), store());
    for tag in ["v1", "v2"] {
        let pulled = made.dir.path().join("pulled").join(tag);
        // Of a directory, from the checkout and from a bare clone, which has all in one pack.
        for repo in ["repo/data/train", "bare.git#data/train"] {
            let found = bytes(&store, &made.at(repo, &format!("@{tag}"))).await.unwrap();
            assert_eq!(found, on_disk(&pulled.join("data/train")), "{repo} {tag}");
        }
        // Of a file, and of what lies inside of a directory.
        for name in [
            "data/one.csv",
            "data/large.bin",
            "data/train/year=2013/month=01/a.csv",
        ] {
            let found = bytes(&store, &made.at("bare.git#", &format!("{name}@{tag}")))
                .await
                .unwrap();
            let file = name.rsplit('/').next().unwrap().to_owned();
            assert_eq!(
                found,
                BTreeMap::from([(file, std::fs::read(pulled.join(name)).unwrap())])
            );
            let whole = store
                .read(&made.at("repo/", &format!("{name}@{tag}")))
                .await
                .unwrap();
            assert_eq!(whole, std::fs::read(pulled.join(name)).unwrap());
        }
        let part = bytes(&store, &made.at("repo#", &format!("data/train/year=2013@{tag}")))
            .await
            .unwrap();
        assert_eq!(part, on_disk(&pulled.join("data/train/year=2013")));
    }
    // What a stage has made stands in dvc.lock; several outputs are found below one path; without a revision the checkout
    // is read as it lies, and HEAD, a branch and the digits of a commit name the same here.
    let pulled = made.dir.path().join("pulled/v2");
    let found = store.resolve(&made.at("repo/", "pipe@v2")).await.unwrap();
    let names: Vec<&str> = found.objects.iter().map(ObjectMeta::name).collect();
    assert_eq!(names, ["copy.csv", "many/x.csv"]);
    let version = found.version.unwrap();
    let commit = version.commit.unwrap();
    assert_eq!(version.name, format!("dvc:git:{commit}:pipe"));
    for rev in [
        "",
        "@HEAD",
        "@main",
        &format!("@{commit}"),
        &format!("@{}", &commit[..8]),
    ] {
        let found = store
            .resolve(&made.at("repo/", &format!("data/one.csv{rev}")))
            .await
            .unwrap();
        let version = found.version.unwrap();
        // `md5sum pulled/v2/data/one.csv`
        assert_eq!(version.name, "dvc:md5:ebc114acb3ee2055e5c7784fe35e2220", "{rev}");
        assert_eq!(version.commit.is_none(), rev.is_empty());
        assert_eq!(
            store
                .read(&made.at("repo/", &format!("data/one.csv{rev}")))
                .await
                .unwrap(),
            std::fs::read(pulled.join("data/one.csv")).unwrap()
        );
    }
    let tagged = store
        .resolve(&made.at("repo#", "data/train@v1"))
        .await
        .unwrap()
        .version
        .unwrap();
    let dvc = std::fs::read_to_string(made.dir.path().join("pulled/v1/data/train.dvc")).unwrap();
    let hash = tagged.name.strip_prefix("dvc:md5:").unwrap();
    assert!(
        hash.ends_with(".dir") && dvc.contains(&format!("md5: {hash}\n")),
        "{hash} {dvc}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_damaged_is_named() {
    let (made, store) = (Made::new(), store());
    let said = refused(&store, &made.at("repo/", "data/trian@v1")).await;
    assert!(
        said.contains("tracks `data/trian` (did you mean `data/train`?)"),
        "{said}"
    );
    let said = refused(&store, &made.at("repo/", "notes.txt@v1")).await;
    assert!(
        said.contains("`notes.txt` is kept by Git and not by DVC"),
        "{said}"
    );
    let said = refused(&store, &made.at("repo/", "data/train/year=2014@v1")).await;
    assert!(
        said.contains("`year=2014` is not in the directory `data/train`, which has 4 files"),
        "{said}"
    );
    let said = refused(&store, &made.at("repo/", "data/train@v3")).await;
    assert!(
        said.contains("no tag, branch or commit `v3` is in") && said.contains("main, v1, v2"),
        "{said}"
    );
    let said = refused(&store, &made.at("bare.git#", "data/train")).await;
    assert!(said.contains("a bare Git directory has no checkout"), "{said}");
    let said = refused(&store, &made.at("gone#", "data/train@v1")).await;
    assert!(said.contains("there is no directory"), "{said}");
    let said = refused(&store, &made.at("pulled/", "x.csv@v1")).await;
    assert!(said.contains("it is in no DVC repository"), "{said}");
    let said = store
        .read(&made.at("repo/", "data/train@v1"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        said.ends_with("stands for 4 files where one is needed; name one of them"),
        "{said}"
    );
    let said = store
        .write(&made.at("repo/", "data/x@v1"), "x".into())
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains("are read only"), "{said}");

    // An object that is not there, one that was overwritten, one that is of another size, a list that was overwritten.
    let listed = store.list(&made.at("repo/", "data/train@v1")).await.unwrap();
    let key = |meta: &ObjectMeta| {
        meta.location
            .to_string()
            .split_once("s3://lake/")
            .unwrap()
            .1
            .to_owned()
    };
    let of = |name: &str| listed.iter().find(|meta| meta.name() == name).unwrap();
    let object = of("year=2013/month=01/a.csv");
    let file = made.server.file_of("lake", &key(object));
    let good = std::fs::read(&file).unwrap();
    made.overwrite(&key(object), vec![b'x'; good.len()]).await;
    let said = refused(&store, &made.at("repo/", "data/train@v1")).await;
    assert!(
        said.contains(&object.location.to_string()) && said.contains("its bytes have the MD5"),
        "{said}"
    );
    let said = store
        .read(&made.at("repo/", "data/train/year=2013/month=01/a.csv@v1"))
        .await
        .unwrap_err();
    assert!(
        matches!(said, StoreError::Invalid { .. }) && said.to_string().contains("the object is damaged"),
        "{said}"
    );
    std::fs::remove_file(&file).unwrap();
    let said = refused(&store, &made.at("repo/", "data/train@v1")).await;
    assert!(
        said.contains("`year=2013/month=01/a.csv` is not in the remote `store`")
            && said.contains("`dvc push` puts it there"),
        "{said}"
    );
    made.overwrite(&key(object), good).await;
    let one = store.list(&made.at("repo/", "data/one.csv@v1")).await.unwrap();
    made.overwrite(&key(&one[0]), b"short".to_vec()).await;
    let said = refused(&store, &made.at("repo/", "data/one.csv@v1")).await;
    assert!(said.contains("it has 5 bytes, and DVC has recorded 15"), "{said}");
    let name = store
        .resolve(&made.at("repo/", "data/train@v2"))
        .await
        .unwrap()
        .version
        .unwrap()
        .name;
    let hash = name.strip_prefix("dvc:md5:").unwrap();
    let list = format!("dvc/files/md5/{}/{}", &hash[..2], &hash[2..]);
    made.overwrite(&list, b"[]".to_vec()).await;
    let said = refused(&store, &made.at("repo/", "data/train@v2")).await;
    assert!(said.contains(".dir: its bytes have the MD5"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn remotes_that_cannot_be_used_are_named() {
    let (made, store) = (Made::new(), store());
    let at = made.at("repo/", "data/one.csv@v1");
    for (config, why) in [
        (
            "['remote \"store\"']\nurl = gs://b/x\n",
            "the remote `store` is at gs://, which is not read here",
        ),
        (
            "['remote \"store\"']\nversion_aware = true\n",
            "has `version_aware`, which is not read here",
        ),
        (
            "[core]\nremote = stor\n",
            "no remote `stor` with a url is in .dvc/config (did you mean `store`?); there are store",
        ),
        ("[core]\nremote =\n", "the repository has no default remote"),
        (
            "['remote \"store\"']\nurl = s3://lakes/dvc\n",
            "no bucket `lakes` at http://127.0.0.1:",
        ),
        (
            // The server of the test says of a key that it does not know that nothing is there.
            "['remote \"store\"']\naccess_key_id = test-access\nsecret_access_key = b\n",
            "check the credentials",
        ),
    ] {
        made.local_config(config);
        let error = store.list(&at).await.unwrap_err();
        assert!(
            error.to_string().contains(why) && !error.is_unavailable(),
            "{error}"
        );
    }
    made.local_config("");
    // A server that is down is tried again, and is no fault of the reference.
    made.proxy.fail(2, Fault::UNAVAILABLE);
    assert_eq!(store.list(&at).await.unwrap().len(), 1);
    assert_eq!(made.proxy.failed(), 2);
    made.local_config("['remote \"store\"']\nendpointurl = http://127.0.0.1:1\n");
    let error = store.list(&at).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layout_before_version_3_is_read_too() {
    let (dir, store) = (TempDir::new().unwrap(), store());
    let untarred = std::process::Command::new("tar")
        .arg("xzf")
        .arg(here("dvc2.tar.gz"))
        .current_dir(dir.path())
        .status()
        .unwrap();
    assert!(untarred.success());
    let root = dir.path().join("dvc2");
    let at = |rest: &str| -> Location {
        format!("dvc:{}/repo/data/{rest}", root.display())
            .parse()
            .unwrap()
    };
    for rev in ["", "@old"] {
        let pulled = on_disk(&root.join("pulled"));
        let train = on_disk(&root.join("pulled/train"));
        assert_eq!(bytes(&store, &at(&format!("train{rev}"))).await.unwrap(), train);
        // Its MD5 was taken with the line ends of Unix; its bytes are those of DOS.
        let one = bytes(&store, &at(&format!("dos.csv{rev}"))).await.unwrap();
        assert_eq!(one["dos.csv"], pulled["dos.csv"]);
        assert!(one["dos.csv"].ends_with(b"\r\n"));
    }
    let meta = store.list(&at("train/binary.bin@old")).await.unwrap().remove(0);
    let Location::Path(path) = &meta.location else {
        unreachable!("{meta:?}")
    };
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    // In a file that is not text a line end counts as it is.
    std::fs::write(path, b"a\n\0b\r\n ").unwrap();
    let said = refused(&store, &at("train@old")).await;
    assert!(said.contains("its bytes have the MD5"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_may_be_a_web_server() {
    let (made, store) = (Made::new(), store());
    let pulled = made.dir.path().join("pulled/v1/data/one.csv");
    let bytes = std::fs::read(&pulled).unwrap();
    let web = step_testkit::wiremock::MockServer::start().await;
    let md5 = store
        .resolve(&made.at("repo/", "data/one.csv@v1"))
        .await
        .unwrap()
        .version
        .unwrap()
        .name;
    let hash = md5.strip_prefix("dvc:md5:").unwrap();
    for method in ["GET", "HEAD"] {
        use step_testkit::wiremock::{Mock, ResponseTemplate, matchers};
        Mock::given(matchers::method(method))
            .and(matchers::path(format!(
                "/dvc/files/md5/{}/{}",
                &hash[..2],
                &hash[2..]
            )))
            .respond_with(ResponseTemplate::new(200).set_body_bytes(bytes.clone()))
            .mount(&web)
            .await;
    }
    made.local_config(&format!("['remote \"store\"']\nurl = {}/dvc\n", web.uri()));
    assert_eq!(
        store.read(&made.at("repo/", "data/one.csv@v1")).await.unwrap(),
        bytes
    );
    let said = store
        .list(&made.at("repo/", "data/large.bin@v1"))
        .await
        .unwrap_err();
    assert!(
        said.to_string()
            .contains("`large.bin` is not in the remote `store`"),
        "{said}"
    );
}
