//! The product from outside: over HTTP, the command line and the files it leaves.
