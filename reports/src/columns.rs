//! Comma-separated tables with named columns, read line by line: only what the caller keeps stays in memory.

use std::io::BufRead;

/// Why a table could not be used. Lines count from 1, the header's.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The source could not be read to its end.
    #[error("cannot read the table")]
    Read(#[from] std::io::Error),
    /// There is nothing below the header.
    #[error("the table has no lines below its header")]
    Empty,
    /// A header without a column that is needed.
    #[error("no column `{column}`; the header has: {header}")]
    MissingColumn {
        /// The column looked for.
        column: String,
        /// The columns there are.
        header: String,
    },
    /// The same column name twice.
    #[error("column `{0}` stands twice in the header")]
    RepeatedColumn(String),
    /// A line with too few or too many fields.
    #[error("line {line} has {found} fields, the header has {expected}")]
    FieldCount {
        /// The line.
        line: u64,
        /// Its fields.
        found: usize,
        /// The header's fields.
        expected: usize,
    },
    /// A quotation mark that is not closed on its line, or text after a closing one.
    #[error("line {line}: a quoted field does not end before the next comma")]
    Quote {
        /// The line.
        line: u64,
    },
    /// A field that is not what its column needs.
    #[error("line {line}, column `{column}`: `{value}` {problem}")]
    Value {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// Lines that are right by themselves and do not fit together.
    #[error("line {line}: {problem}")]
    Line {
        /// The line.
        line: u64,
        /// What does not fit, and what would.
        problem: String,
    },
    /// A table that is whole and cannot be used.
    #[error("{0}")]
    Content(String),
}

/// A table being read.
#[derive(Debug)]
pub struct Rows<R> {
    source: R,
    header: Vec<String>,
    text: String,
    /// Where each field of the current line ends up: its text, without quotes.
    fields: Vec<String>,
    line: u64,
}

impl<R: BufRead> Rows<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`TableError::Read`], [`TableError::Line`] for bytes that are no text, [`TableError::Quote`],
    /// [`TableError::RepeatedColumn`].
    pub fn new(source: R) -> Result<Self, TableError> {
        let mut rows = Rows { source, header: Vec::new(), text: String::new(), fields: Vec::new(), line: 0 };
        rows.read_line()?;
        if rows.text.trim().is_empty() {
            return Err(TableError::Line { line: 1, problem: "there is nothing; it must name the columns".into() });
        }
        rows.split(rows.text.starts_with('\u{feff}'))?;
        rows.header = std::mem::take(&mut rows.fields);
        for (index, name) in rows.header.iter().enumerate() {
            if !name.is_empty() && rows.header[..index].contains(name) {
                return Err(TableError::RepeatedColumn(name.clone()));
            }
        }
        Ok(rows)
    }

    /// Names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Place of a column, if there is such.
    pub fn find(&self, column: &str) -> Option<usize> {
        self.header.iter().position(|name| name == column)
    }

    /// Place of a column.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`].
    pub fn column(&self, column: &str) -> Result<usize, TableError> {
        let missing = || TableError::MissingColumn { column: column.into(), header: self.header.join(", ") };
        self.find(column).ok_or_else(missing)
    }

    /// Places of the columns `prefix` + 0, 1, 2, …, as many as there are.
    ///
    /// # Errors
    /// [`TableError::Content`] for a number that is left out.
    pub fn numbered(&self, prefix: &str) -> Result<Vec<usize>, TableError> {
        let places: Vec<usize> = (0..).map_while(|number: u32| self.find(&format!("{prefix}{number}"))).collect();
        let beyond = |name: &&String| {
            let number = name.strip_prefix(prefix).and_then(|digits| digits.parse::<usize>().ok());
            number.is_some_and(|number| number > places.len() && **name == format!("{prefix}{number}"))
        };
        match self.header.iter().find(beyond) {
            None => Ok(places),
            Some(name) => Err(TableError::Content(format!(
                "there is a column `{name}` and no column `{prefix}{}`; number them 0, 1, 2, … without a gap",
                places.len()
            ))),
        }
    }

    /// Goes to the next line that is not empty; whether there is one.
    ///
    /// # Errors
    /// [`TableError::Read`], [`TableError::Line`] for bytes that are no text, [`TableError::Quote`],
    /// [`TableError::FieldCount`].
    pub fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            if !self.read_line()? {
                return Ok(false);
            }
            if self.text.trim().is_empty() {
                continue;
            }
            self.split(false)?;
            let (found, expected) = (self.fields.len(), self.header.len());
            return if found == expected {
                Ok(true)
            } else {
                Err(TableError::FieldCount { line: self.line, found, expected })
            };
        }
    }

    /// Number of the current line.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Text of a column in the current line.
    pub fn text(&self, column: usize) -> &str {
        &self.fields[column]
    }

    /// A finite number.
    ///
    /// # Errors
    /// [`TableError::Value`].
    pub fn number(&self, column: usize) -> Result<f64, TableError> {
        let value = self.fields[column].trim().parse().ok().filter(|value: &f64| value.is_finite());
        value.ok_or_else(|| self.wrong(column, "is not a finite number"))
    }

    /// A number from 0 to 1.
    ///
    /// # Errors
    /// [`TableError::Value`].
    pub fn probability(&self, column: usize) -> Result<f64, TableError> {
        let value = self.number(column)?;
        if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(self.wrong(column, "is not between 0 and 1")) }
    }

    /// A whole number below `end`.
    ///
    /// # Errors
    /// [`TableError::Value`].
    pub fn index(&self, column: usize, end: u64) -> Result<u64, TableError> {
        let value = self.fields[column].trim().parse().ok().filter(|value: &u64| *value < end);
        value.ok_or_else(|| self.wrong(column, &format!("is not a whole number below {end}")))
    }

    /// The error of a field.
    pub fn wrong(&self, column: usize, problem: &str) -> TableError {
        let (column, value) = (self.header[column].clone(), self.fields[column].clone());
        TableError::Value { line: self.line, column, value, problem: problem.into() }
    }

    fn read_line(&mut self) -> Result<bool, TableError> {
        // The buffer goes there and back as bytes, because `read_line` cannot tell broken text from a broken source.
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.clear();
        self.line += 1;
        let read = self.source.read_until(b'\n', &mut bytes)?;
        self.text = String::from_utf8(bytes).map_err(|error| {
            let (byte, place) =
                (error.as_bytes()[error.utf8_error().valid_up_to()], error.utf8_error().valid_up_to() + 1);
            let problem = format!("byte {place}, 0x{byte:02x}, is not UTF-8; save the table as UTF-8");
            TableError::Line { line: self.line, problem }
        })?;
        Ok(read > 0)
    }

    /// Splits the current line; a quoted field may hold commas and doubled quotation marks, but no line break.
    fn split(&mut self, skip_mark: bool) -> Result<(), TableError> {
        let mut rest = self.text.trim_end_matches(['\n', '\r']);
        rest = if skip_mark { rest.trim_start_matches('\u{feff}') } else { rest };
        for count in 0.. {
            if self.fields.len() == count {
                self.fields.push(String::new());
            }
            let field = &mut self.fields[count];
            field.clear();
            let after = match rest.strip_prefix('"') {
                Some(quoted) => unquoted(quoted, field).ok_or(TableError::Quote { line: self.line })?,
                None => {
                    let end = rest.find(',').unwrap_or(rest.len());
                    field.push_str(&rest[..end]);
                    &rest[end..]
                }
            };
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None if after.is_empty() => {
                    self.fields.truncate(count + 1);
                    break;
                }
                None => return Err(TableError::Quote { line: self.line }),
            }
        }
        Ok(())
    }
}

