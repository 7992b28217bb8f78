//! Cross-entropy search for the best real numbers (Rubinstein, Kroese 2004, as in QT-Opt, Kalashnikov et al. 2018): numbers
//! are proposed around a mean, the elite of them gives the next mean and deviation.
//!
//! The draws are given, the same for every row and in every search, so that what is found is a function of the state.
//! Candidate c of row r is mean_r + deviation_r · draw_c, clipped to \[−1, 1\], beside the observation of r. Sums over the
//! elite run from the best on, from +0; the deviation is √(Σ(x − mean)²/k).
use crate::{
    cpu::Cpu,
    cuda::{Arg, Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    ops::choose::clip,
};

/// The shapes of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchShape {
    /// States searched for.
    pub rows: usize,
    /// Candidates for each.
    pub count: usize,
    /// Length of an observation.
    pub width: usize,
    /// Real numbers of an action.
    pub reals: usize,
    /// How many candidates the elite has, at most `count`.
    pub elite: usize,
}

impl SearchShape {
    /// Length of an input row: an observation and the real numbers beside it.
    pub fn length(&self) -> usize {
        self.width + self.reals
    }
}

/// What candidates are drawn around the mean by: deviation\[rows × reals\] and draws\[count × reals\].
pub type Around<'a, D> = (&'a <D as Device>::Buf<f32>, &'a <D as Device>::Buf<f32>);

/// The search.
pub trait Search: Device {
    /// x\[rows × count × length\]: observations, each with its candidates; `around` = (deviation\[rows × reals\],
    /// draws\[count × reals\]), without which every candidate is the mean\[rows × reals\].
    ///
    /// # Errors
    /// When the device fails.
    fn propose(
        &self,
        shape: &SearchShape,
        observation: &Self::Buf<f32>,
        mean: &Self::Buf<f32>,
        around: Option<Around<'_, Self>>,
        x: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// index\[rows × k\] of the k largest of q\[rows × count\], best first; among equals the lower index first. A NaN is
    /// never one of them: what it leaves empty repeats the best, which is 0 where there is none.
    ///
    /// # Errors
    /// When the device fails.
    fn top(&self, rows: usize, count: usize, k: usize, q: &Self::Buf<f32>, index: &mut Self::Buf<u32>) -> Result<()>;

    /// From the elite's indices\[rows × elite\], q\[rows × count\] and the candidates in x: the next mean and deviation,
    /// the best numbers so far and their value\[rows\].
    ///
    /// # Errors
    /// When the device fails.
    fn refit(
        &self,
        shape: &SearchShape,
        elite: &Self::Buf<u32>,
        q: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        found: Found<'_, Self>,
    ) -> Result<()>;
}

/// What a search writes.
pub struct Found<'a, D: Device> {
    /// rows × reals.
    pub mean: &'a mut D::Buf<f32>,
    /// rows × reals.
    pub deviation: &'a mut D::Buf<f32>,
    /// rows × reals: the best candidate.
    pub best: &'a mut D::Buf<f32>,
    /// rows: its value.
    pub value: &'a mut D::Buf<f32>,
}

impl Search for Cpu {
    fn propose(
        &self,
        shape: &SearchShape,
        observation: &Vec<f32>,
        mean: &Vec<f32>,
        around: Option<(&Vec<f32>, &Vec<f32>)>,
        x: &mut Vec<f32>,
    ) -> Result<()> {
        let SearchShape { rows, count, width, reals, .. } = *shape;
        for (pair, x) in x[..rows * count * shape.length()].chunks_exact_mut(shape.length()).enumerate() {
            let (row, candidate) = (pair / count, pair % count);
            let (state, action) = x.split_at_mut(width);
            state.copy_from_slice(&observation[row * width..][..width]);
            for (i, number) in action.iter_mut().enumerate() {
                let middle = mean[row * reals + i];
                *number = clip(match around {
                    Some((deviation, draws)) => middle + deviation[row * reals + i] * draws[candidate * reals + i],
                    None => middle,
                });
            }
        }
        Ok(())
    }

    fn top(&self, rows: usize, count: usize, k: usize, q: &Vec<f32>, index: &mut Vec<u32>) -> Result<()> {
        compiled!(self.isa() => largest(
            count: usize = count,
            k: usize = k,
            q: &[f32] = &q[..rows * count],
            index: &mut [u32] = &mut index[..rows * k],
        ));
        Ok(())
    }

