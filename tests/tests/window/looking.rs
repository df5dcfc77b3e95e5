//! Pictures of the window, compared with those in `golden/window`: every view in the dark and in the light.

use egui_kittest::SnapshotOptions;
use glamm::command::Command;

use crate::Action;
use crate::stage::Stage;

/// Other versions of the software renderer may differ in a few edge pixels.
fn options() -> SnapshotOptions {
    SnapshotOptions::new().output_path("golden/window").threshold(1.5).max_failed_pixels(150)
}

/// Compares what is to be seen with the two pictures of this name. The pointer stays where it is.
pub(crate) fn in_both(stage: &mut Stage, name: &str) {
    for (command, appearance) in [(Command::LightMode, "light"), (Command::DarkMode, "dark")] {
        stage.act(Action::Command(command));
        stage.window.snapshot_options(format!("{name}_{appearance}"), &options());
    }
}