/// Appends the text up to the closing quotation mark to `field`, and returns what follows the mark.
fn unquoted<'a>(quoted: &'a str, field: &mut String) -> Option<&'a str> {
    let mut rest = quoted;
    loop {
        let (text, after) = rest.split_once('"')?;
        field.push_str(text);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Some(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte order mark, quotes, CRLF, empty lines and a last line without an end.
    #[test]
    fn tables_are_understood() {
        let text = "\u{feff}name,\"q_0\",q_1,\"a \"\"b\"\", c\"\r\n\r\n\"x, y\",1, 2 ,\n  \nz,0.5,-1e3,w";
        let mut rows = Rows::new(text.as_bytes()).unwrap();
        assert_eq!(rows.header(), ["name", "q_0", "q_1", "a \"b\", c"]);
        assert_eq!((rows.numbered("q_").unwrap(), rows.column("name").unwrap()), (vec![1, 2], 0));
        assert!(rows.advance().unwrap());
        assert_eq!((rows.text(0), rows.number(2).unwrap(), rows.line()), ("x, y", 2.0, 3));
        assert!(rows.advance().unwrap());
        assert_eq!((rows.number(2).unwrap(), rows.text(3), rows.line()), (-1000.0, "w", 5));
        assert!(!rows.advance().unwrap());
    }

    /// What is wrong is said with its place.
    #[test]
    fn errors_name_line_column_and_value() {
        let message = |text: &str| -> String {
            let read = || -> Result<(), TableError> {
                let mut rows = Rows::new(text.as_bytes())?;
                let (a, p) = (rows.column("a")?, rows.column("p")?);
                while rows.advance()? {
                    rows.index(a, 3)?;
                    rows.probability(p)?;
                }
                Ok(())
            };
            read().unwrap_err().to_string()
        };
        assert_eq!(message(""), "line 1: there is nothing; it must name the columns");
        assert_eq!(message("\na,p\n"), "line 1: there is nothing; it must name the columns");
        assert_eq!(message("a,b\n"), "no column `p`; the header has: a, b");
        assert_eq!(message("a,p,a\n"), "column `a` stands twice in the header");
        assert_eq!(message("a,p\n1,1\n1\n"), "line 3 has 1 fields, the header has 2");
        assert_eq!(message("a,p\n3,1\n"), "line 2, column `a`: `3` is not a whole number below 3");
        assert_eq!(message("a,p\n-1,1\n"), "line 2, column `a`: `-1` is not a whole number below 3");
        assert_eq!(message("a,p\n1,NaN\n"), "line 2, column `p`: `NaN` is not a finite number");
        assert_eq!(message("a,p\n1,many\n"), "line 2, column `p`: `many` is not a finite number");
        assert_eq!(message("a,p\n1,1.5\n"), "line 2, column `p`: `1.5` is not between 0 and 1");
        assert_eq!(message("a,p\n1,\"0\n"), "line 2: a quoted field does not end before the next comma");
    }

    /// Text that is no UTF-8 is refused with its line, also in the header; so is a source that breaks, with its cause told
    /// once along the chain.
    #[test]
    fn bytes_that_are_no_text_are_refused_with_their_line() {
        let mut rows = Rows::new(&b"a\n1\nb\xe9\n"[..]).unwrap();
        assert!(rows.advance().unwrap());
        let expected = "line 3: byte 2, 0xe9, is not UTF-8; save the table as UTF-8";
        assert_eq!(rows.advance().unwrap_err().to_string(), expected);
        let expected = "line 1: byte 1, 0xff, is not UTF-8; save the table as UTF-8";
        assert_eq!(Rows::new(&b"\xff\n"[..]).unwrap_err().to_string(), expected);
        let broken = TableError::from(std::io::Error::other("the disk is gone"));
        let cause = std::error::Error::source(&broken).map(ToString::to_string);
        assert_eq!(
            (broken.to_string().as_str(), cause.as_deref()),
            ("cannot read the table", Some("the disk is gone"))
        );
    }

    /// Columns that are counted have no gap; names that only look like numbers are other columns.
    #[test]
    fn numbered_columns_have_no_gap() {
        let numbered = |header: &str| Rows::new(header.as_bytes()).unwrap().numbered("q_");
        assert_eq!(numbered("q_1,q_0,q_a,q_01,q_,q_-3").unwrap(), [1, 0]);
        for (header, has, lacks) in [("q_0,q_2", 2, 1), ("q_1", 1, 0), ("q_0,q_1,q_5", 5, 2)] {
            let refused = numbered(header).unwrap_err().to_string();
            assert!(
                refused.starts_with(&format!("there is a column `q_{has}` and no column `q_{lacks}`;")),
                "{refused}"
            );
        }
    }
}
