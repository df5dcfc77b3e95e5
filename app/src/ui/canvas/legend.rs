//! What the colours over the picture mean: cards at the lower left of the canvas.

use egui::{
    Align, Align2, Color32, Id, Layout, Mesh, Painter, Pos2, Rect, RichText, Role, Shape, Stroke, StrokeKind,
    Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use crate::action::{Action, Inspect};
use crate::colormap::viridis;
use crate::state::inspection::{Found, Layer, ShownMaps};
use crate::study::Compared;
use crate::theme;
use crate::ui::Shown;
use crate::ui::widgets::small_button;

/// Steps of a colour map's bar.
const STEPS: u32 = 32;
/// From the edges of the canvas to a card.
const APART: f32 = 12.0;
/// From a card's edge to what is in it.
const MARGIN: f32 = 9.0;
/// What is in a card breaks into lines where it is wider.
const WIDEST: f32 = 240.0;
/// Where on the colour map the band begins and ends, as `shaders/inspect.wgsl` has it.
const BAND_SHARES: [f32; 2] = [1.0, 0.35];
/// Why there is no map of the attention.
const NO_ATTENTION: &str = "No attention is known of this mask";

/// What only the selected mask has, only the other one, both.
pub(super) fn difference_colors(shown: &Shown<'_>) -> [Color32; 3] {
    let [first, second] = shown.state.compared_hues().map(|place| shown.tokens.phrase(place).mask);
    [first, second, Color32::from_gray(235)]
}

/// A card of this size; returns what is within its margin.
fn card(shown: &Shown<'_>, painter: &Painter, canvas: Rect, size: egui::Vec2) -> Rect {
    let rect = Rect::from_min_size(canvas.left_bottom() + vec2(APART, -APART - size.y), size);
    painter.add(background(shown, rect));
    rect.shrink(MARGIN)
}

fn background(shown: &Shown<'_>, rect: Rect) -> Shape {
    let (fill, line) = (shown.tokens.panel, Stroke::new(1.0, shown.tokens.line));
    Shape::Rect(egui::epaint::RectShape::new(rect, 8.0, fill, line, StrokeKind::Inside))
}

/// A card as large as its contents, which are laid out from the lowest up.
fn grown_card(
    shown: &mut Shown<'_>,
    ui: &mut Ui,
    canvas: Rect,
    contents: impl FnOnce(&mut Shown<'_>, &mut Ui),
) -> Rect {
    let place = ui.painter().add(Shape::Noop);
    let room = canvas.shrink(APART + MARGIN);
    let room = Rect::from_min_max(room.min, pos2(room.right().min(room.left() + WIDEST), room.bottom()));
    let builder = UiBuilder::new().id_salt(Id::unique("legend")).max_rect(room);
    let laid_out = ui.scope_builder(builder.layout(Layout::bottom_up(Align::Min)), |ui| {
        contents(shown, ui);
        ui.min_rect()
    });
    let rect = laid_out.inner.expand(MARGIN);
    ui.painter().set(place, background(shown, rect));
    rect
}

/// A line of text.
fn note(shown: &Shown<'_>, ui: &Ui, canvas: Rect, text: &str) -> Rect {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), theme::small_font(), shown.tokens.text_soft);
    let inside = card(shown, ui.painter(), canvas, galley.size() + vec2(18.0, 14.0));
    ui.painter().galley(inside.left_top() - vec2(0.0, 2.0), galley, shown.tokens.text_soft);
    inside.expand(MARGIN)
}

/// A title, a bar of colours from share to share of the colour map, and what stands below its ends.
struct Scale {
    title: String,
    shares: [f32; 2],
    ends: [String; 2],
}

impl Scale {
    /// Paints it on a card; returns what is within the card's margin, and the bar.
    fn paint(&self, shown: &Shown<'_>, ui: &Ui, canvas: Rect) -> (Rect, Rect) {
        let painter = ui.painter();
        let inside = card(shown, painter, canvas, vec2(214.0, 56.0));
        let (left, right) = (inside.left(), inside.right());
        let bar = Rect::from_min_max(pos2(left, inside.top() + 14.0), pos2(right, inside.top() + 24.0));
        let text = |at: Pos2, align: Align2, text: &str| {
            painter.text(at, align, text, theme::small_font(), shown.tokens.text_soft);
        };
        text(inside.left_top() - vec2(0.0, 3.0), Align2::LEFT_TOP, &self.title);
        text(pos2(left, bar.bottom() + 2.0), Align2::LEFT_TOP, &self.ends[0]);
        text(pos2(right, bar.bottom() + 2.0), Align2::RIGHT_TOP, &self.ends[1]);
        let mut mesh = Mesh::default();
        for at in 0..=STEPS {
            let along = at as f32 / STEPS as f32;
            let [r, g, b] = viridis(egui::lerp(self.shares[0]..=self.shares[1], along));
            let x = egui::lerp(bar.x_range(), along);
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
        (inside, bar)
    }
}

/// The colour map between two logits, with the threshold, and the step of contours.
pub(super) fn logits(
    shown: &Shown<'_>,
    ui: &Ui,
    canvas: Rect,
    (low, high, threshold): (f32, f32, f32),
    step: Option<f32>,
) -> Rect {
    let title = step.map_or_else(|| "Logit".to_owned(), |step| format!("Logit, a line every {step}"));
    let scale = Scale { title, shares: [0.0, 1.0], ends: [format!("{low:.1}"), format!("{high:.1}")] };
    let (inside, bar) = scale.paint(shown, ui, canvas);
    let (painter, tokens) = (ui.painter(), shown.tokens);
    let share = ((threshold - low) / (high - low).max(1e-6)).clamp(0.0, 1.0);
    let x = egui::lerp(bar.x_range(), share);
    painter.vline(x, bar.y_range().expand(3.0), Stroke::new(2.0, tokens.text));
    let middle = pos2(x.clamp(bar.left() + 48.0, bar.right() - 48.0), bar.bottom() + 2.0);
    let cut = format!("cut {threshold:.2}");
    painter.text(middle, Align2::CENTER_TOP, cut, theme::small_font(), tokens.text_soft);
    inside.expand(MARGIN)
}

/// Colours of the band, by how far a logit is from the threshold; the shader fades them, too.
pub(super) fn band(shown: &Shown<'_>, ui: &Ui, canvas: Rect, step: f32) -> Rect {
    let title = "Logits from the threshold".to_owned();
    let ends = ["0".to_owned(), format!("± {step}")];
    let (inside, _) = Scale { title, shares: BAND_SHARES, ends }.paint(shown, ui, canvas);
    inside.expand(MARGIN)
}

/// Figures of a comparison, and a way out of it.
pub(super) fn comparison(shown: &mut Shown<'_>, ui: &mut Ui, canvas: Rect, what: &Compared) -> Rect {
    let found = shown.state.session.findings.compared(what).cloned();
    let colors = difference_colors(shown);
    let tokens = shown.tokens;
    grown_card(shown, ui, canvas, |shown, ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
        if small_button(ui, tokens, "End comparison").clicked() {
            shown.send(Action::Inspect(Inspect::Compare(None)));
        }
        ui.add_space(4.0);
        let small = |text: String| RichText::new(text).font(theme::small_font()).color(tokens.text_soft);
        match found {
            None | Some(Found::Asked) => drop(ui.label(small("Comparing …".to_owned()))),
            Some(Found::Failed(why)) => {
                if small_button(ui, tokens, "Compare again").clicked() {
                    shown.send(Action::Inspect(Inspect::TryAgain));
                }
                ui.label(small(why));
            }
            Some(Found::There(found)) => {
                let rows = [
                    ("only this mask", found.first_only),
                    ("only the other", found.second_only),
                    ("both", found.both),
                ];
                for ((name, count), color) in rows.into_iter().zip(colors).rev() {
                    counted(shown, ui, &format!("{name}: {count} px"), color);
                }
                let figures = format!("IoU {:.3}   Dice {:.3}", found.iou, found.dice);
                ui.label(RichText::new(figures).font(theme::strong_font(13.0)).color(tokens.text));
            }
        }
    })
}

/// A line that begins with a patch of its colour.
fn counted(shown: &Shown<'_>, ui: &mut Ui, text: &str, color: Color32) {
    let tokens = shown.tokens;
    let words = ui.painter().layout_no_wrap(text.to_owned(), theme::small_font(), tokens.text_soft);
    let (rect, _) = ui.allocate_exact_size(vec2(words.size().x + 18.0, 16.0), egui::Sense::hover());
    let swatch = Rect::from_min_size(rect.left_top() + vec2(0.0, 2.0), vec2(12.0, 12.0));
    ui.painter().rect(swatch, 3.0, color, Stroke::new(1.0, tokens.line), StrokeKind::Inside);
    let at = pos2(rect.left() + 18.0, rect.center().y - words.size().y * 0.5);
    ui.painter().galley(at, words, tokens.text_soft);
}

/// What a map shows; of attention, which head.
pub(super) fn layer(shown: &mut Shown<'_>, ui: &mut Ui, canvas: Rect, layer: Layer) -> Rect {
    let maps = match shown.state.shown_maps() {
        ShownMaps::There(_, maps) => maps,
        ShownMaps::Making => return note(shown, ui, canvas, "Making the map …"),
        ShownMaps::Waiting(why) => return note(shown, ui, canvas, &format!("There is no map yet: {why}")),
        ShownMaps::Failed => return note(shown, ui, canvas, "The map could not be made"),
        ShownMaps::Unknown => return note(shown, ui, canvas, NO_ATTENTION),
    };
    let percent =
        |explained: [f32; 3]| format!("{:.0} % of the variance", 100.0 * explained.iter().sum::<f32>());
    match layer {
        Layer::Global => {
            let text = format!("Global features, 3 components: {}", percent(maps.global.explained));
            note(shown, ui, canvas, &text)
        }
        Layer::Grounding => {
            let text = format!("Grounding features, 3 components: {}", percent(maps.grounding.explained));
            note(shown, ui, canvas, &text)
        }
        Layer::Attention { layer, head } => match &maps.attention {
            Some(attention) => heads(shown, ui, canvas, (layer, head), (attention.layers, attention.heads)),
            None => note(shown, ui, canvas, NO_ATTENTION),
        },
    }
}

/// A button for every head, a row for every attention.
fn heads(
    shown: &mut Shown<'_>,
    ui: &mut Ui,
    canvas: Rect,
    chosen: (usize, usize),
    (layers, heads): (usize, usize),
) -> Rect {
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
    inside.expand(MARGIN)
}
