//! The command as its users meet it: processes, files, exit statuses.

mod bad_input;
mod contract;
mod models;
mod predict;
mod resume;
mod tables;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory of its own, in which commands run.
struct Bench {
    directory: tempfile::TempDir,
}

/// What a command did.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Bench {
    fn new() -> Bench {
        Bench { directory: tempfile::tempdir().unwrap() }
    }

    /// With a small model of `iris`, trained for a moment.
    fn with_iris() -> Bench {
        let bench = Bench::new();
        bench.ok("train iris -o iris.nervure --layers 4 --epochs 3 -q");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Bench {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// The names in the directory, hidden ones included.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn command<I: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nervure"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command whose words are separated by blanks.
    fn run(&self, words: &str) -> Ran {
        self.run_words(&words.split_whitespace().collect::<Vec<_>>())
    }

    fn run_words(&self, words: &[&str]) -> Ran {
        Ran::new(self.command(words).output().unwrap())
    }

    fn run_with_input(&self, words: &str, input: &str) -> Ran {
        let mut command = self.command(words.split_whitespace());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::new(child.wait_with_output().unwrap())
    }

    /// Runs a line of a shell that finds `nervure`.
    fn shell(&self, line: &str) -> Ran {
        let binary = Path::new(env!("CARGO_BIN_EXE_nervure")).parent().unwrap();
        let path = std::env::join_paths(
            [binary.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("PATH", path.unwrap()).env("HOME", self.directory.path());
        Ran::new(command.current_dir(self.directory.path()).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs a command that has to succeed; gives stdout.
    fn ok(&self, words: &str) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, 0, "{words}: {}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    fn json(&self, words: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(words)).unwrap()
    }

    /// Runs a command that has to fail with this status: nothing on stdout, one sentence and what to do about it, no file more or less.
    fn fails(&self, code: i32, words: &str) -> String {
        let before = self.names();
        let ran = self.run(words);
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{words}: {}", ran.stderr);
        assert_eq!(self.names(), before, "{words}");
        ran.sentence()
    }
}

impl Ran {
    fn new(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The error's sentence, which a line of help follows.
    fn sentence(&self) -> String {
        let lines: Vec<&str> = self.stderr.lines().collect();
        let [.., error, help] = lines[..] else { panic!("{}", self.stderr) };
        assert!(help.starts_with("help: ") && help.len() > 8, "{}", self.stderr);
        error.strip_prefix("error: ").unwrap_or_else(|| panic!("{}", self.stderr)).to_owned()
    }
}

/// Fails unless a text has all of these parts.
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "expected '{part}' in: {text}");
    }
}

/// Rows that can be learned: x, a category, a number to predict and whether it is large.
fn rows(n: usize) -> String {
    let mut text = String::from("x,colour,value,large\n");
    for i in 0..n {
        let x = (i * 37 % 101) as f64 / 10.0;
        let value = 2.0 * x + (i % 7) as f64 / 10.0;
        let (colour, large) = (["red", "green", "blue"][i % 3], if value > 10.0 { "yes" } else { "no" });
        text += &format!("{x},{colour},{value:.3},{large}\n");
    }
    text
}
