//! A node: log, key store, runtime and views over one data directory.
