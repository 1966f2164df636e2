//! What both sides of a measurement are told.

use std::collections::HashMap;

use crate::Failure;

pub const USAGE: &str =
    "usage: peer bench-server|bench-client --name N --size B --inflight M --wait spin|hybrid|block --touch none|fill|page|all
            --cpu C [--answer whole|changed]; server: [--corrupt FRAME]; client: --count K --warmup W

One side of a measurement; zeroduplex bench --outside starts it.";

/// How much of a frame both sides touch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// The frame number only, which the client finds again.
    None,
    /// The client fills all, the server inverts the first 8 bytes, the client reads these and the last one.
    Fill,
    /// The client fills all, the server inverts and the client reads one byte per page.
    Page,
    /// The client fills all, the server inverts and the client reads all.
    All,
}

pub struct Options {
    pub name: String,
    pub size: usize,
    pub inflight: usize,
    pub spin: bool,
    pub touch: Touch,
    pub cpu: i32,
    /// Answer with the first 8 bytes only, the ones that change; the client has the others.
    pub answer_changed: bool,
    pub count: usize,
    pub warmup: usize,
    /// The server answers this frame with a wrong byte, counted from 1; 0: none.
    pub corrupt: u64,
}

/// The known flags and what they are when they are not given. The control file and the threads are for the project's own clients.
const FLAGS: [(&str, &str); 12] = [
    ("name", ""),
    ("size", "64"),
    ("inflight", "1"),
    ("wait", "block"),
    ("touch", "none"),
    ("cpu", "-1"),
    ("limit-object", ""),
    ("answer", "whole"),
    ("count", "1000"),
    ("warmup", "100"),
    ("threads-cpu", "-1"),
    ("corrupt", "0"),
];

impl Options {
    pub fn parse(args: &[String]) -> Result<Options, Failure> {
        let mut given: HashMap<&str, &str> = FLAGS.into_iter().collect();
        for pair in args.chunks(2) {
            let flag = pair[0].strip_prefix("--").filter(|flag| given.contains_key(flag));
            let flag = flag.ok_or_else(|| Failure::Usage(format!("unexpected argument {:?}", pair[0])))?;
            let value = pair.get(1).ok_or_else(|| Failure::Usage(format!("--{flag} lacks a value")))?;
            given.insert(flag, value);
        }
        let touch = match given["touch"] {
            "none" => Touch::None,
            "fill" => Touch::Fill,
            "page" => Touch::Page,
            "all" => Touch::All,
            other => return Err(Failure::Usage(format!("--touch {other:?} is not one of none, fill, page, all"))),
        };
        let spin = one_of(&given, "wait", &["spin", "hybrid", "block"])? == "spin";
        let options = Options {
            name: given["name"].to_owned(),
            size: number(&given, "size", 1)?,
            inflight: number(&given, "inflight", 1)?,
            spin,
            touch,
            cpu: number(&given, "cpu", -1)?,
            answer_changed: one_of(&given, "answer", &["whole", "changed"])? == "changed",
            count: number(&given, "count", 1)?,
            warmup: number(&given, "warmup", 0)?,
            corrupt: number(&given, "corrupt", 0)?,
        };
        if options.name.is_empty() {
            return Err(Failure::Usage("--name is missing".to_owned()));
        }
        if options.answer_changed && matches!(touch, Touch::Page | Touch::All) {
            return Err(Failure::Unsupported("an answer of the first 8 bytes, when more of the frame changes".to_owned()));
        }
        Ok(options)
    }

    /// How many bytes a response has.
    pub fn answer_size(&self) -> usize {
        if self.answer_changed { self.size.min(crate::work::ANSWER) } else { self.size }
    }
}

fn one_of<'a>(given: &HashMap<&str, &'a str>, flag: &str, allowed: &[&str]) -> Result<&'a str, Failure> {
    let value = given[flag];
    if allowed.contains(&value) {
        return Ok(value);
    }
    Err(Failure::Usage(format!("--{flag} {value:?} is not one of {}", allowed.join(", "))))
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(given: &HashMap<&str, &str>, flag: &str, least: T) -> Result<T, Failure> {
    match given[flag].parse::<T>() {
        Ok(value) if value >= least => Ok(value),
        _ => Err(Failure::Usage(format!("--{flag} {:?} is no number of at least {least}", given[flag]))),
    }
}
