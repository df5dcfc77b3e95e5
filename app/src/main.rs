//! The program `glamm`: the command line decides what it does, and opens the window where nothing
//! else is asked for.

/// How the tensor library is told for how many turns its threads wait for more work before they sleep.
const SPIN_LIMIT: &str = "CANDLE_BARRIER_POOL_SPIN_LIMIT";
/// A thread that waits takes a core from the float products, which have threads of their own. The library's 25,000
/// turns make decoding masks a fifth slower; tokens come as fast either way.
const SPINS: &str = "2000";

#[global_allocator]
static ALLOCATOR: glamm_engine::pages::LargePages = glamm_engine::pages::LargePages;

fn main() -> std::process::ExitCode {
    if std::env::var_os(SPIN_LIMIT).is_none() {
        #[expect(unsafe_code, reason = "the library has no other way to be told")]
        // SAFETY: no other thread has been started that could read the environment.
        unsafe {
            std::env::set_var(SPIN_LIMIT, SPINS);
        }
    }
    glamm::cli::run()
}
