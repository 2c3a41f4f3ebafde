//! Expressions of PromQL, taken apart: which series they ask for, with which matchers and ranges, and under which functions. Grafana's
//! variables are filled in as Grafana would, so that what is checked is what is asked.

use promql_parser::parser::{Expr, VectorSelector, parse};
use std::collections::BTreeSet;

/// Functions that make a rate or a difference of a counter.
const OF_COUNTERS: [&str; 5] = ["rate", "irate", "increase", "resets", "absent"];

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression {
    /// The text, with Grafana's variables filled in.
    pub text: String,
    /// What it asks for.
    pub selectors: Vec<Selector>,
}

/// One selector of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The series' name; empty if only matchers are given.
    pub name: String,
    /// Its matchers as they are written: label, operator and value.
    pub matchers: BTreeSet<(String, String)>,
    /// Whether a range is asked for.
    pub ranged: bool,
    /// The functions around it, from outside in.
    pub inside: Vec<String>,
}

impl Selector {
    /// Whether a counter is asked for in a way that makes sense: by its growth.
    #[must_use]
    pub fn by_growth(&self) -> bool {
        self.inside.iter().any(|function| OF_COUNTERS.contains(&function.as_str()))
    }
}

/// Fills in what Grafana fills in before it asks.
#[must_use]
pub fn filled_in(text: &str, variables: &[(&str, &str)]) -> String {
    let mut filled =
        text.replace("$__rate_interval", "1m").replace("$__range", "1h").replace("$__interval", "15s");
    for (name, value) in variables {
        filled = filled.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
    }
    filled
}

impl Expression {
    /// Parses one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = filled_in(text, &[]);
        let tree = parse(&text).map_err(|error| format!("{text}: {error}"))?;
        let mut selectors = Vec::new();
        walk(&tree, &mut Vec::new(), &mut selectors);
        Ok(Self { text, selectors })
    }
}

fn walk(tree: &Expr, inside: &mut Vec<String>, found: &mut Vec<Selector>) {
    match tree {
        Expr::VectorSelector(one) => found.push(selector(one, false, inside)),
        Expr::MatrixSelector(one) => found.push(selector(&one.vs, true, inside)),
        Expr::Call(call) => {
            inside.push(call.func.name.to_owned());
            call.args.args.iter().for_each(|argument| walk(argument, inside, found));
            inside.pop();
        }
        Expr::Aggregate(one) => {
            walk(&one.expr, inside, found);
            one.param.iter().for_each(|parameter| walk(parameter, inside, found));
        }
        Expr::Binary(one) => {
            walk(&one.lhs, inside, found);
            walk(&one.rhs, inside, found);
        }
        Expr::Paren(one) => walk(&one.expr, inside, found),
        Expr::Unary(one) => walk(&one.expr, inside, found),
        Expr::Subquery(one) => walk(&one.expr, inside, found),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn selector(one: &VectorSelector, ranged: bool, inside: &[String]) -> Selector {
    let matchers = one.matchers.matchers.iter();
    let matchers = matchers.map(|matcher| (matcher.name.clone(), format!("{}{}", matcher.op, matcher.value)));
    Selector {
        name: one.name.clone().unwrap_or_default(),
        matchers: matchers.collect(),
        ranged,
        inside: inside.to_vec(),
    }
}
