//! Design tokens: every colour, size and face of the window. No other file names a raw colour.
//!
//! Chrome is two greys and one blue; colour belongs to phrases, masks and regions. Phrase colours
//! come from [`crate::palette`], so that the window and the command line agree; this file derives
//! from each the tints of its chip that can be read on the background.

use std::sync::Arc;

use egui::epaint::{FontColorTransferFunction, Shadow, TextOptions};
use egui::style::{Selection, WidgetVisuals, Widgets};
use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Stroke, Style, TextStyle,
    Theme, Visuals, vec2,
};

use crate::palette::{Rgb, phrase_color, region_color};
use crate::system::fonts;

/// Text for reading, in points.
pub const TEXT: f32 = 15.0;
/// Labels and buttons.
pub const LABEL: f32 = 14.0;
/// Figures and notes.
pub const SMALL: f32 = 12.5;
/// Height of a line of text for reading.
pub const LINE: f32 = 24.0;

/// Corners of buttons and cards.
pub const RADIUS: u8 = 7;
/// Corners of chips.
pub const CHIP_RADIUS: u8 = 5;

/// The colours of one appearance.
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    /// Whether the appearance is dark.
    pub dark: bool,
    /// Behind the picture.
    pub canvas: Color32,
    /// Panels.
    pub panel: Color32,
    /// Buttons, cards, fields.
    pub raised: Color32,
    /// The same under the pointer.
    pub raised_hover: Color32,
    /// Lines between panels and around buttons.
    pub line: Color32,
    /// Text for reading.
    pub text: Color32,
    /// Labels.
    pub text_soft: Color32,
    /// Notes and figures.
    pub text_faint: Color32,
    /// The one accent.
    pub accent: Color32,
    /// The accent under the pointer.
    pub accent_hover: Color32,
    /// On the accent.
    pub on_accent: Color32,
    /// Chosen buttons and questions.
    pub accent_soft: Color32,
    /// Around these.
    pub accent_line: Color32,
    /// Ready.
    pub good: Color32,
    /// Busy.
    pub busy: Color32,
    /// Failed.
    pub bad: Color32,
    /// Behind messages of failure.
    pub bad_soft: Color32,
    /// Under menus and cards that float.
    pub shadow: Color32,
}

const fn grey(r: u8, g: u8, b: u8) -> Color32 {
    Color32::from_rgb(r, g, b)
}

const DARK: Tokens = Tokens {
    dark: true,
    canvas: grey(15, 16, 20),
    panel: grey(24, 26, 32),
    raised: grey(32, 35, 43),
    raised_hover: grey(42, 46, 56),
    line: grey(45, 48, 58),
    text: grey(231, 233, 239),
    text_soft: grey(185, 189, 200),
    text_faint: grey(139, 144, 158),
    accent: grey(114, 156, 255),
    accent_hover: grey(140, 175, 255),
    on_accent: grey(12, 16, 28),
    accent_soft: grey(38, 53, 94),
    accent_line: grey(72, 98, 166),
    good: grey(87, 206, 128),
    busy: grey(245, 190, 80),
    bad: grey(255, 130, 120),
    bad_soft: grey(58, 31, 33),
    shadow: Color32::from_black_alpha(110),
};

const LIGHT: Tokens = Tokens {
    dark: false,
    canvas: grey(226, 228, 233),
    panel: grey(250, 250, 252),
    raised: grey(240, 241, 245),
    raised_hover: grey(230, 232, 238),
    line: grey(217, 220, 228),
    text: grey(27, 30, 38),
    text_soft: grey(68, 73, 86),
    text_faint: grey(102, 108, 122),
    accent: grey(45, 98, 226),
    accent_hover: grey(32, 82, 204),
    on_accent: grey(255, 255, 255),
    accent_soft: grey(224, 233, 255),
    accent_line: grey(160, 186, 247),
    good: grey(28, 140, 76),
    busy: grey(184, 120, 0),
    bad: grey(190, 40, 34),
    bad_soft: grey(255, 233, 231),
    shadow: Color32::from_black_alpha(36),
};

/// Black and white, with lines that can be seen by everybody.
const DARK_CONTRAST: Tokens = Tokens {
    canvas: grey(0, 0, 0),
    panel: grey(0, 0, 0),
    raised: grey(20, 20, 24),
    raised_hover: grey(56, 58, 68),
    line: grey(150, 156, 172),
    text: grey(255, 255, 255),
    text_soft: grey(240, 242, 248),
    text_faint: grey(205, 210, 222),
    accent: grey(140, 190, 255),
    accent_hover: grey(180, 212, 255),
    on_accent: grey(0, 0, 0),
    accent_soft: grey(14, 46, 112),
    accent_line: grey(140, 190, 255),
    good: grey(110, 240, 150),
    busy: grey(255, 214, 100),
    bad: grey(255, 160, 150),
    bad_soft: grey(72, 8, 10),
    ..DARK
};

