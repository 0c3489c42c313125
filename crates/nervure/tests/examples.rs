//! Every example, run as its reader runs it: each fails unless it comes to what it promises.

#[path = "../../../examples/diabetes/main.rs"]
mod diabetes;
#[expect(dead_code, reason = "the test trains for fewer epochs than `main`")]
#[path = "../../../examples/digits/main.rs"]
mod digits;
#[path = "../../../examples/first_script/main.rs"]
mod first_script;
#[path = "../../../examples/in_process/main.rs"]
mod in_process;
#[path = "../../../examples/own_words/main.rs"]
mod own_words;
#[path = "../../../examples/two_inputs/main.rs"]
mod two_inputs;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

#[test]
fn first_script() -> Result {
    first_script::main()
}

#[test]
fn diabetes() -> Result {
    diabetes::main()
}

/// Fewer seeds and epochs than `cargo xtask accept digits`, so a lower bound.
#[test]
fn digits() -> Result {
    let accuracy = digits::train(1, 6)?;
    assert!(accuracy >= 0.95, "accuracy {accuracy}");
    Ok(())
}

#[test]
fn two_inputs() -> Result {
    two_inputs::main()
}

#[test]
fn own_words() -> Result {
    own_words::main()
}

#[test]
fn in_process() -> Result {
    in_process::main()
}
