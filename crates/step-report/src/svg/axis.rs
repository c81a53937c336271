//! Axes: from numbers to places, and round numbers to write beside them.

use crate::Format;

/// A linear axis between two values, drawn between two places.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<f64>,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis with round ends that holds all finite values; about `count` ticks.
    pub(crate) fn round(values: impl Iterator<Item = f64>, count: u32, from: f64, to: f64) -> Self {
        let (low, high) = range(values);
        let step = nice_step((high - low) / f64::from(count.max(1)));
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        let mut ticks = Vec::new();
        let mut place = 0.0;
        // A step too small to move the value ends the loop by its bound.
        while ticks.len() < 50 {
            // Rounding keeps 0.30000000000000004 from the label.
            let tick = ((low + place * step) / step).round() * step;
            if tick > high + step / 2.0 {
                break;
            }
            ticks.push(tick);
            place += 1.0;
        }
        Self {
            low,
            high,
            ticks,
            from,
            to,
        }
    }

    /// An axis with the ends of the values themselves, and round ticks between them.
    pub(crate) fn tight(values: impl Iterator<Item = f64>, count: u32, from: f64, to: f64) -> Self {
        let (low, high) = range(values);
        let mut axis = Self::round([low, high].into_iter(), count, from, to);
        let slack = (high - low) * 1e-9;
        axis.ticks
            .retain(|tick| *tick >= low - slack && *tick <= high + slack);
        Self { low, high, ..axis }
    }

    /// An axis of seconds since 1970, ticked at whole minutes, hours or days.
    pub(crate) fn time(values: impl Iterator<Item = f64>, count: u32, from: f64, to: f64) -> Self {
        const HOUR: f64 = 3_600.0;
        const HOURS: [f64; 14] = [
            1.0 / 60.0,
            1.0 / 12.0,
            0.25,
            1.0,
            3.0,
            6.0,
            12.0,
            24.0,
            48.0,
            72.0,
            168.0,
            336.0,
            672.0,
            2_184.0,
        ];
        let (low, high) = range(values);
        // Ticks within a day are labelled with the clock too, which takes twice the room.
        let count = if high - low > 120.0 * HOUR {
            count
        } else {
            count / 2 + 1
        };
        let raw = (high - low) / f64::from(count.max(1));
        let step = HOURS
            .into_iter()
            .map(|hours| hours * HOUR)
            .find(|step| *step >= raw && raw >= 15.0);
        match step {
            None => Self::tight([low, high].into_iter(), count, from, to),
            Some(step) => {
                let first = (low / step).ceil();
                let ticks = (0..=count).map(|place| (first + f64::from(place)) * step);
                Self {
                    low,
                    high,
                    ticks: ticks.filter(|tick| *tick <= high).collect(),
                    from,
                    to,
                }
            }
        }
    }

    /// Where a value stands.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let share = (value.clamp(self.low, self.high) - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// A tick as text.
    pub(crate) fn label(&self, tick: f64, format: Format) -> String {
        // What is nothing beside the step is nothing: -1e-17 is 0.
        let tick = if tick.abs() < (self.high - self.low) * 1e-9 {
            0.0
        } else {
            tick
        };
        format.show(tick)
    }
}

/// Lowest and highest finite value, parted when they are the same.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| value.is_finite()) {
        low = low.min(value);
        high = high.max(value);
    }
    if low > high {
        (0.0, 1.0)
    } else if high - low <= low.abs().max(high.abs()) * 1e-12 {
        let pad = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
        (if low == 0.0 { 0.0 } else { low - pad }, high + pad)
    } else {
        // Half of each, so that the span of the largest numbers is still a number.
        (low.max(-f64::MAX / 4.0), high.min(f64::MAX / 4.0))
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below the raw step
/// (after P. Heckbert, "Nice Numbers for Graph Labels", Graphics Gems, 1990).
fn nice_step(raw: f64) -> f64 {
    let power = 10_f64.powf(raw.log10().floor());
    let share = raw / power;
    let nice = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|nice| share <= nice * (1.0 + 1e-9));
    nice.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let axis = Axis::round([0.02, 0.31].into_iter(), 5, 0.0, 100.0);
        let labels: Vec<String> = axis
            .ticks
            .iter()
            .map(|tick| axis.label(*tick, Format::Auto))
            .collect();
        assert_eq!(labels, ["0", "0.1", "0.2", "0.3", "0.4"]);
        let axis = Axis::round([-3.0, 8.0].into_iter(), 5, 0.0, 100.0);
        assert_eq!(axis.ticks, [-5.0, 0.0, 5.0, 10.0]);
    }

    #[test]
    fn hard_values_still_give_an_axis() {
        for values in [
            vec![],
            vec![f64::NAN],
            vec![0.0],
            vec![7.0, 7.0],
            vec![f64::MIN, f64::MAX],
            vec![1e-300, 2e-300],
            vec![1e300],
        ] {
            let axis = Axis::round(values.iter().copied(), 5, 0.0, 100.0);
            assert!(
                axis.high > axis.low && axis.ticks.len() <= 50,
                "{values:?} {axis:?}"
            );
            for value in values.into_iter().filter(|value| value.is_finite()) {
                assert!((0.0..=100.0).contains(&axis.place(value)), "{value} {axis:?}");
            }
        }
    }
}
