//! Operations on prices: the best by a parabola, by search, and those of each item.
use super::{Visitor, indices, numbers, ring};
use crate::{
    error::Result,
    memory::Batch,
    ops::{
        Backend,
        choose::ChooseConfig,
        naf::naf_outputs,
        parameters::ParametersShape,
        search::{Found, SearchShape},
    },
    schedule::Ramp,
};

pub fn prices<D: Backend>(d: &D, to: &mut dyn Visitor, rows: usize, reals: usize) -> Result<()> {
    let (shape, len) = (format!("{rows}x{reals}"), rows * reals);
    let (outputs, mut doutputs) = (numbers(d, rows * naf_outputs(reals))?, numbers(d, rows * naf_outputs(reals))?);
    let (real, dq) = (numbers(d, len)?, numbers(d, rows)?);
    let (mut best, mut value, mut q) = (numbers(d, len)?, numbers(d, rows)?, numbers(d, rows)?);
    to.visit(&format!("naf_best/{shape}"), &mut || d.naf_best(rows, reals, &outputs, &mut best, &mut value))?;
    to.visit(&format!("naf/{shape}"), &mut || d.naf(rows, reals, &outputs, &real, &mut q))?;
    to.visit(&format!("naf_back/{shape}"), &mut || d.naf_back(rows, reals, &outputs, &real, &dq, &mut doutputs))?;
    let config = ChooseConfig { actions: 0, epsilon: Ramp::constant(0.1), spread: 0.2, seed: 1 };
    let (clock, mut chosen) = (d.upload(&[3, 7])?, numbers(d, len)?);
    to.visit(&format!("choose_reals/{shape}"), &mut || {
        d.choose_reals(&config, rows, reals, &best, &clock, &mut chosen)
    })?;
    let (config, memory, clock) = ring(d, None, 16, 10)?;
    let (memory, mut batch) = (memory.with_reals(d, reals)?, Batch::new(d, rows, 10)?.with_reals(d, reals)?);
    to.visit(&format!("sample/reals/{shape}"), &mut || d.sample(&config, &memory, &clock, &mut batch))
}

pub fn search<D: Backend>(d: &D, to: &mut dyn Visitor, rows: usize, reals: usize) -> Result<()> {
    let search = SearchShape { rows, count: 32, width: 10, reals, elite: 4 };
    let (shape, len) = (format!("{rows}x{reals}x{}", search.count), rows * reals);
    let (observation, draws) = (numbers(d, rows * search.width)?, numbers(d, search.count * reals)?);
    let (mut mean, mut deviation) = (numbers(d, len)?, numbers(d, len)?);
    let (mut best, mut value) = (numbers(d, len)?, numbers(d, rows)?);
    let (mut x, values) = (numbers(d, rows * search.count * search.length())?, numbers(d, rows * search.count)?);
    let mut index = indices(d, rows * search.elite, 1)?;
    to.visit(&format!("propose/{shape}"), &mut || {
        d.propose(&search, &observation, &mean, Some((&deviation, &draws)), &mut x)
    })?;
    to.visit(&format!("top/{rows}x{}x{}", search.count, search.elite), &mut || {
        d.top(rows, search.count, search.elite, &values, &mut index)
    })?;
    to.visit(&format!("refit/{shape}"), &mut || {
        let parts = Found { mean: &mut mean, deviation: &mut deviation, best: &mut best, value: &mut value };
        d.refit(&search, &index, &values, &x, parts)
    })
}

pub fn parameters<D: Backend>(d: &D, to: &mut dyn Visitor, rows: usize) -> Result<()> {
    let total = 10;
    let (observation, raw) = (numbers(d, rows * total)?, numbers(d, rows * total)?);
    let (mut parameters, mut draw) = (numbers(d, rows * total)?, numbers(d, rows * total)?);
    to.visit(&format!("squash/{rows}x{total}"), &mut || d.squash(rows * total, &raw, &mut parameters))?;
    for passes in [1, total] {
        let shape = ParametersShape { rows, passes, width: 10, total };
        let mut x = numbers(d, rows * passes * shape.length())?;
        let name = format!("{rows}x{total}x{passes}");
        to.visit(&format!("attach/{name}"), &mut || d.attach(&shape, &observation, &parameters, &mut x))?;
        to.visit(&format!("detach/{name}"), &mut || d.detach(&shape, &x, &parameters, &mut draw))?;
    }
    Ok(())
}
