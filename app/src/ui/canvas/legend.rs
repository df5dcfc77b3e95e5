//! What the colours over the picture mean: cards at the lower left of the canvas.

use egui::{
    Align2, Color32, Id, Mesh, Painter, Pos2, Rect, RichText, Role, Shape, Stroke, StrokeKind, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use crate::action::{Action, Inspect};
use crate::colormap::viridis;
use crate::state::inspection::{Found, Layer};
use crate::study::Compared;
use crate::theme;
use crate::ui::Shown;
use crate::ui::widgets::{Kind, button};

/// Steps of a colour map's bar.
const STEPS: u32 = 32;

/// What only the selected mask has, only the other one, both.
pub(super) fn difference_colors(shown: &Shown<'_>) -> [Color32; 3] {
    let [first, second] = [1, 3].map(|place| shown.tokens.phrase(place).mask);
    [first, second, Color32::from_gray(235)]
}

fn card(shown: &Shown<'_>, painter: &Painter, canvas: Rect, size: egui::Vec2) -> Rect {
    let rect = Rect::from_min_size(canvas.left_bottom() + vec2(12.0, -12.0 - size.y), size);
    let tokens = shown.tokens;
    painter.rect(rect, 8.0, tokens.panel, Stroke::new(1.0, tokens.line), StrokeKind::Inside);
    rect.shrink(9.0)
}

/// A line of text.
pub(super) fn note(shown: &Shown<'_>, ui: &Ui, canvas: Rect, text: &str) {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), theme::small_font(), shown.tokens.text_soft);
    let inside = card(shown, ui.painter(), canvas, galley.size() + vec2(18.0, 14.0));
    ui.painter().galley(inside.left_top() - vec2(0.0, 2.0), galley, shown.tokens.text_soft);
}

/// The colour map between two logits, with the threshold, and the step of contours.
pub(super) fn logits(
    shown: &Shown<'_>,
    ui: &Ui,
    canvas: Rect,
    (low, high, threshold): (f32, f32, f32),
    step: Option<f32>,
) {
    let painter = ui.painter();
    let inside = card(shown, painter, canvas, vec2(214.0, 56.0));
    let tokens = shown.tokens;
    let text = |at: Pos2, align: Align2, text: String| {
        painter.text(at, align, text, theme::small_font(), tokens.text_soft);
    };
    let title = step.map_or_else(|| "Logit".to_owned(), |step| format!("Logit, a line every {step}"));
    text(inside.left_top() - vec2(0.0, 3.0), Align2::LEFT_TOP, title);
    let bar = Rect::from_min_max(
        pos2(inside.left(), inside.top() + 14.0),
        pos2(inside.right(), inside.top() + 24.0),
    );
    let mut mesh = Mesh::default();
    for at in 0..=STEPS {
        let share = at as f32 / STEPS as f32;
        let [r, g, b] = viridis(share);
        let x = egui::lerp(bar.x_range(), share);
        for y in [bar.top(), bar.bottom()] {
            mesh.colored_vertex(pos2(x, y), Color32::from_rgb(r, g, b));
        }
        if at > 0 {
            let first = 2 * at - 2;
            mesh.add_triangle(first, first + 1, first + 2);
            mesh.add_triangle(first + 1, first + 2, first + 3);
        }
    }
    painter.add(Shape::mesh(mesh));
    let share = ((threshold - low) / (high - low).max(1e-6)).clamp(0.0, 1.0);
    let x = egui::lerp(bar.x_range(), share);
    painter.vline(x, bar.y_range().expand(3.0), Stroke::new(2.0, tokens.text));
    let below = bar.bottom() + 2.0;
    text(pos2(bar.left(), below), Align2::LEFT_TOP, format!("{low:.1}"));
    text(pos2(bar.right(), below), Align2::RIGHT_TOP, format!("{high:.1}"));
    let middle = x.clamp(bar.left() + 48.0, bar.right() - 48.0);
    text(pos2(middle, below), Align2::CENTER_TOP, format!("cut {threshold:.2}"));
}

/// Figures of a comparison, and a way out of it.
pub(super) fn comparison(shown: &mut Shown<'_>, ui: &mut Ui, canvas: Rect, what: &Compared) {
    let found = shown.state.session.findings.compared(what).cloned();
    let inside = card(shown, ui.painter(), canvas, vec2(214.0, 126.0));
    let colors = difference_colors(shown);
    let tokens = shown.tokens;
    ui.scope_builder(UiBuilder::new().id_salt(Id::unique("comparison")).max_rect(inside), |ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
        ui.spacing_mut().interact_size.y = 16.0;
        let line = |ui: &mut Ui, text: String, strong: bool| {
            let font = if strong { theme::strong_font(13.0) } else { theme::small_font() };
            let color = if strong { tokens.text } else { tokens.text_soft };
            ui.label(RichText::new(text).font(font).color(color));
        };
        match found {
            None | Some(Found::Asked) => line(ui, "Comparing …".to_owned(), false),
            Some(Found::Failed(why)) => {
                line(ui, why, false);
                if button(ui, tokens, "Compare again", Kind::Plain).clicked() {
                    shown.send(Action::Inspect(Inspect::TryAgain));
                }
            }
            Some(Found::There(found)) => {
                line(ui, format!("IoU {:.3}   Dice {:.3}", found.iou, found.dice), true);
                let rows = [
                    ("only this mask", found.first_only),
                    ("only the other", found.second_only),
                    ("both", found.both),
                ];
                for ((name, count), color) in rows.into_iter().zip(colors) {
                    ui.horizontal(|ui| {
                        let (swatch, _) = ui.allocate_exact_size(vec2(12.0, 12.0), egui::Sense::hover());
                        ui.painter().rect(
                            swatch,
                            3.0,
                            color,
                            Stroke::new(1.0, tokens.line),
                            StrokeKind::Inside,
                        );
                        line(ui, format!("{name}: {count} px"), false);
                    });
                }
            }
        }
        if button(ui, tokens, "End comparison", Kind::Plain).clicked() {
            shown.send(Action::Inspect(Inspect::Compare(None)));
        }
    });
}

