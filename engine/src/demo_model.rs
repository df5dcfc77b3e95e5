//! The demo model: the one place that knows how it comes into the binary.

use crate::checkpoint::Checkpoint;
use crate::error::CheckpointError;

/// The checkpoint that is part of the binary.
///
/// # Errors
/// This build has none.
pub(crate) fn checkpoint() -> Result<Checkpoint, CheckpointError> {
    Err(CheckpointError::Config {
        path: "demo model".into(),
        reason: "it is not part of this build: name a checkpoint directory instead".to_owned(),
    })
}
