//! What client and server do to the bytes of a frame: the same as the project's own peers.

use std::mem::MaybeUninit;

use crate::options::{Options, Touch};

pub const PAGE: usize = 4096;
/// How many bytes Touch::Fill changes.
pub const ANSWER: usize = 8;

type Bytes = [MaybeUninit<u8>];

/// The client's work before sending: frame n is filled with n.
///
/// What Touch::None leaves is what the memory was mapped or written with before.
pub fn fill(data: &mut Bytes, n: u64, touch: Touch) {
    if touch == Touch::None {
        if data.len() >= ANSWER {
            write(&mut data[..ANSWER], &n.to_le_bytes());
        }
    } else {
        data.fill(MaybeUninit::new(n as u8));
    }
}

fn write(to: &mut Bytes, from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        to.write(*from);
    }
}

fn write_inverted(to: &mut Bytes, from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        to.write(!from);
    }
}

/// The server's work: a request cannot be changed, so the response is written from it.
pub struct Handler {
    touch: Touch,
    corrupt: u64,
    frames: u64,
}

impl Handler {
    pub fn new(o: &Options) -> Handler {
        Handler { touch: o.touch, corrupt: o.corrupt, frames: 0 }
    }

    /// Writes as much of the response as it has room for: all of the frame, or what changed in front.
    pub fn answer(&mut self, request: &[u8], response: &mut Bytes) {
        let changed = response.len().min(ANSWER);
        match self.touch {
            // A wake-up needs no copy of what nobody reads.
            Touch::None => write(&mut response[..changed], &request[..changed]),
            Touch::Fill => {
                write(&mut response[changed..], &request[changed..]);
                write_inverted(&mut response[..changed], request);
            }
            Touch::Page => {
                write(response, request);
                for i in (0..request.len()).step_by(PAGE) {
                    response[i].write(!request[i]);
                }
            }
            Touch::All => write_inverted(response, request),
        }
        self.frames += 1;
        if self.frames == self.corrupt {
            let wrong = if self.touch == Touch::None { request[0] ^ 1 } else { request[0] };
            response[0].write(wrong);
        }
    }
}

/// The client's work afterwards. `last` is the last byte of the frame, wherever that is.
pub fn check(response: &[u8], last: u8, n: u64, touch: Touch) -> Result<(), String> {
    let want = !(n as u8);
    let wrong = match touch {
        Touch::None if response.len() >= ANSWER => response[..ANSWER] != n.to_le_bytes(),
        Touch::None => false,
        Touch::Fill => response.iter().take(ANSWER).any(|byte| *byte != want) || response.len() > ANSWER && last != n as u8,
        Touch::Page => response.iter().step_by(PAGE).any(|byte| *byte != want),
        Touch::All => response.iter().fold(0, |different, byte| different | (byte ^ want)) != 0,
    };
    if wrong { Err(format!("frame {n} came back wrong")) } else { Ok(()) }
}
