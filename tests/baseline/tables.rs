//! Perf CSVs as they come: every layout, and every way to be broken.

use std::path::Path;

use proptest::prelude::*;
use trtllm_perf::baseline::{Column, MetricType, Table, TableError, Weight};
use trtllm_perf::metric::Metric;

use crate::support::*;

fn refused(text: &[u8]) -> TableError {
    Table::parse(text, Path::new("a.csv")).expect_err("no perf CSV")
}

#[test]
fn a_baseline_is_read_with_its_types() {
    let (table, problems) = parse(&format!("{BASELINE}\n{}\n", time_row("x", "129555.827")));
    assert_eq!(problems, []);
    table.require(&Column::BASELINE).expect("all columns of a baseline");
    let row = &table.rows()[0];
    assert_eq!(row.line, 2);
    assert_eq!(row.network_name(), label("x"));
    assert_eq!(row.perf_case_name(), case_name("GPU", "x", "INFERENCE_TIME"));
    assert_eq!(row.metric, MetricType::Known(Metric::InferenceTime));
    assert_eq!(
        (row.value(), row.threshold, row.absolute_threshold),
        (Some(129555.827), Some(0.1), Some(50.0))
    );
    assert_eq!(row.device_subtype(), None);
}

#[test]
fn our_own_results_are_read_whole() {
    for (file, device) in [
        ("perf_script_test_results.csv", None),
        ("perf_script_test_results-v1.2.csv", Some("H100_80GB_HBM3")),
    ] {
        let path = Path::new("tests/fixtures/record").join(file);
        let (table, problems) = Table::read(&path).expect("our CSV");
        assert_eq!(problems, []);
        assert!(table.rows().len() >= 3);
        for row in table.rows() {
            assert!(row.value().is_some() && row.metric.metric().is_some());
            assert!(row.start.is_some() && row.end >= row.start);
            assert_eq!(row.state(), Some("valid"));
            assert!(row.command().is_some() && row.original_test_name().is_some());
            assert!(
                row.total_time().is_some() && row.sm_clk().is_some() && row.mem_clk().is_some()
            );
            assert_eq!(row.device_subtype(), device);
            assert_eq!(row.cells().count(), table.columns().names().len());
        }
    }
}

#[test]
fn columns_may_stand_in_any_order_beside_others_after_a_byte_order_mark_with_crlf() {
    let text = "\u{feff}perf_metric,note, Metric_Type ,perf_case_name\r\n\r\n1.5,\"two\r\nlines, \"\"quoted\"\"\",SEQ_THROUGHPUT,a\r\n2,,NEW_METRIC,b\r\n";
    let (table, problems) = parse(text);
    assert_eq!(problems, []);
    let [first, second] = table.rows() else { panic!("two rows: {table:?}") };
    assert_eq!((first.line, second.line), (3, 5));
    assert_eq!(first.raw(1), "two\r\nlines, \"quoted\"");
    assert_eq!(first.metric, MetricType::Known(Metric::SeqThroughput));
    assert_eq!(second.metric, MetricType::Other("NEW_METRIC".to_owned()));
    assert_eq!(second.cells().collect::<Vec<_>>()[1], ("note", ""));
    let error = table.require(&Column::BASELINE).expect_err("no baseline");
    assert_eq!(
        error.to_string(),
        "a.csv:1: no column network_name, test_name, threshold, absolute_threshold; the header has \
         perf_metric, note, Metric_Type, perf_case_name"
    );
}

#[test]
fn a_file_that_is_no_perf_csv_is_refused_with_what_to_change() {
    for (text, message) in [
        (&b""[..], "read a.csv: it is empty; a perf CSV begins with a header"),
        (b"\xff\xfea\0", "read a.csv: it is UTF-16; save it as CSV in UTF-8"),
        (b"a,b\n1,2\n", "a.csv:1: no column perf_case_name; the header has a, b"),
        (
            b"\nperf_case_name,perf_metric\n",
            "a.csv:2: no column metric_type; the header has perf_case_name, perf_metric",
        ),
        (
            b"perf_case_name;metric_type;perf_metric\n",
            "a.csv:1: no column perf_case_name; the header has one column; save the file with commas between its cells",
        ),
        (
            b"perf_case_name,metric_type,perf_metric,perf_metric\n",
            "a.csv:1: the column perf_metric is there twice",
        ),
    ] {
        assert_eq!(refused(text).to_string(), message);
    }
    assert!(Table::read(Path::new("no/such.csv")).expect_err("not there").is_not_found());
}

