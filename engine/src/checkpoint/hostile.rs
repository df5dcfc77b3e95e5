//! Files made to do harm: each must end in an error that says what is wrong, soon, and without taking
//! the memory that it asks for.

use std::time::{Duration, Instant};

use super::forge::{counting, floats, torch_file};
use super::source::Contents;
use super::tensor_file::TensorFile;
use super::torch_writer::{PickledEntry, TorchArchive, pickle_state_dict};
use crate::error::CheckpointError;
use crate::testing::allocating;

/// A file that is refused takes no longer than this, also in a build that is not optimised.
const PATIENCE: Duration = Duration::from_secs(10);
/// Nor does it take more memory than the most values that a pickle may make, and some times its own length.
const MEMORY: usize = 128 << 20;
const TIMES: usize = 4;
/// Lengths of zip's records without names.
const CENTRAL_HEADER: usize = 46;

/// What a case is about, the file, and words of the error.
type Case = (&'static str, Vec<u8>, &'static str);

fn refuse(file: &str, cases: impl IntoIterator<Item = Case>) {
    for (what, bytes, words) in cases {
        let (start, length) = (Instant::now(), bytes.len());
        let (opened, taken) = allocating(|| TensorFile::new(file.into(), Contents::from_bytes(bytes)));
        assert!(start.elapsed() < PATIENCE, "{what} took {:?}", start.elapsed());
        assert!(taken <= MEMORY + TIMES * length, "{what} took {taken} bytes for {length}");
        let error = opened.map(|_| what).unwrap_err();
        assert!(matches!(error, CheckpointError::Malformed { .. }), "{what}: {error:?}");
        let error = error.to_string();
        assert!(error.contains(file) && error.contains(words), "{what}: {error} should say {words:?}");
        assert!(!error.contains('\n') && error.len() < 2500, "{what}: {error}");
    }
}

/// Two tensors, `a` of 12 elements and `b` of 7.
fn good() -> Vec<u8> {
    let pickle = pickle_state_dict(&[floats("a", "0", &[4, 3]), floats("b", "1", &[7])]);
    torch_file(&pickle, &[("0", &counting(12)), ("1", &counting(7))])
}

fn with_pickle(pickle: &[u8]) -> Vec<u8> {
    torch_file(pickle, &[("0", &counting(12)), ("1", &counting(7))])
}

fn find(bytes: &[u8], pattern: &[u8]) -> usize {
    bytes.windows(pattern.len()).position(|window| window == pattern).unwrap()
}

