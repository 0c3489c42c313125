//! Buffers that live at one time lie apart; others share memory.

/// A buffer in need of memory: bytes, and the first and last step at which it lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub bytes: usize,
    pub from: usize,
    pub to: usize,
}

/// Boundary of every buffer: a cache line, and the widest vector.
const ALIGN: usize = 64;

/// Places of the buffers, and the bytes of the arena: the largest are placed first, each at the lowest place that is free for all its life.
pub(super) fn place(lives: &[Life]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lives[i].bytes), lives[i].from, i));
    let mut places = vec![0; lives.len()];
    // What is placed, by place.
    let mut placed: Vec<usize> = Vec::new();
    let mut end = 0;
    for i in order {
        let life = lives[i];
        let bytes = life.bytes.next_multiple_of(ALIGN);
        if bytes == 0 {
            continue;
        }
        let mut at = 0;
        for &j in &placed {
            let other = lives[j];
            if other.from > life.to || other.to < life.from {
                continue;
            }
            if places[j] >= at + bytes {
                break;
            }
            at = at.max(places[j] + other.bytes.next_multiple_of(ALIGN));
        }
        places[i] = at;
        end = end.max(at + bytes);
        let position = placed.partition_point(|&j| places[j] <= at);
        placed.insert(position, i);
    }
    (places, end)
}

/// Bytes of the largest set of buffers that live at one time.
pub(super) fn largest(lives: &[Life]) -> usize {
    let steps = lives.iter().map(|l| l.to + 1).max().unwrap_or(0);
    let mut change = vec![0isize; steps + 1];
    for l in lives {
        let bytes = l.bytes.next_multiple_of(ALIGN) as isize;
        change[l.from] += bytes;
        change[l.to + 1] -= bytes;
    }
    let mut live = 0;
    change
        .iter()
        .map(|c| {
            live += c;
            live
        })
        .max()
        .unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_that_live_together_lie_apart() {
        // A small generator of numbers: what is drawn does not matter.
        let mut state = 1u64;
        let mut draw = |n: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % n
        };
        for round in 0..200 {
            let count = 1 + draw(60);
            let lives: Vec<Life> = (0..count)
                .map(|_| {
                    let from = draw(40);
                    Life {
                        bytes: draw(if round % 2 == 0 { 100_000 } else { 300 }),
                        from,
                        to: from + draw(12),
                    }
                })
                .collect();
            let (places, bytes) = place(&lives);
            for (i, a) in lives.iter().enumerate() {
                assert_eq!(places[i] % ALIGN, 0);
                assert!(places[i] + a.bytes <= bytes);
                for (j, b) in lives.iter().enumerate().take(i) {
                    let together = a.from <= b.to && b.from <= a.to;
                    let apart = places[i] + a.bytes <= places[j] || places[j] + b.bytes <= places[i];
                    assert!(!together || apart || a.bytes == 0 || b.bytes == 0);
                }
            }
            assert!(bytes >= largest(&lives));
            assert!(bytes as f64 <= 1.5 * largest(&lives) as f64, "{bytes} for {}", largest(&lives));
        }
    }
}
