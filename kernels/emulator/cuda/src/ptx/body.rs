//! The body of a kernel: registers, variables, labels, and instructions one after the other.
use super::instruction::{Condition, Instruction, Operation, Space, Type};
use super::lexer::Token;
use super::module::{Cursor, Declaration};
use super::operand::{Name, Names, text};
use super::{Kernel, LoadError, decode};
use std::collections::BTreeMap;

/// Parses what follows the opening brace, to the closing one.
pub(super) fn parse(cursor: &mut Cursor<'_, '_>, mut names: Names) -> Result<Kernel, LoadError> {
    let mut labels = BTreeMap::new();
    let mut branches: Vec<(usize, Token<'_>)> = Vec::new();
    let mut depth = 1;
    while depth > 0 {
        let first = cursor.peek()?;
        match first.text {
            "{" | "}" => {
                depth += if first.is("{") { 1 } else { -1 };
                cursor.next()?;
            }
            _ if cursor.look(1)?.is(":") => {
                labels.insert(first.text, names.kernel.code.len());
                cursor.next()?;
                cursor.next()?;
            }
            ".shared" | ".local" => {
                cursor.next()?;
                let declared = Declaration::parse(cursor)?;
                cursor.expect(";")?;
                let shared = first.is(".shared");
                let used = if shared { &mut names.kernel.static_shared } else { &mut names.kernel.local };
                let (offset, after) = declared.place(*used);
                *used = after;
                let space = if shared { Space::Shared } else { Space::Local };
                names.names.insert(declared.name.into(), Name::Offset(space, offset as u64));
            }
            ".reg" => {
                let statement = cursor.statement()?;
                registers(&mut names, &statement[1..]).map_err(|message| first.error(message))?;
            }
            ".pragma" | ".loc" => {
                // A `.loc` has no semicolon: file, line, column.
                if first.is(".loc") {
                    for _ in 0..4 {
                        cursor.next()?;
                    }
                } else {
                    cursor.statement()?;
                }
            }
            _ => {
                let statement = cursor.statement()?;
                let (guard, rest) = guard(&names, statement).map_err(|message| first.error(message))?;
                let Some((opcode, operands)) = rest.split_first() else {
                    return Err(first.error("an instruction is expected"));
                };
                let failed = |message| opcode.error(format!("{}: {message}", text(rest)));
                let operation = decode::operation(&mut names, opcode.text, operands).map_err(failed)?;
                if let Operation::Bra { .. } = operation {
                    branches.push((names.kernel.code.len(), operands[0]));
                }
                let opcode_text = opcode.text.into();
                names.kernel.code.push(Instruction { operation, guard, line: opcode.line, opcode: opcode_text });
            }
        }
    }
    let line = names.kernel.code.last().map_or(1, |last| last.line);
    // A label at the end of the body needs something to stand before.
    names.kernel.code.push(Instruction { operation: Operation::Exit, guard: None, line, opcode: "ret".into() });
    for (at, label) in branches {
        let target = labels.get(label.text).ok_or_else(|| label.error(format!("label {} is missing", label.text)))?;
        names.kernel.code[at].operation = Operation::Bra { target: *target };
    }
    Ok(names.kernel)
}

/// `.reg .b32 %r<10>, %x;`
fn registers(names: &mut Names, declared: &[Token<'_>]) -> Result<(), String> {
    let bad = || format!("registers `{}` are not supported", text(declared));
    let (kind, list) = declared.split_first().ok_or_else(bad)?;
    let of = kind.text.strip_prefix('.').and_then(Type::parse).ok_or_else(bad)?;
    for entry in list.split(|token| token.is(",")) {
        match entry {
            [name] => {
                let register = names.register(of)?;
                names.names.insert(name.text.into(), Name::Register(of, register));
            }
            [name, open, count, close] if open.is("<") && close.is(">") => {
                for index in 0..count.text.parse::<u16>().map_err(|_| bad())? {
                    let register = names.register(of)?;
                    names.names.insert(format!("{}{index}", name.text), Name::Register(of, register));
                }
            }
            _ => return Err(bad()),
        }
    }
    Ok(())
}

/// The guard of an instruction, and the instruction.
fn guard<'t, 'a>(names: &Names, statement: &'t [Token<'a>]) -> Result<(Option<Condition>, &'t [Token<'a>]), String> {
    match statement {
        [at, bang, _, rest @ ..] if at.is("@") && bang.is("!") => Ok((Some(names.condition(&statement[1..3])?), rest)),
        [at, _, rest @ ..] if at.is("@") => Ok((Some(names.condition(&statement[1..2])?), rest)),
        _ => Ok((None, statement)),
    }
}
