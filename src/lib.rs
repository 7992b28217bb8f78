//! mercato.
