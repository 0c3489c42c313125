use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::losses::Prediction;
use crate::metrics::{Auc, Direction, Metric};
use crate::network::batch;
use crate::word::{Object, Sample, Samples, kind};

/// Another metric under a key of its own: what [`Metric::named`] makes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    name: String,
    metric: Object<dyn Metric>,
}
kind!(Named = "named");

impl Named {
    /// The metric under this key.
    pub fn new(metric: impl Into<Object<dyn Metric>>, name: &str) -> Named {
        Named { name: name.into(), metric: metric.into() }
    }
}

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
