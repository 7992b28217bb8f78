//! The least sectors of global memory that kernels could touch: what must be read or written at least once, by every warp
//! that needs it, in sectors of 32 bytes.

/// Numbers in a sector.
const SECTOR: u64 = 8;

/// Sectors that so many neighbouring numbers of 4 bytes fill.
fn sectors(numbers: u64) -> u64 {
    numbers.div_ceil(SECTOR)
}

/// The least sectors that a kernel must read and write in a case of [`crate::workload`], where that is known in closed form.
pub fn least(case: &str, kernel: &str) -> Option<[u64; 2]> {
    let (operation, shape) = case.rsplit_once('/')?;
    let lengths: Vec<u64> = shape.split('x').map(|length| length.parse().ok()).collect::<Option<_>>()?;
    match (operation, kernel, &lengths[..]) {
        // The gradient; a sum for each chunk of 8192.
        ("adam", "adam_norm", [len]) => Some([sectors(*len), len.div_ceil(8192)]),
        // Gradient, parameters, both moments, target; all but the gradient are written.
        ("adam", "adam", [len]) => Some([5 * sectors(*len), 4 * sectors(*len)]),
        // Values of a row and the clock; its action.
        ("choose", "choose", [rows, actions]) => Some([rows * (sectors(*actions) + 1), *rows]),
        // Values of a row, and action, reward, discount, weight, Q(s, a) and the target's value; gradient and error. Chosen
        // values need no action.
        ("td", "td", [size, actions]) => Some([size * (sectors(*actions) + 6), size * (sectors(*actions) + 1)]),
        ("td_chosen", "td", [size, actions]) => Some([size * (sectors(*actions) + 5), 2 * size]),
        // Q(s, a) of each row; weights, errors and actions side by side. Chosen values are side by side too.
        ("td", "td_summary", [size, _]) => Some([size + 3 * sectors(*size), 1]),
        ("td_chosen", "td_summary", [size, _]) => Some([3 * sectors(*size), 1]),
        // dy and y, row by row; dy again, and its sums.
        ("linear_back", "linear_bias", [rows, _, outputs]) => {
            Some([2 * rows * sectors(*outputs), rows * sectors(*outputs) + sectors(*outputs)])
        }
        // Two rows for each pick; the pick, its action, three rewards and three stages; what three steps fold to.
        ("sample/uniform" | "sample/priority", "gather", [size, width]) => {
            Some([size * (2 * sectors(*width) + 8), size * (2 * sectors(*width) + 3)])
        }
        // A slot of the ring, and the clock for each warp.
        ("newest", "newest", [rows, width]) => {
            Some([sectors(rows * width) + (rows * width).div_ceil(32), sectors(rows * width)])
        }
        // Elements in, elements out.
        ("modulate", "modulate", [rows, each, width]) => {
            Some([2 * sectors(rows * each * width), sectors(rows * each * width)])
        }
        ("modulate_back", "modulate_back", [rows, each, width]) => {
            let (elements, states) = (sectors(rows * each * width), sectors(rows * width));
            Some([2 * elements + states, elements + states])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors_by_hand() {
        assert_eq!(least("adam/200000", "adam"), Some([125_000, 100_000]));
        assert_eq!(least("td/256x100", "td"), Some([256 * 19, 256 * 14]));
        assert_eq!(least("sample/uniform/64x9", "gather"), Some([64 * 12, 64 * 7]));
        assert_eq!(least("td/256x100", "adam"), None);
        assert_eq!(least("td", "td"), None);
    }
}
