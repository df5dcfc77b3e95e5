//! GLaMM as pure functions of tensors (and, for the language model, a KV cache): one file per
//! part, named as in the paper. Knows nothing of files, threads or text.

pub mod config;
