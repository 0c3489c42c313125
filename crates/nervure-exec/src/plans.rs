use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nervure_graph::{Bindings, Graph};

use crate::{Error, Plan, Runner, Store, Threads, View};

/// Plans that are kept: the full batch and the last one, for a few lengths.
const KEPT: usize = 8;

/// Plans of one graph over one store, made for the sizes that come when they first come, with the scratch of runs that are over. The eight
/// that were used last are kept. Runs may be concurrent.
#[derive(Debug, Default)]
pub struct Plans {
    /// Those used last first.
    kept: Mutex<Vec<Compiled>>,
}

#[derive(Debug)]
struct Compiled {
    bindings: Bindings,
    plan: Arc<Plan>,
    idle: Vec<Runner>,
}

impl Plans {
    /// No plan yet.
    pub fn new() -> Plans {
        Plans::default()
    }

    /// Runs `graph` with these sizes for its symbols, and gives what `read` takes from the outputs. The graph and
    /// the store's names, types and shapes have to be those of the earlier calls: see [`Plans::clear`]. If the graph changes state, the store
    /// becomes a copy with that state, unless it is one already: the next run goes on from there.
    ///
    /// # Errors
    /// As [`Plan::compile`] and [`Runner::run`].
    pub fn run<R>(
        &self,
        (graph, bindings): (&Graph, &Bindings),
        store: &mut Cow<'_, Store>,
        threads: &Threads,
        inputs: &[View],
        read: impl FnOnce(&Runner) -> R,
    ) -> Result<R, Error> {
        let mut runner = self.take(graph, bindings, store)?;
        runner.run_apart(threads, store, inputs)?;
        let result = read(&runner);
        let mut kept = self.kept();
        if let Some(c) = kept.iter_mut().find(|c| Arc::ptr_eq(&c.plan, runner.plan())) {
            c.idle.push(runner);
        }
        Ok(result)
    }

    /// The plan for these sizes, kept for the run to come: what that will take can be read off it. As for [`Plans::run`].
    ///
    /// # Errors
    /// As [`Plan::compile`].
    pub fn plan(&self, graph: &Graph, bindings: &Bindings, store: &Store) -> Result<Arc<Plan>, Error> {
        Ok(Arc::clone(&self.find(graph, bindings, store)?[0].plan))
    }

    /// Forgets all plans: for another graph, or a store whose parameters lie elsewhere.
    pub fn clear(&mut self) {
        self.kept().clear();
    }

    fn take(&self, graph: &Graph, bindings: &Bindings, store: &Store) -> Result<Runner, Error> {
        let Compiled { plan, idle, .. } = &mut self.find(graph, bindings, store)?[0];
        Ok(idle.pop().unwrap_or_else(|| Runner::new(Arc::clone(plan))))
    }

    /// What is kept, that for these sizes first.
    fn find(
        &self,
        graph: &Graph,
        bindings: &Bindings,
        store: &Store,
    ) -> Result<MutexGuard<'_, Vec<Compiled>>, Error> {
        let mut kept = self.kept();
        if let Some(at) = kept.iter().position(|c| c.bindings == *bindings) {
            kept[..=at].rotate_right(1);
        } else {
            let plan = Arc::new(Plan::compile(graph, bindings, store)?);
            kept.truncate(KEPT - 1);
            kept.insert(0, Compiled { bindings: bindings.clone(), plan, idle: Vec::new() });
        }
        Ok(kept)
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Compiled>> {
        // What a panic of another thread left is whole: plans are added and dropped at once.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use nervure_graph::{Builder, DType, Dim};

    use super::*;

    #[test]
    fn state_goes_on_in_a_copy() {
        let g = Builder::new();
        let w = g.parameter("w", DType::F32, []);
        g.update(w, w + 1.0);
        g.output("y", w);
        let graph = g.finish().unwrap();
        let mut first = Store::new();
        first.insert("w", crate::Buffer::from_f32(&[], &[5.0]).unwrap());
        let (plans, threads, bindings) = (Plans::new(), Threads::new(1), Bindings::new());
        let mut store = Cow::Borrowed(&first);
        let mut run = || {
            let read = |r: &Runner| r.output(0).as_f32().map(<[f32]>::to_vec);
            plans.run((&graph, &bindings), &mut store, &threads, &[], read).unwrap()
        };
        assert_eq!([run(), run()], [Some(vec![5.0]), Some(vec![6.0])]);
        assert_eq!(store.get("w").unwrap().as_f32(), Some(&[7.0][..]));
        assert_eq!(first.get("w").unwrap().as_f32(), Some(&[5.0][..]));
    }

    #[test]
    fn plans_are_kept_for_the_sizes_used_last() {
        let g = Builder::new();
        let x = g.input("x", DType::F32, [Dim::symbol("batch")]);
        g.output("y", x + x);
        let graph = g.finish().unwrap();
        let (plans, store, threads) = (Plans::new(), Store::new(), Threads::new(1));
        let run = |n: usize| {
            let (bindings, x) = (Bindings::from([("batch".into(), n)]), vec![1.5; n]);
            let read = |r: &Runner| (r.output(0).as_f32().map(<[f32]>::to_vec), Arc::clone(r.plan()));
            let (y, plan) = plans
                .run((&graph, &bindings), &mut Cow::Borrowed(&store), &threads, &[View::F32(&x)], read)
                .unwrap();
            assert_eq!(y, Some(vec![3.0; n]));
            plan
        };
        let planned = plans.plan(&graph, &Bindings::from([("batch".into(), 1)]), &store).unwrap();
        let first = run(1);
        assert!(Arc::ptr_eq(&planned, &first), "compiled once");
        for n in 2..=KEPT {
            run(n);
        }
        assert!(Arc::ptr_eq(&first, &run(1)), "used again");
        let second = run(KEPT + 1);
        assert!(Arc::ptr_eq(&first, &run(1)), "the one used longest ago goes, not the one made first");
        assert!(Arc::ptr_eq(&second, &run(KEPT + 1)));
        assert_eq!(plans.kept().len(), KEPT);
        assert!(plans.kept().iter().all(|c| c.idle.len() == 1));
    }
}