const LIGHT_CONTRAST: Tokens = Tokens {
    canvas: grey(255, 255, 255),
    panel: grey(255, 255, 255),
    raised: grey(244, 244, 248),
    raised_hover: grey(216, 220, 230),
    line: grey(92, 98, 112),
    text: grey(0, 0, 0),
    text_soft: grey(20, 22, 28),
    text_faint: grey(56, 60, 72),
    accent: grey(0, 58, 186),
    accent_hover: grey(0, 40, 140),
    accent_soft: grey(214, 228, 255),
    accent_line: grey(0, 58, 186),
    good: grey(0, 92, 42),
    busy: grey(120, 72, 0),
    bad: grey(150, 12, 8),
    bad_soft: grey(255, 226, 224),
    ..LIGHT
};

/// The colours of a phrase: of its chip and of its mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhraseColors {
    /// Mask and outline on the picture.
    pub mask: Color32,
    /// Behind the words.
    pub fill: Color32,
    /// Behind the words under the pointer, or pinned.
    pub fill_strong: Color32,
    /// Around the words.
    pub line: Color32,
    /// The words.
    pub text: Color32,
}

impl Tokens {
    /// The tokens of an appearance, with colours further apart where `high_contrast` says so.
    pub fn of(theme: Theme, high_contrast: bool) -> &'static Self {
        match (theme, high_contrast) {
            (Theme::Dark, false) => &DARK,
            (Theme::Light, false) => &LIGHT,
            (Theme::Dark, true) => &DARK_CONTRAST,
            (Theme::Light, true) => &LIGHT_CONTRAST,
        }
    }

    /// The number on a region's tag.
    pub fn on_tag(&self) -> Color32 {
        Color32::from_gray(16)
    }

    /// The colours of the phrase at a place of the palette.
    pub fn phrase(&self, place: usize) -> PhraseColors {
        self.chip(color(phrase_color(place)))
    }

    /// The colours of the region at a place among them: a walk around the accent, dashed on the
    /// picture, so that it is not taken for a mask.
    pub fn region(&self, place: usize) -> PhraseColors {
        self.chip(color(region_color(place)))
    }

    /// Tints of a colour that stay readable on the panel.
    fn chip(&self, mask: Color32) -> PhraseColors {
        let (fill, strong, line) = if self.dark { (0.26, 0.50, 0.62) } else { (0.20, 0.42, 0.75) };
        let text = if self.dark { mix(mask, Color32::WHITE, 0.72) } else { mix(mask, Color32::BLACK, 0.66) };
        PhraseColors {
            mask,
            fill: mix(self.panel, mask, fill),
            fill_strong: mix(self.panel, mask, strong),
            line: mix(self.panel, mask, line),
            text,
        }
    }
}

fn color(Rgb { r, g, b }: Rgb) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// From one colour to another.
pub fn mix(from: Color32, to: Color32, share: f32) -> Color32 {
    from.lerp_to_gamma(to, share)
}

/// Text for reading.
pub fn text_font() -> FontId {
    FontId::proportional(TEXT)
}

/// Labels and buttons.
pub fn label_font() -> FontId {
    FontId::proportional(LABEL)
}

/// Notes and figures.
pub fn small_font() -> FontId {
    FontId::proportional(SMALL)
}

/// A heavier face, of any size.
pub fn strong_font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(fonts::SEMI_BOLD.0.into()))
}

/// A slightly heavier face, of any size.
pub fn medium_font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(fonts::MEDIUM.0.into()))
}

/// Installs faces and both appearances.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(faces());
    set_contrast(ctx, false);
}

/// Both appearances, with colours further apart where `high` says so.
pub fn set_contrast(ctx: &egui::Context, high: bool) {
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(theme, style(Tokens::of(theme, high)));
    }
}

/// Inter, then other scripts. Its figures all have one width, so that it serves for the log, too.
fn faces() -> FontDefinitions {
    let mut faces = FontDefinitions::default();
    for (name, data) in fonts::FALLBACKS {
        faces.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(data)));
        for family in [FontFamily::Proportional, FontFamily::Monospace] {
            faces.families.entry(family).or_default().push(name.to_owned());
        }
    }
    let fallback = faces.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    for (name, data) in [fonts::REGULAR, fonts::MEDIUM, fonts::SEMI_BOLD] {
        faces.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(data)));
        let mut family = vec![name.to_owned()];
        family.extend(fallback.iter().cloned());
        faces.families.insert(FontFamily::Name(name.into()), family);
    }
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        faces.families.entry(family).or_default().insert(0, fonts::REGULAR.0.to_owned());
    }
    faces
}

fn style(tokens: &Tokens) -> Style {
    let mut style = Style { visuals: visuals(tokens), ..Style::default() };
    style.text_styles = [
        (TextStyle::Heading, strong_font(18.0)),
        (TextStyle::Body, label_font()),
        (TextStyle::Button, label_font()),
        (TextStyle::Small, small_font()),
        (TextStyle::Monospace, FontId::monospace(13.0)),
    ]
    .into();
    style.spacing.item_spacing = vec2(8.0, 8.0);
    style.spacing.button_padding = vec2(11.0, 6.0);
    style.spacing.interact_size = vec2(36.0, 30.0);
    style.spacing.menu_margin = Margin::same(6);
    style.spacing.window_margin = Margin::same(16);
    style.spacing.menu_width = 250.0;
    style.spacing.scroll = egui::style::ScrollStyle::thin();
    style.interaction.tooltip_delay = 0.4;
    style.interaction.selectable_labels = false;
    style
}

