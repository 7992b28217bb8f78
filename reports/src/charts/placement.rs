//! Where labels go when the places they want lie too close together.

/// Places labels of height `gap` as near as possible (least squares) to where they want to be, without overlap, in the
/// order of their wishes, between `low` and `high`.
///
/// With place = shift + rank · gap, labels do not overlap exactly if the shifts never fall: an isotonic regression,
/// solved by pooling adjacent violators, and its bounded form by clamping the solution.
pub fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    // Blocks of labels that share one shift: (sum of the wished shifts, number of labels).
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (rank, &label) in order.iter().enumerate() {
        let mut block = (wanted[label] - rank as f64 * gap, 1);
        while let Some(&(sum, count)) = blocks.last()
            && sum / count as f64 >= block.0 / block.1 as f64
        {
            blocks.pop();
            block = (block.0 + sum, block.1 + count);
        }
        blocks.push(block);
    }
    let highest = high - wanted.len().saturating_sub(1) as f64 * gap;
    let shifts = blocks.iter().flat_map(|&(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    let mut places = vec![0.0; wanted.len()];
    for ((rank, &label), shift) in order.iter().enumerate().zip(shifts) {
        let bounded = if shift > highest { highest } else { shift };
        let bounded = if bounded < low { low } else { bounded };
        places[label] = bounded + rank as f64 * gap;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels that have room stay where they want to be.
    #[test]
    fn labels_with_room_do_not_move() {
        assert_eq!(spread(&[50.0, 10.0, 30.0], 15.0, 0.0, 100.0), [50.0, 10.0, 30.0]);
    }

    /// Labels that collide move apart evenly about their common middle.
    #[test]
    fn colliding_labels_share_the_shift() {
        assert_eq!(spread(&[50.0, 50.0, 90.0], 10.0, 0.0, 100.0), [45.0, 55.0, 90.0]);
    }

    /// Neither crowding nor the edges make labels overlap or leave the area.
    #[test]
    fn crowded_labels_stay_apart_and_inside() {
        let wanted = [99.0, 98.0, 100.0, 97.0, 3.0, 1.0, 2.0];
        let mut places = spread(&wanted, 12.0, 0.0, 100.0);
        places.sort_by(f64::total_cmp);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 12.0 - 1e-9), "{places:?}");
        assert!(places[0] >= 0.0 && places[6] <= 100.0, "{places:?}");
    }
}
