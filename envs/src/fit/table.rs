//! A panel of choices as a wide comma-separated table: one line per choice, one column per attribute and alternative.

use super::Error;
use ndarray::Array3;
use std::collections::BTreeMap;
use std::io::BufRead;

/// The names of the two columns that are no attributes.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Who chooses: any text; lines of one chooser stand in the order of time.
    pub id: String,
    /// The alternative chosen.
    pub choice: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self { id: "id".into(), choice: "choice".into() }
    }
}

/// Choices with the attributes of every alternative at the time of the choice.
#[derive(Clone, Debug)]
pub struct ChoiceData {
    pub(super) attributes: Vec<String>,
    pub(super) alternatives: Vec<String>,
    /// By choice, alternative, attribute.
    pub(super) values: Array3<f64>,
    pub(super) chosen: Vec<usize>,
    /// What the same chooser took the time before.
    pub(super) last: Vec<Option<usize>>,
}

impl ChoiceData {
    /// Reads a table with the columns `id`, `choice` and `ATTRIBUTE.ALTERNATIVE` (split at the first dot), each
    /// attribute for each alternative. Columns of other names are ignored, among them an unnamed first column of row
    /// numbers; fields may be quoted; empty lines are skipped.
    pub fn read_csv(reader: impl BufRead) -> Result<Self, Error> {
        Self::read_csv_with(reader, &Columns::default())
    }

    /// The same with other names for the columns `id` and `choice`.
    pub fn read_csv_with(reader: impl BufRead, columns: &Columns) -> Result<Self, Error> {
        let mut lines = (1..).zip(reader.lines());
        let header = match lines.next() {
            Some((line, text)) => fields(text?.trim_start_matches('\u{feff}'), line)?,
            None => Vec::new(),
        };
        let layout = Layout::of(header, columns)?;
        let mut values = Vec::new();
        let mut chosen = Vec::new();
        let mut last = Vec::new();
        let mut latest = BTreeMap::new();
        for (line, text) in lines {
            let text = text?;
            if text.trim().is_empty() {
                continue;
            }
            let fields = fields(&text, line)?;
            if fields.len() != layout.header.len() {
                return Err(Error::FieldCount { line, found: fields.len(), expected: layout.header.len() });
            }
            for &column in &layout.cells {
                values.push(number(&fields[column]).ok_or_else(|| Error::Value {
                    line,
                    column: layout.header[column].clone(),
                    value: fields[column].clone(),
                })?);
            }
            let choice = &fields[layout.choice];
            let index = layout.alternatives.iter().position(|name| name == choice).ok_or_else(|| Error::Choice {
                line,
                column: columns.choice.clone(),
                value: choice.clone(),
                alternatives: layout.alternatives.join(", "),
            })?;
            chosen.push(index);
            last.push(latest.insert(fields[layout.id].clone(), index));
        }
        let shape = (chosen.len(), layout.alternatives.len(), layout.attributes.len());
        let values = Array3::from_shape_vec(shape, values).expect("every line gave one value per cell");
        Ok(Self { attributes: layout.attributes, alternatives: layout.alternatives, values, chosen, last })
    }

    /// The alternatives in the order of their first column.
    pub fn alternatives(&self) -> &[String] {
        &self.alternatives
    }

    /// Number of choices.
    pub fn choices(&self) -> usize {
        self.chosen.len()
    }
}

/// What the header says.
struct Layout {
    header: Vec<String>,
    id: usize,
    choice: usize,
    attributes: Vec<String>,
    alternatives: Vec<String>,
    /// The column of each attribute, alternative by alternative.
    cells: Vec<usize>,
}

impl Layout {
    fn of(header: Vec<String>, columns: &Columns) -> Result<Self, Error> {
        for (index, name) in header.iter().enumerate() {
            if !name.is_empty() && header[..index].contains(name) {
                return Err(Error::RepeatedColumn(name.clone()));
            }
        }
        let find = |column: &str| {
            header
                .iter()
                .position(|name| name == column)
                .ok_or_else(|| Error::MissingColumn { column: column.into(), header: header.join(", ") })
        };
        let (id, choice) = (find(&columns.id)?, find(&columns.choice)?);
        let (mut attributes, mut alternatives): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for (index, name) in header.iter().enumerate() {
            if let Some((attribute, alternative)) = name.split_once('.')
                && index != id
                && index != choice
            {
                for (known, found) in [(&mut attributes, attribute), (&mut alternatives, alternative)] {
                    if !known.iter().any(|name| name == found) {
                        known.push(found.into());
                    }
                }
            }
        }
        if alternatives.len() < 2 {
            return Err(Error::Alternatives(alternatives.join(", ")));
        }
        let mut cells = Vec::new();
        for alternative in &alternatives {
            for attribute in &attributes {
                cells.push(find(&format!("{attribute}.{alternative}"))?);
            }
        }
        Ok(Self { header, id, choice, attributes, alternatives, cells })
    }
}

