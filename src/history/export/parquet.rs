//! One Parquet file of one table, by rows and without Arrow. The only user of `parquet` besides real data sets.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::{Map, Value};

use super::{columns, each_row};
use crate::history::{Filter, HistoryError, Store};

/// Rows that are held in memory until they are written as one group.
const GROUP: usize = 100_000;

/// Columns that hold numbers; all others are texts.
const DECIMALS: [&str; 3] = ["value", "threshold", "absolute_threshold"];
const INTEGERS: [&str; 2] = ["attempt", "gpus"];

pub(super) fn write(
    store: &mut dyn Store,
    filter: &Filter,
    out: &mut (dyn Write + Send),
) -> Result<usize, HistoryError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let schema = Arc::new(schema().map_err(|error| refused(&error))?);
    let mut writer = SerializedFileWriter::new(Out(out), schema, Arc::new(properties))
        .map_err(|error| refused(&error))?;
    let mut rows = Vec::new();
    let count = each_row(store, filter, &mut |row| {
        rows.push(row.columns());
        if rows.len() < GROUP {
            return Ok(());
        }
        write_group(&mut writer, &std::mem::take(&mut rows)).map_err(|error| refused(&error))
    })?;
    write_group(&mut writer, &rows).map_err(|error| refused(&error))?;
    writer.close().map_err(|error| refused(&error))?;
    Ok(count)
}

fn refused(error: &ParquetError) -> HistoryError {
    HistoryError::Reader(format!("write Parquet: {error}"))
}

/// Every column may be empty.
fn schema() -> Result<Type, ParquetError> {
    let field = |name: &&'static str| {
        let physical = match *name {
            name if DECIMALS.contains(&name) => Physical::DOUBLE,
            name if INTEGERS.contains(&name) => Physical::INT64,
            _ => Physical::BYTE_ARRAY,
        };
        let logical = (physical == Physical::BYTE_ARRAY).then_some(LogicalType::String);
        let built = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build();
        built.map(Arc::new)
    };
    let fields: Result<Vec<_>, _> = columns().iter().map(field).collect();
    Type::group_type_builder("samples").with_fields(fields?).build()
}

fn write_group(
    writer: &mut SerializedFileWriter<Out<'_>>,
    rows: &[Map<String, Value>],
) -> Result<(), ParquetError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut group = writer.next_row_group()?;
    for name in columns() {
        let there: Vec<&Value> = rows.iter().map(|row| &row[name]).collect();
        let levels: Vec<i16> = there.iter().map(|value| i16::from(!value.is_null())).collect();
        let values = there.into_iter().filter(|value| !value.is_null());
        let mut column = group.next_column()?.expect("as many columns as the schema has");
        match column.untyped() {
            ColumnWriter::DoubleColumnWriter(column) => {
                let values: Vec<f64> = values.filter_map(Value::as_f64).collect();
                column.write_batch(&values, Some(&levels), None)?;
            }
            ColumnWriter::Int64ColumnWriter(column) => {
                let values: Vec<i64> = values.filter_map(Value::as_i64).collect();
                column.write_batch(&values, Some(&levels), None)?;
            }
            ColumnWriter::ByteArrayColumnWriter(column) => {
                let text = |value: &Value| ByteArray::from(value.as_str().unwrap_or_default());
                let values: Vec<ByteArray> = values.map(text).collect();
                column.write_batch(&values, Some(&levels), None)?;
            }
            _ => unreachable!("the schema has three kinds of columns"),
        }
        column.close()?;
    }
    group.close().map(drop)
}

/// A writer that can be handed over.
struct Out<'a>(&'a mut (dyn Write + Send));

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
