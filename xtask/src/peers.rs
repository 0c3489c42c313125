//! The peers: Python programs that time what they are told.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::run::{Result, output, root, step, target};

/// A peer at work in a process of its own.
pub struct Peer {
    pub name: &'static str,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What a peer took.
pub struct Timed {
    /// The median of a round, in microseconds.
    pub us: f64,
    /// Which of its settings was the fastest.
    pub setting: String,
}

impl Peer {
    /// Starts `benches/peers/peer.py` for a peer: `torch`, `torch_compile`, …
    pub fn start(python: &Path, name: &'static str, threads: usize) -> Result<Peer> {
        let mut command = Command::new(python);
        command.args(["-B", "peer.py", name, &threads.to_string()]).current_dir(scripts());
        // Settings of this machine's that hold NumPy's own library back.
        command.env_remove("OPENBLAS_CORETYPE").env_remove("OPENBLAS_L2_SIZE");
        // What libraries have to say about themselves is in the way, until one fails.
        let log = std::fs::File::create(log(name))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", python.display()))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a child without pipes".into());
        };
        Ok(Peer { name, child, requests, answers: BufReader::new(answers) })
    }

    /// Times a training step, or a prediction of so many rows, for so many seconds; none where the peer has no program for it.
    pub fn time(&mut self, workload: &str, predict: Option<u64>, seconds: f64) -> Result<Option<Timed>> {
        let mut request = json!({"workload": workload, "seconds": seconds});
        if let Some(rows) = predict {
            request["predict"] = rows.into();
        }
        writeln!(self.requests, "{request}")?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            let log = log(self.name);
            return Err(
                format!("{} ended in the middle of {workload}: see {}", self.name, log.display()).into()
            );
        }
        let answer: Value = serde_json::from_str(&line)?;
        if answer["absent"].is_string() {
            return Ok(None);
        }
        let us = answer["us"].as_f64().ok_or_else(|| format!("{} says no time: {line}", self.name))?;
        Ok(Some(Timed { us, setting: answer["setting"].as_str().unwrap_or_default().to_owned() }))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python of the environment that has the peers: the one named, or that in the target folder; none if that is not there.
pub fn python(wanted: Option<&str>) -> Result<Option<PathBuf>> {
    let own = target().join("peers");
    let of = |environment: &Path| environment.join("bin/python");
    match wanted {
        Some("make") => make(&own).map(|()| Some(of(&own))),
        Some(environment) => Ok(Some(of(&std::path::absolute(environment)?))),
        // What was interrupted while it was made is none.
        None => Ok(own.join(MADE).exists().then(|| of(&own))),
    }
}

/// A file in an environment of our own, once all is in it.
const MADE: &str = "nervure-made";

/// The versions that an environment has of what `requirements.txt` names.
pub fn versions(python: &Path) -> Result<String> {
    let pinned = std::fs::read_to_string(scripts().join("requirements.txt"))?;
    let names = pinned.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split("==").next());
    let say = "import sys; from importlib.metadata import version\n\
        print(', '.join(f'{name} {version(name)}' for name in sys.argv[1:]))";
    let said = output(Command::new(python).args(["-c", say]).args(names))?.0.stdout;
    Ok(String::from_utf8_lossy(&said).trim().to_owned())
}

fn make(environment: &Path) -> Result<()> {
    eprintln!("Downloads PyTorch, JAX, TensorFlow, Keras and ONNX Runtime from PyPI, pinned in");
    eprintln!("benches/peers/requirements.txt (about 4 GB), to {} (about 9 GB).", environment.display());
    step(Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment))?;
    let pip = environment.join("bin/pip");
    step(Command::new(pip).args(["install", "--quiet", "-r"]).arg(scripts().join("requirements.txt")))?;
    Ok(std::fs::write(environment.join(MADE), "")?)
}

fn scripts() -> PathBuf {
    root().join("benches/peers")
}

fn log(name: &str) -> PathBuf {
    target().join(format!("bench-{name}.log"))
}
