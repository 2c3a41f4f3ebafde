//! All mutations of a file in one text, each asleep until its number is in force: so all of them are built once and tried
//! one after another. A function with a mutation becomes a choice between its whole body and its bodies with a fault; what
//! is not a function's body cannot be chosen while the program runs, and is an error. It reads and writes no file.

use super::Mutation;
use proc_macro2::Span;
use std::{collections::BTreeMap, fmt::Write as _, ops::Range};
use syn::{
    Block, Signature,
    visit::{self, Visit},
};

/// The variable of the environment that says which mutation is in force: its number in [`super::all`], from 1; none without it.
pub const IN_FORCE: &str = "QUORATE_MUTATION";

/// What each crate with a mutation gets at its root.
pub const SWITCH: &str = r#"
/// Which mutation is in force.
pub(crate) fn mutation_in_force() -> usize {
    static IN_FORCE: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *IN_FORCE.get_or_init(|| std::env::var("QUORATE_MUTATION").map_or(0, |number| number.parse().unwrap()))
}
"#;

/// The file's text with every one of its mutations in it, by number.
///
/// # Errors
/// When a mutation's text is not there once, or not within a function that can choose while it runs.
pub fn switched(text: &str, mutations: &[(usize, Mutation)]) -> Result<String, String> {
    let parsed = syn::parse_file(text).map_err(|error| format!("not read as Rust: {error}"))?;
    let mut bodies = Bodies::default();
    bodies.visit_file(&parsed);
    let mut chosen: BTreeMap<(usize, usize), Vec<(usize, String)>> = BTreeMap::new();
    for (number, mutation) in mutations {
        mutation.applied(text)?;
        let at = text.find(mutation.from).unwrap_or_default();
        let body = bodies.around(&(at..at + mutation.from.len())).ok_or_else(|| {
            format!(
                "mutation \"{}\": {} has its text outside of a function's body",
                mutation.name, mutation.file
            )
        })?;
        let faulty = text[body.clone()].replacen(mutation.from, mutation.to, 1);
        chosen.entry((body.start, body.end)).or_default().push((*number, faulty));
    }
    Ok(spliced(text, &chosen))
}

/// The text with each body replaced by a choice; from the end, so that places before it stay where they are.
fn spliced(text: &str, chosen: &BTreeMap<(usize, usize), Vec<(usize, String)>>) -> String {
    let mut whole = text.to_owned();
    for (&(start, end), faulty) in chosen.iter().rev() {
        let mut choice = "{\n    match crate::mutation_in_force() {\n".to_owned();
        for (number, body) in faulty {
            writeln!(choice, "        {number} => {body},").unwrap_or_default();
        }
        writeln!(choice, "        _ => {},\n    }}\n}}", &text[start..end]).unwrap_or_default();
        whole.replace_range(start..end, &choice);
    }
    whole
}

/// Where functions' bodies are, in bytes, braces included; an inner function belongs to the one around it.
#[derive(Default)]
struct Bodies(Vec<Range<usize>>);

impl Bodies {
    fn around(&self, place: &Range<usize>) -> Option<Range<usize>> {
        self.0.iter().find(|body| body.start < place.start && place.end < body.end).cloned()
    }

    /// A constant function runs before there is an environment to ask.
    fn add(&mut self, signature: &Signature, block: &Block) {
        if signature.constness.is_none() {
            let (open, close): (Span, Span) = (block.brace_token.span.open(), block.brace_token.span.close());
            self.0.push(open.byte_range().start..close.byte_range().end);
        }
    }
}

impl<'ast> Visit<'ast> for Bodies {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutation(from: &'static str, to: &'static str) -> Mutation {
        Mutation { name: "test", serves: "R1", drawn: "", file: "lib.rs", from, to }
    }

    /// Goal: a function chooses between its body and the faulty ones, and nothing else is touched. Method: two faults in one
    /// method, one in another function.
    #[test]
    fn a_function_chooses() {
        let text = "const A: u8 = 1;\nimpl S {\n    fn f(&self) -> u8 { self.a + self.b }\n}\nfn g() -> bool { true }\n";
        let of = [(1, mutation("self.a", "0")), (2, mutation("self.b", "1")), (3, mutation("true", "false"))];
        let switched = switched(text, &of).unwrap();
        assert_eq!(
            switched.split_whitespace().collect::<Vec<_>>().join(" "),
            "const A: u8 = 1; impl S { fn f(&self) -> u8 { match crate::mutation_in_force() { 1 => { 0 + self.b }, \
             2 => { self.a + 1 }, _ => { self.a + self.b }, } } } fn g() -> bool { match crate::mutation_in_force() { \
             3 => { false }, _ => { true }, } }"
        );
    }

    /// Goal: what cannot be chosen while the program runs is refused. Method: a constant, a constant function, a text that is not there.
    #[test]
    fn what_cannot_be_chosen() {
        let text = "const A: u8 = 1;\nconst fn f() -> u8 { 2 }\nfn g() {}\n";
        for from in ["1", "2"] {
            let why = switched(text, &[(1, mutation(from, "3"))]).unwrap_err();
            assert!(why.ends_with("has its text outside of a function's body"), "{why}");
        }
        assert!(switched(text, &[(1, mutation("4", "3"))]).unwrap_err().contains("0 times, not once"));
    }
}
