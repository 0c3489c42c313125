//! Baselines against scikit-learn 1.9.1 and against what defines them.
//!
//! The reference numbers are those of `LogisticRegression(tol=1e-10, max_iter=100000)` and `LinearRegression()`, on all rows of the
//! built-in sets as stored (zeros of `diabetes` taken as numbers), standardised by `StandardScaler` for logistic regression.

use ndarray::{Array1, Array2, Axis, array, concatenate};
use nervure_data::baseline::{ClassPriors, LinearRegression, LogisticRegression, Mean};
use nervure_data::*;

/// All columns but the last as numbers, and the last one.
fn raw(name: &str) -> (Array2<f64>, Vec<String>) {
    let table = datasets::get(name).unwrap().table().unwrap();
    let (target, features) = table.columns().split_last().unwrap();
    let x =
        Array2::from_shape_fn((table.rows(), features.len()), |(r, c)| features[c].get(r).parse().unwrap());
    (x, target.iter().map(str::to_owned).collect())
}

fn standardised(x: &Array2<f64>) -> Array2<f64> {
    (x - &x.mean_axis(Axis(0)).unwrap()) / x.std_axis(Axis(0), 0.0)
}

/// 4e-5: the mean gradient is at most 1e-8, and the penalty alone gives a curvature of 1 / rows ≥ 1 / 768: the distance to the minimum
/// is at most √parameters · 1e-8 · 768.
fn close(found: impl IntoIterator<Item = f64>, expected: &[f64]) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() < 4e-5 * e.abs().max(1.0), "{found:?} is not {expected:?}");
    }
}

#[test]
fn binary_logistic_regression() {
    let (x, y) = raw("diabetes");
    let (x, y) = (standardised(&x), y.iter().map(|c| c.parse().unwrap()).collect::<Vec<i32>>());
    let model = LogisticRegression::fit(x.view(), &y, 2).unwrap();
    let expected = [
        0.4086399549,
        1.1071131125,
        -0.2508865104,
        0.0090649575,
        -0.1308374694,
        0.6963132681,
        0.3088301853,
        0.1765105626,
    ];
    close(model.coefficients.iter().copied(), &expected);
    close(model.intercepts.iter().copied(), &[-0.8667758898]);
    let probabilities = model.predict(x.view());
    close(probabilities.row(0).to_vec(), &[0.2821737348, 0.7178262652]);
    let right = probabilities.rows().into_iter().zip(&y).filter(|(p, y)| (p[1] > 0.5) == (**y == 1)).count();
    assert_eq!(right, 602);
}

#[test]
fn multinomial_logistic_regression() {
    let (x, y) = raw("iris");
    let classes = ["setosa", "versicolor", "virginica"];
    let y: Vec<i32> = y.iter().map(|c| classes.iter().position(|k| k == c).unwrap() as i32).collect();
    let x = standardised(&x);
    let model = LogisticRegression::fit(x.view(), &y, 3).unwrap();
    close(
        model.coefficients.iter().copied(),
        &[
            -1.074065855,
            1.1601150177,
            -1.930691939,
            -1.8115561312,
            0.5878100605,
            -0.361840588,
            -0.3634308606,
            -0.8262697552,
            0.4862557944,
            -0.7982744298,
            2.2941227997,
            2.6378258864,
        ],
    );
    let probabilities = model.predict(x.view());
    let loss: f64 =
        probabilities.rows().into_iter().zip(&y).map(|(p, &y)| -p[y as usize].ln()).sum::<f64>() / 150.0;
    close([loss], &[0.12954226886620218]);
}

#[test]
fn linear_regression() {
    let (x, y) = raw("wine_quality");
    let y: Array1<f64> = y.iter().map(|c| c.parse::<f64>().unwrap()).collect();
    let model = LinearRegression::fit(x.view(), y.view()).unwrap();
    let expected = [
        0.0249905527,
        -1.0835902587,
        -0.1825639484,
        0.0163312698,
        -1.8742251581,
        0.0043613333,
        -0.0032645797,
        -17.8811638325,
        -0.4136531438,
        0.9163344127,
        0.2761976992,
    ];
    close(model.coefficients.iter().copied(), &expected);
    close([model.intercept], &[21.965208449448568]);
    let error = (model.predict(x.view()) - &y).mapv(|e| e * e).mean().unwrap().sqrt();
    close([error], &[0.6455750670692045]);
}

/// Of columns that depend on each other no error is left that they could explain: each is at a right angle to the residuals.
#[test]
fn dependent_columns() {
    let (x, y) = raw("wine_quality");
    let one_hot = |grade: &str| y.iter().map(|c| f64::from(c == grade)).collect::<Array1<f64>>();
    let grades: Vec<_> = ["3", "4", "5", "6", "7", "8"].into_iter().map(one_hot).collect();
    let mut columns: Vec<_> = x.columns().into_iter().map(|c| c.insert_axis(Axis(1))).collect();
    columns.extend(grades.iter().map(|g| g.view().insert_axis(Axis(1))));
    let (double, constant) = (&x.column(0) * 2.0, Array1::from_elem(x.nrows(), 7.0));
    columns.extend([double.view().insert_axis(Axis(1)), constant.view().insert_axis(Axis(1))]);
    let x = concatenate(Axis(1), &columns).unwrap();
    let y = Array1::from_shape_fn(x.nrows(), |i| (i as f64).sin());
    let model = LinearRegression::fit(x.view(), y.view()).unwrap();
    let residual = &y - &model.predict(x.view());
    assert!(residual.sum().abs() < 1e-8 * residual.len() as f64);
    for column in x.columns() {
        let cosine = column.dot(&residual) / (column.dot(&column) * residual.dot(&residual)).sqrt();
        assert!(cosine.abs() < 1e-8, "{cosine}");
    }
}

#[test]
fn more_columns_than_rows() {
    let x = Array2::from_shape_fn((10, 40), |(i, j)| ((i * 40 + j).pow(2) as f64).sin());
    let y = Array1::from_shape_fn(10, |i| i as f64);
    let model = LinearRegression::fit(x.view(), y.view()).unwrap();
    assert!((model.predict(x.view()) - &y).iter().all(|e| e.abs() < 1e-6));
}

#[test]
fn shares_and_mean() {
    let priors = ClassPriors::fit(&[2, 0, 2, 1], 3).unwrap();
    assert_eq!((priors.priors.clone(), priors.majority()), (vec![0.25, 0.25, 0.5], 2));
    assert_eq!(Mean::fit(&[1.0, 2.0, 6.0]).unwrap().value, 3.0);
}

#[test]
fn refusals() {
    let x = array![[1.0], [2.0]];
    let error = |result: Result<LogisticRegression>| result.unwrap_err().to_string();
    assert_eq!(
        error(LogisticRegression::fit(x.view(), &[0, 5], 2)),
        "the baseline cannot be fitted: expected classes below 2, received 5"
    );
    assert_eq!(
        error(LogisticRegression::fit(x.view(), &[0], 2)),
        "the baseline cannot be fitted: expected a class a row, received 1 for 2"
    );
    assert!(ClassPriors::fit(&[-1], 2).is_err());
    assert!(Mean::fit(&[]).is_err());
    assert!(LinearRegression::fit(array![[f64::NAN]].view(), array![1.0].view()).is_err());
}
