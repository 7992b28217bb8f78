//! From errors of the libraries to exceptions: what was given wrong is a ValueError, what a machine refuses is not.
use mercato::{agents, envs, reports};
use pyo3::{
    PyErr,
    exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError},
};

/// A wrong id, parameter, action or buffer.
pub fn given(error: envs::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The exception for any error of mercato.
pub fn raised(error: impl Into<mercato::Error>) -> PyErr {
    use mercato::Error;
    let error = error.into();
    let text = error.to_string();
    match error {
        Error::Interrupted | Error::Agent(agents::Error::Interrupted) => PyKeyboardInterrupt::new_err(text),
        Error::File { .. }
        | Error::Agent(agents::Error::File { .. })
        | Error::Report(reports::ReportError::Write { .. }) => PyOSError::new_err(text),
        Error::Busy(_) | Error::Defect(_) | Error::Kernel(_) => PyRuntimeError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}

/// JSON text that a caller gave, as a value.
pub fn parsed<T: for<'a> serde::Deserialize<'a>>(what: &str, text: &str) -> Result<T, PyErr> {
    serde_json::from_str(text).map_err(|error| PyValueError::new_err(format!("{what}: {error}")))
}
