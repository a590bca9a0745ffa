//! The network against the outputs of a reference implementation, and the encoder against itself.

mod encoder;
mod goldens;
mod init;
