//! Reads the table of tensors that PyTorch's `torch.save` writes as `data.pkl`.
//!
//! A pickle is a program. This machine knows the few instructions and the few callables that a
//! state dict consists of, builds nothing but a list of tensor records, and gives up
//! on anything else that matters. Whatever the bytes, it neither panics nor recurses, and what it
//! holds in memory is bounded by a small multiple of the input's length. Called by
//! [`super::torch_file`], which bounds that length.
//!
//! Format: `pickletools.py` of CPython, `torch/_utils.py` of PyTorch.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::tensor_file::Element;

/// Tuples may be nested this deep; a state dict needs 3.
const MAX_DEPTH: usize = 16;
/// A tensor may have this many dimensions; weights have 4 at most.
const MAX_RANK: usize = 16;
/// The stack may hold this many values; picklers empty it after every 1000 entries.
const MAX_STACK: usize = 1 << 16;
/// The memory may hold this many values; each tensor takes about 8.
const MAX_MEMO: usize = 1 << 18;
/// A class may have a name of this many bytes; those of weights have 40 at most.
const MAX_GLOBAL: usize = 512;
/// All values together, those that are gone included, may take this many bytes; each tensor takes about 1,300.
const MAX_MADE: usize = 32 << 20;
/// What the system and the counters of what is shared take for each value.
const HEAD_BYTES: usize = 32;
/// What an entry takes in the table that is made of a pickle, without its name and its sizes.
const ENTRY_BYTES: usize = 256;

const TOO_MANY: &str = "its pickle holds more values than any state dict has";

/// One entry of the state dict. Offsets, sizes and strides count elements.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PickledTensor {
    pub(super) storage: Rc<PickledStorage>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Where the elements are: the archive's entry `data/<key>`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PickledStorage {
    pub(super) key: Rc<str>,
    pub(super) element: Element,
    pub(super) elements: usize,
}

/// A tensor under its name.
pub(super) type NamedTensor = (Rc<str>, Rc<PickledTensor>);

/// The named tensors of a state dict, in the order of the pickle. Bytes behind the pickle's end
/// are not looked at.
///
/// # Errors
/// What is wrong with the pickle.
pub(super) fn read_state_dict(bytes: &[u8]) -> Result<Vec<NamedTensor>, String> {
    let input = Input { bytes, at: 0 };
    let mut machine = Machine { input, stack: Vec::new(), memo: HashMap::new(), made: 0 };
    while !machine.step()? {
        if machine.stack.len() > MAX_STACK || machine.memo.len() > MAX_MEMO {
            return Err(TOO_MANY.to_owned());
        }
    }
    match machine.pop()? {
        Value::Dict(entries) => Ok(entries.take()),
        _ => Err("its pickle does not hold a dictionary of tensors".to_owned()),
    }
}

type Entries = Rc<RefCell<Vec<NamedTensor>>>;

/// What the stack holds. Clones are shallow.
#[derive(Debug, Clone)]
enum Value {
    Mark,
    Int(i64),
    Text(Rc<str>),
    /// `module.name`. Shared by all that are of the class, also beyond this thread.
    Global(Arc<str>),
    Tuple(Rc<Tuple>),
    Dict(Entries),
    Storage(Rc<PickledStorage>),
    Tensor(Rc<PickledTensor>),
    /// Anything that no tensor depends on.
    Other,
}

impl Value {
    /// About what it takes in memory beside its place on the stack, where it is new.
    fn bytes(&self) -> usize {
        match self {
            Self::Mark | Self::Int(_) | Self::Other => 0,
            Self::Text(text) => HEAD_BYTES + text.len(),
            Self::Global(name) => HEAD_BYTES + name.len(),
            Self::Tuple(tuple) => HEAD_BYTES + size_of::<Tuple>() + size_of_val(&*tuple.items),
            Self::Dict(_) => HEAD_BYTES + size_of::<RefCell<Vec<NamedTensor>>>(),
            Self::Storage(_) => HEAD_BYTES + size_of::<PickledStorage>(),
            Self::Tensor(tensor) => HEAD_BYTES + size_of::<PickledTensor>() + tensor.size_bytes(),
        }
    }
}

impl PickledTensor {
    /// Of its sizes and strides.
    fn size_bytes(&self) -> usize {
        size_of_val(&*self.shape) + size_of_val(&*self.strides)
    }
}

