use nervure_graph::{DType, Tensor, Type};

use crate::losses::Prediction;
use crate::metrics::{Auc, Direction, Metric};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Object, Sample, Samples, kind};

settings! {
    /// Another metric under a key of its own: what [`Metric::named`] makes.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// let area = Auc::new().named("area");
    /// assert_eq!(area.name(), "area");
    /// assert!((area.score(&t, &y, None)?[0] - 0.75).abs() < 1e-9);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Named {
        /// The metric.
        metric: into Object<dyn Metric>,
        /// The key under which it is reported.
        name: into String,
    }
}
kind!(Named = "named");

impl Metric for Named {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        self.metric.lower(target, prediction, weight)
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        self.metric.result(sums)
    }

    fn per_class(&self, sums: &[Vec<f64>]) -> Option<Vec<f64>> {
        self.metric.per_class(sums)
    }

    fn direction(&self) -> Option<Direction> {
        self.metric.direction()
    }
}

impl Samples<dyn Metric> for Named {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = Type::new(DType::F32, [batch(), 1.into()]);
        vec![Sample::new(Auc::new().named("area"), [ty.clone(), ty])]
    }
}
