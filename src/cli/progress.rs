//! Progress bars on stderr; nothing when it is no terminal.
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mercato::{Trial, reports::Record, runner::Observer};

/// One bar for all transitions, one line for each thread.
pub struct Bars {
    all: ProgressBar,
    jobs: Vec<ProgressBar>,
}

impl Bars {
    /// Bars for `jobs` threads that make `transitions` in all.
    pub fn new(jobs: usize, transitions: u64) -> Self {
        let bars = MultiProgress::new();
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("━╸─")
        };
        let all = bars.add(ProgressBar::new(transitions));
        all.set_style(style("{elapsed_precise} {bar:40} {percent:>3} % of {human_len} transitions, {eta} left"));
        let line = || bars.add(ProgressBar::new(0).with_style(style("  {spinner} {msg}")));
        let jobs = (0..jobs).map(|_| line()).collect();
        Bars { all, jobs }
    }

    /// Takes the bars away.
    pub fn clear(&self) {
        self.jobs.iter().for_each(ProgressBar::finish_and_clear);
        self.all.finish_and_clear();
    }
}

impl Observer for Bars {
    fn resumed(&self, kept: usize, remark: Option<String>) {
        if kept > 0 {
            self.all
                .suspend(|| eprintln!("{kept} trials are there already; they are not repeated (--fresh repeats them)"));
        }
        if let Some(remark) = remark {
            self.all.suspend(|| eprintln!("records: {remark}"));
        }
    }
    fn started(&self, job: usize, trial: &Trial) {
        self.jobs[job].set_message(format!("{} · {} · seed {}", trial.env, trial.agent, trial.seed));
    }
    fn advanced(&self, job: usize, transitions: u64) {
        self.all.inc(transitions);
        self.jobs[job].tick();
    }
    fn finished(&self, job: usize, _: &Trial, record: &Record) {
        use mercato::reports::record::Status;
        if let Status::Diverged { message } | Status::Failed { message } = &record.status {
            let (env, agent, seed) = (&record.env, &record.agent, record.seed);
            self.all.suspend(|| eprintln!("{env}, {agent}, seed {seed}: {message}"));
        }
        self.jobs[job].set_message("");
    }
}
