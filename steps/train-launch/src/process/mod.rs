//! Training as a child process: started in a group of its own, listened to, stopped as a group.

mod child;
mod group;
mod mask;
mod meter;
mod output;
mod tail;

pub(crate) use child::{Ended, Environment, How, Limits, train};
pub(crate) use mask::{Mask, secrets_of};
pub(crate) use meter::{Meter, Reader};
pub(crate) use output::{Attempt, Output};
pub(crate) use tail::{From, Tail};
