//! The page as markup, read back with an XML parser.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};
use trtllm_perf::dashboard::{Evidence, ReportData, Said, gather, page};
use trtllm_perf::history::{CaseIdentity, Ended, Origin};

use crate::made::*;

fn parse(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{error}"))
}

fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|it| it.text()).collect()
}

fn by_id<'a, 'i>(document: &'a Document<'i>, id: &str) -> Node<'a, 'i> {
    let found = document.descendants().find(|node| node.attribute("id") == Some(id));
    found.unwrap_or_else(|| panic!("no #{id}"))
}

fn all<'a, 'i>(node: Node<'a, 'i>, tag: &str) -> Vec<Node<'a, 'i>> {
    node.descendants().filter(|it| it.has_tag_name(tag)).collect()
}

fn three() -> ReportData {
    big(3, 8)
}

#[test]
fn the_page_is_well_formed_and_has_a_row_and_a_page_for_each_case() {
    let data = three();
    let html = page(&data);
    let document = parse(&html);
    let rows = all(all(by_id(&document, "cases"), "tbody")[0], "tr");
    assert_eq!(rows.len(), 3);
    for (place, case) in data.cases.iter().enumerate() {
        let row = text(rows[place]);
        let rest = case.label.strip_prefix(&case.model).expect("the model is the front of it");
        assert!(row.contains(&case.model) && row.contains(&rest[1..]), "{row}");
        let section = by_id(&document, &format!("c{place}"));
        let told = text(section);
        assert!(told.contains(&case.label));
        assert!(
            told.contains(&format!("trtllm-perf run --case {} --test-prefix {GPU}", case.label)),
            "{told}"
        );
        assert!(told.contains("trtllm-bench --model=llama_v3.3_70b_instruct_fp8_hf"), "{told}");
        for class in ["trend", "spread", "strip"] {
            let charts =
                all(section, "svg").into_iter().filter(|it| it.attribute("class") == Some(class));
            assert_eq!(charts.count(), 1, "{class}");
        }
    }
}

#[test]
fn every_image_has_a_name_or_is_decoration_and_every_link_leads_somewhere() {
    let html = page(&big(40, 12));
    let document = parse(&html);
    for svg in all(document.root(), "svg") {
        let named = svg.attribute("aria-label").is_some_and(|name| !name.is_empty());
        assert!(named != (svg.attribute("aria-hidden") == Some("true")), "{svg:?}");
    }
    let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "an id is given once");
    let links = all(document.root(), "a");
    assert!(links.len() > 100);
    for link in links {
        let target = link
            .attribute("href")
            .and_then(|it| it.strip_prefix('#'))
            .expect("a place of the page");
        assert!(once.binary_search(&target).is_ok(), "#{target}");
    }
}

#[test]
fn a_failure_is_at_the_top_with_its_cause_and_its_page_has_the_log() {
    let start = time("2026-11-24T01:00:00Z");
    let case = CaseIdentity::of(&label("llama_v3.1_8b_instruct", "128,128", 8), &models());
    let mut broken = attempt(&case, start, 1.0);
    broken.samples.clear();
    broken.ended = Ended::Failed { kind: "nccl".to_owned(), message: "a rank was lost".to_owned() };
    let evidence = Evidence {
        hint: Some("look at the fabric".to_owned()),
        details: Some("bench.log:812: NCCL WARN socket closed".to_owned()),
        ..Evidence::default()
    };
    let key = ("r".to_owned(), broken.test_name.clone());
    let runs = [run("r", start, "1.2.0", vec![broken])];
    let data = gather(&runs, &Said::nothing(), BTreeMap::from([(key, evidence)]), start);
    let html = page(&data);
    let document = parse(&html);
    let look = text(by_id(&document, "look").parent().expect("a section"));
    assert!(look.contains("nccl") && look.contains("a rank was lost"), "{look}");
    let section = text(by_id(&document, "c0"));
    for part in ["a rank was lost", "look at the fabric", "NCCL WARN socket closed"] {
        assert!(section.contains(part), "{section}");
    }
    assert!(html.contains("1 nccl"), "the tile counts by cause");
}

#[test]
fn names_and_logs_are_text_wherever_they_stand() {
    for hostile in HOSTILE {
        let html = page(&hostile_report(hostile));
        let document = parse(&html);
        assert_eq!(all(document.root(), "script").len(), 2, "{hostile}");
        assert_eq!(all(document.root(), "style").len(), 1, "{hostile}");
        assert_eq!(all(document.root(), "img").len(), 0, "{hostile}");
        let attributes = document.descendants().flat_map(|node| node.attributes());
        for attribute in attributes {
            assert!(!attribute.name().starts_with("on"), "{hostile}: {attribute:?}");
            let link = ["href", "src"].contains(&attribute.name());
            assert!(!link || attribute.value().starts_with('#'), "{hostile}: {attribute:?}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&text(by_id(&document, "data"))).expect("JSON");
        assert!(json["cases"].is_array());
        let steps = all(document.root(), "path")
            .into_iter()
            .filter(|it| it.attribute("class").is_some_and(|class| class.starts_with("step ")));
        assert_eq!(steps.count(), 1, "{hostile}: the step is there, with what came with it");
        assert!(!html.contains(['\0', '\u{1b}', '\u{202e}']), "what hides is shown");
    }
}

#[test]
fn a_synthetic_report_says_so_at_the_top() {
    let start = time("2026-11-24T01:00:00Z");
    let case = CaseIdentity::of(&label("llama_v3.1_8b_instruct", "128,128", 8), &models());
    let mut made = run("r", start, "1.2.0", vec![attempt(&case, start, 1000.0)]);
    let says = |html: &str| text(all(parse(html).root(), "header")[0]).contains("made by a script");
    assert!(!says(&page(&report(&[made.clone()]))));
    made.origin = Origin::Synthetic;
    assert!(says(&page(&report(&[made]))));
}

#[test]
fn fifteen_hundred_cases_of_sixty_nights_are_no_more_than_ten_megabytes() {
    let html = page(&big(1500, 60));
    assert!(html.len() <= 10_000_000, "{} bytes", html.len());
    // The numbers are in it: all metrics of all nights, and the trends of the first metric as images.
    assert_eq!(html.matches("<svg class=\"trend\"").count(), 1500);
    let json = html.split_once("id=\"data\">").and_then(|(_, rest)| rest.split_once("</script>"));
    let json: serde_json::Value = serde_json::from_str(json.expect("the numbers").0).expect("JSON");
    let numbers: usize = json["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .map(|case| {
            let series = case["s"].as_array().expect("series");
            series
                .iter()
                .map(|one| {
                    one[3].as_array().expect("numbers").iter().filter(|it| !it.is_null()).count()
                })
                .sum::<usize>()
        })
        .sum();
    assert!(numbers > 1500 * 60 * 5 * 98 / 100, "{numbers}");
}