fn number(field: &str) -> Option<f64> {
    field.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

/// The fields of one line; a quoted field may hold commas and doubled quotation marks, but no line break.
fn fields(line: &str, number: usize) -> Result<Vec<String>, Error> {
    let mut fields = Vec::new();
    let mut rest = line.trim_end_matches('\r');
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => closing(quoted).ok_or(Error::Quote { line: number })?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(fields),
            None => return Err(Error::Quote { line: number }),
        }
    }
}

/// The text up to the closing quotation mark, and what follows it.
fn closing(quoted: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (text, after) = rest.split_once('"')?;
        field.push_str(text);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Some((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ChoiceData, Error> {
        ChoiceData::read_csv(text.as_bytes())
    }

    /// Quotes, an unnamed first column, other columns, CRLF, empty lines and interleaved households.
    #[test]
    fn wide_tables_are_understood() {
        let text = "\"\",\"id\",note,\"price.a \"\"x\"\", y\",size.b,\"price.b\",\"size.a \"\"x\"\", y\",choice\r\n\
                    1,h,,1.5,30,-2e0,10,b\r\n\r\n2,k,,1,3,2,1,b\r\n3,h,\"p,q\",1,3,2,1,\"a \"\"x\"\", y\"\r\n";
        let data = read(text).unwrap();
        assert_eq!(data.alternatives(), ["a \"x\", y", "b"]);
        assert_eq!(data.attributes, ["price", "size"]);
        assert_eq!(data.choices(), 3);
        assert_eq!(data.values.as_slice().unwrap()[..4], [1.5, 10.0, -2.0, 30.0]);
        assert_eq!(data.chosen, [1, 1, 0]);
        assert_eq!(data.last, [None, None, Some(1)]);
    }

    /// Column names can be chosen.
    #[test]
    fn columns_can_be_named() {
        let columns = Columns { id: "who".into(), choice: "taken".into() };
        let data = ChoiceData::read_csv_with("who,p.a,p.b,taken\n1,1,2,a\n".as_bytes(), &columns).unwrap();
        assert_eq!(data.choices(), 1);
    }

    /// What is wrong is said with its place.
    #[test]
    fn errors_name_line_column_and_value() {
        let header = "id,p.a,p.b,choice\n";
        for (text, message) in [
            (String::new(), "no column `id`; the header has: "),
            ("id,p.a,p.b\n".into(), "no column `choice`; the header has: id, p.a, p.b"),
            ("id,p.a,p.b,q.a,choice\n".into(), "no column `q.b`; the header has: id, p.a, p.b, q.a, choice"),
            ("id,p.a,p.a,choice\n".into(), "column `p.a` stands twice in the header"),
            (
                "id,price,choice\n".into(),
                "a choice needs at least two alternatives; columns named ATTRIBUTE.ALTERNATIVE give: ",
            ),
            (format!("{header}1,2,3,a\n1,2,a\n"), "line 3 has 3 fields, the header has 4"),
            (format!("{header}1,2,cheap,a\n"), "line 2, column `p.b`: `cheap` is not a finite number"),
            (format!("{header}1,inf,2,a\n"), "line 2, column `p.a`: `inf` is not a finite number"),
            (format!("{header}1,2,3,c\n"), "line 2, column `choice`: `c` is no alternative; the header has: a, b"),
            (format!("{header}1,\"2,3,a\n"), "line 2: a quoted field does not end before the next comma"),
            (format!("{header}1,\"2\"0,3,a\n"), "line 2: a quoted field does not end before the next comma"),
        ] {
            assert_eq!(read(&text).unwrap_err().to_string(), message);
        }
    }
}
