//! Template variables: `{from}`, `{to}`, `{from.name}`, `{to.name}` in plans, `{region}` and `{name}` in probes. No
//! expressions: every variable is a name, and an unknown one is an error (never an empty text). A brace itself is written
//! twice, for the texts that may hold one: commands, bodies and regular expressions.

use std::collections::BTreeMap;

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The variable has no value.
    #[error("unknown variable `{{{name}}}`; known here: {}", known.join(", "))]
    Unknown {
        /// Its name.
        name: String,
        /// Those that have one.
        known: Vec<String>,
    },
    /// Two names of one list mean the same.
    #[error("`{name}` stands there twice once its variables are replaced")]
    Twice {
        /// The name.
        name: String,
    },
    /// A brace stands alone.
    #[error("a brace has no partner in `{text}`")]
    Brace {
        /// The template.
        text: String,
    },
}

/// Replaces every variable of `text` by its value, and every doubled brace by one.
///
/// # Errors
/// When a variable has no value or a brace has no partner.
pub fn resolve(text: &str, variables: &BTreeMap<String, String>) -> Result<String, TemplateError> {
    let brace = || TemplateError::Brace { text: text.to_owned() };
    let (mut result, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find(['{', '}']) {
        result.push_str(&rest[..start]);
        if let Some(brace) = ["{{", "}}"].into_iter().find(|doubled| rest[start..].starts_with(doubled)) {
            result.push_str(&brace[1..]);
            rest = &rest[start + 2..];
            continue;
        }
        let inner = rest[start..].strip_prefix('{').ok_or_else(brace)?;
        let end = inner.find('}').ok_or_else(brace)?;
        let name = &inner[..end];
        let value = variables.get(name).ok_or_else(|| TemplateError::Unknown {
            name: name.to_owned(),
            known: variables.keys().map(|key| format!("{{{key}}}")).collect(),
        })?;
        result.push_str(value);
        rest = &inner[end + 1..];
    }
    result.push_str(rest);
    Ok(result)
}
