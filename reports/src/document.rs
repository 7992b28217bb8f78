//! A report as a sequence of blocks, which each format renders in its own way and in the same order.
//!
//! Texts are plain, except that `code` stands between backticks.

use crate::charts::Chart;
use crate::verdicts::Tick;

/// A part of a report.
#[derive(Debug, Clone)]
pub enum Block {
    /// A heading; level 1 is the title.
    Heading {
        /// 1 to 4.
        level: usize,
        /// The text.
        text: String,
    },
    /// A paragraph.
    Text(String),
    /// A caller's own text, in Markdown.
    Markdown(String),
    /// Points of a list.
    List(Vec<String>),
    /// Points that hold or do not.
    Ticks(Vec<Tick>),
    /// A table.
    Table(Table),
    /// A chart with its caption and its numbers.
    Figure {
        /// The chart.
        chart: Chart,
        /// What it shows and how to read it.
        caption: String,
        /// The numbers behind it.
        data: Table,
    },
    /// A command or a configuration, word for word.
    Code(String),
    /// What only some readers want to see.
    Details {
        /// What is inside.
        summary: String,
        /// The blocks inside.
        blocks: Vec<Block>,
    },
}

/// A table with a head line.
#[derive(Debug, Clone)]
pub struct Table {
    /// Names of the columns, with whether they hold numbers.
    pub columns: Vec<(String, bool)>,
    /// Rows of as many entries.
    pub rows: Vec<Vec<Entry>>,
}

/// An entry of a table.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// The text.
    pub text: String,
    /// Smaller lines below it.
    pub notes: Vec<String>,
    /// Whether it stands out.
    pub strong: bool,
}

impl Table {
    /// A table without rows. A name that starts with `#` is that of a column of numbers.
    pub fn new(columns: &[&str]) -> Self {
        let column = |name: &&str| (name.trim_start_matches('#').to_owned(), name.starts_with('#'));
        Self { columns: columns.iter().map(column).collect(), rows: Vec::new() }
    }

    /// The table with another row.
    pub fn push(&mut self, entries: impl IntoIterator<Item = impl Into<Entry>>) {
        self.rows.push(entries.into_iter().map(Into::into).collect());
    }
}

impl From<String> for Entry {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// The text with its code between backticks, if it may hold characters that mean something else otherwise.
pub fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('\n', " "))
}

/// Splits a text at its backticks: (part, whether it is code).
pub fn spans(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.split('`').enumerate().map(|(index, part)| (part, index % 2 == 1)).filter(|(part, _)| !part.is_empty())
}

/// Markdown whose headings lie `levels` deeper, so that a page of its own fits into a section. Lines inside fenced
/// code stay as they are.
pub fn demoted(markdown: &str, levels: usize) -> String {
    let mut fenced = false;
    let mut text = String::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let marks = line.bytes().take_while(|byte| *byte == b'#').count();
        if !fenced && (1..=6).contains(&marks) && line[marks..].starts_with(' ') {
            let deeper = if marks + levels > 6 { 6 } else { marks + levels };
            text.push_str(&"#".repeat(deeper));
            text.push_str(&line[marks..]);
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page's own headings move down, comments in its code do not.
    #[test]
    fn headings_of_a_page_move_down() {
        let page = "# World\ntext #1\n```sh\n# comment\n```\n##### deep\n#[attribute]";
        assert_eq!(demoted(page, 3), "#### World\ntext #1\n```sh\n# comment\n```\n###### deep\n#[attribute]\n");
    }
}