/// The good file with `new` at `offset` behind the first `pattern`.
fn patched(pattern: &[u8], offset: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = good();
    let at = find(&bytes, pattern) + offset;
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// The good file with `new` at `offset` in the directory's entry for `name`.
fn listed(name: &str, offset: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = good();
    let directory = find(&bytes, b"PK\x01\x02");
    let at = directory + find(&bytes[directory..], name.as_bytes()) - CENTRAL_HEADER + offset;
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// An archive of entries without data.
fn archive(root: &str, names: &[&str]) -> Vec<u8> {
    let mut archive = TorchArchive::new(Vec::new(), root);
    for name in names {
        archive.entry(name, [[]; 0]).unwrap();
    }
    archive.finish().unwrap()
}

#[test]
fn the_good_file_is_good() {
    let file = TensorFile::new("x.bin".into(), Contents::from_bytes(good())).unwrap();
    assert_eq!(file.table.tensors.len(), 2);
}

#[test]
fn hostile_archives() {
    let end64 = b"PK\x06\x06";
    let huge = (1_u64 << 60).to_le_bytes();
    let many: Vec<String> = (0..200_000).map(|i| format!("data/{i:060}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut beyond = good();
    beyond.extend([0; 100]);
    let cases: [Case; 23] = [
        ("more entries than there are", patched(end64, 32, &huge), "instead of 1152921504606846976"),
        ("a directory larger than the file", patched(end64, 40, &huge), "lies outside the file"),
        ("a directory behind the file", patched(end64, 48, &huge), "lies outside the file"),
        ("numbers that overflow", patched(end64, 40, &[0xff; 16]), "lies outside the file"),
        ("a 64-bit record behind the file", patched(b"PK\x06\x07", 8, &huge), "directory is damaged"),
        ("a directory of many megabytes", archive("archive", &many), "more than 16 MB"),
        ("a compressed entry", listed("archive/data/0", 10, &[8]), "compressed or encrypted"),
        ("a bomb", listed("archive/data/0", 24, &[0, 0, 0, 0x7f]), "compressed or encrypted"),
        ("an encrypted entry", listed("archive/data/0", 8, &[1]), "compressed or encrypted"),
        ("an entry of 4 GB", listed("archive/data/0", 20, &[0xff; 8]), "directory is damaged"),
        (
            "an entry that ends behind the file",
            listed("archive/data/1", 20, &[0, 0, 1, 0, 0, 0, 1, 0]),
            "archive/data/1 lies outside",
        ),
        ("an entry that begins behind the file", listed("archive/data/1", 42, &[0, 0, 1, 0]), "lies outside"),
        (
            "an entry at another one's place",
            listed("archive/data/1", 42, &[0; 4]),
            "is called archive/data.pkl",
        ),
        (
            "storages that overlap",
            listed("archive/data/0", 20, &[100, 0, 0, 0, 100, 0, 0, 0]),
            "archive/data/0 and archive/data/1 overlap",
        ),
        ("another name in place", patched(b"archive/data/1", 13, b"2"), "is called archive/data/2"),
        ("a name twice", archive("archive", &["data.pkl", "data/0", "data/0"]), "two entries archive/data/0"),
        ("a way up", archive("archive", &["data.pkl", "data/../../x"]), "leads out of its folder"),
        ("an absolute name", archive("", &["data.pkl", "etc/passwd"]), "leads out of its folder"),
        ("a way up on Windows", archive("archive", &["data.pkl", "data\\..\\x"]), "leads out of its folder"),
        ("a drive", archive("archive", &["data.pkl", "C:/x"]), "leads out of its folder"),
        ("no table", archive("archive", &["data/0"]), "no data.pkl"),
        ("data behind the end", beyond, "directory is lost behind tensor b"),
        ("a big-endian machine", patched(b"little", 0, b"bigbig"), "big-endian"),
    ];
    refuse("x.bin", cases);
    let crc = find(&good(), b"_rebuild_tensor_v2");
    let mut changed = good();
    changed[crc] ^= 1;
    refuse("x.bin", [("a changed table", changed, "does not match its checksum")]);
    refuse("x.bin", [("a table of many megabytes", with_pickle(&vec![b'N'; 9 << 20]), "more than 8 MB")]);
}

#[test]
fn hostile_pickles() {
    let soup = |parts: &[&[u8]]| with_pickle(&parts.concat());
    let numbers = [&b"("[..], &b"K\x01".repeat(30_000), b"tq\x01"].concat();
    let storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x0ctQq\x02";
    // One tuple of 30,000 numbers, as the shape of 100,000 tensors.
    let shapes = [
        &b"\x80\x02"[..],
        &numbers,
        storage,
        &b"ctorch._utils\n_rebuild_tensor_v2\nq\x03(h\x02K\0h\x01h\x01tR0".repeat(100_000),
    ];
    // A name of 4 MB, as the class of 100 storages.
    let long = "x".repeat(4 << 20);
    let named = [b"ctorch\n", long.as_bytes(), b"\nq\x01X\x01\0\0\x000q\x02"].concat();
    let classes = [&named[..], &b"(h\x02h\x01h\x02h\x02K\x0ctQ".repeat(100)];
    // The same, put together anew for each of 100 classes.
    let text = [&b"X\0\0\x40\0"[..], long.as_bytes(), b"\x94"].concat();
    let texts = [&text[..], &b"h\0h\0\x93".repeat(100)];
    // One tensor of 16 dimensions, built 500,000 times.
    let many = [
        &b"\x80\x02("[..],
        &b"K\x01".repeat(16),
        b"tq\x01",
        storage,
        b"(h\x02K\0h\x01h\x01tq\x03",
        b"ctorch._utils\n_rebuild_tensor_v2\nq\x04",
        &[&b"("[..], &b"h\x04h\x03R".repeat(100)[..], b"t"].concat().repeat(5000),
    ];
    let cases: [Case; 19] = [
        ("the name of a class for many storages", soup(&classes), "a class with 4194309 letters"),
        ("the names of many classes", soup(&texts), "a class with 8388608 letters"),
        ("one tensor, built again and again", soup(&many), "more values than any"),
        ("nothing", soup(&[b""]), "cut off"),
        ("an end without anything", soup(&[b"\x80\x02."]), "more from the stack"),
        ("a call of the system", soup(&[b"cos\nsystem\n(X\x02\0\0\0lstR."]), "not hold a dictionary"),
        ("a call of eval", soup(&[b"c__builtin__\neval\n(X\x01\0\0\x001tR."]), "not hold a dictionary"),
        ("an old call of the system", soup(&[b"(X\x02\0\0\0lsios\nsystem\n."]), "instruction 0x69"),
        ("a registered class", soup(&[b"\x80\x02\x82\x01."]), "instruction 0x82"),
        ("an unknown instruction", soup(&[b"\x80\x02\xff."]), "instruction 0xff"),
        ("a number of 2 GB", soup(&[b"\x8b\xff\xff\xff\x7f."]), "instruction 0x8b"),
        ("text of 4 GB", soup(&[b"X\xff\xff\xff\xffabc"]), "cut off"),
        ("text longer than memory", soup(&[b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc"]), "cut off"),
        ("deep nesting", soup(&[b"N", &vec![0x85; 100_000], b"."]), "too deep"),
        ("doubling", soup(&[b"]", &[b'q', 0, b'h', 0, 0x86].repeat(100_000), b"."]), "too deep"),
        ("a stack without end", soup(&[&vec![b'N'; 1 << 20], b"."]), "more values than any"),
        ("marks without end", soup(&[&vec![b'('; 1 << 20], b"."]), "more values than any"),
        ("a memory without end", soup(&[b"N", &vec![0x94; 2 << 20], b"."]), "more values than any"),
        ("a shape for very many tensors", soup(&shapes), "30000 dimensions"),
    ];
    refuse("x.bin", cases);
}

#[test]
fn hostile_tensors() {
    let plain = floats("a", "0", &[4, 3]);
    let file = |entries: &[PickledEntry]| with_pickle(&pickle_state_dict(entries));
    let one = |entry: PickledEntry| file(&[entry]);
    let no_tensor = "something else than a storage and sizes";
    let cases: [Case; 17] = [
        ("a negative stride", one(PickledEntry { strides: vec![-3, 1], ..plain.clone() }), no_tensor),
        ("a negative size", one(PickledEntry { shape: vec![-4, -3], ..plain.clone() }), no_tensor),
        ("a negative offset", one(PickledEntry { offset: -1, ..plain.clone() }), no_tensor),
        ("fewer strides than sizes", one(PickledEntry { strides: vec![1], ..plain.clone() }), no_tensor),
        ("a negative storage", one(PickledEntry { elements: -1, ..plain.clone() }), "storage 0 has no size"),
        (
            "a storage of 2⁶² elements",
            one(PickledEntry { elements: 1 << 62, ..plain.clone() }),
            "tensor a should",
        ),
        (
            "a storage cut short",
            one(PickledEntry { elements: 13, ..plain.clone() }),
            "13 elements in 48 bytes",
        ),
        ("a smaller storage", one(PickledEntry { elements: 11, ..plain.clone() }), "11 elements in 48 bytes"),
        (
            "elements of another size",
            one(PickledEntry { class: "DoubleStorage", ..plain.clone() }),
            "tensor a",
        ),
        (
            "an offset behind the end",
            one(PickledEntry { offset: 1, ..plain.clone() }),
            "larger than its data",
        ),
        ("an offset that overflows", one(PickledEntry { offset: i64::MAX, ..plain.clone() }), "larger than"),
        (
            "strides that overflow",
            one(PickledEntry { strides: vec![i64::MAX, i64::MAX], ..plain.clone() }),
            "larger than its data",
        ),
        (
            "sizes that overflow",
            one(PickledEntry { shape: vec![1 << 40, 1 << 40], ..plain.clone() }),
            "larger than its data",
        ),
        (
            "sizes that overflow behind a side of 0",
            one(PickledEntry { shape: vec![0, 1 << 40, 1 << 40], strides: vec![1, 1, 1], ..plain.clone() }),
            "no sizes",
        ),
        (
            "one element, shown a trillion times",
            one(PickledEntry { shape: vec![1 << 20, 1 << 20], strides: vec![0, 0], ..plain.clone() }),
            "larger than its data",
        ),
        (
            "data outside the archive",
            one(PickledEntry { key: "../../../etc/passwd".to_owned(), ..plain.clone() }),
            "tensor a has no data",
        ),
        ("a name twice", file(&[plain.clone(), floats("a", "1", &[7])]), "two tensors a"),
    ];
    refuse("x.bin", cases);
    let long = "x\n".repeat(1 << 20);
    refuse("x.bin", [("a name of 2 MB", file(&[floats(&long, "2", &[1])]), "tensor x")]);
}

#[test]
fn hostile_safetensors() {
    let file = |length: u64, header: &str, data: usize| {
        [&length.to_le_bytes()[..], header.as_bytes(), &counting(data)].concat()
    };
    let whole = |header: &str| file(header.len() as u64, header, 12);
    let tensor = |dtype: &str, shape: &str, offsets: &str| {
        whole(&format!(r#"{{"a":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{offsets}]}}}}"#))
    };
    let deep = "[".repeat(100_000);
    let empty = r#"{"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}"#;
    let cases: [Case; 15] = [
        ("sizes that overflow behind a side of 0", file(empty.len() as u64, empty, 0), "no sizes"),
        ("a header longer than memory", file(u64::MAX, "{}", 12), "header"),
        ("a header of 99 MB", file(99 << 20, "{}", 12), "truncated within its table"),
        ("no JSON", whole("header"), "header"),
        ("deep nesting", whole(&format!(r#"{{"a":{deep}"#)), "header"),
        ("deep metadata", whole(&format!(r#"{{"__metadata__":{{"a":{deep}"#)), "header"),
        ("data behind the end", tensor("F32", "4,4", "0,64"), "ends inside tensor a"),
        ("an end that overflows", tensor("F32", "4,3", "0,18446744073709551615"), "tensor a"),
        ("an end before the start", tensor("F32", "4,3", "48,0"), "header"),
        ("sizes that overflow", tensor("F32", "4294967296,4294967296,4294967296", "0,48"), "header"),
        ("a shape that does not fit", tensor("F32", "4,4", "0,48"), "header"),
        ("a negative size", tensor("F32", "-4,-3", "0,48"), "header"),
        ("a type that nobody knows", tensor("Q77", "4,3", "0,48"), "header"),
        ("data that no tensor has", tensor("F32", "4", "0,16"), "header"),
        (
            "tensors that overlap",
            whole(
                r#"{"a":{"dtype":"F32","shape":[8],"data_offsets":[0,32]},
                    "b":{"dtype":"F32","shape":[8],"data_offsets":[16,48]}}"#,
            ),
            "header",
        ),
    ];
    refuse("x.safetensors", cases);
    let blank = " ".repeat(17 << 20);
    let long = format!("{{{blank}}}");
    refuse("x.safetensors", [("a header of many megabytes", whole(&long), "longer than 16 MB")]);
}