#[derive(Debug)]
struct Tuple {
    items: Vec<Value>,
    depth: usize,
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| "its table of tensors is cut off".to_owned())?;
        self.at += count;
        Ok(taken)
    }

    /// A little-endian number of `count` ≤ 8 bytes.
    fn unsigned(&mut self, count: usize) -> Result<u64, String> {
        Ok(self.take(count)?.iter().rev().fold(0, |number, &byte| (number << 8) | u64::from(byte)))
    }

    fn text(&mut self, length: u64) -> Result<Rc<str>, String> {
        let length = usize::try_from(length).map_err(|_| "its table of tensors is cut off".to_owned())?;
        let text = std::str::from_utf8(self.take(length)?);
        text.map(Rc::from).map_err(|_| "its pickle holds text that is not UTF-8".to_owned())
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\n');
        let length = length.ok_or_else(|| "its table of tensors is cut off".to_owned())?;
        let line = self.take(length + 1)?;
        let text = std::str::from_utf8(&line[..length]);
        text.map_err(|_| "its pickle holds text that is not UTF-8".to_owned())
    }
}

struct Machine<'a> {
    input: Input<'a>,
    stack: Vec<Value>,
    memo: HashMap<u64, Value>,
    /// Bytes of all values that were ever made.
    made: usize,
}

