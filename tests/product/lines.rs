//! Lines to import that were made on other systems: whatever ends them, whatever mark is in front, however they come, and however
//! the file grows between two runs.

use std::path::PathBuf;
use std::process::Command;

use crate::files::{Stage, line, no_texts};
use crate::fixture::{Ended, run};

impl Stage {
    /// Imports `bytes` from a file of this name; `more` are flags.
    fn import(&self, name: &str, bytes: impl AsRef<[u8]>, more: &[&str]) -> Ended {
        let file = self.write(name, bytes);
        run(&[&["--json", "import", &file, "--data", &self.path("data")], more].concat())
    }
}

/// What an import counted: commands, applied, replayed, failed.
#[track_caller]
fn counted(ended: &Ended) -> [u64; 4] {
    let counts = ended.json().pop().unwrap_or_else(|| panic!("no counts: {}", ended.said));
    ["lines", "applied", "replayed", "failed"].map(|name| counts[name].as_u64().unwrap())
}

/// The lines, from 1, that an import says it did not apply, and why.
fn remarks(ended: &Ended) -> Vec<(u64, String)> {
    let named = ended.json().into_iter().filter(|value| value["line"].is_u64());
    named.map(|value| (value["line"].as_u64().unwrap(), value["detail"].as_str().unwrap().to_owned())).collect()
}

