//! The generator behind seeded resampling.

/// Steele, Lea & Flood (2014), "Fast Splittable Pseudorandom Number Generators".
///
/// Ours and not a library's, because a report must come out the same after an upgrade: the
/// libraries promise that for no general generator.
///
/// ```
/// use evaluate::comparison::SplitMix64;
/// assert_eq!(SplitMix64::new(1234567).next_u64(), 6457827717110365317);
/// ```
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A stream for this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of one replicate, so that replicates may run in any order on any thread.
    pub fn of_replicate(seed: u64, replicate: u64) -> Self {
        let mut mixer = Self(seed ^ replicate.wrapping_mul(0xD1B5_4A32_D192_ED03));
        Self(mixer.next_u64())
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`. Lemire (2019) without the rejection: the bias is below 2^-32.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u32
    }
}
