//! The sheet that a chart is drawn on.

use std::fmt::{Display, Write as _};

use crate::text;

/// Colours that the page knows; more series than this are left out of a chart.
pub(crate) const MAX_SERIES: usize = 6;
/// Width of every chart in its own units; the page scales it.
pub(crate) const WIDTH: f64 = 520.0;
/// Height of a line of legend.
const LINE: f64 = 18.0;
/// Mean width of a character of the labels, in the widest font that a page may fall back to.
const CHAR: f64 = 6.9;

/// A sheet, grown from the top.
pub(crate) struct Canvas {
    body: String,
    height: f64,
}

impl Canvas {
    pub(crate) const fn new(height: f64) -> Self {
        Self {
            body: String::new(),
            height,
        }
    }

    pub(crate) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let (x1, y1, x2, y2) = (Px(x1), Px(y1), Px(x2), Px(y2));
        let _ = writeln!(
            self.body,
            r#"<line class="{class}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>"#
        );
    }

    /// A rectangle with what it says when a reader points at it.
    pub(crate) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64), title: &str) {
        let (x, y, width, height) = (Px(x), Px(y), Px(width.max(0.0)), Px(height.max(0.0)));
        let _ = write!(
            self.body,
            r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}""#
        );
        let _ = match title {
            "" => self.body.write_str("/>\n"),
            title => writeln!(self.body, "><title>{}</title></rect>", escaped(title)),
        };
    }

    pub(crate) fn circle(&mut self, class: &str, (x, y): (f64, f64), title: &str) {
        let (x, y) = (Px(x), Px(y));
        let title = escaped(title);
        let _ = writeln!(
            self.body,
            r#"<circle class="{class}" cx="{x}" cy="{y}" r="3"><title>{title}</title></circle>"#
        );
    }

    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut path = String::new();
        for (place, (x, y)) in points.iter().enumerate() {
            let _ = write!(
                path,
                "{}{} {}",
                if place == 0 { "M" } else { "L" },
                Px(*x),
                Px(*y)
            );
        }
        let _ = writeln!(self.body, r#"<path class="{class}" d="{path}"/>"#);
    }

    /// Text whose class says how it is aligned: `left`, `mid`, `right`.
    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), words: &str) {
        let (x, y) = (Px(x), Px(y));
        let _ = writeln!(
            self.body,
            r#"<text class="{class}" x="{x}" y="{y}">{}</text>"#,
            escaped(words)
        );
    }

    /// Text that may be too long: cut to a width, whole when a reader points at it.
    pub(crate) fn label(&mut self, class: &str, (x, y): (f64, f64), words: &str, width: f64) {
        let fits = chars(width);
        let whole = text::one_line(words);
        if whole.chars().count() <= fits {
            return self.text(class, (x, y), &whole);
        }
        let (x, y) = (Px(x), Px(y));
        let shown = escaped(&text::cut(&whole, fits));
        let title = escaped(&text::cut(&whole, 300));
        let _ = writeln!(
            self.body,
            r#"<text class="{class}" x="{x}" y="{y}">{shown}<title>{title}</title></text>"#
        );
    }

    /// The legend below everything: a swatch and a name an entry, wrapped.
    pub(crate) fn legend(&mut self, entries: &[(Swatch, String)]) {
        if entries.is_empty() {
            return;
        }
        let mut x = 0.0;
        let mut y = self.height + LINE / 2.0;
        for (swatch, name) in entries {
            let name = text::short(name, 48);
            let width = 34.0 + width(&name);
            if x > 0.0 && x + width > WIDTH {
                x = 0.0;
                y += LINE;
            }
            match swatch {
                Swatch::Area(class) => self.rect(class, (x, y - 5.0), (14.0, 10.0), ""),
                Swatch::Line(class) => self.line(class, (x, y), (x + 18.0, y)),
            }
            self.text("tick left", (x + 24.0, y + 4.0), &name);
            x += width + 8.0;
        }
        self.height = y + LINE / 2.0;
    }

    /// The chart, with a title and a description for who cannot see it; `id` must be unique on the page.
    pub(crate) fn finish(self, id: &str, title: &str, description: &str) -> String {
        let (title, description) = (
            escaped(&text::short(title, 300)),
            escaped(&text::short(description, 1_000)),
        );
        format!(
            "<svg class=\"chart\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" viewBox=\"0 0 {} {}\" \
             xmlns=\"http://www.w3.org/2000/svg\">\n<title id=\"{id}-t\">{title}</title>\n<desc id=\"{id}-d\">{description}</desc>\n\
             {}</svg>",
            Px(WIDTH),
            Px(self.height),
            self.body,
        )
    }
}

/// What stands beside a name in the legend.
pub(crate) enum Swatch {
    /// A filled box of this class.
    Area(String),
    /// A piece of line of this class.
    Line(String),
}

/// About how wide a label is.
#[expect(clippy::cast_precision_loss, reason = "labels are short")]
pub(crate) fn width(words: &str) -> f64 {
    words.chars().count() as f64 * CHAR
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive width"
)]
fn chars(width: f64) -> usize {
    (width / CHAR).max(4.0) as usize
}

/// A place with at most one decimal: files stay small and the same on every machine.
struct Px(f64);

impl Display for Px {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 10.0).round() / 10.0;
        write!(f, "{}", if rounded == 0.0 { 0.0 } else { rounded })
    }
}

pub(crate) fn escaped(words: &str) -> String {
    text::one_line(words)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
