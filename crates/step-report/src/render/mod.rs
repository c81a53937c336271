//! The forms of a report. Each is one method of `Report`; none reads anything but the report.

mod html;
mod json;
mod junit;
mod line;
mod markdown;
mod verdict;
mod view;
