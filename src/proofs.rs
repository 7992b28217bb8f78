//! What agents have reached in each world, and with how much training: the learning proofs.
//!
//! `mercato run reports/specs/proofs/FAMILY.toml` makes the records, which are committed as a file for each world,
//! `reports/published/proofs/records/FAMILY-NAME.jsonl`; the table beside them is made from those and from the records of the full
//! suite (`UPDATE=1 cargo test generated`).

/// The committed table.
pub const TABLE: &str = include_str!("../reports/published/proofs/table.tsv");

/// The head of a table.
pub const HEAD: &str = "world\tagent\tlearned\ttransitions\tseeds\tmean\tscore\tlow\thigh";

/// An agent in a world, over its seeds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Proof {
    /// The world's id.
    #[serde(skip)]
    pub world: String,
    /// The preset, or the reference policy, which does not learn.
    pub agent: String,
    /// Whether it learns.
    pub learned: bool,
    /// Training transitions of each seed.
    pub transitions: u64,
    /// Seeds.
    pub seeds: usize,
    /// Mean of the world's objective over the seeds.
    pub mean: f64,
    /// Normalised score: 0 is the random policy, 1 the optimum (where it is only bounded, its lower bound).
    pub score: f64,
    /// 95 % interval of the score.
    pub interval: [f64; 2],
}

impl Proof {
    /// A line of the table.
    pub fn line(&self) -> String {
        let Proof { world, agent, learned, transitions, seeds, mean, score, interval: [low, high] } = self;
        format!("{world}\t{agent}\t{learned}\t{transitions}\t{seeds}\t{mean:.4}\t{score:.3}\t{low:.3}\t{high:.3}\n")
    }

    /// What [`line`](Proof::line) wrote; `None` for anything else.
    pub fn parse(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.split('\t').collect();
        let [world, agent, learned, transitions, seeds, mean, score, low, high] = cells[..] else { return None };
        let number = |text: &str| text.parse::<f64>().ok();
        Some(Proof {
            world: world.into(),
            agent: agent.into(),
            learned: learned.parse().ok()?,
            transitions: transitions.parse().ok()?,
            seeds: seeds.parse().ok()?,
            mean: number(mean)?,
            score: number(score)?,
            interval: [number(low)?, number(high)?],
        })
    }
}

/// What has been reached in `world` according to `table`.
pub fn of(table: &str, world: &str) -> Vec<Proof> {
    table.lines().filter_map(Proof::parse).filter(|proof| proof.world == world).collect()
}

/// The table for a world's page, in Markdown; empty where nothing was tried.
pub fn markdown(proofs: &[Proof]) -> String {
    if proofs.is_empty() {
        return String::new();
    }
    let mut text =
        String::from("| agent | transitions | seeds | mean | score, 95 % interval |\n|---|---:|---:|---:|---|\n");
    for Proof { agent, learned, transitions, seeds, mean, score, interval: [low, high], .. } in proofs {
        let transitions = if *learned { grouped(*transitions) } else { "does not learn".into() };
        text += &format!("| `{agent}` | {transitions} | {seeds} | {mean:.3} | {score:.3} [{low:.3}, {high:.3}] |\n");
    }
    text
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let comma = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    digits.char_indices().flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back() {
        let proof = Proof {
            world: "classic/chain-v1".into(),
            agent: "dqn".into(),
            learned: true,
            transitions: 20_000,
            seeds: 5,
            mean: 0.698,
            score: 0.999,
            interval: [0.998, 1.0],
        };
        assert_eq!(Proof::parse(proof.line().trim_end()), Some(proof));
        assert_eq!(Proof::parse(HEAD), None, "the head is no line");
    }

    #[test]
    fn large_numbers_have_commas() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
