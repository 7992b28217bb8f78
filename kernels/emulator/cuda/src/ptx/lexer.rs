//! Text to words and punctuation.
use super::LoadError;

/// A word (`ld.global.f32`, `%r1`, `0f3F800000`) or one character of punctuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    pub line: u32,
}

impl<'a> Token<'a> {
    pub fn is(&self, text: &str) -> bool {
        self.text == text
    }

    /// The error `message`, at this place.
    pub fn error(&self, message: impl Into<String>) -> LoadError {
        LoadError { line: self.line, message: message.into() }
    }
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_$%.".contains(&byte)
}

/// The tokens of `source`, without comments.
pub fn lex(source: &str) -> Result<Vec<Token<'_>>, LoadError> {
    let bytes = source.as_bytes();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < bytes.len() {
        let start = at;
        let rest = &bytes[at..];
        match bytes[at] {
            b'\n' => {
                line += 1;
                at += 1;
                continue;
            }
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            _ if rest.starts_with(b"//") => {
                at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                continue;
            }
            _ if rest.starts_with(b"/*") => {
                let open = LoadError { line, message: "a comment has no end".into() };
                let length = source[at..].find("*/").ok_or(open)? + 2;
                line += source[at..at + length].matches('\n').count() as u32;
                at += length;
                continue;
            }
            b'"' => {
                let open = LoadError { line, message: "a string has no end".into() };
                at += 2 + source[at + 1..].find('"').ok_or(open)?;
            }
            byte if in_word(byte) => {
                while at < bytes.len() && (in_word(bytes[at]) || bytes[at..].starts_with(b"::")) {
                    at += if bytes[at] == b':' { 2 } else { 1 };
                }
            }
            byte if byte.is_ascii() => at += 1,
            _ => return Err(LoadError { line, message: "a character outside ASCII".into() }),
        }
        tokens.push(Token { text: &source[start..at], line });
    }
    Ok(tokens)
}

/// The bits of a literal: decimal, `0x`, `0f` (f32) or `0d` (f64).
pub fn number(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches('U');
    let prefixed =
        |prefix: &str| digits.get(..2).filter(|start| start.eq_ignore_ascii_case(prefix)).map(|_| &digits[2..]);
    if let Some(bits) = prefixed("0f") {
        return u32::from_str_radix(bits, 16).ok().map(u64::from);
    }
    if let Some(bits) = prefixed("0d").or(prefixed("0x")) {
        return u64::from_str_radix(bits, 16).ok();
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_keep_the_line_numbers() {
        let tokens = lex("a /* x\n y */ b // c\n.file 1 \"a b\"\nc").unwrap();
        let found: Vec<_> = tokens.iter().map(|token| (token.text, token.line)).collect();
        assert_eq!(found, [("a", 1), ("b", 2), (".file", 3), ("1", 3), ("\"a b\"", 3), ("c", 4)]);
    }

    #[test]
    fn literals_have_the_bits_of_the_reference_manual() {
        assert_eq!(number("0f3F800000"), Some(u64::from(1f32.to_bits())));
        assert_eq!(number("0d3FF0000000000000"), Some(1f64.to_bits()));
        assert_eq!((number("0x1F"), number("31"), number("31U")), (Some(31), Some(31), Some(31)));
        assert_eq!((number("%r1"), number("a"), number("0f")), (None, None, None));
    }

    #[test]
    fn an_open_comment_or_string_is_an_error_with_its_line() {
        assert_eq!(lex("\n/* a").unwrap_err().line, 2);
        assert_eq!(lex("\n\n\"a").unwrap_err().line, 3);
    }
}
