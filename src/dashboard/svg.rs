//! A small writer of SVG: whole numbers, relative paths, classes in place of colours, text that cannot end its element.

use std::fmt::{self, Display, Write as _};

use super::text::escape;

/// An SVG image that is written from front to back.
#[derive(Debug)]
pub struct Svg(String);

/// A finished image: markup that goes into the page as it is. Only [`Svg`] makes one, and escapes what it is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a text stands to its point.
#[derive(Debug, Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// An image of this size with a name for those who do not see it; without one it is decoration.
    pub fn new(class: &str, width: i32, height: i32, name: &str) -> Self {
        let mut svg = Self(String::new());
        let role = match name {
            "" => r#"aria-hidden="true""#.to_owned(),
            name => format!(r#"role="img" aria-label="{}""#, escape(name)),
        };
        svg.add(format_args!(r#"<svg class="{class}" viewBox="0 0 {width} {height}" {role}>"#));
        svg
    }

    fn add(&mut self, text: fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes any text");
    }

    /// A path; nothing for an empty one.
    pub fn path(&mut self, class: &str, path: &Path) {
        if !path.text.is_empty() {
            self.add(format_args!(r#"<path class="{class}" d="{}"/>"#, path.text));
        }
    }

    /// A text.
    pub fn text(&mut self, class: &str, x: i32, y: i32, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let class = if class.is_empty() { String::new() } else { format!(r#" class="{class}""#) };
        self.add(format_args!(r#"<text{class} x="{x}" y="{y}"{anchor}>{}</text>"#, escape(text)));
    }

    /// A shape with a text that shows when it is pointed at.
    pub fn told(&mut self, class: &str, path: &Path, text: &str) {
        let d = &path.text;
        let text = escape(text);
        self.add(format_args!(r#"<path class="{class}" d="{d}"><title>{text}</title></path>"#));
    }

    /// Closes the image.
    pub fn finish(mut self) -> Markup {
        self.0.push_str("</svg>");
        Markup(self.0)
    }
}

/// The `d` of a path: the first place absolute, the others relative to the one before, which is short.
#[derive(Debug, Clone, Default)]
pub struct Path {
    text: String,
    at: (i32, i32),
    command: char,
}

impl Path {
    fn number(&mut self, value: i32) {
        let needs_blank = self.text.ends_with(|last: char| last.is_ascii_digit()) && value >= 0;
        if needs_blank {
            self.text.push(' ');
        }
        write!(self.text, "{value}").expect("a string takes any text");
    }

    fn go(&mut self, command: char, x: i32, y: i32) {
        let (dx, dy) = (x - self.at.0, y - self.at.1);
        if command == 'l' && (dx == 0 || dy == 0) {
            let (command, step) = if dy == 0 { ('h', dx) } else { ('v', dy) };
            self.text.push(command);
            self.number(step);
            (self.at, self.command) = ((x, y), command);
            return;
        }
        // After a move, further pairs are lines; a second move needs its letter.
        let implied = command == 'l' && matches!(self.command, 'l' | 'm');
        if !implied {
            self.text.push(command);
        }
        self.number(dx);
        self.number(dy);
        (self.at, self.command) = ((x, y), command);
    }

    /// Goes to a place without drawing.
    pub fn to(mut self, x: i32, y: i32) -> Self {
        self.go('m', x, y);
        self
    }

    /// Draws a line to a place.
    pub fn line(mut self, x: i32, y: i32) -> Self {
        self.go('l', x, y);
        self
    }

    /// Adds a shape with its centre at a place.
    pub fn shape(mut self, shape: Shape, x: i32, y: i32, size: i32) -> Self {
        let s = size;
        let corners: &[(i32, i32)] = match shape {
            Shape::Square => &[(-1, -1), (1, -1), (1, 1), (-1, 1)],
            Shape::Diamond => &[(0, -1), (1, 0), (0, 1), (-1, 0)],
            Shape::Up => &[(0, -1), (1, 1), (-1, 1)],
            Shape::Down => &[(-1, -1), (1, -1), (0, 1)],
            Shape::Cross => {
                return self
                    .to(x - s, y - s)
                    .line(x + s, y + s)
                    .to(x - s, y + s)
                    .line(x + s, y - s);
            }
            Shape::Circle => {
                self = self.to(x - s, y);
                let d = 2 * s;
                write!(self.text, "a{s} {s} 0 1 0 {d} 0a{s} {s} 0 1 0-{d} 0z").expect("a string");
                self.command = 'z';
                return self;
            }
        };
        for (place, (dx, dy)) in corners.iter().enumerate() {
            let (x, y) = (x + dx * s, y + dy * s);
            self = if place == 0 { self.to(x, y) } else { self.line(x, y) };
        }
        self.text.push('z');
        // Closing goes back to where the shape began.
        let (dx, dy) = corners[0];
        (self.at, self.command) = ((x + dx * s, y + dy * s), 'z');
        self
    }

    /// A line through the points; a gap where there is none, and a dot where one stands alone.
    pub fn through(mut self, points: impl IntoIterator<Item = Option<(i32, i32)>>) -> Self {
        let points: Vec<_> = points.into_iter().collect();
        for stretch in points.split(Option::is_none) {
            for (place, (x, y)) in stretch.iter().flatten().enumerate() {
                self = if place == 0 { self.to(*x, *y) } else { self.line(*x, *y) };
            }
            if let [Some((x, y))] = stretch {
                self = self.line(*x, *y);
            }
        }
        self
    }

    /// A closed box.
    pub fn rect(self, left: i32, top: i32, right: i32, bottom: i32) -> Self {
        let mut path = self.to(left, top).line(right, top).line(right, bottom).line(left, bottom);
        path.text.push('z');
        (path.at, path.command) = ((left, top), 'z');
        path
    }
}

/// Marks that differ without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Circle,
    Square,
    Up,
    Diamond,
    Down,
    Cross,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_short_and_its_shapes_leave_the_pen_where_they_began() {
        let path = Path::default().to(10, 20).line(15, 18).line(20, 30).to(1, 1).line(2, 1);
        assert_eq!(path.text, "m10 20 5-2 5 12m-19-29h1");
        let path = Path::default().rect(0, 0, 4, 2).to(1, 1).line(2, 2);
        assert_eq!(path.text, "m0 0h4v2h-4zm1 1 1 1");
        let path = Path::default().through([Some((1, 1)), None, Some((3, 3)), Some((4, 4))]);
        assert_eq!(path.text, "m1 1h0m2 2 1 1");
    }

    #[test]
    fn text_and_names_cannot_leave_their_element() {
        let mut svg = Svg::new("c", 10, 10, "\"><script>");
        svg.text("", 1, 2, Anchor::End, "</text><script>alert(1)</script>&amp;");
        let text = svg.finish().to_string();
        assert!(!text.contains("<script") && text.contains("&#60;/text&#62;"), "{text}");
        roxmltree::Document::parse(&text).expect("well-formed");
    }
}
