//! What a step hands to the runtime when it is done.

use provenance::StatementBuilder;
use step_contract::{Exit, OutArtifact, OutParameter};
use step_report::{Check, Report};

/// The end of a step: a decision with its report and outputs, or text.
#[derive(Debug)]
pub struct Finished(pub(crate) Product);

#[derive(Debug)]
pub(crate) enum Product {
    Decision(Box<Decision>),
    Text(String),
}

#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) verdict: String,
    pub(crate) exit: Option<Exit>,
    pub(crate) report: Report,
    pub(crate) statement: StatementBuilder,
    pub(crate) outputs: Vec<(OutArtifact, Vec<u8>)>,
    pub(crate) parameters: Vec<(OutParameter, String)>,
}

impl Finished {
    /// A decision. `verdict` is one of the words of the sub-command's [`step_contract::CommandSpec`],
    /// which also says the exit; `report.reason` is the sentence that goes with it. The runtime fills in the
    /// verdict and the times, writes everything, and adds each output to the statement's subjects.
    #[must_use]
    pub fn decision(verdict: &str, report: Report, statement: StatementBuilder) -> Self {
        Self(Product::Decision(Box::new(Decision {
            verdict: verdict.to_owned(),
            exit: None,
            report,
            statement,
            outputs: Vec::new(),
            parameters: Vec::new(),
        })))
    }

    /// Text for standard output.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self(Product::Text(text.into()))
    }

    /// A file to write, whole or not at all, before the report.
    #[must_use]
    pub fn with_output(mut self, location: &OutArtifact, bytes: Vec<u8>) -> Self {
        if let Product::Decision(decision) = &mut self.0 {
            decision.outputs.push((location.clone(), bytes));
        }
        self
    }

    /// A value for the workflow, written whole or not at all. The runtime has removed an earlier run's.
    #[must_use]
    pub fn with_parameter(mut self, parameter: &OutParameter, value: impl Into<String>) -> Self {
        if let Product::Decision(decision) = &mut self.0 {
            decision.parameters.push((parameter.clone(), value.into()));
        }
        self
    }

    /// The bytes that go to that output.
    #[must_use]
    pub fn output(&self, location: &OutArtifact) -> Option<&[u8]> {
        let Product::Decision(decision) = &self.0 else {
            return None;
        };
        let (_, bytes) = decision.outputs.iter().find(|(to, _)| to == location)?;
        Some(bytes)
    }

    /// One more check in the report.
    #[must_use]
    pub fn with_check(mut self, check: Check) -> Self {
        if let Product::Decision(decision) = &mut self.0 {
            decision.report.checks.push(check);
        }
        self
    }

    /// Another exit than the verdict's own, as `--fail-on` asks for.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        if let Product::Decision(decision) = &mut self.0 {
            decision.exit = Some(exit);
        }
        self
    }
}
