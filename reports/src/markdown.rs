//! A report as Markdown, with its charts beside it in `charts/`.

use crate::document::{Block, Entry, Table, spans};

/// The whole text.
pub fn render(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        text.push_str(rendered(block).trim_end());
        text.push_str("\n\n");
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn rendered(block: &Block) -> String {
    match block {
        Block::Heading { level, text } => format!("{} {}", "#".repeat(*level), inline(text)),
        Block::Text(text) => inline(text),
        Block::Markdown(text) => text.clone(),
        Block::List(points) => points.iter().map(|point| format!("- {}\n", inline(point))).collect(),
        // Another bullet than that of a list, so that the two stay apart when one follows the other.
        Block::Ticks(ticks) => {
            let point =
                |holds: bool, text: &str| format!("* {} {}\n", if holds { "\u{2713}" } else { "**!**" }, inline(text));
            ticks.iter().map(|tick| point(tick.holds, &tick.text)).collect()
        }
        Block::Table(table) => self::table(table),
        Block::Figure { chart, caption, data } => format!(
            "![{}](charts/{})\n\n*{}*\n\n{}",
            inline(&chart.alt),
            chart.file,
            inline(caption),
            details("The numbers of this figure", &self::table(data))
        ),
        Block::Code(text) => format!("```\n{text}\n```"),
        Block::Details { summary, blocks } => details(summary, &render(blocks)),
    }
}

fn details(summary: &str, inside: &str) -> String {
    format!("<details><summary>{}</summary>\n\n{}\n\n</details>", escaped(summary), inside.trim_end())
}

fn table(table: &Table) -> String {
    let line = |entries: Vec<String>| format!("| {} |\n", entries.join(" | "));
    let mut text = line(table.columns.iter().map(|(name, _)| inline(name)).collect());
    text += &line(table.columns.iter().map(|(_, number)| if *number { "--:" } else { "---" }.into()).collect());
    for row in &table.rows {
        text += &line(row.iter().map(entry).collect());
    }
    text
}

fn entry(entry: &Entry) -> String {
    let text = if entry.strong { format!("**{}**", inline(&entry.text)) } else { inline(&entry.text) };
    let notes = entry.notes.iter().map(|note| inline(note));
    std::iter::once(text).chain(notes).collect::<Vec<_>>().join("<br>").replace('|', "\\|")
}

fn inline(text: &str) -> String {
    spans(text).map(|(part, is_code)| if is_code { format!("`{part}`") } else { escaped(part) }).collect()
}

/// A text in which no character means anything to Markdown.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '*' | '_' | '\\' => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}
