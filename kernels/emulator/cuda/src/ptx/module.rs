//! The module: directives, variables, the heads of kernels.
use super::instruction::{Space, Type};
use super::lexer::{Token, lex, number};
use super::operand::{Name, Names};
use super::{Kernel, LoadError, Parameter, Variable, body};
use std::collections::BTreeMap;

/// A parsed module.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// `.version`, such as `7.0`.
    pub version: String,
    /// Compute capability of `.target`: 75 for `sm_75`.
    pub target: u32,
    /// Its kernels.
    pub kernels: Vec<Kernel>,
    /// Its variables.
    pub variables: Vec<Variable>,
}

/// Reads tokens one after the other; the end of the text is an error.
pub(super) struct Cursor<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
}

impl<'t, 'a> Cursor<'t, 'a> {
    pub fn peek(&self) -> Result<Token<'a>, LoadError> {
        self.look(0)
    }

    pub fn look(&self, ahead: usize) -> Result<Token<'a>, LoadError> {
        let line = self.tokens.last().map_or(1, |token| token.line);
        self.tokens.get(self.at + ahead).copied().ok_or(LoadError { line, message: "the text ends too early".into() })
    }

    pub fn next(&mut self) -> Result<Token<'a>, LoadError> {
        let token = self.peek()?;
        self.at += 1;
        Ok(token)
    }

    pub fn take(&mut self, text: &str) -> bool {
        let found = self.peek().is_ok_and(|token| token.is(text));
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, text: &str) -> Result<(), LoadError> {
        let token = self.next()?;
        if token.is(text) { Ok(()) } else { Err(token.error(format!("`{text}` expected, not `{}`", token.text))) }
    }

    pub fn count(&mut self) -> Result<usize, LoadError> {
        let token = self.next()?;
        let value = number(token.text).and_then(|value| usize::try_from(value).ok());
        value.ok_or_else(|| token.error(format!("a number is expected, not `{}`", token.text)))
    }

    /// The tokens up to the semicolon outside braces, which is consumed.
    pub fn statement(&mut self) -> Result<&'t [Token<'a>], LoadError> {
        let (start, mut depth) = (self.at, 0);
        loop {
            match self.next()?.text {
                "{" => depth += 1,
                "}" => depth -= 1,
                ";" if depth == 0 => return Ok(&self.tokens[start..self.at - 1]),
                _ => {}
            }
        }
    }
}

/// Size and alignment as declared: `.align 8 .b8 name[16][4]`.
pub(super) struct Declaration<'a> {
    pub name: &'a str,
    pub align: usize,
    pub element: usize,
    pub elements: usize,
}

impl<'a> Declaration<'a> {
    pub fn parse(cursor: &mut Cursor<'_, 'a>) -> Result<Self, LoadError> {
        let (mut align, mut element) = (1, 1);
        loop {
            let token = cursor.next()?;
            match token.text {
                ".align" => align = cursor.count()?,
                // The alignment that follows `.ptr` is of what it points to.
                ".ptr" => {
                    while cursor.peek()?.text.starts_with('.') {
                        if cursor.next()?.is(".align") {
                            cursor.count()?;
                        }
                    }
                }
                word if word.starts_with('.') => {
                    let of =
                        Type::parse(&word[1..]).ok_or_else(|| token.error(format!("type {word} is not supported")))?;
                    element = of.size();
                }
                name => {
                    let mut elements = 1;
                    while cursor.take("[") {
                        if cursor.take("]") {
                            elements = 0;
                        } else {
                            elements *= cursor.count()?;
                            cursor.expect("]")?;
                        }
                    }
                    if align == 0 || !align.is_power_of_two() {
                        return Err(token.error("the alignment must be a power of two"));
                    }
                    return Ok(Self { name, align: align.max(element), element, elements });
                }
            }
        }
    }

    pub fn size(&self) -> usize {
        self.element * self.elements
    }

    /// Places it behind `used` bytes: its offset, and the bytes used then.
    pub fn place(&self, used: usize) -> (usize, usize) {
        let offset = used.next_multiple_of(self.align);
        (offset, offset + self.size())
    }
}

/// Parses a whole module.
pub fn parse(source: &str) -> Result<Module, LoadError> {
    let tokens = lex(source)?;
    let mut cursor = Cursor { tokens: &tokens, at: 0 };
    let mut module = Module::default();
    let mut names = BTreeMap::new();
    while cursor.peek().is_ok() {
        let token = cursor.next()?;
        match token.text {
            ".version" => module.version = cursor.next()?.text.into(),
            ".target" => {
                let target = cursor.next()?;
                let digits = target.text.trim_start_matches("sm_").trim_end_matches(['a', 'f']);
                module.target =
                    digits.parse().map_err(|_| target.error(format!("target {} is not known", target.text)))?;
            }
            ".address_size" => {
                let size = cursor.next()?;
                if !size.is("64") {
                    return Err(size.error("addresses must have 64 bits"));
                }
            }
            ".visible" | ".extern" | ".weak" => {}
            ".entry" => {
                let kernel = entry(&mut cursor, &names)?;
                module.kernels.push(kernel);
            }
            ".global" | ".const" => {
                let variable = variable(&mut cursor)?;
                names.insert(variable.name.clone(), Name::Variable(module.variables.len()));
                module.variables.push(variable);
            }
            ".shared" => {
                let shared = Declaration::parse(&mut cursor)?;
                if shared.elements > 0 {
                    return Err(token.error("shared memory of a fixed size belongs into the kernel"));
                }
                names.insert(shared.name.into(), Name::DynamicShared);
                cursor.expect(";")?;
            }
            ".file" => {
                cursor.next()?;
                cursor.next()?;
            }
            other => return Err(token.error(format!("directive {other} is not supported"))),
        }
    }
    Ok(module)
}

