//! The stack machine that a pickle is a program for.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::tensor::{self, RawTensor};
use super::value::{Global, Span, Storage, Value, quoted};

/// A pickle that is being read.
pub(super) struct Machine<'a> {
    cursor: Cursor<'a>,
    pub(super) stack: Vec<Value<'a>>,
    /// Heights of the stack at which a tuple or a list of items began.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    /// The elements of all tuples.
    elements: Vec<Value<'a>>,
    pub(super) dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    pub(super) storages: Vec<Storage<'a>>,
    pub(super) tensors: Vec<RawTensor>,
}

/// An instruction's outcome; `None` if the pickle ends in it or the stack lacks what it takes.
type Step<T> = Option<Result<T, String>>;

impl<'a> Machine<'a> {
    pub(super) fn new(pickle: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(pickle),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            elements: Vec::new(),
            dicts: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
        }
    }

    /// Runs the program to its end.
    pub(super) fn run(&mut self) -> Result<(), String> {
        loop {
            let at = self.cursor.at();
            let Some(opcode) = self.cursor.u8() else {
                return Err(format!("it ends at byte {at} without the instruction to stop"));
            };
            if opcode == b'.' {
                return Ok(());
            }
            let wrong = |what: String| format!("at byte {at}, {what}");
            match self.step(opcode) {
                Some(outcome) => outcome.map_err(wrong)?,
                None => return Err(wrong(format!("instruction 0x{opcode:02x} lacks what it needs"))),
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Step<()> {
        let value = match opcode {
            // PROTO
            0x80 => return self.protocol(),
            // MARK
            b'(' => {
                self.marks.push(self.stack.len());
                return Some(Ok(()));
            }
            // BINPUT, LONG_BINPUT
            b'q' => return self.memorise(|cursor| cursor.u8().map(u32::from)),
            b'r' => return self.memorise(Cursor::u32),
            // BUILD, SETITEM, SETITEMS
            b'b' => return self.build(),
            b's' => return self.set_items(2),
            b'u' => return self.set_marked_items(),
            // BINGET, LONG_BINGET
            b'h' => self.recall(|cursor| cursor.u8().map(u32::from))?,
            b'j' => self.recall(Cursor::u32)?,
            // NONE, NEWTRUE, NEWFALSE
            b'N' => Value::None,
            0x88 | 0x89 => Value::Bool,
            // BININT, BININT1, BININT2, LONG1
            b'J' => Value::Int(self.cursor.i32()?.into()),
            b'K' => Value::Int(self.cursor.u8()?.into()),
            b'M' => Value::Int(self.cursor.u16()?.into()),
            0x8a => Value::Int(self.cursor.long()?),
            // BINUNICODE
            b'X' => Value::Text(self.cursor.text()?),
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => self.tuple(self.stack.len())?,
            0x85..=0x87 => self.tuple(self.stack.len().checked_sub(usize::from(opcode - 0x84))?)?,
            b't' => {
                let start = self.marks.pop()?;
                self.tuple(start)?
            }
            // EMPTY_DICT
            b'}' => self.new_dict(),
            // GLOBAL, BINPERSID, REDUCE
            b'c' => return self.global(),
            b'Q' => return self.persistent(),
            b'R' => return self.reduce(),
            _ => return Some(Err(format!("instruction 0x{opcode:02x} has no business in a state dict"))),
        };
        self.stack.push(value);
        Some(Ok(()))
    }

    fn protocol(&mut self) -> Step<()> {
        match self.cursor.u8()? {
            2 => Some(Ok(())),
            other => Some(Err(format!("pickle protocol {other} is used, but only 2 is supported"))),
        }
    }

    /// The topmost value, which the innermost mark must not protect.
    fn pop(&mut self) -> Option<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() > floor { self.stack.pop() } else { None }
    }

    fn memorise(&mut self, index: impl Fn(&mut Cursor<'a>) -> Option<u32>) -> Step<()> {
        let index = index(&mut self.cursor)?;
        self.memo.insert(index, *self.stack.last()?);
        Some(Ok(()))
    }

    fn recall(&mut self, index: impl Fn(&mut Cursor<'a>) -> Option<u32>) -> Option<Value<'a>> {
        self.memo.get(&index(&mut self.cursor)?).copied()
    }

    /// Makes a tuple of what stands on the stack from `start` up.
    fn tuple(&mut self, start: usize) -> Option<Value<'a>> {
        if start > self.stack.len() || self.marks.last().is_some_and(|mark| start < *mark) {
            return None;
        }
        let span = Span { start: self.elements.len(), len: self.stack.len() - start };
        self.elements.extend(self.stack.drain(start..));
        Some(Value::Tuple(span))
    }

    fn new_dict(&mut self) -> Value<'a> {
        self.dicts.push(Vec::new());
        Value::Dict(self.dicts.len() - 1)
    }

    fn set_marked_items(&mut self) -> Step<()> {
        let n = self.stack.len().checked_sub(self.marks.pop()?)?;
        self.set_items(n)
    }

    /// Puts the topmost `n` values, names and values in turn, into the dictionary below them.
    fn set_items(&mut self, n: usize) -> Step<()> {
        let start = self.stack.len().checked_sub(n).filter(|_| n.is_multiple_of(2))?;
        let dict = match *self.stack.get(start.checked_sub(1)?)? {
            Value::Dict(dict) => self.dicts.get_mut(dict)?,
            other => return Some(Err(format!("items are put into {other}"))),
        };
        dict.extend(self.stack[start..].as_chunks().0.iter().map(|[key, value]| (*key, *value)));
        self.stack.truncate(start);
        Some(Ok(()))
    }

    /// Attributes of a dictionary: `_metadata`, which says nothing about the weights.
    fn build(&mut self) -> Step<()> {
        let attributes = self.pop()?;
        match (self.stack.last()?, attributes) {
            (Value::Dict(_), Value::Dict(_)) => Some(Ok(())),
            (object, _) => Some(Err(format!("{object} is given {attributes} as attributes"))),
        }
    }

    fn global(&mut self) -> Step<()> {
        let (module, name) = (self.cursor.line()?, self.cursor.line()?);
        match Global::named(module, name) {
            Some(global) => {
                self.stack.push(Value::Global(global));
                Some(Ok(()))
            }
            None => {
                let full_name = quoted(&format!("{}.{}", head(module), head(name)));
                Some(Err(format!("the global {full_name} has no business in a state dict")))
            }
        }
    }

    fn reduce(&mut self) -> Step<()> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let Value::Tuple(span) = arguments else {
            return Some(Err(format!("the arguments of a call are {arguments}")));
        };
        let made = match (callee, self.parts(span)) {
            (Value::Global(Global::OrderedDict), []) => self.new_dict(),
            (Value::Global(Global::RebuildTensor), arguments) => match RawTensor::of(arguments) {
                Ok(tensor) => {
                    self.tensors.push(tensor);
                    Value::Tensor(self.tensors.len() - 1)
                }
                Err(what) => return Some(Err(what)),
            },
            (Value::Global(Global::RebuildParameter), [tensor @ Value::Tensor(_), ..]) => *tensor,
            (Value::Global(global), _) => {
                return Some(Err(format!("{global:?} is called with wrong arguments")));
            }
            (other, _) => return Some(Err(format!("{other} is called"))),
        };
        self.stack.push(made);
        Some(Ok(()))
    }

    /// The storage that a tuple of five stands for.
    fn persistent(&mut self) -> Step<()> {
        let storage = match self.pop()? {
            Value::Tuple(span) => tensor::storage(self.parts(span)),
            other => Err(format!("{other} stands for a storage")),
        };
        Some(storage.map(|storage| {
            self.storages.push(storage);
            self.stack.push(Value::Storage(self.storages.len() - 1));
        }))
    }

    pub(super) fn parts(&self, span: Span) -> &[Value<'a>] {
        &self.elements[span.start..span.start + span.len]
    }
}

/// As much of a text as a message can hold, before it is copied.
fn head(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}
