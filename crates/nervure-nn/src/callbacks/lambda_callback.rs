use crate::callbacks::{Batch, Callback, Context};
use crate::{Logs, Result};

type OnTrain = Box<dyn FnMut(&mut Context<'_>) -> Result<()> + Send>;
type OnEpochBegin = Box<dyn FnMut(usize, &mut Context<'_>) -> Result<()> + Send>;
type OnBatchEnd = Box<dyn FnMut(&Batch, &mut Context<'_>) -> Result<()> + Send>;
type OnEpochEnd = Box<dyn FnMut(usize, &Logs, &mut Context<'_>) -> Result<()> + Send>;

/// A callback made of closures. It has no state that a checkpoint would keep.
///
/// ```
/// use nervure_nn::callbacks::LambdaCallback;
/// let callback = LambdaCallback::new().on_epoch_end(|epoch, logs, cx| {
///     if epoch >= 3 && logs.get("accuracy") > Some(0.99) {
///         cx.stop_training();
///     }
///     Ok(())
/// });
/// ```
#[derive(Default)]
pub struct LambdaCallback {
    on_train_begin: Option<OnTrain>,
    on_epoch_begin: Option<OnEpochBegin>,
    on_batch_end: Option<OnBatchEnd>,
    on_test_begin: Option<OnTrain>,
    on_test_end: Option<OnTrain>,
    on_epoch_end: Option<OnEpochEnd>,
    on_train_end: Option<OnTrain>,
}

macro_rules! closures {
    ($($(#[$doc:meta])* $name:ident($($arg:ty),*);)*) => {
        impl LambdaCallback {
            /// Does nothing yet.
            pub fn new() -> LambdaCallback {
                LambdaCallback::default()
            }

            $(
                $(#[$doc])*
                pub fn $name(mut self, call: impl FnMut($($arg),*) -> Result<()> + Send + 'static) -> LambdaCallback {
                    self.$name = Some(Box::new(call));
                    self
                }
            )*
        }
    };
}
closures! {
    /// Called before the first epoch.
    on_train_begin(&mut Context<'_>);
    /// Called before an epoch.
    on_epoch_begin(usize, &mut Context<'_>);
    /// Called after a step.
    on_batch_end(&Batch, &mut Context<'_>);
    /// Called before rows validate.
    on_test_begin(&mut Context<'_>);
    /// Called after rows validated.
    on_test_end(&mut Context<'_>);
    /// Called after an epoch and its validation.
    on_epoch_end(usize, &Logs, &mut Context<'_>);
    /// Called after the last epoch.
    on_train_end(&mut Context<'_>);
}

impl Callback for LambdaCallback {
    fn on_train_begin(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.on_train_begin.as_mut().map_or(Ok(()), |call| call(cx))
    }

    fn on_epoch_begin(&mut self, epoch: usize, cx: &mut Context<'_>) -> Result<()> {
        self.on_epoch_begin.as_mut().map_or(Ok(()), |call| call(epoch, cx))
    }

    fn on_batch_end(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<()> {
        self.on_batch_end.as_mut().map_or(Ok(()), |call| call(batch, cx))
    }

    fn on_test_begin(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.on_test_begin.as_mut().map_or(Ok(()), |call| call(cx))
    }

    fn on_test_end(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.on_test_end.as_mut().map_or(Ok(()), |call| call(cx))
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
        self.on_epoch_end.as_mut().map_or(Ok(()), |call| call(epoch, logs, cx))
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.on_train_end.as_mut().map_or(Ok(()), |call| call(cx))
    }
}

impl std::fmt::Debug for LambdaCallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LambdaCallback")
    }
}
