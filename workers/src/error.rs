//! What can go wrong with a batch, and what happens to it then: one mapping, tried as a table.

use std::time::Duration;

use bus::Settlement;
use model_dir::EncodeError;
use schemas::messages::DecodeError;

/// A batch that did not go through.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The message cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The object store did not give or take something.
    #[error("{what}")]
    Store {
        /// What it was asked for.
        what: &'static str,
        /// Why not.
        #[source]
        source: tensor_store::Error,
    },
    /// The pipeline was made for another version of the engine, or asks for a rule that this one does not have.
    #[error("pipeline cannot be run here: {reason}")]
    OtherEngine {
        /// What differs.
        reason: String,
    },
    /// The model in the store cannot be used.
    #[error("model {digest} cannot be used: {reason}")]
    Model {
        /// Which.
        digest: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The model did not take or do a batch of tokens.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A batch that came again could not be scanned apart.
    #[error("a child process could not be run: {reason}")]
    Isolation {
        /// Why not.
        reason: String,
    },
    /// The result could not be announced.
    #[error(transparent)]
    Publish(#[from] bus::Error),
    /// We were told to stop.
    #[error("the worker stops")]
    Cancelled,
}

/// Before a batch is tried again. Doubled with each attempt.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl StageError {
    /// What happens to the batch next.
    #[must_use]
    pub fn settlement(&self) -> Settlement {
        let retry = || Settlement::Retry { after: RETRY_AFTER, reason: self.chain() };
        let poison = || Settlement::Poison { reason: self.chain() };
        match self {
            Self::Store { source, .. } if source.is_transient() => retry(),
            Self::Decode(_) | Self::Store { .. } | Self::Model { .. } => poison(),
            // Another worker may be of the right version.
            Self::OtherEngine { .. } | Self::Isolation { .. } => retry(),
            Self::Encode(EncodeError::OutOfMemory(_) | EncodeError::Device(_)) | Self::Publish(_) => retry(),
            Self::Encode(EncodeError::BadBatch { .. } | EncodeError::Unable(_)) => poison(),
            Self::Cancelled => Settlement::GiveBack,
        }
    }

    fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_settlement() {
        let unknown = DecodeError::UnknownType { expected: "batch.ready/1", found: "x".into() };
        let table = [
            (StageError::Decode(unknown), "poison"),
            (StageError::OtherEngine { reason: "1".into() }, "retry"),
            (StageError::Model { digest: "d".into(), reason: "r".into() }, "poison"),
            (StageError::Encode(EncodeError::OutOfMemory("big".into())), "retry"),
            (StageError::Encode(EncodeError::Device("lost".into())), "retry"),
            (StageError::Encode(EncodeError::BadBatch { row: 0, reason: "empty".into() }), "poison"),
            (StageError::Encode(EncodeError::Unable("sentences".into())), "poison"),
            (StageError::Isolation { reason: "no memory".into() }, "retry"),
            (StageError::Cancelled, "give back"),
        ];
        for (error, wanted) in table {
            let found = match error.settlement() {
                Settlement::Done => "done",
                Settlement::Retry { .. } => "retry",
                Settlement::Poison { .. } => "poison",
                Settlement::GiveBack => "give back",
            };
            assert_eq!(found, wanted, "{error}");
        }
    }
}
