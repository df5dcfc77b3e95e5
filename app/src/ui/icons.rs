//! Small buttons with a drawn sign instead of words; the words are their tooltip and what screen
//! readers say.

use egui::{
    Color32, CornerRadius, CursorIcon, Painter, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use super::Shown;
use crate::command::Command;
use crate::theme::{self, Tokens};

/// Side of a button.
pub(super) const SIDE: f32 = 26.0;

/// What is drawn on a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    /// A cross of two lines: something new.
    Plus,
    /// Knobs on rails: settings.
    Sliders,
    /// Two sheets: copy.
    Copy,
    /// A pencil: edit.
    Pencil,
    /// A circle with an arrow: once more.
    Again,
    /// Two arrowheads: go on.
    GoOn,
    /// To what is before.
    Left,
    /// To what is behind.
    Right,
    /// A book: the prompt library.
    Library,
    /// A bin: delete.
    Bin,
    /// A window with a panel at its right.
    Panel,
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Can be pressed.
    Plain,
    /// What it opens is open.
    Chosen,
    /// Cannot be pressed now.
    Disabled,
}

impl Look {
    /// Plain, or disabled.
    pub(super) fn enabled(enabled: bool) -> Self {
        if enabled { Self::Plain } else { Self::Disabled }
    }
}

/// A button with a sign; `label` says what it does.
pub(super) fn icon_button(ui: &mut Ui, tokens: &Tokens, icon: Icon, look: Look, label: &str) -> Response {
    let enabled = look != Look::Disabled;
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(SIDE), sense);
    response.widget_info(|| match look {
        Look::Chosen => WidgetInfo::selected(Role::Button, true, true, label),
        Look::Plain | Look::Disabled => WidgetInfo::labeled(Role::Button, enabled, label),
    });
    let hot = enabled && (response.hovered() || response.has_focus());
    let radius = CornerRadius::same(theme::RADIUS);
    if look == Look::Chosen {
        let line = Stroke::new(1.0, tokens.accent_line);
        ui.painter().rect(rect, radius, tokens.accent_soft, line, StrokeKind::Inside);
    } else if hot {
        ui.painter().rect_filled(rect, radius, tokens.raised_hover);
    }
    if response.has_focus() {
        let line = Stroke::new(1.5, tokens.accent);
        ui.painter().rect_stroke(rect, radius, line, StrokeKind::Inside);
    }
    let color = match look {
        Look::Disabled => theme::mix(tokens.panel, tokens.text_faint, 0.45),
        Look::Chosen => tokens.text,
        Look::Plain if hot => tokens.text,
        Look::Plain => tokens.text_faint,
    };
    paint(ui.painter(), icon, rect.center(), color);
    let response = response.on_hover_text(label).on_disabled_hover_text(label);
    if enabled { response.on_hover_cursor(CursorIcon::PointingHand) } else { response }
}

/// A button with a sign for a command of the table.
pub(super) fn command_icon(shown: &mut Shown<'_>, ui: &mut Ui, command: Command, icon: Icon) {
    let look = Look::enabled(command.is_enabled(shown.state));
    if icon_button(ui, shown.tokens, icon, look, command.info().label).clicked() {
        shown.command(command);
    }
}

/// Draws a sign of about 14 by 14 points.
fn paint(painter: &Painter, icon: Icon, center: Pos2, color: Color32) {
    let stroke = Stroke::new(1.4, color);
    let at = |x: f32, y: f32| center + vec2(x, y);
    let line = |points: &[(f32, f32)]| {
        painter.line(points.iter().map(|&(x, y)| at(x, y)).collect(), stroke);
    };
    let rect = |x0, y0, x1, y1| {
        let rect = Rect::from_min_max(at(x0, y0), at(x1, y1));
        painter.rect_stroke(rect, CornerRadius::same(2), stroke, StrokeKind::Middle);
    };
    match icon {
        Icon::Plus => {
            line(&[(-5.5, 0.0), (5.5, 0.0)]);
            line(&[(0.0, -5.5), (0.0, 5.5)]);
        }
        Icon::Sliders => {
            for (y, knob) in [(-4.5, 2.5), (0.0, -3.0), (4.5, 1.0)] {
                line(&[(-6.0, y), (6.0, y)]);
                painter.circle_filled(at(knob, y), 2.1, color);
            }
        }
        Icon::Copy => {
            rect(-5.5, -2.5, 2.5, 5.5);
            line(&[(-2.5, -2.5), (-2.5, -5.5), (5.5, -5.5), (5.5, 2.5), (2.5, 2.5)]);
        }
        Icon::Pencil => {
            line(&[(-5.5, 5.5), (-4.6, 2.4), (3.2, -5.4), (5.4, -3.2), (-2.4, 4.6), (-5.5, 5.5)]);
            line(&[(1.4, -3.6), (3.6, -1.4)]);
        }
        Icon::Again => {
            let arc = (0..=20).map(|step| {
                let angle = (-50.0_f32 + 300.0 * step as f32 / 20.0).to_radians();
                pos2(5.4 * angle.cos(), 5.4 * angle.sin())
            });
            line(&arc.map(|p| (p.x, p.y)).collect::<Vec<_>>());
            line(&[(3.9, -7.2), (3.6, -4.0), (0.4, -4.2)]);
        }
        Icon::GoOn => {
            line(&[(-4.5, -4.5), (0.0, 0.0), (-4.5, 4.5)]);
            line(&[(0.5, -4.5), (5.0, 0.0), (0.5, 4.5)]);
        }
        Icon::Left => line(&[(2.0, -4.5), (-2.5, 0.0), (2.0, 4.5)]),
        Icon::Right => line(&[(-2.0, -4.5), (2.5, 0.0), (-2.0, 4.5)]),
        Icon::Library => {
            line(&[(0.0, -3.8), (0.0, 5.4)]);
            for side in [-1.0, 1.0] {
                line(&[(0.0, -3.8), (side * 3.0, -5.2), (side * 6.4, -4.6)]);
                line(&[(side * 6.4, -4.6), (side * 6.4, 4.2), (side * 3.0, 3.8), (0.0, 5.4)]);
            }
        }
        Icon::Panel => {
            rect(-6.5, -5.5, 6.5, 5.5);
            line(&[(1.8, -5.5), (1.8, 5.5)]);
        }
        Icon::Bin => {
            line(&[(-5.0, -3.6), (5.0, -3.6)]);
            line(&[(-1.8, -3.8), (-1.8, -5.8), (1.8, -5.8), (1.8, -3.8)]);
            line(&[(-3.8, -3.4), (-3.1, 5.6), (3.1, 5.6), (3.8, -3.4)]);
        }
    }
}
