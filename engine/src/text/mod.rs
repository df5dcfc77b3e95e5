//! Words ↔ tokens: the tokenizer, the conversation as the model was trained to read it, and
//! the parser that turns generated tokens into readable text with grounded phrases.
//!
//! Called by the engine thread. Knows nothing of tensors and threads.

pub mod conversation;
pub mod gcg;
pub mod grounded;
pub mod sentencepiece;
pub mod tokenizer;