    fn refit(
        &self,
        shape: &SearchShape,
        elite: &Vec<u32>,
        q: &Vec<f32>,
        x: &Vec<f32>,
        found: Found<'_, Self>,
    ) -> Result<()> {
        let SearchShape { rows, count, width, reals, elite: k } = *shape;
        let Found { mean, deviation, best, value } = found;
        for row in 0..rows {
            let chosen = &elite[row * k..][..k];
            let number =
                |candidate: &u32, i: usize| x[(row * count + *candidate as usize) * shape.length() + width + i];
            value[row] = q[row * count + chosen[0] as usize];
            for i in 0..reals {
                let middle = chosen.iter().fold(0.0, |sum, candidate| sum + number(candidate, i)) / k as f32;
                let squares = chosen.iter().fold(0.0, |sum, candidate| {
                    let off = number(candidate, i) - middle;
                    sum + off * off
                });
                mean[row * reals + i] = middle;
                deviation[row * reals + i] = (squares / k as f32).sqrt();
                best[row * reals + i] = number(&chosen[0], i);
            }
        }
        Ok(())
    }
}

impl Search for Cuda {
    fn propose(
        &self,
        shape: &SearchShape,
        observation: &Buffer<f32>,
        mean: &Buffer<f32>,
        around: Option<(&Buffer<f32>, &Buffer<f32>)>,
        x: &mut Buffer<f32>,
    ) -> Result<()> {
        let SearchShape { rows, count, width, reals, .. } = *shape;
        let numbers = rows * count * shape.length();
        let [deviation, draws] = around.map_or([Arg::Nothing; 2], |(deviation, draws)| {
            [deviation.first(rows * reals), draws.first(count * reals)]
        });
        let sizes = [rows.into(), count.into(), width.into(), reals.into(), observation.first(rows * width)];
        let given = [mean.first(rows * reals), deviation, draws, x.first(numbers)];
        self.launch("propose", blocks(numbers, 128), &[&sizes[..], &given].concat())
    }

    fn top(&self, rows: usize, count: usize, k: usize, q: &Buffer<f32>, index: &mut Buffer<u32>) -> Result<()> {
        let sizes = [rows.into(), count.into(), k.into()];
        self.launch(
            "top",
            blocks(32 * rows, 128),
            &[&sizes[..], &[q.first(rows * count), index.first(rows * k)]].concat(),
        )
    }

    fn refit(
        &self,
        shape: &SearchShape,
        elite: &Buffer<u32>,
        q: &Buffer<f32>,
        x: &Buffer<f32>,
        found: Found<'_, Self>,
    ) -> Result<()> {
        let SearchShape { rows, count, width, reals, elite: k } = *shape;
        let sizes = [rows.into(), count.into(), width.into(), reals.into(), k.into(), elite.first(rows * k)];
        let given = [q.first(rows * count), x.first(rows * count * shape.length())];
        let [mean, deviation, best] = [found.mean, found.deviation, found.best].map(|part| part.first(rows * reals));
        let written = [mean, deviation, best, found.value.first(rows)];
        self.launch("refit", blocks(rows, 64), &[&sizes[..], &given, &written].concat())
    }
}

