//! The typefaces that come with the program, for the window and for the legends of exported pictures.

/// Inter, for all that is European: the face and its name.
pub(crate) const REGULAR: (&str, &[u8]) = ("Inter", include_bytes!("../../assets/fonts/Inter-Regular.ttf"));
/// A little heavier.
pub(crate) const MEDIUM: (&str, &[u8]) =
    ("Inter Medium", include_bytes!("../../assets/fonts/Inter-Medium.ttf"));
/// For headings.
pub(crate) const SEMI_BOLD: (&str, &[u8]) =
    ("Inter SemiBold", include_bytes!("../../assets/fonts/Inter-SemiBold.ttf"));

/// What Inter lacks: Arabic, Hebrew, and the characters of Chinese, Japanese and Korean.
pub(crate) const FALLBACKS: [(&str, &[u8]); 3] = [
    ("Noto Sans Arabic", include_bytes!("../../assets/fonts/NotoSansArabic-Regular.ttf")),
    ("Noto Sans Hebrew", include_bytes!("../../assets/fonts/NotoSansHebrew-Regular.ttf")),
    ("Droid Sans Fallback", include_bytes!("../../assets/fonts/DroidSansFallback.ttf")),
];