fn visuals(tokens: &Tokens) -> Visuals {
    let base = if tokens.dark { Visuals::dark() } else { Visuals::light() };
    let widget = |fill: Color32, line: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, line),
        corner_radius: CornerRadius::same(RADIUS),
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    // egui thickens light text on a dark ground more than Inter needs.
    let text_coverage = if tokens.dark {
        FontColorTransferFunction::Gamma(0.8)
    } else {
        base.text_options.color_transfer_function
    };
    let hovered = widget(tokens.raised_hover, tokens.line, tokens.text);
    Visuals {
        dark_mode: tokens.dark,
        widgets: Widgets {
            noninteractive: widget(tokens.panel, tokens.line, tokens.text_soft),
            inactive: widget(tokens.raised, tokens.line, tokens.text_soft),
            hovered,
            active: widget(tokens.accent_soft, tokens.accent_line, tokens.text),
            open: hovered,
        },
        selection: Selection { bg_fill: tokens.accent_soft, stroke: Stroke::new(1.0, tokens.text) },
        hyperlink_color: tokens.accent,
        faint_bg_color: tokens.raised,
        extreme_bg_color: tokens.raised,
        text_edit_bg_color: Some(tokens.raised),
        warn_fg_color: tokens.busy,
        error_fg_color: tokens.bad,
        weak_text_color: Some(tokens.text_faint),
        window_corner_radius: CornerRadius::same(12),
        window_fill: tokens.panel,
        window_stroke: Stroke::new(1.0, tokens.line),
        window_shadow: Shadow { offset: [0, 12], blur: 32, spread: 0, color: tokens.shadow },
        popup_shadow: Shadow { offset: [0, 6], blur: 18, spread: 0, color: tokens.shadow },
        menu_corner_radius: CornerRadius::same(9),
        panel_fill: tokens.panel,
        text_options: TextOptions { color_transfer_function: text_coverage, ..base.text_options },
        ..base
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::PHRASE_COLORS;

    fn luminance(color: Color32) -> f32 {
        let [r, g, b, _] = egui::Rgba::from(color).to_array();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// As WCAG 2 defines it.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn everything_can_be_read() {
        for tokens in [&DARK, &LIGHT, &DARK_CONTRAST, &LIGHT_CONTRAST] {
            for background in [tokens.panel, tokens.raised] {
                assert!(contrast(tokens.text, background) > 7.0);
                assert!(contrast(tokens.text_soft, background) > 7.0);
                assert!(contrast(tokens.text_faint, background) > 4.5);
                assert!(contrast(tokens.bad, background) > 4.5);
            }
            assert!(contrast(tokens.on_accent, tokens.accent) > 4.5);
            assert!(contrast(tokens.text, tokens.accent_soft) > 7.0);
            assert!(contrast(tokens.text, tokens.bad_soft) > 7.0);
            for place in 0..PHRASE_COLORS.len() {
                let chip = tokens.phrase(place);
                assert!(contrast(chip.text, chip.fill) > 4.5, "phrase {place}, dark {}", tokens.dark);
                assert!(contrast(chip.text, chip.fill_strong) > 3.0, "phrase {place}, dark {}", tokens.dark);
            }
        }
    }

    #[test]
    fn high_contrast_is_higher() {
        for (usual, high) in [(&DARK, &DARK_CONTRAST), (&LIGHT, &LIGHT_CONTRAST)] {
            let of = |tokens: &Tokens, color: Color32| contrast(color, tokens.panel);
            assert!(of(high, high.text) > of(usual, usual.text) && of(high, high.text) > 20.0);
            assert!(of(high, high.text_faint) > 7.0 && of(high, high.line) > 4.5);
            assert!(of(high, high.accent) > 7.0);
        }
    }

    #[test]
    fn every_script_that_is_promised_has_glyphs() {
        let mut fonts = egui::epaint::text::Fonts::new(TextOptions::default(), super::faces());
        let mut fonts = fonts.with_pixels_per_point(1.0);
        for font in [text_font(), strong_font(15.0), medium_font(14.0), FontId::monospace(13.0)] {
            for text in [
                "Größe ŁÓDŹ Ελλάδα Москва",
                "画像に何がありますか。",
                "图片里有什么？",
                "그림에 무엇이 있나요",
                "ما في الصورة؟",
                "מה יש בתמונה?",
            ] {
                let missing: String = text.chars().filter(|c| !fonts.has_glyph(&font, *c)).collect();
                assert!(missing.is_empty(), "{text}: no {missing}");
            }
        }
    }
}
