//! A document as one HTML file that needs nothing else: no script, no font, no picture from anywhere, and a policy in it
//! that forbids them. Everything that came from outside is escaped. It is made to be printed, too.

use super::{
    document::{Block, Cell, Document, Figure, Section, Tone},
    svg,
};

/// Letters of a name or a moment that is never broken over two lines; a hash, which is longer, is.
const UNBROKEN_MAX: usize = 32;

const STYLE: &str = include_str!("style.css");

/// A document as HTML.
#[must_use]
pub fn html(document: &Document) -> String {
    let title = escaped(&document.title);
    let subtitle = escaped(&document.subtitle);
    let figures: String = document.figures.iter().map(figure).collect();
    let sections: String = document.sections.iter().map(section).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n<p class=\"subtitle\">{subtitle}</p>\n</header>\n\
         <div class=\"figures\">\n{figures}</div>\n{sections}</main>\n</body>\n</html>\n"
    )
}

fn figure(figure: &Figure) -> String {
    format!(
        "<div class=\"figure {}\"><div class=\"label\">{}</div><div class=\"value\">{}</div><div class=\"note\">{}</div></div>\n",
        class(figure.tone),
        escaped(&figure.label),
        escaped(&figure.value),
        escaped(&figure.note)
    )
}

fn section(section: &Section) -> String {
    let blocks: String = section.blocks.iter().map(block).collect();
    format!("<section>\n<h2>{}</h2>\n{blocks}</section>\n", escaped(&section.title))
}

fn block(block: &Block) -> String {
    match block {
        Block::Words(text) => format!("<p>{}</p>\n", escaped(text)),
        Block::Heading(text) => format!("<h3>{}</h3>\n", escaped(text)),
        Block::Table { head, rows } => table(head, rows),
        Block::Chart(timeline) => svg::chart(timeline),
        Block::Form(questions) => {
            let each = questions
                .iter()
                .map(|question| format!("<div class=\"question\"><p>{}</p></div>\n", escaped(question)));
            each.collect()
        }
        Block::Commands(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
            format!("<pre>{}</pre>\n", lines.join("\n"))
        }
    }
}

fn table(head: &[&str], rows: &[Vec<Cell>]) -> String {
    let head: String = head.iter().map(|title| format!("<th>{}</th>", escaped(title))).collect();
    let row = |row: &Vec<Cell>| format!("<tr>{}</tr>\n", row.iter().map(cell).collect::<String>());
    let rows: String = rows.iter().map(row).collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn cell(cell: &Cell) -> String {
    let text = escaped(&cell.text);
    let text = match cell.tone {
        Tone::Plain => text,
        tone => format!("<span class=\"word {}\">{text}</span>", class(tone)),
    };
    match cell.code {
        true if cell.text.chars().count() > UNBROKEN_MAX => format!("<td class=\"long\">{text}</td>"),
        true => format!("<td class=\"code\">{text}</td>"),
        false => format!("<td>{text}</td>"),
    }
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Doubtful => "doubtful",
        Tone::Bad => "bad",
        Tone::Plain => "plain",
    }
}

/// A text in which nothing is markup, in an element or in an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
