//! The forms of a report, on three reports as steps write them and on hostile ones.

mod golden;
mod hostile;
mod limits;
mod model;
mod properties;
mod samples;
mod schema;
