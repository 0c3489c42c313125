//! One test binary: the crate's behaviour from outside.

mod baseline;
mod read;
mod schema;
mod sketch;
mod split;

use nervure_data::{Delimiter, Problem, Result, Schema, SchemaOptions, Split, Table};

/// The table of this CSV text.
fn csv(text: &str) -> Table {
    read(text).unwrap()
}

fn read(text: &str) -> Result<Table> {
    Table::from_reader("t.csv", text.as_bytes(), Delimiter::Comma)
}

/// The schema of a table of training rows alone.
fn fit(table: &Table, options: &SchemaOptions) -> Result<Schema> {
    Schema::fit(table, &Problem::new(table, options)?, &Split::all(table))
}

fn options(target: &str) -> SchemaOptions {
    SchemaOptions { targets: vec![target.into()], ..Default::default() }
}

/// CSV text of a header and `rows` rows made by `row`.
fn rows(header: &str, rows: usize, row: impl Fn(usize) -> String) -> String {
    let mut text = format!("{header}\n");
    for i in 0..rows {
        text.push_str(&row(i));
        text.push('\n');
    }
    text
}
