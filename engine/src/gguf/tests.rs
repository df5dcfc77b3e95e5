//! What is written is read back; whatever else is read ends in an error.

use super::*;

fn layout() -> GgufLayout {
    let text = |text: &str| Value::Text(text.to_owned());
    GgufLayout {
        entries: vec![
            ("general.architecture".to_owned(), text("glamm")),
            ("a.number".to_owned(), Value::Unsigned(7)),
            ("a.large.number".to_owned(), Value::Unsigned(1 << 40)),
            ("a.signed".to_owned(), Value::Signed(-3)),
            ("a.float".to_owned(), Value::Float(0.5)),
            ("a.flag".to_owned(), Value::Bool(true)),
            ("texts".to_owned(), Value::Texts(vec!["é".to_owned(), String::new()])),
            ("bytes".to_owned(), Value::Bytes(vec![0, 255, 3])),
        ],
        tensors: vec![
            ("first".to_owned(), vec![3, 5], Format::F32),
            ("nothing".to_owned(), vec![0, 3], Format::F32),
            ("second".to_owned(), vec![2, 256], Format::Q4K),
            ("third".to_owned(), vec![1], Format::F16),
            ("nothing more".to_owned(), vec![2, 0], Format::F16),
        ],
    }
}

fn contents() -> [Vec<u8>; 5] {
    [vec![1; 60], Vec::new(), vec![2; 288], vec![3; 2], Vec::new()]
}

fn file() -> Vec<u8> {
    let mut writer = GgufWriter::new(Vec::new(), &layout()).unwrap();
    for contents in contents() {
        let (first, rest) = contents.split_at(contents.len() / 2);
        writer.write(first).unwrap();
        writer.write(rest).unwrap();
    }
    writer.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Gguf, String> {
    Gguf::read(bytes, bytes.len())
}

#[test]
fn what_was_written_is_read_back() {
    let (file, layout) = (file(), layout());
    assert_eq!(file.len() as u64, layout.file_bytes());
    let gguf = read(&file).unwrap();
    assert_eq!(gguf.entries.into_iter().collect::<Vec<_>>(), {
        let mut entries = layout.entries;
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries
    });
    for ((name, shape, format), contents) in layout.tensors.iter().zip(contents()) {
        let found = &gguf.tensors[name];
        assert_eq!((&found.shape, found.format), (shape, *format));
        assert_eq!(found.range.start as u64 % ALIGNMENT, 0);
        assert_eq!(file[found.range.clone()], contents);
    }
}

#[test]
fn a_writer_insists_on_its_layout() {
    let mut writer = GgufWriter::new(Vec::new(), &layout()).unwrap();
    assert!(writer.write(&[1; 61]).is_err());
    writer.write(&[1; 59]).unwrap();
    assert!(writer.write(&[1; 2]).is_err());
    writer.write(&[1]).unwrap();
    assert!(writer.finish().is_err());
}

#[test]
fn every_truncation_is_an_error() {
    let file = file();
    // The last bytes are padding.
    for length in 0..file.len() - 30 {
        assert!(read(&file[..length]).is_err(), "{length} of {} bytes", file.len());
    }
}

#[test]
fn hostile_files_are_errors_within_bounds() {
    let number = |n: u64| n.to_le_bytes();
    let front = |version: u32, tensors: u64, entries: u64| {
        [&MAGIC[..], &version.to_le_bytes(), &number(tensors), &number(entries)].concat()
    };
    let entry =
        |kind: u32, rest: &[u8]| [&front(3, 0, 1)[..], &number(1), b"k", &kind.to_le_bytes(), rest].concat();
    let tensor = |sides: &[u64], kind: u32, offset: u64| {
        let sides_bytes: Vec<u8> = sides.iter().flat_map(|side| side.to_le_bytes()).collect();
        let dimensions = (sides.len() as u32).to_le_bytes();
        [
            &front(3, 1, 0)[..],
            &number(1),
            b"t",
            &dimensions,
            &sides_bytes,
            &kind.to_le_bytes(),
            &number(offset),
        ]
        .concat()
    };
    let array =
        |of: u32, count: u64| entry(value::kind::ARRAY, &[&of.to_le_bytes()[..], &number(count)].concat());
    let nested = [&value::kind::ARRAY.to_le_bytes()[..], &number(1)].concat();
    let cases: [(&str, Vec<u8>); 18] = [
        ("no GGUF file", b"GGML".to_vec()),
        ("version 9", front(9, 0, 0)),
        ("announces", front(3, u64::MAX, 0)),
        ("announces", front(3, 0, u64::MAX)),
        ("middle", front(3, 0, 1)),
        ("text of", [&front(3, 0, 1)[..], &number(u64::MAX)].concat()),
        ("type 77", entry(77, &[])),
        ("middle", entry(value::kind::STRING, &number(1 << 20))),
        ("middle", array(value::kind::UINT8, u64::MAX)),
        ("no end", array(value::kind::UINT64, u64::MAX)),
        ("announces", array(value::kind::STRING, u64::MAX)),
        ("middle", array(value::kind::STRING, 1000)),
        ("middle", array(value::kind::ARRAY, u64::MAX)),
        ("too deep", [array(value::kind::ARRAY, 1), nested.repeat(100)].concat()),
        ("dimensions", tensor(&[1; 5], 0, 0)),
        ("format number 3", tensor(&[32], 3, 0)),
        ("outside", tensor(&[u64::MAX, u64::MAX], 0, 0)),
        ("outside", tensor(&[1], 0, u64::MAX)),
    ];
    for (expected, bytes) in cases {
        let (result, taken) = crate::testing::allocating(|| read(&bytes));
        assert!(taken < 1 << 16, "{expected:?} took {taken} bytes for {}", bytes.len());
        let error = result.unwrap_err();
        assert!(error.contains(expected), "{error:?} should say {expected:?}");
    }
    // Arrays of others are skipped, whatever is in them.
    let inner = [&value::kind::UINT16.to_le_bytes()[..], &number(3), &[0; 6]].concat();
    let skipped = read(&[array(value::kind::ARRAY, 2), inner.clone(), inner].concat()).unwrap();
    assert_eq!(skipped.entries["k"], Value::Other);
    // Rows that are no whole blocks.
    assert!(read(&[tensor(&[100], 12, 0), vec![0; 4096]].concat()).unwrap_err().contains("outside"));
}
