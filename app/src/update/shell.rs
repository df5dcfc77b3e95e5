//! The window around the work, and what is remembered of it.

use crate::action::Effect;
use crate::command::search::Palette;
use crate::state::State;
use crate::state::shell::{Overlays, ShellAction, TOUR_STEPS};
use crate::state::ui_state::{LibraryView, Tab};
use crate::storage::SaveOptions;
use crate::system::preferences::{Preferences, SCALES};

/// What one press of "Larger interface" multiplies by.
const SCALE_STEP: f32 = 1.1;

impl State {
    /// Takes over what was remembered from the last time.
    pub fn remember(&mut self, preferences: &Preferences) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.ui.appearance = preferences.appearance;
        self.ui.demo_note_dismissed = preferences.demo_note_dismissed;
        // What the command line says goes first.
        self.ui.models.precision = self.session.spec.precision.or(preferences.precision);
        self.ui.looks = preferences.looks;
        self.ui.tab = preferences.tab;
        self.ui.inspection.loupe = preferences.overlays.loupe;
        self.ui.inspection.encoder_frames = preferences.overlays.encoder_frames;
        self.session.library.opened.clone_from(&preferences.opened_models);
        self.session.keeping.with_pictures = preferences.saving.with_pictures;
        let shell = &mut self.ui.shell;
        shell.scale = preferences.scale;
        shell.high_contrast = preferences.high_contrast;
        shell.window = preferences.window;
        shell.side_panel = preferences.side_panel;
        shell.hidden = preferences.hidden;
        shell.inspector = preferences.inspector;
        shell.log_open = preferences.overlays.log;
        shell.tour = (!preferences.tour_seen).then_some(0);
        effects.push(Effect::SetAppearance(preferences.appearance));
        effects.push(Effect::SetContrast(preferences.high_contrast));
        effects.push(Effect::SetScale(preferences.scale));
        effects
    }

    /// What is to be remembered for the next time.
    pub fn preferences(&self) -> Preferences {
        let shell = &self.ui.shell;
        Preferences {
            appearance: self.ui.appearance,
            high_contrast: shell.high_contrast,
            scale: shell.scale,
            window: shell.window,
            side_panel: shell.side_panel,
            hidden: shell.hidden,
            inspector: shell.inspector,
            overlays: Overlays {
                loupe: self.ui.inspection.loupe,
                encoder_frames: self.ui.inspection.encoder_frames,
                log: shell.log_open,
            },
            tab: self.ui.tab,
            looks: self.ui.looks,
            saving: SaveOptions { with_pictures: self.session.keeping.with_pictures },
            opened_models: self.session.library.opened.clone(),
            precision: self.ui.models.precision,
            demo_note_dismissed: self.ui.demo_note_dismissed,
            tour_seen: shell.tour.is_none(),
        }
    }

    pub(super) fn shell_action(&mut self, action: ShellAction, now: f64, out: &mut Vec<Effect>) {
        let shell = &mut self.ui.shell;
        match action {
            ShellAction::Placed(place) => shell.window = Some(place),
            ShellAction::SidePanel(width) => shell.side_panel = Some(width),
            ShellAction::Inspector(height) => shell.inspector = Some(height),
            ShellAction::PaletteText(text) => shell.palette = Some(Palette { text, chosen: 0 }),
            ShellAction::PaletteChoose(place) => {
                if let Some(palette) = &mut shell.palette {
                    palette.chosen = place;
                }
            }
            ShellAction::PaletteRun(command) => {
                if command.is_enabled(self) {
                    self.ui.shell.palette = None;
                    self.run(command, now, out);
                }
            }
            ShellAction::ClosePalette => shell.palette = None,
            ShellAction::NextStep => {
                let next = shell.tour.map_or(0, |step| step + 1);
                shell.tour = (next < TOUR_STEPS).then_some(next);
            }
            ShellAction::EndTour => shell.tour = None,
            ShellAction::CloseLog => shell.log_open = false,
            ShellAction::CloseAbout => shell.about_open = false,
        }
    }

    /// Shows a tab of the panel at the right, and the panel where it was hidden.
    pub(super) fn show_tab(&mut self, tab: Tab) {
        self.ui.tab = tab;
        self.ui.shell.hidden.side_panel = false;
    }

    /// Whether something lies over the window that must be answered or closed first.
    pub fn is_behind_dialog(&self) -> bool {
        self.ui.is_modal() || self.is_asking()
    }

    /// Whether something lies over the window, or the panel at the right, that Escape closes.
    pub fn is_covered(&self) -> bool {
        let ui = &self.ui;
        let in_chat =
            self.shown_editing().is_some() || ui.chat_settings.is_some() || ui.library != LibraryView::Closed;
        let over = self.is_behind_dialog() || ui.shell.tour.is_some() || ui.offered_at.is_some();
        over || in_chat && self.is_chat_seen()
    }

    /// Whether the conversation is in sight, and what is opened in it.
    pub(super) fn is_chat_seen(&self) -> bool {
        self.ui.tab == Tab::Chat && !self.ui.shell.hidden.side_panel
    }

    /// Whether the pointer is drawing a region, moving one, or painting.
    pub fn is_dragging(&self) -> bool {
        self.ui.gesture.is_some() || self.ui.inspection.stroke.is_some()
    }

    /// Whether there is something on the canvas that Escape ends: a drag, the brush, clicks.
    pub fn has_work_in_hand(&self) -> bool {
        self.is_dragging()
            || self.held_brush().is_some()
            || self.session.segmentation.is_some()
            || self.is_refining()
    }

    /// Opens the palette with nothing typed, or closes it.
    pub(super) fn toggle_palette(&mut self) {
        let shell = &mut self.ui.shell;
        shell.palette = if shell.palette.is_none() { Some(Palette::default()) } else { None };
    }

    pub(super) fn scale_by(&mut self, steps: i32, out: &mut Vec<Effect>) {
        let scale = self.ui.shell.scale * SCALE_STEP.powi(steps);
        self.set_scale(scale, out);
    }

    pub(super) fn set_scale(&mut self, scale: f32, out: &mut Vec<Effect>) {
        // Steps there and back meet again at 100 %.
        let scale = (scale * 100.0).round() / 100.0;
        self.ui.shell.scale = scale.clamp(*SCALES.start(), *SCALES.end());
        out.push(Effect::SetScale(self.ui.shell.scale));
    }

    pub(super) fn toggle_contrast(&mut self, out: &mut Vec<Effect>) {
        self.ui.shell.high_contrast = !self.ui.shell.high_contrast;
        out.push(Effect::SetContrast(self.ui.shell.high_contrast));
    }
}

