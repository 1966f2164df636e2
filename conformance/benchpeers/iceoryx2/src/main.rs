//! Peer iceoryx2: its request-response messaging, polled busily or with its events. Requests and responses are slices in shared memory
//! that are loaned, written in place and sent without a copy. A server must not change a request: it writes the response anew.

mod client;
mod measure;
mod options;
mod server;
mod work;

mod service;

use options::{Options, USAGE};

/// What ends a program before its time.
pub enum Failure {
    Usage(String),
    Unsupported(String),
    Failed(String),
}

fn pin(cpu: i32) -> Result<(), String> {
    if cpu < 0 {
        return Ok(());
    }
    // SAFETY: the set is plain data, and its size is given.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if cpu as usize >= 8 * size_of_val(&set) {
            return Err(format!("pinning to CPU {cpu}: there cannot be so many"));
        }
        libc::CPU_SET(cpu as usize, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set)
    };
    if result == 0 { Ok(()) } else { Err(format!("pinning to CPU {cpu}: {}", std::io::Error::last_os_error())) }
}

fn run(args: &[String]) -> Result<(), Failure> {
    let role = args.first().map(String::as_str);
    let work = match role {
        Some("bench-server") => server::serve,
        Some("bench-client") => client::exchange,
        _ => return Err(Failure::Usage("the first argument is neither bench-server nor bench-client".to_owned())),
    };
    if args[1..] == ["--help"] {
        println!("{USAGE}");
        return Ok(());
    }
    let o = Options::parse(&args[1..])?;
    pin(o.cpu).and_then(|()| work(&o)).map_err(Failure::Failed)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let code = match run(&args) {
        Ok(()) => 0,
        Err(failure) => {
            let (code, text) = match failure {
                Failure::Failed(text) => (1, text),
                Failure::Usage(text) => (2, text),
                Failure::Unsupported(text) => (3, format!("not supported: {text}")),
            };
            eprintln!("{}: {text}", args.first().map_or("peer", String::as_str));
            code
        }
    };
    std::process::exit(code);
}
