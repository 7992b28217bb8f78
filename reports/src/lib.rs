//! Records in, statistics, charts and self-contained reports out.
