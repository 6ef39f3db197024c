//! Environments of projects at the prompt: which directory is trusted, what is kept of it, and the
//! text that shells evaluate.

pub mod project;
pub mod shells;

pub use project::Project;
pub use shells::Shell;
