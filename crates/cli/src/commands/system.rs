//! `system`: building, switching and trying whole machines.

pub mod build;
pub mod compare;
pub mod elsewhere;
pub mod history;
pub mod machines;
pub mod options;
pub mod rebuild;
pub mod switch;
mod target;

pub use target::Target;

use firn_system::SystemError;

use crate::Failure;

impl From<SystemError> for Failure {
    fn from(error: SystemError) -> Self {
        match error {
            SystemError::Store(error) => error.into(),
            error => Self::message(error.to_string()),
        }
    }
}