fn variable(cursor: &mut Cursor<'_, '_>) -> Result<Variable, LoadError> {
    let declared = Declaration::parse(cursor)?;
    let mut initial = Vec::new();
    for token in cursor.statement()? {
        if let Some(value) = number(token.text) {
            initial.extend_from_slice(&value.to_le_bytes()[..declared.element]);
        } else if !matches!(token.text, "=" | "{" | "}" | ",") {
            return Err(token.error(format!("initial value {} is not supported", token.text)));
        }
    }
    Ok(Variable { name: declared.name.into(), size: declared.size(), initial })
}

fn entry(cursor: &mut Cursor<'_, '_>, module: &BTreeMap<String, Name>) -> Result<Kernel, LoadError> {
    let mut kernel = Kernel { name: cursor.next()?.text.into(), max_threads: 1024, ..Kernel::default() };
    let mut names = module.clone();
    if cursor.take("(") {
        while !cursor.take(")") {
            cursor.expect(".param")?;
            let declared = Declaration::parse(cursor)?;
            let (offset, used) = declared.place(kernel.parameter_bytes);
            kernel.parameter_bytes = used;
            names.insert(declared.name.into(), Name::Offset(Space::Param, offset as u64));
            kernel.parameters.push(Parameter { name: declared.name.into(), offset, size: declared.size() });
            cursor.take(",");
        }
    }
    while !cursor.take("{") {
        let token = cursor.next()?;
        match token.text {
            ".maxntid" | ".reqntid" => {
                kernel.max_threads = cursor.count()? as u32;
                while cursor.take(",") {
                    kernel.max_threads *= cursor.count()? as u32;
                }
            }
            ".minnctapersm" | ".maxnreg" => _ = cursor.count()?,
            other => return Err(token.error(format!("directive {other} is not supported"))),
        }
    }
    body::parse(cursor, Names::new(kernel, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = ".version 7.0\n.target sm_75\n.address_size 64\n";

    fn refusal(text: &str) -> String {
        parse(&format!("{HEAD}{text}")).unwrap_err().to_string()
    }

    #[test]
    fn parameters_lie_as_in_a_c_structure() {
        let text = ".visible .entry k(.param .u64 a, .param .u32 b, .param .align 8 .b8 c[12], .param .u64 .ptr .align 1 d,\
                    .param .u8 e)\n.maxntid 128, 2, 1\n{ ret; }";
        let module = parse(&format!("{HEAD}{text}")).unwrap();
        let kernel = &module.kernels[0];
        let places: Vec<_> = kernel.parameters.iter().map(|parameter| (parameter.offset, parameter.size)).collect();
        assert_eq!(places, [(0, 8), (8, 4), (16, 12), (32, 8), (40, 1)]);
        assert_eq!((kernel.parameter_bytes, kernel.max_threads, module.target), (41, 256, 75));
    }

    #[test]
    fn variables_keep_their_initial_bytes() {
        let module = parse(&format!("{HEAD}.const .align 4 .b8 t[8] = {{1, 2, 255}};\n.global .u32 n;")).unwrap();
        assert_eq!((module.variables[0].size, &module.variables[0].initial[..]), (8, &[1, 2, 255][..]));
        assert_eq!((module.variables[1].size, module.variables[1].initial.len()), (4, 0));
    }

    #[test]
    fn what_is_not_known_is_an_error_with_its_line() {
        assert_eq!(refusal(".visible .func f() { ret; }"), "PTX line 4: directive .func is not supported");
        assert!(refusal(".entry k()\n{\nfoo.u32 %r1, %r2;\n}").starts_with("PTX line 6: foo.u32 "));
        assert!(refusal(".entry k()\n{ .reg .b32 %r<2>; add.s32 %r1, %r9, 1; }").contains("%r9 is not known"));
        assert!(refusal(".entry k()\n{ .reg .b32 %r<2>; add.s32 %r1, %r1 }").contains("ends too early"));
        assert!(refusal(".entry k()\n{ bra L; }").contains("label L"));
        assert!(refusal(".global .f16 h;").contains(".f16"));
    }

    #[test]
    fn arithmetic_whose_bits_are_not_defined_is_refused() {
        let body = |text: &str| refusal(&format!(".entry k() {{ .reg .f32 %f<4>; {text}; }}"));
        assert!(body("ex2.approx.f32 %f1, %f2").contains("not supported"));
        assert!(body("add.rn.ftz.f32 %f1, %f2, %f3").contains("differ between devices"));
        assert!(body("sqrt.approx.f32 %f1, %f2").contains("may be contracted"));
        assert!(body("mul.f32 %f1, %f2, %f3").contains("--fmad=false"));
        assert!(body("fma.rz.f32 %f1, %f2, %f3, %f1").contains("--fmad=false"));
    }
}
