//! The dotted parts of an opcode. Each must be taken by the decoder; what is left over is unknown, and an error.
use super::instruction::{Space, Type};

/// The parts after the first dot that nobody has taken yet.
pub struct Modifiers<'a> {
    left: Vec<&'a str>,
}

impl<'a> Modifiers<'a> {
    /// The opcode's first part, and the others.
    pub fn of(opcode: &'a str) -> (&'a str, Self) {
        let mut parts = opcode.split('.');
        let base = parts.next().unwrap_or_default();
        (base, Self { left: parts.collect() })
    }

    /// Whether `name` is there; takes it.
    pub fn take(&mut self, name: &str) -> bool {
        let found = self.left.iter().position(|part| *part == name);
        found.map(|at| self.left.remove(at)).is_some()
    }

    /// The first part that `choose` knows; takes it.
    pub fn find<T>(&mut self, choose: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (at, value) = self.left.iter().enumerate().find_map(|(at, part)| Some((at, choose(part)?)))?;
        self.left.remove(at);
        Some(value)
    }

    /// The next type.
    pub fn kind(&mut self) -> Result<Type, String> {
        self.find(Type::parse).ok_or_else(|| "it has no type that is supported".to_string())
    }

    /// The state space; generic without one.
    pub fn space(&mut self) -> Space {
        let known = |name: &str| {
            Some(match name {
                "global" => Space::Global,
                "shared" | "shared::cta" => Space::Shared,
                "local" => Space::Local,
                "const" => Space::Const,
                "param" => Space::Param,
                _ => return None,
            })
        };
        self.find(known).unwrap_or(Space::Generic)
    }

    /// Takes `.rn` of arithmetic that rounds. Without it the assembler may contract the operation into a fused
    /// multiply-add, and the bits are no longer defined.
    pub fn nearest(&mut self, of: Type) -> Result<(), String> {
        if of.is_float() && !self.take("rn") {
            return Err("float arithmetic without .rn may be contracted: compile with --fmad=false".into());
        }
        Ok(())
    }

    /// An error unless every part was taken.
    pub fn finish(self) -> Result<(), String> {
        match self.left.first() {
            None => Ok(()),
            Some(part @ (&"approx" | &"ftz" | &"full")) => {
                Err(format!(".{part} is refused: its results differ between devices"))
            }
            Some(part) => Err(format!("modifier .{part} is not supported")),
        }
    }
}