impl Machine<'_> {
    /// Executes one instruction; true for the last one.
    fn step(&mut self) -> Result<bool, String> {
        let instruction = self.input.unsigned(1)? as u8;
        match instruction {
            b'.' => return Ok(true),
            // PROTO, FRAME: say nothing that is needed here.
            0x80 => drop(self.input.take(1)?),
            0x95 => drop(self.input.take(8)?),
            b'(' => self.stack.push(Value::Mark),
            // NONE, NEWTRUE, NEWFALSE, EMPTY_LIST.
            b'N' | 0x88 | 0x89 | b']' => self.stack.push(Value::Other),
            b'G' => {
                self.input.take(8)?;
                self.stack.push(Value::Other);
            }
            b'K' => self.integer(1)?,
            b'M' => self.integer(2)?,
            b'J' => {
                let number = self.input.unsigned(4)? as u32 as i32;
                self.stack.push(Value::Int(number.into()));
            }
            0x8a => self.long()?,
            b'X' | 0x8c | 0x8d => self.string(instruction)?,
            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.make(global(module, name)?)?;
            }
            0x93 => self.stack_global()?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.memory(instruction)?,
            b')' => self.push_tuple(Vec::new())?,
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_tuple(items)?;
            }
            0x85..=0x87 => {
                let start = self.stack.len().checked_sub(usize::from(instruction - 0x84));
                let items = self.stack.split_off(start.ok_or_else(underflow)?);
                self.push_tuple(items)?;
            }
            b'}' => self.make(Value::Dict(Entries::default()))?,
            b's' | b'u' | b'a' | b'e' => self.fill(instruction)?,
            b'Q' => {
                let id = self.pop()?;
                self.make(Value::Storage(Rc::new(storage(&id)?)))?;
            }
            b'R' | 0x81 => {
                let arguments = self.pop()?;
                let callable = self.pop()?;
                self.make(call(&callable, &arguments)?)?;
            }
            // BUILD: attributes of an object, such as a state dict's version numbers.
            b'b' => drop(self.pop()?),
            other => return Err(format!("its pickle holds instruction {other:#04x}, which no weights need")),
        }
        Ok(false)
    }

    /// Pushes a new value.
    fn make(&mut self, value: Value) -> Result<(), String> {
        self.charge(value.bytes())?;
        self.stack.push(value);
        Ok(())
    }

    fn charge(&mut self, bytes: usize) -> Result<(), String> {
        self.made = self.made.saturating_add(bytes);
        if self.made <= MAX_MADE { Ok(()) } else { Err(TOO_MANY.to_owned()) }
    }

    fn pop(&mut self) -> Result<Value, String> {
        self.stack.pop().ok_or_else(underflow)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, String> {
        let mark = self.stack.iter().rposition(|value| matches!(value, Value::Mark));
        let mark = mark.ok_or_else(underflow)?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn push_tuple(&mut self, items: Vec<Value>) -> Result<(), String> {
        let depth_of = |value: &Value| match value {
            Value::Tuple(tuple) => tuple.depth,
            _ => 0,
        };
        let depth = 1 + items.iter().map(depth_of).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            return Err("its pickle nests tuples too deep".to_owned());
        }
        self.make(Value::Tuple(Rc::new(Tuple { items, depth })))
    }

    fn integer(&mut self, bytes: usize) -> Result<(), String> {
        let number = self.input.unsigned(bytes)? as i64;
        self.stack.push(Value::Int(number));
        Ok(())
    }

    /// LONG1: two's complement of any length; what does not fit is no size of a tensor.
    fn long(&mut self) -> Result<(), String> {
        let length = self.input.unsigned(1)? as usize;
        let bytes = self.input.take(length)?;
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let value = if length > 8 {
            Value::Other
        } else {
            let start = if negative { -1_i64 } else { 0 };
            Value::Int(bytes.iter().rev().fold(start, |number, &byte| (number << 8) | i64::from(byte)))
        };
        self.stack.push(value);
        Ok(())
    }

    fn string(&mut self, instruction: u8) -> Result<(), String> {
        let width = match instruction {
            0x8c => 1,
            b'X' => 4,
            _ => 8,
        };
        let length = self.input.unsigned(width)?;
        let text = self.input.text(length)?;
        self.make(Value::Text(text))
    }

    fn stack_global(&mut self) -> Result<(), String> {
        match (self.pop()?, self.pop()?) {
            (Value::Text(name), Value::Text(module)) => self.make(global(&module, &name)?),
            _ => Err("its pickle names a class by something else than text".to_owned()),
        }
    }

    fn memory(&mut self, instruction: u8) -> Result<(), String> {
        let slot = match instruction {
            b'q' | b'h' => self.input.unsigned(1)?,
            b'r' | b'j' => self.input.unsigned(4)?,
            _ => self.memo.len() as u64,
        };
        if matches!(instruction, b'h' | b'j') {
            let value = self.memo.get(&slot).cloned();
            self.stack.push(value.ok_or_else(|| format!("its pickle has nothing in slot {slot}"))?);
        } else {
            let value = self.stack.last().cloned().ok_or_else(underflow)?;
            self.memo.insert(slot, value);
        }
        Ok(())
    }

    /// SETITEM(S), APPEND(S): only tensors under a name are kept.
    fn fill(&mut self, instruction: u8) -> Result<(), String> {
        let items = match instruction {
            b'u' | b'e' => self.pop_to_mark()?,
            b'a' => vec![self.pop()?],
            _ => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
        };
        let Value::Dict(entries) = self.stack.last().cloned().ok_or_else(underflow)? else { return Ok(()) };
        if !items.len().is_multiple_of(2) {
            return Err("its pickle has a key without a value".to_owned());
        }
        for pair in items.chunks_exact(2) {
            if let [Value::Text(name), Value::Tensor(tensor)] = pair {
                self.charge(ENTRY_BYTES + name.len() + tensor.size_bytes())?;
                entries.borrow_mut().push((name.clone(), tensor.clone()));
            }
        }
        Ok(())
    }
}

fn underflow() -> String {
    "its pickle takes more from the stack than is there".to_owned()
}

