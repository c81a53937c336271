//! Helpers for tests: step directories, goldens through the real binary, servers that inject faults

pub mod faults;
pub mod mlflow;
pub mod mlserver;
pub mod model_stub;
pub mod process;
pub mod references;
pub mod s3;
pub mod tls;

/// A server of canned answers, for faults that a real service does not have on order.
pub use wiremock;

pub use faults::{Fault, FaultProxy};
pub use mlflow::{MlflowAccess, MlflowKind, MlflowServer, MlflowVersion};
pub use mlserver::MlServer;
pub use model_stub::{ModelStub, Reply};
pub use s3::S3Server;
pub use tls::TestCa;
