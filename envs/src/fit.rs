//! Estimates choice models from recorded choices: the way from data to the coefficients of a world.
//!
//! The model is the conditional (multinomial) logit (McFadden: "Conditional logit analysis of qualitative choice
//! behavior", 1974). At each occasion one of the alternatives is chosen, alternative j with probability e^(u_j)/Σ e^(u_i)
//! and utility
//!
//! u_j = Σ_a β_a·x_ja + γ·\[j was chosen last time\] + intercept_j,
//!
//! x_ja being attribute a of alternative j (a price, say) and the intercept of one alternative, the base, being 0. The
//! log-likelihood is concave; Newton's method finds its maximum, and the inverse of the negated Hessian there gives the
//! standard errors. All arithmetic is that of [`math`](crate::math) in a fixed order, so the same data give the same
//! bits on every machine.
//!
//! ```
//! use mercato_envs::fit::{ChoiceData, FitOptions, fit_choice};
//! let table = "id,price.tea,price.coffee,choice\n1,1,2,tea\n1,2,1,coffee\n1,2,1,tea\n2,1,2,coffee\n2,1,3,tea\n";
//! let data = ChoiceData::read_csv(table.as_bytes())?;
//! let fit = fit_choice(&data, &FitOptions::default())?;
//! assert_eq!(fit.names, ["price", "intercept.coffee"]);
//! assert!(fit.estimates[0] < 0.0);
//! # Ok::<(), mercato_envs::fit::Error>(())
//! ```

mod cholesky;
mod logit;
mod table;

pub use logit::{ChoiceFit, FitOptions, fit_choice};
pub use table::{ChoiceData, Columns};

/// Why a model cannot be estimated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source cannot be read to its end.
    #[error("cannot read the table: {0}")]
    Read(#[from] std::io::Error),
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
        /// The line, the header being line 1.
        line: usize,
        /// Its fields.
        found: usize,
        /// The header's fields.
        expected: usize,
    },
    /// A quotation mark that is not closed on its line, or text after a closing one.
    #[error("line {line}: a quoted field does not end before the next comma")]
    Quote {
        /// The line, the header being line 1.
        line: usize,
    },
    /// An attribute that is not a finite number.
    #[error("line {line}, column `{column}`: `{value}` is not a finite number")]
    Value {
        /// The line, the header being line 1.
        line: usize,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
    },
    /// A choice that no attribute column mentions.
    #[error("line {line}, column `{column}`: `{value}` is no alternative; the header has: {alternatives}")]
    Choice {
        /// The line, the header being line 1.
        line: usize,
        /// The column of choices.
        column: String,
        /// What stands there.
        value: String,
        /// The alternatives, separated by commas.
        alternatives: String,
    },
    /// Fewer than two alternatives.
    #[error("a choice needs at least two alternatives; columns named ATTRIBUTE.ALTERNATIVE give: {0}")]
    Alternatives(String),
    /// A base that is no alternative.
    #[error("base `{base}` is no alternative; it must be one of: {alternatives}")]
    Base {
        /// The base asked for.
        base: String,
        /// The alternatives, separated by commas.
        alternatives: String,
    },
    /// No row to learn from.
    #[error("no choices to learn from{}", if *.memory { ": no household is seen twice, and `memory` needs a predecessor" } else { "" })]
    Observations {
        /// Whether rows without a predecessor were left out.
        memory: bool,
    },
    /// A coefficient that the data cannot tell from the others.
    #[error("`{0}` is a combination of the other columns (or never varies): its coefficient is undetermined")]
    Collinear(String),
    /// A coefficient whose best value is infinite.
    #[error("the estimate of `{0}` runs to infinity: some choices are predicted perfectly (or never made)")]
    Separated(String),
    /// Newton's method did not settle.
    #[error("no convergence in {iterations} Newton steps; the last promised {promised:e} of log-likelihood")]
    NotConverged {
        /// Steps made.
        iterations: usize,
        /// Gain that the quadratic model still promised.
        promised: f64,
    },
}
