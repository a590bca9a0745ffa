//! Reading a pickle from front to back. Nothing is copied: texts are slices of the file.

/// The unread rest of a pickle.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Number of bytes read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(n)?)?;
        self.at += n;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    /// A whole number in as many bytes as its first byte says, up to eight.
    pub(super) fn long(&mut self) -> Option<i64> {
        let n = usize::from(self.u8()?);
        let stored = self.take(n).filter(|stored| stored.len() <= 8)?;
        let negative = stored.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut word = [if negative { 0xFF } else { 0 }; 8];
        word[..n].copy_from_slice(stored);
        Some(i64::from_le_bytes(word))
    }

    /// A text behind its length.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let n = self.u32()?;
        std::str::from_utf8(self.take(n as usize)?).ok()
    }

    /// A text up to the end of its line.
    pub(super) fn line(&mut self) -> Option<&'a str> {
        let rest = &self.bytes[self.at..];
        let n = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(self.take(n)?).ok();
        self.at += 1;
        line
    }
}
