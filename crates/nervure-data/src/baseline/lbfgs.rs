//! Minimization of smooth convex functions.

use std::collections::VecDeque;

use ndarray::Array1;

/// Pairs of steps and gradient changes that approximate the curvature.
const MEMORY: usize = 10;
const MOST_STEPS: usize = 1000;

/// Minimizes by L-BFGS (Nocedal 1980) from `start`, until no component of the gradient passes `tolerance` or no step gains any more.
/// `function` returns value and gradient.
pub(super) fn minimize(
    function: impl Fn(&Array1<f64>) -> (f64, Array1<f64>),
    start: Array1<f64>,
    tolerance: f64,
) -> Array1<f64> {
    let mut x = start;
    let (mut value, mut gradient) = function(&x);
    let mut memory: VecDeque<(Array1<f64>, Array1<f64>, f64)> = VecDeque::new();
    for _ in 0..MOST_STEPS {
        if gradient.iter().all(|g| g.abs() <= tolerance) {
            break;
        }
        let mut direction = direction(&memory, &gradient);
        if direction.dot(&gradient) >= 0.0 {
            // Rounding has spoilt the curvature.
            memory.clear();
            direction = -&gradient;
        }
        let first = if memory.is_empty() { 1.0 / gradient.dot(&gradient).sqrt().max(1.0) } else { 1.0 };
        let Some((next, next_value, next_gradient)) =
            line_search(&function, &x, value, &gradient, &direction, first)
        else {
            break;
        };
        let step = &next - &x;
        let change = &next_gradient - &gradient;
        let curvature = step.dot(&change);
        if curvature > 0.0 {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back((step, change, curvature));
        }
        (x, value, gradient) = (next, next_value, next_gradient);
    }
    x
}

/// The two-loop recursion: minus the approximate inverse Hessian times the gradient.
fn direction(memory: &VecDeque<(Array1<f64>, Array1<f64>, f64)>, gradient: &Array1<f64>) -> Array1<f64> {
    let mut q = gradient.clone();
    let mut shares = Vec::with_capacity(memory.len());
    for (step, change, curvature) in memory.iter().rev() {
        let share = step.dot(&q) / curvature;
        q.scaled_add(-share, change);
        shares.push(share);
    }
    if let Some((_, change, curvature)) = memory.back() {
        q *= curvature / change.dot(change);
    }
    for ((step, change, curvature), share) in memory.iter().zip(shares.iter().rev()) {
        let back = change.dot(&q) / curvature;
        q.scaled_add(share - back, step);
    }
    -q
}

/// A step that meets the weak Wolfe conditions, by doubling and halving; none where rounding leaves nothing to gain.
fn line_search(
    function: &impl Fn(&Array1<f64>) -> (f64, Array1<f64>),
    x: &Array1<f64>,
    value: f64,
    gradient: &Array1<f64>,
    direction: &Array1<f64>,
    first: f64,
) -> Option<(Array1<f64>, f64, Array1<f64>)> {
    let slope = gradient.dot(direction);
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    for _ in 0..60 {
        let next = x + &(direction * length);
        let (next_value, next_gradient) = function(&next);
        // A value that is no number counts as too high.
        if next_value.is_nan() || next_value > value + 1e-4 * length * slope {
            high = length;
        } else if next_gradient.dot(direction) < 0.9 * slope {
            low = length;
        } else {
            return Some((next, next_value, next_gradient));
        }
        length = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * low };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    /// A quadratic bowl, 1 : 1000, whose minimum is known.
    #[test]
    fn bowl() {
        let function = |x: &Array1<f64>| {
            let (a, b) = (x[0] - 3.0, x[1] + 2.0);
            (a * a / 2.0 + 500.0 * b * b, arr1(&[a, 1000.0 * b]))
        };
        let x = minimize(function, arr1(&[100.0, 100.0]), 1e-9);
        assert!((x[0] - 3.0).abs() < 1e-8 && (x[1] + 2.0).abs() < 1e-8, "{x}");
    }
}
