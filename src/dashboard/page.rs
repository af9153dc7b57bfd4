//! The whole page.

use askama::Template;

use super::csp::policy;
use super::data::ReportData;
use super::embed::embed;
use super::row::{Columns, Row, columns, rows};
use super::section::{Section, section};
use super::steps::{News, news};
use super::summary::{Attention, Tile, Worth, attention, facts, lead, tiles, worth};
use super::text::minute;
use super::trade_off::{TradeOff, trade_offs};

/// The style of all pages.
pub const STYLE: &str = include_str!("../../templates/page.css");

/// As HTML and as XML the same text: its marks are comments to JavaScript.
const SCRIPT: &str =
    concat!("/*<![CDATA[*/\n", include_str!("../../templates/report.js"), "/*]]>*/");

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    policy: String,
    style: &'static str,
    script: &'static str,
    subject: &'a str,
    lead: String,
    worth: Vec<Worth>,
    synthetic: bool,
    lean: bool,
    tiles: Vec<Tile>,
    attention: Vec<Attention>,
    attention_left: usize,
    news: Vec<News>,
    news_left: usize,
    facts: Vec<(String, String)>,
    problems: &'a [String],
    columns: Columns,
    rows: Vec<Row>,
    trade_offs: Vec<TradeOff>,
    data: &'a ReportData,
    embedded: String,
    made: String,
    version: &'static str,
}

impl Page<'_> {
    fn section(&self, id: &usize) -> Section {
        section(*id, self.data)
    }
}

/// The report as one HTML file. It is well-formed XML, too.
pub fn page(data: &ReportData) -> String {
    let columns = columns(data);
    let (attention, count) = attention(data);
    let (news, news_count) = news(data);
    let page = Page {
        policy: policy(STYLE, SCRIPT),
        style: STYLE,
        script: SCRIPT,
        subject: &data.subject,
        lead: lead(data),
        worth: worth(data),
        synthetic: data.synthetic(),
        lean: data.cases.iter().any(|case| data.lean(case)),
        tiles: tiles(data),
        attention_left: count - attention.len(),
        attention,
        news_left: news_count - news.len(),
        news,
        facts: facts(data),
        problems: &data.problems,
        rows: rows(data, &columns),
        columns,
        trade_offs: trade_offs(data),
        data,
        embedded: embed(data),
        made: minute(data.made),
        version: env!("CARGO_PKG_VERSION"),
    };
    page.render().expect("writing to a string does not fail")
}
