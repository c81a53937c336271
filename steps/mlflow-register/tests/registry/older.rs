//! The registry of an MLflow 2: in, up, back and out again.

use std::sync::Arc;

use provenance::digest_dir;
use step_testkit::{MlflowKind, MlflowServer, MlflowVersion};

use crate::fetch::fetch;
use crate::story::{Story, ends};

#[test]
fn an_older_server_takes_versions_and_gives_them_back() {
    let kind = MlflowKind {
        version: MlflowVersion::Two,
        ..MlflowKind::default()
    };
    let server = Arc::new(MlflowServer::start_as(kind).unwrap());
    let first = Story::on(Arc::clone(&server), "older", "one");
    assert!(first.wait(first.client().version()).unwrap().starts_with("2."));
    for _ in 0..2 {
        ends(first.register(&[]), "REGISTERED", 0);
    }
    assert_eq!(first.versions().len(), 1);
    ends(first.promote(&[]), "PROMOTED", 0);
    let second = Story::on(server, "older", "two");
    ends(second.register(&[]), "REGISTERED", 0);
    ends(
        second.promote(&["--stage=Production", "--archive-previous"]),
        "PROMOTED",
        0,
    );
    assert_eq!(second.alias("champion").unwrap(), "2");
    assert_eq!(second.versions()[0].current_stage, "Production");
    ends(
        fetch(&second, "models:/older@champion", "fetched", &[]),
        "FETCHED",
        0,
    );
    let (digest, _) = digest_dir(&second.path("fetched")).unwrap();
    assert_eq!(digest, second.run.model.digest);
    ends(second.rollback(&[]), "ROLLED_BACK", 0);
    assert_eq!(second.alias("champion").unwrap(), "1");
}
