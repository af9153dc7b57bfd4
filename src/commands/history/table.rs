//! Text in columns, for people.

use jiff::Timestamp;

/// One column: its title, and whether its numbers stand at the right.
pub(in crate::commands) struct Column<'a>(pub &'a str, pub bool);

/// The rows under their titles, each column as wide as its widest text.
pub(in crate::commands) fn table(columns: &[Column<'_>], rows: &[Vec<String>]) -> String {
    lines(columns, rows).concat()
}

/// The lines of such a table, the titles first, each with its end.
pub(in crate::commands) fn lines(columns: &[Column<'_>], rows: &[Vec<String>]) -> Vec<String> {
    let titles: Vec<String> = columns.iter().map(|column| column.0.to_owned()).collect();
    let all = || std::iter::once(&titles).chain(rows);
    let width = |index: usize| all().map(|row| row[index].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cell = |(index, text): (usize, &String)| {
            let width = widths[index];
            if columns[index].1 { format!("{text:>width$}") } else { format!("{text:<width$}") }
        };
        let cells: Vec<_> = row.iter().enumerate().map(cell).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    all().map(line).collect()
}

/// A time for people, in UTC to the minute.
pub fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// A number for people: five significant digits, or all before the point.
pub fn number(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let decimals = usize::try_from(4 - digits).unwrap_or(0).min(9);
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_text() {
        let rows = [["é".to_owned(), "1".to_owned()], ["bb".to_owned(), "100".to_owned()]];
        let text = table(&[Column("a", false), Column("n", true)], &rows.map(Vec::from));
        assert_eq!(text, "a     n\né     1\nbb  100\n");
    }

    #[test]
    fn a_number_has_five_digits() {
        let shown = [129_555.827, 63.2314, 0.000_123_456, 0.0, -1.5].map(number);
        assert_eq!(shown, ["129556", "63.231", "0.00012346", "0.0000", "-1.5000"]);
    }
}
