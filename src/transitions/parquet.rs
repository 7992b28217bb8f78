//! Columns in binary, read by pandas, polars, DuckDB and Spark: <https://parquet.apache.org>.
use super::{Cell, Columns, Kind, Transition, Writer};
use parquet::{
    basic::{Compression, LogicalType, Repetition, Type as Physical},
    data_type::{BoolType, DoubleType, FloatType, Int32Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};
use std::{io, sync::Arc};

/// Whole episodes are gathered until there are so many lines, which then are one row group.
const GROUP: usize = 1 << 16;

pub(super) struct Parquet<'a> {
    file: SerializedFileWriter<&'a mut (dyn io::Write + Send)>,
    kinds: Vec<Kind>,
    group: Lines,
}

/// Lines by column; empty before the first.
#[derive(Clone, Default)]
pub(super) struct Lines {
    columns: Vec<Values>,
}

#[derive(Clone)]
enum Values {
    Index(Vec<i32>),
    Real(Vec<f32>),
    Chance(Vec<f64>),
    Flag(Vec<bool>),
}

impl Values {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Index => Values::Index(Vec::new()),
            Kind::Real => Values::Real(Vec::new()),
            Kind::Chance => Values::Chance(Vec::new()),
            Kind::Flag => Values::Flag(Vec::new()),
        }
    }

    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            // The format has no other unsigned numbers: the bits of a signed one, with the logical type of the schema.
            (Values::Index(values), Cell::Index(value)) => values.push(value.cast_signed()),
            (Values::Real(values), Cell::Real(value)) => values.push(value),
            (Values::Chance(values), Cell::Chance(value)) => values.push(value),
            (Values::Flag(values), Cell::Flag(value)) => values.push(value),
            _ => unreachable!("columns and cells have one order"),
        }
    }

    fn append(&mut self, more: &mut Values) {
        match (self, more) {
            (Values::Index(values), Values::Index(more)) => values.append(more),
            (Values::Real(values), Values::Real(more)) => values.append(more),
            (Values::Chance(values), Values::Chance(more)) => values.append(more),
            (Values::Flag(values), Values::Flag(more)) => values.append(more),
            _ => unreachable!("episodes have the same columns"),
        }
    }

    fn len(&self) -> usize {
        match self {
            Values::Index(values) => values.len(),
            Values::Real(values) => values.len(),
            Values::Chance(values) => values.len(),
            Values::Flag(values) => values.len(),
        }
    }
}

impl<'a> Parquet<'a> {
    pub(super) fn new(columns: Columns, out: &'a mut (dyn io::Write + Send)) -> io::Result<Self> {
        let field = |(name, kind): &(String, Kind)| {
            let (physical, logical) = match kind {
                Kind::Index => (Physical::INT32, Some(LogicalType::integer(32, false))),
                Kind::Real => (Physical::FLOAT, None),
                Kind::Chance => (Physical::DOUBLE, None),
                Kind::Flag => (Physical::BOOLEAN, None),
            };
            let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
            field.with_logical_type(logical).build().map(Arc::new)
        };
        let fields = columns.columns.iter().map(field).collect::<Result<_, _>>().map_err(failed)?;
        let schema = Type::group_type_builder("transitions").with_fields(fields).build().map_err(failed)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        let kinds = columns.columns.into_iter().map(|(_, kind)| kind).collect();
        Ok(Parquet { file, kinds, group: Lines::default() })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for values in std::mem::take(&mut self.group).columns {
            let Some(mut column) = group.next_column()? else { break };
            match &values {
                Values::Index(values) => column.typed::<Int32Type>().write_batch(values, None, None)?,
                Values::Real(values) => column.typed::<FloatType>().write_batch(values, None, None)?,
                Values::Chance(values) => column.typed::<DoubleType>().write_batch(values, None, None)?,
                Values::Flag(values) => column.typed::<BoolType>().write_batch(values, None, None)?,
            };
            column.close()?;
        }
        group.close().map(|_| ())
    }
}

impl Writer for Parquet<'_> {
    type Episode = Lines;

    fn add(&self, transition: &Transition<'_>, episode: &mut Lines) {
        if episode.columns.is_empty() {
            episode.columns = self.kinds.iter().copied().map(Values::of).collect();
        }
        Columns::cells(transition).zip(&mut episode.columns).for_each(|(cell, values)| values.push(cell));
    }

    fn write(&mut self, mut episode: Lines) -> io::Result<()> {
        if self.group.columns.is_empty() {
            self.group = episode;
        } else {
            self.group.columns.iter_mut().zip(&mut episode.columns).for_each(|(values, more)| values.append(more));
        }
        match self.group.columns.first().map_or(0, Values::len) {
            0..GROUP => Ok(()),
            _ => self.write_group().map_err(failed),
        }
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.group.columns.is_empty() {
            self.write_group().map_err(failed)?;
        }
        self.file.close().map(|_| ()).map_err(failed)
    }
}

/// What the writer reports is the failure of what it writes to, most of the time.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}
