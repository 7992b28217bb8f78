//! The checker: does a world keep what agents, replay memories, records and reports rely on?
//!
//! It runs on the suite's worlds in the tests, and on anybody's own: [`entry`] for a world written as an [`Env`], with
//! its page; [`world`] for anything behind [`VectorEnv`]. Nothing but the public interface is used.
//!
//! ```
//! use mercato_envs as envs;
//!
//! let entry = envs::find("classic/chain-v1")?;
//! let findings = envs::check::entry(entry);
//! assert!(findings.is_empty(), "{findings:?}");
//! # Ok::<(), envs::Error>(())
//! ```
//!
//! [`Env`]: crate::Env
mod actions;
mod declaration;
mod episodes;
mod independence;
mod player;
#[cfg(test)]
mod tests;

use crate::{
    error::{Error, Result},
    registry::{Entry, Params},
    vector::VectorEnv,
};

/// Makes a world: parameters by name, and how many episodes to hold at once (each with a row for every agent).
pub type Build<'a> = dyn Fn(&Params, usize) -> Result<Box<dyn VectorEnv>> + 'a;

/// One promise that a world makes.
#[derive(Debug)]
pub struct Promise {
    /// Its short name.
    pub name: &'static str,
    /// What is promised, in one sentence.
    pub text: &'static str,
    check: fn(&Build<'_>) -> Verdict,
}

/// A promise that was broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the promise.
    pub promise: &'static str,
    /// What was seen instead, with row, step and values.
    pub seen: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.promise, self.seen)
    }
}

/// Every promise about behaviour, in the order in which they are checked. The page is looked at by [`page`].
pub const PROMISES: &[Promise] = &[
    Promise {
        name: "declaration",
        text: "Fields, widths, horizon, discount and names are well formed and agree with each other.",
        check: declaration::specification,
    },
    Promise {
        name: "parameters",
        text: "The parameters are a table that survives JSON and TOML and builds the same world again; unknown keys are errors.",
        check: declaration::parameters,
    },
    Promise {
        name: "optimum",
        text: "The optimum is finite, ordered and the same at every call.",
        check: declaration::optimum,
    },
    Promise {
        name: "observations",
        text: "Every number of every observation is finite and within the bounds of its field.",
        check: episodes::observations,
    },
    Promise {
        name: "rewards",
        text: "Every reward is finite, and 0 where an episode starts.",
        check: episodes::rewards,
    },
    Promise {
        name: "stages",
        text: "An episode starts with First, ends exactly at the horizon if not before, and the next one follows in the step after its end.",
        check: episodes::stages,
    },
    Promise { name: "metrics", text: "Every metric is finite at the end of every episode.", check: episodes::metrics },
    Promise {
        name: "expected reward",
        text: "The expected reward is finite, 0 where an episode is over, and the mean of the rewards that follow.",
        check: episodes::expected_reward,
    },
    Promise {
        name: "reference policies",
        text: "Every reference policy chooses admissible actions, the same ones when asked again.",
        check: episodes::policies,
    },
    Promise {
        name: "values",
        text: "Reference policies earn what the optimum says: their published values, or else at most the upper bound; the oracle, within 4 standard errors, at least the lower one, and within 3 no less than any other.",
        check: episodes::values,
    },
    Promise {
        name: "reset",
        text: "A reset forgets everything: the same seed gives the same bits, in a fresh world and in a used one.",
        check: independence::reset,
    },
    Promise {
        name: "addresses",
        text: "Seed, domain, row and episode number each change what happens.",
        check: independence::addresses,
    },
    Promise {
        name: "batch",
        text: "A row's episodes are the same bits alone, in any batch and at any place in it.",
        check: independence::batch,
    },
    Promise {
        name: "neighbours",
        text: "What the agents of one world do changes nothing in another; those of one world share their stage.",
        check: independence::neighbours,
    },
    Promise { name: "threads", text: "The number of threads changes nothing.", check: independence::threads },
    Promise {
        name: "save",
        text: "What was saved goes on as if it had never stopped, in another vector and through text; a state that does not fit is an error.",
        check: independence::save,
    },
    Promise {
        name: "autoreset",
        text: "The action given where an episode is over is ignored.",
        check: independence::autoreset,
    },
    Promise {
        name: "rejection",
        text: "An inadmissible action in any row, or a buffer of the wrong length, is an error, and no row is stepped.",
        check: actions::rejection,
    },
    Promise {
        name: "fuzz",
        text: "Ten thousand steps at the edges of the action space, with inadmissible actions refused in between, keep every bound.",
        check: actions::fuzz,
    },
    Promise {
        name: "clipping",
        text: "A finite real number outside its interval counts as the nearer end.",
        check: actions::clipping,
    },
];

/// Checks every promise of [`PROMISES`]; an empty answer is a sound world.
///
/// It plays a few hundred thousand steps at most; everything it draws is fixed, so that it says the same every time.
/// The statistical parts (expected reward, values) leave six standard errors unless they say otherwise; a reward rarer than one step in a
/// thousand is outside what they can judge.
pub fn world(build: &Build<'_>) -> Vec<Finding> {
    let broken =
        |promise: &Promise| (promise.check)(build).err().map(|Broken(seen)| Finding { promise: promise.name, seen });
    PROMISES.iter().filter_map(broken).collect()
}

/// Checks that a world's page says everything: a title, every row of the table, every field, parameter, metric and
/// reference policy by name.
///
/// # Errors
/// When the world cannot be made with its default parameters.
pub fn page(entry: &Entry) -> Result<Vec<Finding>> {
    let world = entry.one(&Params::new())?;
    let missing = declaration::missing_from_page(&entry.page(), world.spec());
    Ok(missing.into_iter().map(|seen| Finding { promise: "page", seen }).collect())
}

/// [`world`] and [`page`] for a world that is written as an [`Env`](crate::Env).
pub fn entry(entry: &Entry) -> Vec<Finding> {
    let mut findings = world(&|params, worlds| entry.make(params, worlds * entry.agents(params)?));
    match page(entry) {
        Ok(more) => findings.extend(more),
        Err(error) => findings.push(Finding { promise: "page", seen: error.to_string() }),
    }
    findings
}

/// Why a promise is broken.
struct Broken(String);

type Verdict = std::result::Result<(), Broken>;

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Broken(error.to_string())
    }
}

impl From<String> for Broken {
    fn from(seen: String) -> Self {
        Broken(seen)
    }
}

/// `Ok` when `holds`, else what was seen.
fn ensure(holds: bool, seen: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Broken(seen())) }
}
