//! The zip archive of stored members.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::ops::Range;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::atomic;
use crate::error::{Error, Result};

/// The most bytes of a file, and of a member that is text.
const MOST_BYTES: u64 = 64 << 30;
const MOST_TEXT: usize = 256 << 20;
/// The most members.
const MOST_MEMBERS: usize = 32;

/// Members to be written, in this order.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    members: Vec<(&'static str, Vec<u8>)>,
}

impl Writer {
    pub(crate) fn add(&mut self, member: &'static str, bytes: Vec<u8>) {
        self.members.push((member, bytes));
    }

    /// Adds plain data.
    pub(crate) fn add_json(&mut self, member: &'static str, value: &impl Serialize) -> Result<()> {
        let bytes = serde_json::to_vec(value).map_err(|e| Error::Parts(format!("{member}: {e}")))?;
        self.add(member, bytes);
        Ok(())
    }

    /// The whole file. Equal members are equal bytes: every member has the date at which zip's calendar begins.
    ///
    /// In memory, since an archive cannot be given up half-way when the disk is full.
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>> {
        let size: usize = self.members.iter().map(|(name, bytes)| bytes.len() + 2 * name.len() + 128).sum();
        let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(size)));
        let failed = |e: io::Error| Error::Parts(format!("the archive cannot be made: {e}"));
        for (name, bytes) in self.members {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .large_file(bytes.len() as u64 >= u64::from(u32::MAX))
                .unix_permissions(0o644);
            zip.start_file(name, options).map_err(|e| failed(e.into()))?;
            zip.write_all(&bytes).map_err(failed)?;
        }
        Ok(zip.finish().map_err(|e| failed(e.into()))?.into_inner())
    }

    pub(crate) fn save(self, path: &Path) -> Result<()> {
        let bytes = self.into_bytes()?;
        named(path, atomic::write(path, |to| to.write_all(&bytes)))
    }

    pub(crate) fn save_unsynced(self, path: &Path) -> Result<()> {
        let bytes = self.into_bytes()?;
        named(path, atomic::write_unsynced(path, |to| to.write_all(&bytes)))
    }
}

fn named(path: &Path, written: io::Result<()>) -> Result<()> {
    written.map_err(|cause| Error::Io { file: path.display().to_string(), cause })
}

/// A zip archive of stored members, checked and not yet understood: the members are parts of the file, none claims more than it has, their checksums are
/// right, and their names stay within the archive.
#[derive(Debug)]
pub struct Archive {
    file: String,
    bytes: Vec<u8>,
    members: BTreeMap<String, Range<usize>>,
}

impl Archive {
    /// Reads a file whole, which is to be of a `kind`: `.keras model`.
    ///
    /// # Errors
    /// Those of the system; what is no such archive, or a broken one.
    pub fn open(path: &Path, kind: &'static str) -> Result<Archive> {
        let file = path.display().to_string();
        let io = |cause| Error::Io { file: file.clone(), cause };
        let mut handle = fs::File::open(path).map_err(io)?;
        let meta = handle.metadata().map_err(io)?;
        if meta.is_dir() {
            return Err(io(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")));
        }
        let mut bytes = Vec::new();
        (&mut handle).take(4).read_to_end(&mut bytes).map_err(io)?;
        if !bytes.starts_with(b"PK") {
            let found = if bytes.is_empty() { "an empty file" } else { "another format by its first bytes" };
            return Err(Error::Container { file, kind, found: found.into() });
        }
        handle.take(MOST_BYTES).read_to_end(&mut bytes).map_err(io)?;
        Archive::new(file, bytes, kind)
    }

    /// [`Archive::open`] of what was read already, under this name in messages.
    ///
    /// # Errors
    /// As there.
    pub fn new(file: String, bytes: Vec<u8>, kind: &'static str) -> Result<Archive> {
        let broken = |found: String| Error::Container { file: file.clone(), kind, found };
        let whole = |e: zip::result::ZipError| broken(format!("a broken archive ({e})"));
        if bytes.len() as u64 >= MOST_BYTES {
            return Err(broken(format!("more than {MOST_BYTES} bytes")));
        }
        let mut zip = ZipArchive::new(Cursor::new(&bytes[..])).map_err(whole)?;
        if zip.len() > MOST_MEMBERS {
            return Err(broken(format!("{} members", zip.len())));
        }
        zip.validate_header_consistency().map_err(whole)?;
        let mut members = BTreeMap::new();
        for i in 0..zip.len() {
            let member = zip.by_index_raw(i).map_err(whole)?;
            let name = String::from_utf8_lossy(member.name_raw()).into_owned();
            let fail = |reason: String| Err(Error::member(&file, &name.escape_debug().to_string(), reason));
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
            let leaves = |part: &str| ["", ".", ".."].contains(&part);
            if !name.bytes().all(plain) || name.split('/').any(leaves) {
                return fail("expected a plain name within the archive".into());
            }
            if member.compression() != CompressionMethod::Stored || member.size() != member.compressed_size()
            {
                return fail(format!("expected a stored member, received {}", member.compression()));
            }
            let range = member.data_start().and_then(|start| {
                let start = usize::try_from(start).ok()?;
                Some(start..start.checked_add(usize::try_from(member.size()).ok()?)?)
            });
            let Some(range) = range.filter(|r| r.end <= bytes.len()) else {
                return fail("it ends beyond the file's end".into());
            };
            let mut crc = crc32fast::Hasher::new();
            crc.update(&bytes[range.clone()]);
            if crc.finalize() != member.crc32() {
                return fail("its bytes were altered: its checksum is another".into());
            }
            members.insert(name, range);
        }
        drop(zip);
        Ok(Archive { file, bytes, members })
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Fails at the first member that nobody reads.
    pub(crate) fn only(&self, known: &[&str]) -> Result<()> {
        match self.members.keys().find(|m| !known.contains(&m.as_str())) {
            Some(unknown) => Err(Error::member(&self.file, unknown, "this version knows no such member")),
            None => Ok(()),
        }
    }

    /// The bytes of a member, if there is one of this name.
    pub fn get(&self, member: &str) -> Option<&[u8]> {
        self.members.get(member).map(|range| &self.bytes[range.clone()])
    }

    pub(crate) fn need(&self, member: &str) -> Result<&[u8]> {
        self.get(member).ok_or_else(|| Error::member(&self.file, member, "it is absent"))
    }

    /// A member that is text.
    ///
    /// # Errors
    /// There is none of this name; it is too long, or no UTF-8.
    pub fn text(&self, member: &str) -> Result<&str> {
        let bytes = self.need(member)?;
        if bytes.len() > MOST_TEXT {
            let reason = format!("text is limited to {MOST_TEXT} bytes, received {}", bytes.len());
            return Err(Error::member(&self.file, member, reason));
        }
        std::str::from_utf8(bytes).map_err(|e| Error::member(&self.file, member, e))
    }

    /// A member that is JSON; the parser bounds its depth.
    ///
    /// # Errors
    /// As [`Archive::text`]; other data.
    pub fn json<T: DeserializeOwned>(&self, member: &str) -> Result<T> {
        serde_json::from_str(self.text(member)?).map_err(|e| Error::member(&self.file, member, e))
    }

    pub(crate) fn json_if<T: DeserializeOwned>(&self, member: &str) -> Result<Option<T>> {
        self.get(member).map(|_| self.json(member)).transpose()
    }
}