#[inline(always)]
fn largest(count: usize, k: usize, q: &[f32], index: &mut [u32]) {
    for (q, index) in q.chunks_exact(count).zip(index.chunks_exact_mut(k)) {
        let mut last = None;
        for place in 0..k {
            let left = |i: usize| match last {
                None => !q[i].is_nan(),
                Some(last) => q[i] < q[last] || q[i] == q[last] && i > last,
            };
            let mut best: Option<usize> = None;
            for i in 0..count {
                if left(i) && best.is_none_or(|best| q[i] > q[best]) {
                    best = Some(i);
                }
            }
            last = best.or(last);
            index[place] = match best {
                Some(best) => best as u32,
                None if place == 0 => 0,
                None => index[0],
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    fn top(cpu: &Cpu, q: &[f32], k: usize) -> Vec<u32> {
        let mut index = vec![9; k];
        cpu.top(1, q.len(), k, &q.to_vec(), &mut index).unwrap();
        index
    }

    #[test]
    fn the_largest_come_best_first() {
        assert_eq!(top(&plain(), &[0.5, 2.0, -1.0, 2.0, 0.75], 4), [1, 3, 4, 0]);
        assert_eq!(top(&plain(), &[f32::NAN, 2.0, f32::NEG_INFINITY], 3), [1, 2, 1]);
        assert_eq!(top(&plain(), &[f32::NAN, f32::NAN], 2), [0, 0]);
        let q = numbers(&mut stream(3), 200);
        let mut sorted: Vec<u32> = (0..200).collect();
        sorted.sort_by(|a, b| q[*b as usize].partial_cmp(&q[*a as usize]).unwrap().then(a.cmp(b)));
        std::iter::once(plain()).chain(vectored()).for_each(|cpu| assert_eq!(top(&cpu, &q, 30), sorted[..30]));
    }

    const SHAPE: SearchShape = SearchShape { rows: 1, count: 5, width: 2, reals: 1, elite: 2 };

    /// Draws −1, −.5, 0, .5, 1 around 0.25 with deviation 1; the two highest of −(u − 0.6)² are at 0.75 and 0.25.
    #[test]
    fn worked_numbers() {
        let mut x = vec![f32::NAN; 15];
        let draws = vec![-1.0, -0.5, 0.0, 0.5, 1.0];
        plain().propose(&SHAPE, &vec![7.0, 8.0], &vec![0.25], Some((&vec![1.0], &draws)), &mut x).unwrap();
        let candidates: Vec<f32> = x.chunks(3).map(|row| row[2]).collect();
        assert_eq!(candidates, [-0.75, -0.25, 0.25, 0.75, 1.0]);
        assert!(x.chunks(3).all(|row| row[..2] == [7.0, 8.0]));
        let q: Vec<f32> = candidates.iter().map(|u| -(u - 0.6) * (u - 0.6)).collect();
        let mut elite = vec![0; 2];
        plain().top(1, 5, 2, &q, &mut elite).unwrap();
        let [mut mean, mut deviation, mut best, mut value] = [(); 4].map(|()| vec![0.0]);
        let found = Found { mean: &mut mean, deviation: &mut deviation, best: &mut best, value: &mut value };
        plain().refit(&SHAPE, &elite, &q, &x, found).unwrap();
        assert_eq!((mean[0], deviation[0], best[0], value[0]), (0.5, 0.25, 0.75, q[3]));
        plain().propose(&SearchShape { count: 1, ..SHAPE }, &vec![7.0, 8.0], &vec![-2.0], None, &mut x).unwrap();
        assert_eq!(x[..3], [7.0, 8.0, -1.0]);
    }

    /// Three rounds from uniform draws come within 0.05 of the peak of a parabola in two numbers.
    #[test]
    fn the_peak_is_found() {
        let shape = SearchShape { rows: 1, count: 64, width: 0, reals: 2, elite: 6 };
        let (peak, mut stream) = ([0.3, -0.7], stream(5));
        let (mut mean, mut deviation) = (vec![0.0; 2], vec![1.0; 2]);
        let (mut best, mut value, mut x, mut elite) = (vec![0.0; 2], vec![0.0], vec![0.0; 128], vec![0; 6]);
        for round in 0..3 {
            let draws: Vec<f32> =
                (0..128).map(|_| if round == 0 { 2.0 * stream.uniform() - 1.0 } else { stream.normal() }).collect();
            plain().propose(&shape, &vec![], &mean, Some((&deviation, &draws)), &mut x).unwrap();
            let worth = |u: &[f32]| -(u[0] - peak[0]) * (u[0] - peak[0]) - (u[1] - peak[1]) * (u[1] - peak[1]);
            let q: Vec<f32> = x.chunks(2).map(worth).collect();
            plain().top(1, 64, 6, &q, &mut elite).unwrap();
            let found = Found { mean: &mut mean, deviation: &mut deviation, best: &mut best, value: &mut value };
            plain().refit(&shape, &elite, &q, &x, found).unwrap();
        }
        assert!((best[0] - peak[0]).abs() < 0.05 && (best[1] - peak[1]).abs() < 0.05, "{best:?}");
        assert_eq!(bits(&value), bits(&[-(best[0] - 0.3) * (best[0] - 0.3) - (best[1] + 0.7) * (best[1] + 0.7)]));
    }
}