/// The class `name` of `module`.
fn global(module: &str, name: &str) -> Result<Value, String> {
    let length = module.len().saturating_add(name.len());
    if length > MAX_GLOBAL {
        return Err(format!("its pickle names a class with {length} letters"));
    }
    Ok(Value::Global(format!("{module}.{name}").into()))
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Tuple(tuple) => &tuple.items,
        _ => &[],
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

/// A persistent id: `("storage", class, key, location, elements)`.
fn storage(id: &Value) -> Result<PickledStorage, String> {
    let [_, Value::Global(class), Value::Text(key), _, elements, ..] = items(id) else {
        return Err("its pickle refers to something that is no storage".to_owned());
    };
    let elements = size(elements).ok_or_else(|| format!("storage {key} has no size"))?;
    Ok(PickledStorage { key: key.clone(), element: Element::from_torch_storage(class), elements })
}

/// The few callables of a state dict; the result of any other is of no use to a tensor.
fn call(callable: &Value, arguments: &Value) -> Result<Value, String> {
    let Value::Global(name) = callable else { return Ok(Value::Other) };
    match (&**name, items(arguments)) {
        ("collections.OrderedDict", _) => Ok(Value::Dict(Entries::default())),
        ("torch._utils._rebuild_tensor_v2", arguments) => rebuild_tensor(arguments),
        ("torch._utils._rebuild_parameter", [tensor, ..]) => Ok(tensor.clone()),
        ("torch._tensor._rebuild_from_type_v2", [Value::Global(inner), _, arguments, ..])
            if &**inner == "torch._utils._rebuild_tensor_v2" =>
        {
            rebuild_tensor(items(arguments))
        }
        _ => Ok(Value::Other),
    }
}

/// `_rebuild_tensor_v2(storage, offset, size, stride, …)`.
fn rebuild_tensor(arguments: &[Value]) -> Result<Value, String> {
    let wrong = || "its pickle rebuilds a tensor from something else than a storage and sizes".to_owned();
    let [Value::Storage(storage), offset, shape, strides, ..] = arguments else { return Err(wrong()) };
    // Before anything is copied: one tuple can be the shape of many tensors.
    let rank = items(shape).len();
    if rank > MAX_RANK {
        return Err(format!("its pickle gives a tensor {rank} dimensions"));
    }
    let sizes = |value: &Value| items(value).iter().take(MAX_RANK + 1).map(size).collect::<Option<Vec<_>>>();
    let (Some(offset), Some(shape), Some(strides)) = (size(offset), sizes(shape), sizes(strides)) else {
        return Err(wrong());
    };
    if shape.len() != strides.len() {
        return Err(wrong());
    }
    Ok(Value::Tensor(Rc::new(PickledTensor { storage: storage.clone(), offset, shape, strides })))
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::super::forge::floats;
    use super::super::torch_writer::{PickledEntry, pickle_state_dict as pickle};
    use super::*;

    #[test]
    fn reads_names_places_and_shapes() {
        let forged = [floats("a", "0", &[2, 3]), PickledEntry { offset: 4, ..floats("b", "1", &[5]) }];
        let tensors = read_state_dict(&pickle(&forged)).unwrap();
        let names: Vec<&str> = tensors.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["a", "b"]);
        let (a, b) = (&tensors[0].1, &tensors[1].1);
        assert_eq!((&a.shape[..], &a.strides[..], a.offset), (&[2, 3][..], &[3, 1][..], 0));
        assert_eq!((&*b.storage.key, b.offset, b.storage.elements), ("1", 4, 5));
    }

    #[test]
    fn refuses_hostile_pickles() {
        let deep = [b"\x80\x02N".to_vec(), vec![0x85; 100_000], b".".to_vec()].concat();
        let bomb = [&b"]"[..], &[b'q', 0, b'h', 0, 0x86].repeat(100_000), b"."].concat();
        let cases: [(&str, &[u8]); 9] = [
            ("nothing", b""),
            ("empty stack", b"\x80\x02."),
            ("text longer than the file", b"X\xff\xff\xff\xffabc"),
            ("text longer than memory", b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc"),
            ("a call of the system", b"cos\nsystem\n(X\x02\0\0\0lstR."),
            ("an unknown instruction", b"\x80\x02\xff."),
            ("an empty slot", b"h\x07."),
            ("deep nesting", &deep),
            ("doubling", &bomb),
        ];
        for (what, bytes) in cases {
            assert!(read_state_dict(bytes).is_err(), "{what}");
        }
        for wrong in [-1, i64::MIN] {
            assert!(read_state_dict(&pickle(&[floats("a", "0", &[wrong])])).is_err());
        }
    }

    #[test]
    fn survives_any_bytes() {
        let mut random = StdRng::seed_from_u64(7);
        let good = pickle(&[floats("a", "0", &[2, 3]), floats("b", "1", &[5])]);
        let instructions = b"(.]})NJKMQRXbcehjqrstu\x80\x81\x85\x86\x87\x8a\x8c\x93\x94\x95\0\x01\xff";
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..random.random_range(1..8) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = instructions[random.random_range(0..instructions.len())];
            }
            bytes.truncate(random.random_range(0..=bytes.len()));
            drop(read_state_dict(&bytes));
            let soup: Vec<u8> = (0..random.random_range(0..200))
                .map(|_| instructions[random.random_range(0..instructions.len())])
                .collect();
            drop(read_state_dict(&soup));
        }
    }
}
