//! A table with a header.
use super::{Cell, Columns, Transition, Writer};
use std::{fmt::Write as _, io};

/// Numbers are written in the shortest form that reads back as the same, flags as 0 and 1.
pub(super) struct Csv<'a> {
    out: &'a mut (dyn io::Write + Send),
}

impl<'a> Csv<'a> {
    pub(super) fn new(columns: Columns, out: &'a mut (dyn io::Write + Send)) -> io::Result<Self> {
        let names: Vec<String> = columns.columns.into_iter().map(|(name, _)| name).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(Csv { out })
    }
}

impl Writer for Csv<'_> {
    type Episode = String;

    fn add(&self, transition: &Transition<'_>, episode: &mut String) {
        for (at, cell) in Columns::cells(transition).enumerate() {
            if at > 0 {
                episode.push(',');
            }
            // Writing to a String cannot fail.
            let _ = match cell {
                Cell::Index(number) => write!(episode, "{number}"),
                Cell::Real(number) => write!(episode, "{number}"),
                Cell::Chance(number) => write!(episode, "{number}"),
                Cell::Flag(flag) => write!(episode, "{}", u8::from(flag)),
            };
        }
        episode.push('\n');
    }

    fn write(&mut self, episode: String) -> io::Result<()> {
        self.out.write_all(episode.as_bytes())
    }

    fn finish(self) -> io::Result<()> {
        self.out.flush()
    }
}
