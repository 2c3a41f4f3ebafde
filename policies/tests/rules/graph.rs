//! The order of steps: circles are found and named, and everything before a step is known.

use crate::shop::step;
use proptest::prelude::*;
use quorate_policies::{
    StepName,
    plan::graph::{Needs, ancestors, cycle},
};
use std::collections::BTreeSet;

fn needs(edges: &[(&str, &[&str])]) -> Needs {
    edges.iter().map(|(name, needs)| (step(name), needs.iter().map(|need| step(need)).collect())).collect()
}

fn names(steps: &BTreeSet<StepName>) -> String {
    steps.iter().map(StepName::as_str).collect::<Vec<_>>().join(" ")
}

/// Goal: everything that must have ended before a step, at any distance and once. Method: a diamond with a tail.
#[test]
fn ancestors_are_all_steps_before() {
    let graph =
        needs(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"]), ("e", &["d"]), ("alone", &[])]);
    let table = [("a", ""), ("b", "a"), ("d", "a b c"), ("e", "a b c d"), ("alone", ""), ("missing", "")];
    for (of, expected) in table {
        assert_eq!(names(&ancestors(&graph, &step(of))), expected, "before {of}");
    }
}

/// Goal: a circle is named by its own steps, in the order in which they wait, without the way that led to it.
/// Method: none, a step that needs itself, a pair, and three behind a tail.
#[test]
fn circles_are_named() {
    let circle =
        |edges| cycle(&needs(edges)).map(|steps| steps.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(circle(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])]), None);
    assert_eq!(circle(&[("a", &["a"])]).unwrap(), ["a"]);
    assert_eq!(circle(&[("a", &["b"]), ("b", &["a"])]).unwrap(), ["a", "b"]);
    assert_eq!(
        circle(&[("a", &["b"]), ("b", &["c"]), ("c", &["d"]), ("d", &["b"])]).unwrap(),
        ["b", "c", "d"]
    );
}

/// A graph of up to eight steps with any edges between them, forward and back.
fn any_graph() -> impl Strategy<Value = Needs> {
    proptest::collection::vec((0..8u8, 0..8u8), 0..14).prop_map(|edges| {
        let name = |number| step(&format!("s{number}"));
        let mut graph: Needs = (0..8).map(|number| (name(number), BTreeSet::new())).collect();
        for (of, need) in edges {
            graph.entry(name(of)).or_default().insert(name(need));
        }
        graph
    })
}

proptest! {
    /// Goal: a graph has a circle exactly if some step comes before itself, and the circle told is one.
    /// Method: random graphs; compare with the ancestors; walk the circle.
    #[test]
    fn a_circle_is_a_step_before_itself(graph in any_graph()) {
        let found = cycle(&graph);
        let before_itself = graph.keys().any(|name| ancestors(&graph, name).contains(name));
        prop_assert_eq!(found.is_some(), before_itself);
        if let Some(circle) = found {
            for (index, name) in circle.iter().enumerate() {
                prop_assert!(graph[name].contains(&circle[(index + 1) % circle.len()]));
            }
        }
    }
}
