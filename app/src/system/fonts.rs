//! The typefaces that come with the program, for the window and for the legends of exported pictures.

/// Inter, for all that is European: the face and its name.
pub(crate) const REGULAR: (&str, &[u8]) =
    ("Inter", include_bytes!("../../../assets/fonts/Inter-Regular.ttf"));
/// A little heavier.
pub(crate) const MEDIUM: (&str, &[u8]) =
    ("Inter Medium", include_bytes!("../../../assets/fonts/Inter-Medium.ttf"));
/// For headings.
pub(crate) const SEMI_BOLD: (&str, &[u8]) =
    ("Inter SemiBold", include_bytes!("../../../assets/fonts/Inter-SemiBold.ttf"));

/// What Inter lacks: Arabic, Hebrew, and the characters of Chinese, Japanese and Korean.
pub(crate) const FALLBACKS: [(&str, &[u8]); 3] = [
    ("Noto Sans Arabic", include_bytes!("../../../assets/fonts/NotoSansArabic-Regular.ttf")),
    ("Noto Sans Hebrew", include_bytes!("../../../assets/fonts/NotoSansHebrew-Regular.ttf")),
    ("Droid Sans Fallback", include_bytes!("../../../assets/fonts/DroidSansFallback.ttf")),
];

#[cfg(test)]
mod tests {
    use egui::{Color32, Context, FontId, RawInput};

    use crate::theme;

    #[test]
    fn letters_of_many_scripts_are_drawn() {
        let ctx = Context::default();
        theme::install(&ctx);
        // Typefaces are there once something was shown.
        ctx.run_ui(RawInput::default(), |_| {}).drop_without_applying_deltas();
        let families: [FontId; 4] =
            [theme::text_font(), theme::small_font(), theme::medium_font(14.0), theme::strong_font(14.0)];
        for font in families {
            for text in
                ["größe", "日本語のかな", "中文繁體", "한국어", "العربية", "עברית", "Ελληνικά", "Русский"]
            {
                let (has, galley) = ctx.fonts_mut(|fonts| {
                    let has = fonts.has_glyphs(&font, text);
                    (has, fonts.layout_no_wrap(text.to_owned(), font.clone(), Color32::WHITE))
                });
                assert!(has, "{text} in {font:?}");
                let glyphs = galley.rows.iter().flat_map(|row| &row.glyphs);
                assert!(
                    glyphs.filter(|glyph| !glyph.uv_rect.is_nothing()).count() >= 2,
                    "{text} in {font:?}"
                );
            }
            assert!(!ctx.fonts_mut(|fonts| fonts.has_glyph(&font, '\u{10fffd}')), "no letter at all");
        }
    }
}
