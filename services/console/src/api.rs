//! The REST API.

mod problem;

pub(crate) use self::problem::Problem;
