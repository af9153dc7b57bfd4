//! `junit.xml` read by an independent parser, with what must hold of every one.

use roxmltree::{Document, Node};

/// A test suite that was well-formed and counted right.
#[derive(Debug)]
pub struct Suite {
    pub name: String,
    /// What it says of the run as a whole.
    pub properties: Vec<(String, String)>,
    pub cases: Vec<Case>,
}

#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub class: String,
    /// `passed`, `failure`, `error` or `skipped`.
    pub kind: String,
    /// The `type` attribute of what is not passed.
    pub word: String,
    pub message: String,
    /// The text below it.
    pub text: String,
    pub out: String,
    pub err: String,
}

impl Suite {
    pub fn read(text: &str) -> Self {
        let document = Document::parse(text).expect("well-formed");
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "testsuites");
        let suites: Vec<_> = root.children().filter(Node::is_element).collect();
        let [suite] = suites[..] else { panic!("{} suites", suites.len()) };
        let children = suite.children().filter(Node::is_element);
        let (heads, cases): (Vec<_>, Vec<_>) =
            children.partition(|child| child.has_tag_name("properties"));
        let cases: Vec<_> = cases.into_iter().map(Case::read).collect();
        let properties = heads.iter().flat_map(Node::children).filter(Node::is_element);
        let properties = properties.map(|it| (attribute(it, "name"), attribute(it, "value")));
        let properties = properties.collect();
        for (counter, kind) in
            [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
        {
            let counted = cases.iter().filter(|case| case.kind == kind).count();
            assert_eq!(suite.attribute(counter), Some(counted.to_string().as_str()), "{counter}");
        }
        assert_eq!(suite.attribute("tests"), Some(cases.len().to_string().as_str()));
        for node in document.descendants() {
            assert!(node.attribute("time").is_none_or(is_whole_milliseconds), "{node:?}");
        }
        Self { name: attribute(suite, "name"), properties, cases }
    }

    /// The kinds of the cases, in order.
    pub fn kinds(&self) -> Vec<&str> {
        self.cases.iter().map(|case| case.kind.as_str()).collect()
    }

    /// The only case.
    pub fn case(&self) -> &Case {
        let [case] = &self.cases[..] else { panic!("{} cases", self.cases.len()) };
        case
    }
}

impl Case {
    fn read(node: Node<'_, '_>) -> Self {
        assert_eq!(node.tag_name().name(), "testcase");
        let child = |tag: &str| node.children().find(|child| child.has_tag_name(tag));
        let ended = ["failure", "error", "skipped"].into_iter().find_map(child);
        let below = |node: Option<Node<'_, '_>>| {
            node.into_iter()
                .flat_map(|node| node.descendants())
                .filter(Node::is_text)
                .filter_map(|node| node.text())
                .collect::<String>()
        };
        Self {
            name: attribute(node, "name"),
            class: attribute(node, "classname"),
            kind: ended.map_or("passed", |node| node.tag_name().name()).to_owned(),
            word: ended.map(|node| attribute(node, "type")).unwrap_or_default(),
            message: ended.map(|node| attribute(node, "message")).unwrap_or_default(),
            text: below(ended),
            out: below(child("system-out")),
            err: below(child("system-err")),
        }
    }
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_else(|| panic!("{node:?} has no {name}")).to_owned()
}

fn is_whole_milliseconds(time: &str) -> bool {
    let number = time.parse::<f64>().is_ok_and(|seconds| seconds >= 0.0);
    number && time.split_once('.').is_none_or(|(_, digits)| digits.len() <= 3)
}