#[test]
fn a_missing_or_infinite_value_is_no_number_to_reckon_with() {
    for text in ["", "nan", "NaN", "N/A", "inf", "-inf"] {
        let (table, problems) = parse(&format!("{BASELINE}\n{}\n", time_row("x", text)));
        assert_eq!(problems, [], "{text}");
        assert_eq!(table.rows()[0].value(), None, "{text}");
        assert_eq!(table.rows()[0].number.is_some(), text.contains("inf"), "{text}");
    }
}

#[test]
fn a_repeated_case_is_kept_and_flagged_and_the_later_row_counts() {
    let text = format!(
        "{BASELINE}\n{}\n{}\n{BASELINE}\n{}\n",
        time_row("a", "1"),
        time_row("b", "2"),
        time_row("a", "3")
    );
    let (table, problems) = parse(&text);
    assert_eq!(
        messages(&problems),
        [
            "a.csv:4: the header again; passed over".to_owned(),
            format!(
                "a.csv:5: {} is on line 2 already; this one counts",
                case_name("GPU", "a", "INFERENCE_TIME")
            ),
        ]
    );
    assert_eq!(table.rows().len(), 3);
    let latest: Vec<_> = table.latest().iter().map(|row| row.value()).collect();
    assert_eq!(latest, [Some(2.0), Some(3.0)]);
}

#[test]
fn one_case_on_two_devices_is_no_repetition() {
    let row = |device: &str| format!("{},{device}\n", time_row("a", "1"));
    let text = format!("{BASELINE},device_subtype\n{}{}", row("H100_PCIe"), row("H100_NVL"));
    assert_eq!(parse(&text).1, []);
}

#[test]
fn a_header_with_other_columns_in_the_middle_is_a_loss() {
    let text = format!("{BASELINE}\n{}\nperf_metric,perf_case_name\n", time_row("a", "1"));
    let (_, problems) = parse(&text);
    let other = "perf_case_name,metric_type,perf_metric\n1,2,3\nmetric_type,x,perf_metric\n";
    assert_eq!(problems[0].weight, Weight::RowLost);
    assert_eq!(
        messages(&parse(other).1),
        ["a.csv:3: a header with other columns than that of line 1; split the file here"]
    );
}

/// Thousands of rows, with `broken` in place of the one on line 2,000.
fn among_thousands(broken: &str) -> (Table, Vec<trtllm_perf::baseline::Problem>) {
    let mut text = format!("{BASELINE}\n");
    for line in 2..=5000 {
        let row = match line {
            2000 => broken.to_owned(),
            _ => time_row(&format!("case{line}"), "7.5"),
        };
        text += &row;
        text.push('\n');
    }
    parse(&text)
}

#[test]
fn a_broken_row_among_thousands_is_located_and_costs_no_other() {
    let whole = time_row("x", "1");
    for (broken, message) in [
        (time_row("x", "fast"), "perf_metric is `fast`, which is no number; row passed over"),
        (whole.replace(",0.1,", ",,"), ""),
        (whole.replace(",50,", ","), "6 cells where the header has 7; row passed over"),
        (format!("{whole},more"), "8 cells where the header has 7; row passed over"),
        (
            whole.replace(&format!("\"{}\"", case_name("GPU", "x", "INFERENCE_TIME")), "\"\""),
            "perf_case_name is empty; row passed over",
        ),
    ] {
        let (table, problems) = among_thousands(&broken);
        let expected = Some(format!("a.csv:2000: {message}")).filter(|_| !message.is_empty());
        assert_eq!(messages(&problems), expected.clone().into_iter().collect::<Vec<_>>());
        assert_eq!(table.rows().len(), 4999 - usize::from(expected.is_some()), "{broken}");
        assert_eq!(table.rows().last().map(|row| row.line), Some(5000));
    }
}