/// Shows F41.
#[test]
fn lines_are_taken_whatever_ends_them_and_whatever_mark_is_in_front() {
    let stage = Stage::set();
    let [one, two] = [line("1"), line("2")];
    for (n, text) in [
        format!("\u{feff}{one}\n{two}\n"),
        format!("\u{feff}{one}\r\n{two}\r\n"),
        format!("{one}\r{two}\r"),
        format!("{one}\n\n \t\n{two}"),
        format!("{one}\n\u{feff}{two}  \n\r\n"),
        format!("\n\u{feff}{one}\r{two}\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let ended = stage.import(&format!("lines-{n}"), &text, &[]).ok();
        let counts = counted(&ended);
        assert_eq!((counts[0], counts[1] + counts[2], counts[3]), (2, 2, 0), "{text:?}: {}", ended.said);
    }
    assert_eq!(counted(&stage.import("empty", "", &[]).ok()), [0; 4]);
    assert_eq!(counted(&stage.import("mark", "\u{feff}", &[]).ok()), [0; 4]);
}

/// Shows F41.
#[test]
fn a_line_may_have_a_mebibyte_and_no_more() {
    const MOST: usize = 1_048_576;
    let stage = Stage::set();
    let padded =
        |key: &str, bytes: usize| line(key).replacen(':', &format!(":{}", " ".repeat(bytes - line(key).len())), 1);
    let text = format!("{}\r\n{}\n{}", padded("1", MOST), padded("2", MOST + 1), padded("3", MOST));
    let ended = stage.import("long", text, &[]).refused(1, "a line has at most 1048576 bytes");
    assert_eq!((counted(&ended), remarks(&ended)[0].0), ([3, 2, 0, 1], 2));
}

/// Shows F41. Keeps E2.
#[test]
fn a_file_without_an_end_of_its_last_line_may_grow() {
    let stage = Stage::set();
    for (name, end) in [("lf", "\n"), ("crlf", "\r\n"), ("cr", "\r")] {
        let lines: Vec<String> = (1..=4).map(|n| line(&format!("{name}-{n}"))).collect();
        let text = lines.join(end);
        let behind: Vec<usize> = (1..=4).map(|n| lines[..n].join(end).len()).collect();
        // Behind a line, in the middle of its end, in the middle of the third, before its last brace, and to the end.
        for (cut, seen, failed) in [
            (behind[0], 1, 0),
            (behind[0] + 1, 1, 0),
            (behind[1], 2, 0),
            (behind[1] + end.len() + 10, 3, 1),
            (behind[2] - 1, 3, 1),
            (behind[3], 4, 0),
        ] {
            let ended = stage.import(name, &text[..cut], &[]);
            assert_eq!(counted(&ended), [seen, seen - failed, 0, failed], "{name} {cut}: {}", ended.said);
            assert_eq!(ended.code, Some(i32::from(failed > 0)), "{name} {cut}: {}", ended.said);
        }
        let grown = format!("{text}{end}{}", line(&format!("{name}-5")));
        assert_eq!(counted(&stage.import(name, grown, &[]).ok()), [5, 5, 0, 0], "each was applied once");
    }
    stage.import("lf", line("other"), &[]).refused(2, "is not the one whose progress is kept");
}

/// Shows F41.
#[test]
fn input_that_is_no_text_is_refused_by_name_and_cause_before_anything_is_applied() {
    let stage = Stage::set();
    for (name, bytes, why) in no_texts(&line("1")).into_iter().take(4) {
        stage.import(name, bytes, &[]).refused(3, why).refused(3, name);
        assert!(!PathBuf::from(stage.path(&format!("{name}.progress"))).exists());
    }
    run(&["import", &stage.path("."), "--data", &stage.path("data")]).refused(3, "Is a directory");
}

/// Shows F41, F33.
#[test]
fn a_line_that_is_no_text_is_named_and_the_rest_goes_on() {
    let stage = Stage::set();
    let [before, behind] = ["1", "3"].map(line);
    let (head, tail) =
        ("{\"family\":\"placements\",\"command\":\"open\",\"key\":\"2\",\"body\":{\"label\":\"caf", "\"}}");
    let twice = "{\"family\":\"placements\",\"family\":\"users\"}\n";
    let bytes = [
        before.as_bytes(),
        b"\n",
        head.as_bytes(),
        b"\xe9",
        tail.as_bytes(),
        b"\n",
        behind.as_bytes(),
        b"\n",
        twice.as_bytes(),
        &[0; 6],
    ];
    let bytes = bytes.concat();
    let ended = stage.import("lines", bytes, &[]).refused(1, "");
    assert_eq!(counted(&ended), [5, 2, 0, 3], "{}", ended.said);
    let mut told = remarks(&ended);
    told.sort();
    for ((line, detail), (at, why)) in
        told.iter().zip([(2, "is not UTF-8"), (4, "duplicate field"), (5, "bytes of zero")])
    {
        assert!(*line == at && detail.contains(why) && !detail.contains("line 1"), "{told:?}");
    }
}

/// Shows F41.
#[test]
fn commands_come_through_pipes_and_standard_input_too() {
    let stage = Stage::set();
    let file = stage.write("lines", format!("{}\n{}", line("1"), line("2")));
    let pipe = stage.path("pipe");
    for (input, how) in [
        ("-", "exec \"$0\" \"$@\" <\"$FILE\""),
        ("/dev/stdin", "exec \"$0\" \"$@\" <\"$FILE\""),
        ("/dev/stdin", "cat \"$FILE\" | \"$0\" \"$@\""),
        (&pipe, "rm -f \"$PIPE\"; mkfifo \"$PIPE\"; cat \"$FILE\" >\"$PIPE\" & exec \"$0\" \"$@\""),
    ] {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            how,
            env!("CARGO_BIN_EXE_kippu"),
            "--json",
            "import",
            input,
            "--data",
            &stage.path("data"),
        ]);
        let ended = Ended::of(command.env("FILE", &file).env("PIPE", &pipe)).ok();
        let counts = counted(&ended);
        assert_eq!((counts[0], counts[1] + counts[2]), (2, 2), "{input} {how}: {}", ended.said);
    }
    let mut closed = Command::new("sh");
    closed.args(["-c", "exec \"$0\" import - --data \"$1\" <&-", env!("CARGO_BIN_EXE_kippu"), &stage.path("data")]);
    Ended::of(&mut closed).refused(3, "Bad file descriptor");
    for left in ["/dev/stdin.progress".to_owned(), format!("{pipe}.progress")] {
        assert!(!PathBuf::from(&left).exists(), "{left}");
    }
}

/// Shows F41.
#[test]
fn a_file_of_progress_is_taken_or_refused_by_name() {
    let stage = Stage::set();
    let progress = stage.write("progress", "");
    let import = || stage.import("lines", line("1"), &["--resume-file", &progress]);
    assert_eq!(counted(&import().ok()), [1, 1, 0, 0], "an empty one is a beginning");
    let kept = std::fs::read_to_string(&progress).unwrap();
    stage.write("progress", format!("\u{feff}{kept}\r\n\r\n"));
    assert_eq!(counted(&import().ok()), [1, 1, 0, 0], "nothing is done again");
    for (name, bytes, why) in no_texts(&kept) {
        stage.write("progress", bytes);
        let refused = import();
        assert!(
            refused.code == Some(3) && refused.said.contains(why) && refused.said.contains("/progress"),
            "{name}: {refused:?}"
        );
    }
    stage.write("progress", &kept[..kept.len() / 2]);
    import().refused(2, "no progress file");
    // A link stays one.
    let (link, kept) = (stage.path("link"), stage.write("kept", ""));
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    stage.import("lines", line("1"), &["--resume-file", &link]).ok();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink() && !std::fs::read(&kept).unwrap().is_empty());
}
