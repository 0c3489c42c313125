use nervure_graph::{Bindings, Builder, DType, Dim, Error, PoolKind, Window};
use proptest::prelude::*;

/// An expression and what it evaluates to under `bindings`, computed beside it.
fn expression() -> impl Strategy<Value = (Dim, i128)> {
    let leaf = prop_oneof![
        (0usize..20).prop_map(|n| (Dim::from(n), n as i128)),
        prop::sample::select(vec![("batch", 5), ("time", 7), ("n_2", 1)])
            .prop_map(|(symbol, value)| (Dim::symbol(symbol), value)),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        (inner.clone(), inner, 0usize..5, 1usize..6).prop_map(|((a, x), (b, y), op, n)| match op {
            0 => (a + b, x + y),
            1 => (a - b, x - y),
            2 => (a * b, x * y),
            3 => (a.div_floor(n), x.div_euclid(n as i128)),
            _ceil => (a.div_ceil(n), -(-x).div_euclid(n as i128)),
        })
    })
}

fn bindings() -> Bindings {
    Bindings::from([("batch".into(), 5), ("time".into(), 7), ("n_2".into(), 1)])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn arithmetic_evaluates_as_numbers_do((dim, value) in expression()) {
        let expected = usize::try_from(value).map_err(|_| Error::Size { dim: dim.clone(), value });
        prop_assert_eq!(dim.resolve(&bindings()), expected);
    }

    #[test]
    fn what_is_printed_parses_back((dim, _) in expression()) {
        // Products of many sums are refused: see below.
        if dim.to_string().len() < 200 {
            prop_assert_eq!(dim.to_string().parse(), Ok(dim));
        }
    }

    #[test]
    fn sums_and_products_have_one_form((a, _) in expression(), (b, _) in expression(), (c, _) in expression()) {
        prop_assert_eq!(&a + &b, &b + &a);
        prop_assert_eq!(&a * &b, &b * &a);
        prop_assert_eq!(&a - &a, Dim::from(0));
        prop_assert_eq!((&a + &b) * &c, &a * &c + &b * &c);
        prop_assert_eq!((&a * 6 + &b * 3).div_floor(3), &a * 2 + &b);
    }

    #[test]
    fn exact_division_undoes_products((a, _) in expression(), n in 1usize..9) {
        let by = Dim::symbol("batch") * n;
        prop_assert_eq!((&a * &by).div_exact(&by), Some(a));
    }

    #[test]
    fn any_text_parses_or_is_refused(text in r"[a-z0-9 +*/()\-]{0,60}") {
        if let Ok(dim) = text.parse::<Dim>() {
            prop_assert_eq!(dim.to_string().parse(), Ok(dim));
        }
    }
}

#[test]
fn what_is_no_dimension_is_refused() {
    let check = |text: &str, expected: &str| {
        let error = text.parse::<Dim>().expect_err(text).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("", "expected a number or a symbol");
    check("n //", "expected a number or a symbol");
    check("n // 0", "expected a positive number after `//`");
    check("n // m", "expected a positive number after `//`");
    check("(n", "expected `)`");
    check("n m", "unexpected text at the end, near `m`");
    check("99999999999999999999", "expected a number below 2^63");
    check(&"(".repeat(100_000), "parentheses nest too deeply");
    check(&format!("{}1", "n * ".repeat(1000)), "too many terms");
    let sum = |mark: char| (0..200).map(|i| format!("{mark}{i}")).collect::<Vec<_>>().join(" + ");
    check(&format!("({}) * ({})", sum('a'), sum('b')), "too many terms");
    assert_eq!(Dim::symbol("n").resolve(&Bindings::new()).unwrap_err().to_string(), {
        "dimension `n` has no value: `n` is not bound"
    });
}

/// Expressions that grow with every node are refused before they grow deep.
#[test]
fn dimensions_stay_small() {
    let g = Builder::new();
    let mut x = g.input("x", DType::F32, [1.into(), Dim::symbol("n"), 1.into()]);
    for _ in 0..100_000 {
        if g.check().is_err() {
            break;
        }
        x = x.pool(PoolKind::Max, Window { strides: vec![2], ..Window::new([3]) });
    }
    let error = g.finish().unwrap_err().to_string();
    assert_eq!(error, "graph: PoolMax: expected dimensions of fewer terms, received one of many");
}
