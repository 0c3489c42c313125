//! What a cell's text says: a missing value, a number, a boolean, a date.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

/// The texts that stand for a missing value in every column, besides the empty cell.
pub const MISSING: [&str; 9] = ["NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?", ""];

/// A cell read as a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// A finite number.
    Finite(f64),
    /// `inf`, or more than a 64-bit float can hold.
    Infinite,
    /// Other text.
    Text,
}

/// Which cells of a column are missing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Markers<'a> {
    texts: &'a [String],
    numbers: Vec<f64>,
}

impl<'a> Markers<'a> {
    /// The column's own markers, besides [`MISSING`]. A marker that is a number stands for that number however it is
    /// written.
    pub(crate) fn new(texts: &'a [String]) -> Self {
        let numbers = texts
            .iter()
            .filter_map(|t| match number(t) {
                Number::Finite(x) => Some(x),
                Number::Infinite | Number::Text => None,
            })
            .collect();
        Self { texts, numbers }
    }

    /// The cell without blanks around it, or none where it is missing.
    pub(crate) fn present<'c>(&self, cell: &'c str) -> Option<&'c str> {
        let cell = cell.trim();
        if MISSING.contains(&cell) || self.texts.iter().any(|t| t == cell) {
            return None;
        }
        if !self.numbers.is_empty()
            && let Number::Finite(x) = number(cell)
            && self.numbers.contains(&x)
        {
            return None;
        }
        Some(cell)
    }
}

/// Reads a decimal number such as `5`, `+5`, `-0.5`, `.5` or `1e3`.
pub(crate) fn number(cell: &str) -> Number {
    match cell.parse::<f64>() {
        // The parser takes "nan" in any case; only some of its spellings are markers of missing values.
        Ok(x) if x.is_nan() => Number::Text,
        Ok(x) if x.is_infinite() => Number::Infinite,
        Ok(x) => Number::Finite(x),
        Err(_) => Number::Text,
    }
}

/// Reads true/false, yes/no, t/f, y/n in any case.
pub(crate) fn boolean(cell: &str) -> Option<bool> {
    const TRUE: [&str; 4] = ["true", "yes", "t", "y"];
    const FALSE: [&str; 4] = ["false", "no", "f", "n"];
    if TRUE.iter().any(|t| cell.eq_ignore_ascii_case(t)) {
        Some(true)
    } else if FALSE.iter().any(|t| cell.eq_ignore_ascii_case(t)) {
        Some(false)
    } else {
        None
    }
}

/// Reads a date `YYYY-MM-DD` or `YYYY/MM/DD`, alone or with a time `HH:MM[:SS[.fraction]]` after a blank or `T`. A time with an
/// offset (`Z`, `+02:00`) is taken to UTC.
pub(crate) fn date_time(cell: &str) -> Option<DateTime> {
    let bytes = cell.as_bytes();
    let digits = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_digit);
    if !(10..=40).contains(&bytes.len()) || !cell.is_ascii() {
        return None;
    }
    let separator = bytes[4];
    let separated = matches!(separator, b'-' | b'/') && bytes[7] == separator;
    if !(separated && digits(0..4) && digits(5..7) && digits(8..10)) {
        return None;
    }
    let dashed;
    let cell = if separator == b'/' {
        dashed = format!("{}-{}-{}", &cell[..4], &cell[5..7], &cell[8..]);
        &dashed
    } else {
        cell
    };
    if cell.len() == 10 {
        return cell.parse::<Date>().ok().map(|d| d.to_datetime(jiff::civil::Time::midnight()));
    }
    if !matches!(cell.as_bytes()[10], b' ' | b'T' | b't') {
        return None;
    }
    let time = &cell[11..];
    if time.ends_with(['Z', 'z']) || time.contains(['+', '-']) {
        return cell.parse::<Timestamp>().ok().map(|t| Offset::UTC.to_datetime(t));
    }
    cell.parse().ok()
}

/// Days since 1970-01-01, with the time of day as a fraction.
pub(crate) fn days(at: DateTime) -> f64 {
    let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    at.duration_since(epoch).as_secs_f64() / 86_400.0
}

/// The one spelling of a number as a class's name.
pub(crate) fn number_label(x: f64) -> String {
    // -0 and 0 are one class.
    format!("{}", x + 0.0)
}
