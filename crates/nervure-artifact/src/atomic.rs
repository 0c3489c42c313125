//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file under a temporary name beside `path`, syncs it and renames it. Whatever goes wrong, a file that was there stays as it
/// was, and the temporary one is removed.
///
/// A symbolic link stays, and what it leads to is replaced.
///
/// # Errors
/// Those of the system, a full disk among them, and of `write`.
pub fn write(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    replace(path, true, write)
}

/// As [`write()`], but leaves it to the system when the bytes reach the disk. The process may be killed at any moment; should the machine
/// fail, an earlier file, or none, may be there. It takes a tenth of the time.
///
/// # Errors
/// As [`write()`].
pub fn write_unsynced(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    replace(path, false, write)
}

fn replace(
    path: &Path,
    sync: bool,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let (target, directory) = place(path)?;
    sweep(&target, &directory);
    let temporary = Temporary::new(&target, &directory)?;
    let mut writer = BufWriter::new(File::create_new(&temporary.path)?);
    write(&mut writer)?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Ok(old) = fs::metadata(&target) {
        file.set_permissions(old.permissions())?;
    }
    if sync {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(&temporary.path, &target)?;
    if sync { sync_directory(&directory) } else { Ok(()) }
}

/// Whether a file can be written at `path`: what a program asks before hours of work.
///
/// # Errors
/// A directory that is absent or cannot be written to, or something at `path` that is no file.
pub fn check(path: &Path) -> io::Result<()> {
    let (target, directory) = place(path)?;
    let temporary = Temporary::new(&target, &directory)?;
    File::create_new(&temporary.path).map(drop)
}

/// The file behind links, and its directory.
fn place(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let target = if path.exists() { fs::canonicalize(path)? } else { path.to_owned() };
    if fs::metadata(&target).is_ok_and(|m| !m.is_file()) {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is there and no file"));
    }
    let last = path.as_os_str().as_encoded_bytes().last();
    if target.file_name().is_none() || last.is_some_and(|&b| std::path::is_separator(b.into())) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
    }
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    Ok((target, directory))
}

/// A name of its own, which is removed unless it was renamed.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn new(target: &Path, directory: &Path) -> io::Result<Temporary> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut name = prefix(target);
        name.push_str(&format!("{}.{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        Ok(Temporary { path: directory.join(name) })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn prefix(target: &Path) -> String {
    format!(".{}.", target.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what processes that were killed while they wrote this file have left: where the system tells which processes there are.
fn sweep(target: &Path, directory: &Path) {
    if !Path::new("/proc/self").exists() {
        return;
    }
    let prefix = prefix(target);
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|n| n.strip_prefix(&prefix)?.strip_suffix(".tmp")?.split_once('.')?.0.parse().ok());
        if process.is_some_and(|p: u32| !Path::new(&format!("/proc/{p}")).exists()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.bin");
        write(&path, |w| w.write_all(b"old")).unwrap();
        let error = write(&path, |w| {
            w.write_all(&[0; 100_000])?;
            Err(io::Error::new(io::ErrorKind::StorageFull, "full"))
        });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(directory.path()), ["a.bin"]);
    }

    #[test]
    fn what_killed_processes_left_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.bin");
        // No process has a number beyond 2^22 on Linux.
        fs::write(directory.path().join(".a.bin.4294967295.0.tmp"), b"half").unwrap();
        let own = format!(".a.bin.{}.77.tmp", std::process::id());
        fs::write(directory.path().join(&own), b"half").unwrap();
        write(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(names(directory.path()), [own.as_str(), "a.bin"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_before() {
        let directory = tempfile::tempdir().unwrap();
        check(&directory.path().join("a.bin")).unwrap();
        assert_eq!(names(directory.path()), [""; 0]);
        assert!(check(&directory.path().join("none/a.bin")).is_err());
        assert!(check(directory.path()).is_err());
        assert!(check(&directory.path().join("a.bin/")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
