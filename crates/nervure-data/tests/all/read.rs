//! Reading: what is accepted, and each way to be refused.

use nervure_data::{BadRow, Delimiter, Limits, Table, TableReader};
use proptest::prelude::*;

use crate::{csv, read};

/// The rows' cells.
fn cells(table: &Table) -> Vec<Vec<&str>> {
    (0..table.rows()).map(|r| table.columns().iter().map(|c| c.get(r)).collect()).collect()
}

fn check(text: &str, expected: &[&[&str]]) {
    assert_eq!(cells(&csv(text)), expected, "{text:?}");
}

fn refused(text: impl AsRef<[u8]>, sentence: &str) {
    let error = Table::from_reader("t.csv", text.as_ref(), Delimiter::Comma).unwrap_err();
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn accepted_forms() {
    check("a,b\n1,2\n3,4\n", &[&["1", "2"], &["3", "4"]]);
    check("a,b\r\n1,2\r\n3,4", &[&["1", "2"], &["3", "4"]]);
    check("a,b\r1,2\r", &[&["1", "2"]]);
    check("\u{feff}a,b\n1,2\n", &[&["1", "2"]]);
    assert_eq!(csv("\u{feff}a,b\n1,2\n").columns()[0].name(), "a");
    check("a,b\n\"x, y\",\"say \"\"so\"\"\"\n", &[&["x, y", "say \"so\""]]);
    check("a,b\n\"two\nlines\", \"padded\" \n", &[&["two\nlines", "padded"]]);
    check("a,b\n  x  , \" y \"\n", &[&["x", " y "]]);
    check("a,b\n5\" pipe,2\n", &[&["5\" pipe", "2"]]);
    check("a,b\n\n1,\n\n\n,2\n\n", &[&["1", ""], &["", "2"]]);
    check("a\n1\n\"\"\n2\n", &[&["1"], &[""], &["2"]]);
    check("a;b\n1\n2\n", &[&["1"], &["2"]]);
    check("\"a;b\"\n1;2\n", &[&["1;2"]]);
    check("größe,ß\nä,é\n", &[&["ä", "é"]]);
}

#[test]
fn tabs() {
    let table =
        Table::from_reader("t.tsv", "a\tb\n1,5\t \"x\ty\"\n\t2\n".as_bytes(), Delimiter::Tab).unwrap();
    assert_eq!(cells(&table), [["1,5", "x\ty"], ["", "2"]]);
}

#[test]
fn refusals_name_line_and_column() {
    refused("a,b\n1,2\n3\n", "t.csv, line 3: expected 2 fields as in the header, received 1");
    refused("a,b\n1,2,3\n", "t.csv, line 2: expected 2 fields as in the header, received 3");
    refused(
        "a,b\n1,2\n\"x\ny\",3\n4,\"5\n6,7\n",
        "t.csv, line 5, column 2 'b': the quote that opens here is never closed",
    );
    refused(
        "a,b\n1,\"2\"3\n",
        "t.csv, line 2, column 2 'b': expected a delimiter or the line's end after the closing quote, received '3'",
    );
    refused(b"a,b\n1,\xe9\n", "t.csv, line 2, column 2 'b': expected UTF-8 text, received the byte 0xe9");
    refused(b"a,\xff\n", "t.csv, line 1, column 2: expected UTF-8 text, received the byte 0xff");
    refused("a,b\n1,2\0\n", "t.csv, line 2, column 2 'b': the text holds a NUL byte");
    refused(
        "\na;b\n1;2\n",
        "t.csv, line 2, column 1: expected names separated by commas, received one name that holds semicolons",
    );
    refused("", "t.csv: the file is empty");
    refused("\n\n", "t.csv: the file is empty");
    refused("\u{feff}", "t.csv: the file is empty");
    refused("a,b\n", "t.csv: there is a header but no row below it");
    refused("a,b,a\n1,2,3\n", "t.csv, line 1, column 3 'a': columns 1 and 3 have the same name");
    refused(",b\n1,2\n", "t.csv, line 1, column 1: the column has no name in the header");
}

#[test]
fn other_formats_are_named() {
    let name = |bytes: &[u8], found: &str| {
        refused(
            bytes,
            &format!("t.csv: expected text by the file's name, received {found} by its first bytes"),
        );
    };
    name(b"PK\x03\x04rest", "a zip archive (an .xlsx workbook is one)");
    name(b"PAR1\x15\x04", "a Parquet file");
    name(b"\x1f\x8b\x08", "a gzip file");
    name(b"\x89HDF\r\n\x1a\n", "an HDF5 file");
    name(b"\xff\xfea\0", "UTF-16 text");
    // The letters alone are no reason to refuse a header.
    assert_eq!(csv("PAR1,BZh\n1,2\n").rows(), 1);
}

#[test]
fn files_are_told_by_extension() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tsv");
    std::fs::write(&path, "a\tb\n1\t2\n").unwrap();
    assert_eq!(Table::read(&path).unwrap().rows(), 1);
    let error = Table::read("x.txt").unwrap_err().to_string();
    assert_eq!(error, "x.txt: expected a table ending in .csv or .tsv, received '.txt'");
    let error = Table::read("absent.csv").unwrap_err().to_string();
    assert!(error.starts_with("absent.csv: "), "{error}");
}

