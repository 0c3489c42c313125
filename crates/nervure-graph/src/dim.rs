use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, Mul, Sub};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Values of symbols: `batch` → 32.
pub type Bindings = BTreeMap<String, usize>;

/// Size of an axis: a polynomial with whole coefficients over named symbols and floor divisions of such polynomials.
///
/// Equal expressions are equal values: sums and products are kept in one canonical order.
///
/// ```
/// use nervure_graph::{Bindings, Dim};
/// let n = Dim::symbol("batch");
/// let m = (&n * 2 + 4).div_floor(2);
/// assert_eq!(m, &n + 2);
/// assert_eq!(m.resolve(&Bindings::from([("batch".into(), 5)])), Ok(7));
/// assert_eq!("batch + 2".parse(), Ok(m));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Dim {
    // Sorted by atoms; no coefficient is 0 and no term is without atoms.
    terms: Vec<Term>,
    constant: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Term {
    atoms: Vec<Atom>,
    coefficient: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Atom {
    Symbol(Arc<str>),
    /// ⌊dim / divisor⌋ that does not divide without a rest.
    Div(Box<Dim>, i64),
}

impl Dim {
    /// A symbol, to be bound when a plan is compiled.
    pub fn symbol(name: &str) -> Dim {
        Dim { terms: vec![Term { atoms: vec![Atom::Symbol(name.into())], coefficient: 1 }], constant: 0 }
    }

    /// The value, if no symbol occurs.
    pub fn as_const(&self) -> Option<usize> {
        if self.terms.is_empty() { usize::try_from(self.constant).ok() } else { None }
    }

    /// The symbol, if this is nothing else.
    pub fn as_symbol(&self) -> Option<&str> {
        match (self.terms.as_slice(), self.constant) {
            ([Term { atoms, coefficient: 1 }], 0) => match atoms.as_slice() {
                [Atom::Symbol(s)] => Some(s),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether this is exactly `value`.
    pub fn is(&self, value: usize) -> bool {
        self.as_const() == Some(value)
    }

    /// ⌊self / divisor⌋.
    ///
    /// # Panics
    /// If `divisor` is 0.
    pub fn div_floor(&self, divisor: usize) -> Dim {
        assert!(divisor > 0, "a dimension is divided by 0");
        let d = i64::try_from(divisor).unwrap_or(i64::MAX);
        // Whole multiples leave the floor: ⌊(d·q + r) / d⌋ = q + ⌊r / d⌋.
        let (mut whole, mut rest) = (Dim::from(0), Dim::from(0));
        for t in &self.terms {
            if t.coefficient % d == 0 {
                whole.terms.push(Term { atoms: t.atoms.clone(), coefficient: t.coefficient / d });
            } else {
                rest.terms.push(t.clone());
            }
        }
        whole.constant = self.constant.div_euclid(d);
        if rest.terms.is_empty() {
            return whole;
        }
        rest.constant = self.constant.rem_euclid(d);
        whole
            + Dim {
                terms: vec![Term { atoms: vec![Atom::Div(Box::new(rest), d)], coefficient: 1 }],
                constant: 0,
            }
    }

    /// ⌈self / divisor⌉.
    pub fn div_ceil(&self, divisor: usize) -> Dim {
        (self + divisor.saturating_sub(1)).div_floor(divisor)
    }

    /// self / divisor, if it divides without a rest as a polynomial: what `reshape` infers a free axis by.
    pub fn div_exact(&self, divisor: &Dim) -> Option<Dim> {
        let (atoms, by): (&[Atom], i64) = match (divisor.terms.as_slice(), divisor.constant) {
            ([], 0) => return None,
            ([], c) => (&[], c),
            ([t], 0) => (&t.atoms, t.coefficient),
            _ => return (self == divisor).then(|| Dim::from(1)),
        };
        let mut out = Dim::from(0);
        for t in &self.terms {
            let mut left = t.atoms.clone();
            for a in atoms {
                left.remove(left.iter().position(|l| l == a)?);
            }
            if t.coefficient.checked_rem(by) != Some(0) {
                return None;
            }
            out = out + Dim::monomial(left, t.coefficient / by);
        }
        if self.constant != 0 {
            if !atoms.is_empty() || self.constant.checked_rem(by) != Some(0) {
                return None;
            }
            out = out + Dim { terms: Vec::new(), constant: self.constant / by };
        }
        Some(out)
    }

    /// The value under `bindings`.
    ///
    /// # Errors
    /// A symbol without a value, or a result that is negative or overflows.
    pub fn resolve(&self, bindings: &Bindings) -> Result<usize, Error> {
        let value = self.value(bindings)?;
        usize::try_from(value)
            .ok()
            .filter(|&v| v <= isize::MAX as usize)
            .ok_or_else(|| Error::Size { dim: self.clone(), value })
    }

    /// The value where every symbol is 1: what does not grow with them, and one of what does. `usize::MAX` if that overflows.
    pub fn at_one(&self) -> usize {
        let mut symbols = Vec::new();
        self.symbols(&mut symbols);
        let ones = symbols.into_iter().map(|name| (name, 1)).collect();
        self.resolve(&ones).unwrap_or(usize::MAX)
    }

    /// Whether this is a number below 0, whatever the symbols are.
    pub(crate) fn is_negative(&self) -> bool {
        self.terms.is_empty() && self.constant < 0
    }

    /// The product, unless it would have very many terms.
    pub(crate) fn product(&self, other: &Dim) -> Option<Dim> {
        let terms = |d: &Dim| d.terms.len() + 1;
        (terms(self) * terms(other) <= 4 * PARTS).then(|| self * other)
    }

    /// Whether the expression is so small that everything that is done with it is fast and shallow.
    pub(crate) fn is_simple(&self) -> bool {
        self.parts(PARTS).is_some()
    }

    /// What is left of so many parts (terms and atoms) without those of this expression.
    fn parts(&self, left: usize) -> Option<usize> {
        self.terms.iter().try_fold(left, |left, t| {
            t.atoms.iter().try_fold(left.checked_sub(1 + t.atoms.len())?, |left, a| match a {
                Atom::Symbol(_) => Some(left),
                Atom::Div(d, _) => d.parts(left),
            })
        })
    }

    /// The symbols that occur.
    pub fn symbols(&self, into: &mut Vec<String>) {
        for atom in self.terms.iter().flat_map(|t| &t.atoms) {
            match atom {
                Atom::Symbol(s) => into.push(s.to_string()),
                Atom::Div(d, _) => d.symbols(into),
            }
        }
    }

    fn value(&self, bindings: &Bindings) -> Result<i128, Error> {
        let overflow = || Error::Size { dim: self.clone(), value: i128::MAX };
        let mut sum = i128::from(self.constant);
        for t in &self.terms {
            let mut product = i128::from(t.coefficient);
            for a in &t.atoms {
                let v = match a {
                    Atom::Symbol(s) => *bindings
                        .get(&**s)
                        .ok_or_else(|| Error::Unbound { dim: self.clone(), symbol: s.to_string() })?
                        as i128,
                    Atom::Div(d, by) => d.value(bindings)?.div_euclid(i128::from(*by)),
                };
                product = product.checked_mul(v).ok_or_else(overflow)?;
            }
            sum = sum.checked_add(product).ok_or_else(overflow)?;
        }
        Ok(sum)
    }

    fn monomial(mut atoms: Vec<Atom>, coefficient: i64) -> Dim {
        if coefficient == 0 || atoms.is_empty() {
            return Dim { terms: Vec::new(), constant: coefficient };
        }
        atoms.sort();
        Dim { terms: vec![Term { atoms, coefficient }], constant: 0 }
    }

    fn add_term(&mut self, term: Term) {
        match self.terms.binary_search_by(|t| t.atoms.cmp(&term.atoms)) {
            Ok(i) => {
                let c = &mut self.terms[i].coefficient;
                *c = c.saturating_add(term.coefficient);
                if *c == 0 {
                    self.terms.remove(i);
                }
            }
            Err(i) => self.terms.insert(i, term),
        }
    }

    fn scale(&self, by: i64) -> Dim {
        self * &Dim { terms: Vec::new(), constant: by }
    }
}

impl From<usize> for Dim {
    fn from(n: usize) -> Dim {
        Dim { terms: Vec::new(), constant: i64::try_from(n).unwrap_or(i64::MAX) }
    }
}

impl From<&Dim> for Dim {
    fn from(d: &Dim) -> Dim {
        d.clone()
    }
}

impl Add<&Dim> for &Dim {
    type Output = Dim;
    fn add(self, other: &Dim) -> Dim {
        let mut out = self.clone();
        out.constant = out.constant.saturating_add(other.constant);
        for t in &other.terms {
            out.add_term(t.clone());
        }
        out
    }
}

impl Mul<&Dim> for &Dim {
    type Output = Dim;
    fn mul(self, other: &Dim) -> Dim {
        let mut out = Dim { terms: Vec::new(), constant: self.constant.saturating_mul(other.constant) };
        let one = |d: &Dim| Term { atoms: Vec::new(), coefficient: d.constant };
        for a in self.terms.iter().chain(std::iter::once(&one(self))) {
            for b in other.terms.iter().chain(std::iter::once(&one(other))) {
                let coefficient = a.coefficient.saturating_mul(b.coefficient);
                let mut atoms = [a.atoms.as_slice(), b.atoms.as_slice()].concat();
                if coefficient != 0 && !atoms.is_empty() {
                    atoms.sort();
                    out.add_term(Term { atoms, coefficient });
                }
            }
        }
        out
    }
}

impl Sub<&Dim> for &Dim {
    type Output = Dim;
    fn sub(self, other: &Dim) -> Dim {
        self + &other.scale(-1)
    }
}

macro_rules! by_value {
    ($($trait:ident $method:ident),*) => {$(
        impl $trait<Dim> for Dim {
            type Output = Dim;
            fn $method(self, other: Dim) -> Dim { (&self).$method(&other) }
        }
        impl $trait<&Dim> for Dim {
            type Output = Dim;
            fn $method(self, other: &Dim) -> Dim { (&self).$method(other) }
        }
        impl $trait<usize> for &Dim {
            type Output = Dim;
            fn $method(self, other: usize) -> Dim { self.$method(&Dim::from(other)) }
        }
        impl $trait<usize> for Dim {
            type Output = Dim;
            fn $method(self, other: usize) -> Dim { (&self).$method(&Dim::from(other)) }
        }
    )*};
}
by_value!(Add add, Sub sub, Mul mul);

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, t) in self.terms.iter().enumerate() {
            match (i, t.coefficient < 0) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            let size = t.coefficient.unsigned_abs();
            if size != 1 {
                write!(f, "{size}*")?;
            }
            for (j, a) in t.atoms.iter().enumerate() {
                f.write_str(if j == 0 { "" } else { "*" })?;
                match a {
                    Atom::Symbol(s) => f.write_str(s)?,
                    Atom::Div(d, by) => write!(f, "(({d})//{by})")?,
                }
            }
        }
        match (self.terms.is_empty(), self.constant) {
            (true, c) => write!(f, "{c}"),
            (false, 0) => Ok(()),
            (false, c) => write!(f, " {} {}", if c < 0 { '-' } else { '+' }, c.unsigned_abs()),
        }
    }
}

impl From<Dim> for String {
    fn from(d: Dim) -> String {
        d.to_string()
    }
}

impl TryFrom<String> for Dim {
    type Error = Error;
    fn try_from(s: String) -> Result<Dim, Error> {
        s.parse()
    }
}

/// Terms and atoms that a dimension may have: no dimension that a layer makes comes near.
const PARTS: usize = 256;
/// Nesting of parentheses that a text may have: a floor division, which prints two, has at least two parts.
const DEPTH: usize = PARTS;

impl FromStr for Dim {
    type Err = Error;

    /// Reads what [`Dim`] prints: `+`, `-`, `*`, `//` with a whole divisor, parentheses, symbols.
    fn from_str(s: &str) -> Result<Dim, Error> {
        let mut p = Parser { rest: s, depth: 0 };
        let d = p.sum()?;
        if p.rest.trim().is_empty() { Ok(d) } else { Err(p.error("unexpected text at the end")) }
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn error(&self, reason: &str) -> Error {
        let near: String = self.rest.chars().take(20).collect();
        Error::Parse { what: "dimension", line: 1, reason: format!("{reason}, near `{near}`") }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn bounded(&self, d: Option<Dim>) -> Result<Dim, Error> {
        d.filter(Dim::is_simple).ok_or_else(|| self.error("too many terms"))
    }

    fn sum(&mut self) -> Result<Dim, Error> {
        let mut out = if self.eat("-") { self.product()?.scale(-1) } else { self.product()? };
        loop {
            if self.eat("+") {
                out = out + self.product()?;
            } else if self.eat("-") {
                out = out - self.product()?;
            } else {
                return Ok(out);
            }
            out = self.bounded(Some(out))?;
        }
    }

    fn product(&mut self) -> Result<Dim, Error> {
        let mut out = self.atom()?;
        loop {
            if self.eat("//") {
                let by = self.atom()?.as_const().filter(|&n| n > 0);
                out = out.div_floor(by.ok_or_else(|| self.error("expected a positive number after `//`"))?);
            } else if self.eat("*") {
                let by = self.atom()?;
                out = self.bounded(out.product(&by))?;
            } else {
                return Ok(out);
            }
        }
    }

    fn atom(&mut self) -> Result<Dim, Error> {
        if self.eat("(") {
            self.depth += 1;
            if self.depth > DEPTH {
                return Err(self.error("parentheses nest too deeply"));
            }
            let d = self.sum()?;
            self.depth -= 1;
            return if self.eat(")") { Ok(d) } else { Err(self.error("expected `)`")) };
        }
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let dim = match word.chars().next() {
            None => return Err(self.error("expected a number or a symbol")),
            Some('0'..='9') => {
                let n = word.parse::<i64>().map_err(|_| self.error("expected a number below 2^63"))?;
                Dim { terms: Vec::new(), constant: n }
            }
            Some(_) => Dim::symbol(word),
        };
        self.rest = rest;
        Ok(dim)
    }
}
