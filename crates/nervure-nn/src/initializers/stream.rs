use nervure_graph::random::philox4x32;

/// Random numbers for one weight: they depend on the seed and the weight's path alone, so that a layer more or less elsewhere does not
/// change them.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u32; 2],
    stream: u32,
    block: u32,
    words: [u32; 4],
    used: usize,
}

/// Where the graph's own draws have the step and the time: no step is as late.
const INITIAL: [u32; 2] = [u32::MAX, u32::MAX];

impl Stream {
    /// The stream of `seed` for what is named `path`.
    pub fn new(seed: u64, path: &str) -> Stream {
        // FNV-1a, 32 bits.
        let stream = path.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        Stream { key: [seed as u32, (seed >> 32) as u32], stream, block: 0, words: [0; 4], used: 4 }
    }

    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        if self.used == 4 {
            self.words = philox4x32([self.block, INITIAL[0], INITIAL[1], self.stream], self.key);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        f64::from(self.bits()) / 4_294_967_296.0
    }

    /// Normal with mean 0 and variance 1 (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// Normal, drawn again until within two standard deviations.
    pub fn truncated_normal(&mut self) -> f64 {
        loop {
            let x = self.normal();
            if x.abs() <= 2.0 {
                return x;
            }
        }
    }

    /// A whole number below `n`, which is above 0; without bias (Lemire 2019).
    pub fn below(&mut self, n: u32) -> u32 {
        loop {
            let m = u64::from(self.bits()) * u64::from(n);
            if (m as u32) >= n.wrapping_neg() % n {
                return (m >> 32) as u32;
            }
        }
    }

    /// 0 … n − 1 in random order (Fisher and Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, self.below(i as u32 + 1) as usize);
        }
        order
    }
}
