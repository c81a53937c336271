//! What the team wants said in the model card.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `card.yaml`. Everything is optional; what is not said is listed as missing in the card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CardConfig {
    /// What the model does, in a paragraph.
    pub(crate) summary: Option<String>,
    /// SPDX id, such as `apache-2.0`.
    pub(crate) license: Option<String>,
    /// Who answers for it: people or teams.
    pub(crate) owners: Vec<String>,
    /// What it may be used for.
    pub(crate) intended_use: Option<String>,
    /// What it must not be used for.
    pub(crate) out_of_scope: Option<String>,
    /// Where it is known to be weak.
    pub(crate) limitations: Vec<String>,
    /// Who may be harmed, and how that is held low.
    pub(crate) ethical_considerations: Option<String>,
    /// Task in the words of the Hugging Face hub, such as `tabular-classification`.
    pub(crate) task: Option<String>,
    /// A name for the dataset.
    pub(crate) dataset_name: Option<String>,
    /// Tags for search.
    pub(crate) tags: Vec<String>,
}

impl CardConfig {
    /// The parts that a reader of a card asks for, and whether the team has said them.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        [
            ("summary", self.summary.is_none()),
            ("license", self.license.is_none()),
            ("owners", self.owners.is_empty()),
            ("intended_use", self.intended_use.is_none()),
            ("out_of_scope", self.out_of_scope.is_none()),
            ("limitations", self.limitations.is_empty()),
            ("ethical_considerations", self.ethical_considerations.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect()
    }
}
