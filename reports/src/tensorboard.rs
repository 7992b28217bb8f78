//! Scalars as TensorBoard reads them: an event file of TFRecords, without any dependency.
//!
//! A TFRecord is the length (u64, little-endian), its masked checksum, the content and its masked checksum. The content
//! is a protocol buffer, `tensorflow.Event`, of which the few fields that scalars need are encoded by hand.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes one event file. Call [`EventWriter::finish`] at the end: what is still buffered when a writer is dropped may
/// be lost without a word.
#[derive(Debug)]
pub struct EventWriter {
    file: BufWriter<File>,
    wall_time: f64,
}

impl EventWriter {
    /// Makes the file, whose name must contain `tfevents` for TensorBoard to find it. Every event carries `wall_time`
    /// (seconds since 1970): the caller pins it, so that the same run writes the same bytes.
    ///
    /// # Errors
    /// Those of making and writing the file.
    pub fn create(path: &Path, wall_time: f64) -> io::Result<Self> {
        let mut writer = Self { file: BufWriter::new(File::create(path)?), wall_time };
        let version = field_bytes(FILE_VERSION, b"brain.Event:2");
        writer.event(&version)?;
        Ok(writer)
    }

    /// Adds one value of a series; `step` is its place on the horizontal axis.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f32) -> io::Result<()> {
        let mut point = field_bytes(TAG, tag.as_bytes());
        point.push(key(SIMPLE_VALUE, FIXED32));
        point.extend(value.to_le_bytes());
        let mut event = vec![key(STEP, VARINT)];
        event.extend(varint(step));
        event.extend(field_bytes(SUMMARY, &field_bytes(VALUE, &point)));
        self.event(&event)
    }

    /// Writes what is buffered and closes the file.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }

    fn event(&mut self, fields: &[u8]) -> io::Result<()> {
        let mut content = vec![key(WALL_TIME, FIXED64)];
        content.extend(self.wall_time.to_le_bytes());
        content.extend(fields);
        let length = (content.len() as u64).to_le_bytes();
        self.file.write_all(&length)?;
        self.file.write_all(&masked(crc32c(&length)).to_le_bytes())?;
        self.file.write_all(&content)?;
        self.file.write_all(&masked(crc32c(&content)).to_le_bytes())
    }
}

// Field numbers of tensorflow.Event, Summary and Summary.Value.
const WALL_TIME: u8 = 1;
const STEP: u8 = 2;
const FILE_VERSION: u8 = 3;
const SUMMARY: u8 = 5;
const VALUE: u8 = 1;
const TAG: u8 = 1;
const SIMPLE_VALUE: u8 = 2;

// Wire types of protocol buffers.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

fn key(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

fn field_bytes(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = vec![key(field, BYTES)];
    encoded.extend(varint(bytes.len() as u64));
    encoded.extend(bytes);
    encoded
}

/// Seven bits in a byte, the lowest first, the highest bit set on all but the last.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// CRC-32C (Castagnoli), bit by bit: event files are small.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
        }
    }
    !crc
}

/// TFRecord's mask, so that a checksum over data that holds checksums stays meaningful.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32C (RFC 3720, B.4, and every catalogue of checksums).
    #[test]
    fn checksum_of_the_nine_digits() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    }

    /// The example of the protocol buffers encoding guide, and the ends of one and of ten bytes.
    #[test]
    fn varints_of_the_guide() {
        assert_eq!(varint(150), [0x96, 0x01]);
        assert_eq!(varint(127), [0x7F]);
        assert_eq!(varint(u64::MAX), [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]);
    }

    /// The bytes that TensorBoard's own writer makes of the same two events
    /// (`tensorboard.summary.writer.record_writer.RecordWriter` over `event_pb2.Event(...).SerializeToString()`,
    /// TensorBoard 2.21).
    #[test]
    fn a_file_equals_that_of_tensorboard() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.out.tfevents.0.mercato");
        let mut writer = EventWriter::create(&path, 1.5).unwrap();
        writer.scalar("train/loss", 300, 0.5).unwrap();
        writer.finish().unwrap();
        let hex: String = std::fs::read(&path).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c2100000000000000017becf609000000000000f83f10ac022a130a110a0a747261696e2f6c6f7373150000003fb56a6431"
        );
    }
}
