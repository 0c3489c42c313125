use crate::callbacks::{Batch, Callback, Context};
use crate::word::setters;
use crate::{Error, Result};

/// Ends training when a batch's loss is NaN or infinite; [`History::stopped`](crate::History::stopped) says where.
#[derive(Debug, Clone, Copy, Default)]
pub struct TerminateOnNaN {
    fail: bool,
}

impl TerminateOnNaN {
    /// Ends training as Keras does: without an error.
    pub fn new() -> TerminateOnNaN {
        TerminateOnNaN::default()
    }

    setters! {
        /// Whether training fails with [`Error::Diverged`] instead of ending; default false.
        fail: bool,
    }
}

impl Callback for TerminateOnNaN {
    fn on_batch_end(&mut self, done: &Batch, cx: &mut Context<'_>) -> Result<()> {
        let Batch { epoch, batch, loss, .. } = *done;
        if loss.is_finite() {
            return Ok(());
        }
        let diverged = Error::Diverged { loss, epoch, batch };
        if self.fail {
            return Err(diverged);
        }
        cx.stop_training_because(diverged.to_string());
        Ok(())
    }
}
