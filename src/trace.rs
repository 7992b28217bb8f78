//! What every update of a trial looked like from inside: a CSV file with a line for each round of learning.
use agents::Trace;
use std::{
    fs::File,
    io::{BufWriter, Result, Write},
    path::Path,
};

const HEADINGS: &str = "update,loss,mean_q,max_q,gradient_norm,effective_sample,greedy";

/// The file, while a trial writes it.
pub struct TraceFile {
    out: BufWriter<File>,
    written: u64,
}

impl TraceFile {
    /// The file at `path`; what an earlier part of the trial wrote up to its update `updates` stays.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path, updates: u64) -> Result<Self> {
        let before = std::fs::read_to_string(path).unwrap_or_default();
        let update = |line: &str| line.split(',').next().and_then(|cell| cell.parse::<u64>().ok());
        let mut out = BufWriter::new(File::create(path)?);
        writeln!(out, "{HEADINGS}")?;
        for line in before.lines().filter(|line| update(line).is_some_and(|update| update <= updates)) {
            writeln!(out, "{line}")?;
        }
        Ok(TraceFile { out, written: updates })
    }

    /// A line, if there was an update since the last one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, trace: &Trace) -> Result<()> {
        if trace.update <= self.written {
            return Ok(());
        }
        self.written = trace.update;
        let Trace { update, loss, mean_q, max_q, gradient_norm, effective_sample, greedy } = trace;
        let greedy = greedy.map_or(String::new(), |greedy| greedy.to_string());
        writeln!(self.out, "{update},{loss},{mean_q},{max_q},{gradient_norm},{effective_sample},{greedy}")
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(update: u64) -> Trace {
        let greedy = (update > 1).then_some(0.5);
        Trace { update, loss: 0.25, mean_q: 1.5, max_q: 2.0, gradient_norm: 0.1, effective_sample: 16.0, greedy }
    }

    /// A trial that goes on after its third update loses what was written later, and repeats no line.
    #[test]
    fn a_trace_goes_on_where_its_trial_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trace.csv");
        let mut file = TraceFile::open(&path, 0).expect("written");
        for update in [1, 1, 2, 3, 4, 5] {
            file.write(&trace(update)).expect("written");
        }
        file.flush().expect("written");
        let mut file = TraceFile::open(&path, 3).expect("written");
        for update in [3, 4] {
            file.write(&trace(update)).expect("written");
        }
        file.flush().expect("written");
        let text = std::fs::read_to_string(&path).expect("read");
        let expected =
            "1,0.25,1.5,2,0.1,16,\n2,0.25,1.5,2,0.1,16,0.5\n3,0.25,1.5,2,0.1,16,0.5\n4,0.25,1.5,2,0.1,16,0.5\n";
        assert_eq!(text, format!("{HEADINGS}\n{expected}"));
    }
}
