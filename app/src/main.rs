//! The program `glamm`: the command line decides what it does, and opens the window where nothing
//! else is asked for.

fn main() -> std::process::ExitCode {
    glamm::cli::run()
}