/// What a map shows; of attention, which head.
pub(super) fn layer(shown: &mut Shown<'_>, ui: &mut Ui, canvas: Rect, layer: Layer) {
    let maps = shown.state.maps_key().and_then(|key| shown.state.session.findings.maps(&key).cloned());
    let Some(maps) = maps else {
        let failed = shown.state.session.findings.no_maps.is_some();
        note(shown, ui, canvas, if failed { "The map could not be made" } else { "Making the map …" });
        return;
    };
    let percent =
        |explained: [f32; 3]| format!("{:.0} % of the variance", 100.0 * explained.iter().sum::<f32>());
    match layer {
        Layer::Global => {
            let text = format!("Global features, 3 components: {}", percent(maps.global.explained));
            note(shown, ui, canvas, &text);
        }
        Layer::Grounding => {
            let text = format!("Grounding features, 3 components: {}", percent(maps.grounding.explained));
            note(shown, ui, canvas, &text);
        }
        Layer::Attention { layer, head } => {
            let Some(attention) = &maps.attention else { return };
            heads(shown, ui, canvas, (layer, head), (attention.layers, attention.heads));
        }
    }
}

/// A button for every head, a row for every attention.
fn heads(
    shown: &mut Shown<'_>,
    ui: &mut Ui,
    canvas: Rect,
    chosen: (usize, usize),
    (layers, heads): (usize, usize),
) {
    let size = vec2(96.0 + 25.0 * heads as f32, 40.0 + 24.0 * layers as f32);
    let inside = card(shown, ui.painter(), canvas, size);
    let tokens = shown.tokens;
    ui.scope_builder(UiBuilder::new().id_salt(Id::unique("heads")).max_rect(inside), |ui| {
        ui.spacing_mut().item_spacing = vec2(3.0, 3.0);
        let small = |text: String| RichText::new(text).font(theme::small_font()).color(tokens.text_soft);
        ui.label(small("What the mask looked at, by head".to_owned()));
        for layer in 0..layers {
            ui.horizontal(|ui| {
                let name =
                    if layer + 1 == layers { "last".to_owned() } else { format!("block {}", layer + 1) };
                let (place, _) = ui.allocate_exact_size(vec2(56.0, 20.0), egui::Sense::hover());
                ui.painter().text(
                    place.left_center(),
                    Align2::LEFT_CENTER,
                    &name,
                    theme::small_font(),
                    tokens.text_soft,
                );
                for head in 0..heads {
                    let on = chosen == (layer, head);
                    let label = RichText::new(format!("{}", head + 1)).font(theme::small_font());
                    let response = ui.add_sized([20.0, 20.0], egui::Button::selectable(on, label));
                    let about = format!("Attention of the mask: {name}, head {}", head + 1);
                    response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, about.as_str()));
                    if response.clicked() {
                        shown.send(Action::Inspect(Inspect::Layer(Some(Layer::Attention { layer, head }))));
                    }
                }
            });
        }
    });
}
