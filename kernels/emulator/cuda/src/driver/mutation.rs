//! A planted bug: what negative controls use to see that tests see it.
//!
//! The variable `MERCATO_EMULATOR_MUTATION` holds `kernel`, `find`, `replace` and optionally `number`, between bars (`|`).
//! In the body of that kernel the text `find` is replaced when the module is loaded: its occurrence `number`, from 0, or
//! every one. A mutation that finds nothing is an error, so that no control is empty.
//!
//! The variable `MERCATO_EMULATOR_TWICE` names a kernel of which every launch happens twice: a launch too many.

/// The variables' names.
const VARIABLE: &str = "MERCATO_EMULATOR_MUTATION";
const TWICE: &str = "MERCATO_EMULATOR_TWICE";

/// How often a launch of this kernel happens.
pub fn launches(kernel: &str) -> usize {
    if std::env::var(TWICE).is_ok_and(|name| name == kernel) { 2 } else { 1 }
}

/// The text of a module with the planted bug, if there is one and the module has the kernel.
pub fn planted(module: &str) -> Result<String, String> {
    match std::env::var(VARIABLE) {
        Ok(mutation) => mutated(module, &mutation),
        Err(_) => Ok(module.into()),
    }
}

fn mutated(module: &str, mutation: &str) -> Result<String, String> {
    let parts: Vec<&str> = mutation.split('|').collect();
    let (kernel, find, replace, number) = match parts[..] {
        [kernel, find, replace] => (kernel, find, replace, None),
        [kernel, find, replace, number] => {
            let number: usize = number.parse().map_err(|_| format!("{VARIABLE}: {number} is no number"))?;
            (kernel, find, replace, Some(number))
        }
        _ => return Err(format!("{VARIABLE} is kernel|find|replace or kernel|find|replace|number")),
    };
    let Some(start) = module.find(&format!(".entry {kernel}(")) else { return Ok(module.into()) };
    let end = module[start..].find("\n}").map_or(module.len(), |length| start + length);
    let body = &module[start..end];
    let places: Vec<usize> = body.match_indices(find).map(|(at, _)| at).collect();
    let changed = match number {
        None if places.is_empty() => return Err(format!("{VARIABLE}: kernel {kernel} has no `{find}`")),
        None => body.replace(find, replace),
        Some(number) => {
            let at =
                *places.get(number).ok_or_else(|| format!("{VARIABLE}: `{find}` is {} times there", places.len()))?;
            format!("{}{replace}{}", &body[..at], &body[at + find.len()..])
        }
    };
    Ok(format!("{}{changed}{}", &module[..start], &module[end..]))
}

#[cfg(test)]
mod tests {
    use super::mutated;

    const MODULE: &str = ".entry a()\n{ x; x;\n}\n.entry b()\n{ x;\n}";

    #[test]
    fn one_place_or_every_place_of_one_kernel_changes() {
        assert_eq!(mutated(MODULE, "a|x|y|1").unwrap(), MODULE.replacen("x; x;", "x; y;", 1));
        assert_eq!(mutated(MODULE, "a|x|y").unwrap(), MODULE.replacen("x; x;", "y; y;", 1));
        assert_eq!(mutated(MODULE, "c|x|y").unwrap(), MODULE);
    }

    #[test]
    fn an_empty_mutation_is_an_error() {
        assert!(mutated(MODULE, "a|z|y").unwrap_err().contains("has no `z`"));
        assert!(mutated(MODULE, "a|x|y|2").unwrap_err().contains("2 times"));
        assert!(mutated(MODULE, "a|x").is_err() && mutated(MODULE, "a|x|y|z").is_err());
    }
}