#[test]
fn bounds_hold() {
    let limits = |limits: Limits, text: &str| {
        let read = TableReader::new().limits(limits).from_reader("t.csv", text.as_bytes(), Delimiter::Comma);
        read.unwrap_err().to_string()
    };
    let default = Limits::default();
    assert_eq!(
        limits(Limits { bytes: 5, ..default }, "a,b\n1,2\n"),
        "t.csv: bytes are limited to 5, received 6"
    );
    assert_eq!(
        limits(Limits { columns: 2, ..default }, "a,b,c,d\n"),
        "t.csv: columns are limited to 2, received 4"
    );
    assert_eq!(
        limits(Limits { cells: 3, ..default }, "a,b\n1,2\n3,4\n"),
        "t.csv: cells are limited to 3, received 4"
    );
}

#[test]
fn bad_rows_can_be_passed_over() {
    let read = |text: &[u8]| {
        let (table, bad) =
            TableReader::new().skip_bad_rows(true).from_reader("t.csv", text, Delimiter::Comma).unwrap();
        let lines: Vec<String> = bad.iter().map(|BadRow { at, .. }| at.to_string()).collect();
        (cells(&table).iter().map(|r| r.join("|")).collect::<Vec<_>>(), lines)
    };
    let (rows, bad) = read(b"a,b\n1,2\n3\n4,\xff\n5,6\n7,8\0\n9,10\n");
    assert_eq!(rows, ["1|2", "5|6", "9|10"]);
    assert_eq!(bad, ["line 3", "line 4", "line 6"]);
    // A quote that is never closed costs its own line only.
    let (rows, bad) = read(b"a,b\n1,\"2\n3,4\n5,6\n");
    assert_eq!(rows, ["3|4", "5|6"]);
    assert_eq!(bad, ["line 2"]);
    // Of a row over several lines the first is named.
    let (rows, bad) = read(b"a,b\n1,2\n\n\"x\ny\"z,4\n5,6\n");
    assert_eq!((rows, bad), (vec!["1|2".into(), "5|6".into()], vec!["line 4".into()]));
    let (rows, bad) = read(b"a,b\n\xff,\"x\ny,7\"\n5,6\n");
    assert_eq!((rows, bad), (vec!["5|6".into()], vec!["line 2".into()]));
    assert_eq!(read(b"a,b\n1\n"), (vec![], vec!["line 2".into()]));
    // The table that remains knows its lines.
    let (table, _) = TableReader::new()
        .skip_bad_rows(true)
        .from_reader("t.csv", "a\n1,2\n3\n".as_bytes(), Delimiter::Comma)
        .unwrap();
    assert_eq!(table.place(0, 0).to_string(), "t.csv, line 3, column 1 'a'");
}

#[test]
fn ten_thousand_columns() {
    let header: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
    let row = vec!["0.5"; 10_000].join(",");
    let mut text = header.join(",");
    for _ in 0..20 {
        text.push('\n');
        text.push_str(&row);
    }
    let table = csv(&text);
    assert_eq!((table.columns().len(), table.rows()), (10_000, 20));
    assert_eq!(table.column("c9999").unwrap().get(19), "0.5");
}

#[test]
fn rows_from_process() {
    let table = Table::from_rows("request", ["a", "b"], [["1", ""], ["2", "x"]]).unwrap();
    assert_eq!(cells(&table), [["1", ""], ["2", "x"]]);
    assert_eq!(table.place(1, 0).to_string(), "request, row 2, column 1 'a'");
    let error = Table::from_rows("request", ["a", "b"], [vec!["1"]]).unwrap_err();
    assert_eq!(error.to_string(), "request, row 1: expected 2 fields as in the header, received 1");
}

/// What the `csv` crate reads, trimmed as unquoted fields are here; it knows nothing of quoted blanks, so there are none.
fn by_csv_crate(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b' '), Just(b'a'), any::<u8>()],
            0..200,
        ),
        skip in any::<bool>(),
    ) {
        let reader = TableReader::new().skip_bad_rows(skip);
        for delimiter in [Delimiter::Comma, Delimiter::Tab] {
            if let Ok((table, _)) = reader.from_reader("t", &bytes[..], delimiter) {
                prop_assert!(table.columns().iter().all(|c| c.len() == table.rows()));
            }
        }
    }

    #[test]
    fn agrees_with_the_csv_crate(
        rows in proptest::collection::vec(proptest::collection::vec("[a-c,\"\n]{0,4}", 3), 1..8)
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["x", "y", "z"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let table = read(&text).unwrap();
        prop_assert_eq!(cells(&table), by_csv_crate(&text));
    }

    #[test]
    fn what_is_written_is_read_again(
        names in proptest::collection::hash_set("[^\\x00]{1,6}", 1..5),
        seed in proptest::collection::vec("[^\\x00]{0,6}|[ ,\"\n\r\t]{0,4}", 20),
        tab in any::<bool>(),
    ) {
        let delimiter = if tab { Delimiter::Tab } else { Delimiter::Comma };
        let width = names.len();
        let columns = names.into_iter().enumerate().map(|(i, name)| (name, seed.iter().skip(i).step_by(width)));
        let columns: Vec<(String, Vec<&String>)> = columns.map(|(n, c)| (n, c.take(20 / width).collect())).collect();
        let table = Table::from_columns("t", columns).unwrap();
        let mut text = Vec::new();
        table.write(&mut text, delimiter).unwrap();
        let again = Table::from_reader("t", &text[..], delimiter).unwrap();
        prop_assert_eq!(cells(&again), cells(&table));
        let names = |t: &Table| t.columns().iter().map(|c| c.name().to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(names(&again), names(&table));
    }
}