#[test]
fn a_missing_quote_costs_the_row_it_is_missing_from_alone() {
    let whole = time_row("x", "1");
    let quotes: Vec<usize> = whole.match_indices('"').map(|(at, _)| at).collect();
    for at in quotes {
        let mut broken = whole.clone();
        broken.remove(at);
        let (table, problems) = among_thousands(&broken);
        let lines: Vec<_> = problems.iter().map(|it| (it.line, it.weight)).collect();
        assert_eq!(lines, [(2000, Weight::RowLost)], "{broken}: {problems:?}");
        assert_eq!(table.rows().len(), 4998, "{broken}");
    }
}

#[test]
fn bytes_that_are_no_text_cost_their_row_alone() {
    let mut text = format!("{BASELINE}\n{}\n", time_row("a", "1")).into_bytes();
    let mut broken = time_row("b", "2").into_bytes();
    broken[1] = 0xff;
    text.extend(broken);
    text.extend(format!("\n{}\n", time_row("c", "3")).bytes());
    let (table, problems) = Table::parse(&text, Path::new("a.csv")).expect("a perf CSV");
    assert_eq!(messages(&problems), ["a.csv:3: network_name is not UTF-8 text; row passed over"]);
    assert_eq!(table.rows().len(), 2);
}

#[test]
fn a_last_line_that_is_cut_off_is_told_and_never_taken_as_whole_in_silence() {
    let text = format!("{BASELINE}\n{}\n{}", time_row("a", "1"), time_row("b", "129555.827"));
    let (table, problems) = parse(&text);
    assert_eq!(table.rows().len(), 2);
    assert_eq!(
        messages(&problems),
        ["a.csv:3: the file ends without a line end; its last value may be cut off"]
    );
    for cut in 1..time_row("b", "129555.827").len() {
        let (table, problems) = parse(&text[..text.len() - cut]);
        assert_eq!(problems.len(), 1, "{}", &text[..text.len() - cut]);
        assert_eq!(problems[0].line, 3);
        let lost = problems[0].weight == Weight::RowLost;
        assert_eq!(table.rows().len(), if lost { 1 } else { 2 });
    }
}

#[test]
fn a_time_that_cannot_be_read_is_noted_and_the_row_kept() {
    let text = "perf_case_name,metric_type,perf_metric,start_timestamp\na,X,1,yesterday\nb,X,2,2025-08-12 09:14:02 +0200\n";
    let (table, problems) = parse(text);
    assert_eq!(
        messages(&problems),
        ["a.csv:2: start_timestamp is `yesterday`, which is no time; passed over"]
    );
    assert_eq!(table.rows()[0].start, None);
    assert_eq!(table.rows()[1].start, "2025-08-12T07:14:02Z".parse().ok());
}

#[test]
fn the_samples_of_a_run_name_their_cases_without_the_column() {
    let text = "run_id,original_test_name,network_name,attempt,metric_type,perf_metric,state\n\
                r,GPU/perf/test_perf.py::test_perf[raw],canonical,1,SEQ_THROUGHPUT,5,valid\n\
                r,GPU/perf/test_perf.py::test_perf[raw],canonical,2,SEQ_THROUGHPUT,6,invalid\n";
    let (table, problems) = parse(text);
    assert_eq!(problems, []);
    assert_eq!(
        table.rows()[1].perf_case_name(),
        "GPU/perf/test_perf.py::test_perf_metric_seq_throughput[canonical]"
    );
    assert_eq!(table.rows()[1].state(), Some("invalid"));
}

proptest! {
    #[test]
    fn whatever_stands_in_the_cells_comes_back(cells in prop::collection::vec("[^\0]{0,12}", 1..20)) {
        let mut text = Vec::new();
        let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
        text.extend(b"perf_case_name,metric_type,perf_metric,note\n");
        for (index, cell) in cells.iter().enumerate() {
            text.extend(format!("case{index},X,{index},{}\n", quoted(cell)).bytes());
        }
        let (table, problems) = Table::parse(&text, Path::new("a.csv")).expect("a perf CSV");
        prop_assert_eq!(problems, []);
        let notes: Vec<&str> = table.rows().iter().map(|row| row.raw(3)).collect();
        prop_assert_eq!(notes, cells.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn no_text_is_too_broken(text in "[\",\n\r a1]{0,200}") {
        let text = format!("perf_case_name,metric_type,perf_metric\n{text}");
        let (table, problems) = parse(&text);
        let lines = text.lines().count().max(text.split(['\n', '\r']).count());
        prop_assert!(table.rows().len() + problems.len() <= 3 * lines);
    }
}
