//! What the team wants: `quality_gates.yaml` and `behaviour.yaml`.
//!
//! `file` and `value` hold the words as they may be written; `gates` and `behaviour` what they mean after every
//! name and number has been held against what is possible. Nothing that could never decide gets past here.

pub mod behaviour;
mod check;
mod file;
mod gates;
mod value;

pub use check::load;
pub use file::GatesFile;
pub use gates::{
    ChampionGate, ChampionRule, Correction, Fairness, FirstModel, Gap, Gates, Latency, On, Quantile, Side,
    Slices, ThresholdGate, ThresholdRule,
};