#[cfg(test)]
mod tests {
    use glamm_engine::precision::Precision;
    use glamm_engine::protocol::{DeviceChoice, ModelSpec};

    use super::super::Action;
    use super::*;
    use crate::command::Command;

    fn state() -> State {
        State::start(ModelSpec::default(), None).0
    }

    fn act(state: &mut State, action: Action) -> Vec<Effect> {
        state.update(action, 0.0)
    }

    #[test]
    fn what_is_remembered_comes_back() {
        let mut state = state();
        assert_eq!(state.preferences(), Preferences { tour_seen: true, ..Preferences::default() });
        let remembered = Preferences::changed();
        let effects = state.remember(&remembered);
        assert!(effects.iter().any(|effect| matches!(effect, Effect::SetScale(scale) if *scale > 1.19)));
        assert_eq!(state.preferences(), remembered);
        assert_eq!(state.ui.shell.tour, None);
    }

    #[test]
    fn the_command_line_chooses_for_the_model_manager_too() {
        let (precision, device) = (Some(Precision::Q8_0), DeviceChoice::Cpu);
        let (mut state, _) = State::start(ModelSpec { precision, device, ..ModelSpec::default() }, None);
        state.remember(&Preferences { precision: Some(Precision::Q4K), ..Preferences::default() });
        assert_eq!((state.ui.models.precision, state.ui.models.device), (precision, device));
    }

    #[test]
    fn the_tour_has_three_steps_and_is_shown_once() {
        let mut state = state();
        state.remember(&Preferences::default());
        for step in 0..TOUR_STEPS {
            assert_eq!(state.ui.shell.tour, Some(step));
            assert!(!state.preferences().tour_seen);
            act(&mut state, Action::Shell(ShellAction::NextStep));
        }
        assert_eq!(state.ui.shell.tour, None);
        assert!(state.preferences().tour_seen);
        act(&mut state, Action::Command(Command::ShowTour));
        assert_eq!(state.ui.shell.tour, Some(0));
        act(&mut state, Action::Shell(ShellAction::EndTour));
        assert!(state.preferences().tour_seen);
    }

    #[test]
    fn the_scale_goes_up_and_down_within_bounds() {
        let mut state = state();
        for command in [Command::LargerInterface, Command::SmallerInterface] {
            act(&mut state, Action::Command(command));
        }
        assert!((state.ui.shell.scale - 1.0).abs() < 1e-6);
        for _ in 0..40 {
            act(&mut state, Action::Command(Command::LargerInterface));
        }
        assert!((state.ui.shell.scale - SCALES.end()).abs() < 1e-6);
        act(&mut state, Action::Command(Command::NormalInterface));
        assert!((state.ui.shell.scale - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_palette_runs_a_command_and_is_gone() {
        let mut state = state();
        act(&mut state, Action::Command(Command::ShowPalette));
        act(&mut state, Action::Shell(ShellAction::PaletteText("contrast".to_owned())));
        assert_eq!(state.ui.shell.palette.as_ref().unwrap().text, "contrast");
        let effects = act(&mut state, Action::Shell(ShellAction::PaletteRun(Command::ToggleContrast)));
        assert!(matches!(effects.as_slice(), [Effect::SetContrast(true)]));
        assert_eq!(state.ui.shell.palette, None);
        act(&mut state, Action::Command(Command::ShowPalette));
        act(&mut state, Action::Shell(ShellAction::PaletteRun(Command::Undo)));
        assert!(state.ui.shell.palette.is_some(), "what does nothing now leaves it open");
    }
}
