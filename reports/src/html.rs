//! A report as one HTML file: no script, nothing to load, light and dark.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::document::{Block, Entry, Table, spans};

/// The whole page. The first heading is its title.
pub fn render(blocks: &[Block]) -> String {
    let title = blocks.iter().find_map(|block| match block {
        Block::Heading { level: 1, text } => Some(text.as_str()),
        _ => None,
    });
    let is_section = |block: &Block| matches!(block, Block::Heading { level: 2, .. });
    let (front, sections) = blocks.split_at(blocks.iter().position(is_section).unwrap_or(blocks.len()));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title.unwrap_or("Report")) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                fieldset.theme {
                    legend { "Colours" }
                    @for (id, label) in [("auto", "Auto"), ("light", "Light"), ("dark", "Dark")] {
                        input type="radio" name="theme" id=(format!("theme-{id}")) checked[id == "auto"];
                        label for=(format!("theme-{id}")) { (label) }
                    }
                }
                main {
                    @for block in front { (rendered(block)) }
                    (navigation(sections))
                    @for block in sections { (rendered(block)) }
                }
            }
        }
    };
    page.into_string() + "\n"
}

fn navigation(blocks: &[Block]) -> Markup {
    let headings = blocks.iter().filter_map(|block| match block {
        Block::Heading { level, text } if (2..=3).contains(level) => Some((*level, text)),
        _ => None,
    });
    html! {
        nav aria-label="Contents" {
            ul {
                @for (level, text) in headings {
                    li class=(format!("level-{level}")) { a href=(format!("#{}", anchor(text))) { (inline(text)) } }
                }
            }
        }
    }
}

fn rendered(block: &Block) -> Markup {
    match block {
        Block::Heading { level, text } => heading(*level, text),
        Block::Text(text) => html! { p { (inline(text)) } },
        Block::Markdown(text) => html! { div.prose { (markdown(text)) } },
        Block::List(points) => html! { ul { @for point in points { li { (inline(point)) } } } },
        Block::Ticks(ticks) => html! {
            ul.ticks {
                @for tick in ticks {
                    li class=(if tick.holds { "holds" } else { "open" }) {
                        span.sign role="img" aria-label=(if tick.holds { "holds" } else { "mind" }) {
                            (if tick.holds { "\u{2713}" } else { "!" })
                        }
                        (inline(&tick.text))
                    }
                }
            }
        },
        Block::Table(table) => self::table(table),
        Block::Figure { chart, caption, data } => html! {
            figure {
                div.scroll tabindex="0" { (PreEscaped(chart.inline())) }
                figcaption { (inline(caption)) }
                details {
                    summary { "The numbers of this figure" }
                    (self::table(data))
                }
            }
        },
        Block::Code(text) => html! { pre tabindex="0" { code { (text) } } },
        Block::Details { summary, blocks } => html! {
            details {
                summary { (inline(summary)) }
                @for block in blocks { (rendered(block)) }
            }
        },
    }
}

fn heading(level: usize, text: &str) -> Markup {
    let id = anchor(text);
    html! {
        @match level {
            1 => { h1 { (inline(text)) } }
            2 => { h2 id=(id) { (inline(text)) } }
            3 => { h3 id=(id) { (inline(text)) } }
            _ => { h4 id=(id) { (inline(text)) } }
        }
    }
}

fn table(table: &Table) -> Markup {
    let class = |column: usize| table.columns[column].1.then_some("number");
    html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr { @for (column, (name, _)) in table.columns.iter().enumerate() {
                        th scope="col" class=[class(column)] { (inline(name)) }
                    } }
                }
                tbody {
                    @for row in &table.rows {
                        tr { @for (column, entry) in row.iter().enumerate() {
                            @if column == 0 { th scope="row" class=[class(column)] { (self::entry(entry)) } }
                            @else { td class=[class(column)] { (self::entry(entry)) } }
                        } }
                    }
                }
            }
        }
    }
}

fn entry(entry: &Entry) -> Markup {
    html! {
        @if entry.strong { strong { (inline(&entry.text)) } } @else { (inline(&entry.text)) }
        @for note in &entry.notes { span.note { (inline(note)) } }
    }
}

fn inline(text: &str) -> Markup {
    html! { @for (part, is_code) in spans(text) { @if is_code { code { (part) } } @else { (part) } } }
}

fn anchor(text: &str) -> String {
    crate::charts::slug(text).to_lowercase()
}

/// Markdown as HTML. Raw HTML is shown, not obeyed, and an image becomes its description: nothing is ever loaded.
fn markdown(text: &str) -> Markup {
    let mut in_image = 0;
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        Event::Start(Tag::Image { .. }) => {
            in_image += 1;
            None
        }
        Event::End(TagEnd::Image) => {
            in_image -= 1;
            None
        }
        other => Some(other),
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    PreEscaped(
        html.replace("<table>", "<div class=\"scroll\" tabindex=\"0\"><table>").replace("</table>", "</table></div>"),
    )
}
