//! The measuring side.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use iceoryx2::pending_response::PendingResponse;
use iceoryx2::port::client::Client;
use iceoryx2::prelude::*;

use crate::measure::{Exchange, measure};
use crate::options::Options;
use crate::service::{self, Waiting, said};
use crate::work;

/// How long to wait for a response before the server counts as lost.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many looks for a response go between two looks at the clock: rare enough not to be measured.
const LOOKS_PER_CLOCK: u32 = 1 << 20;

struct Measured<'a> {
    o: &'a Options,
    client: Client<ipc::Service, [u8], (), [u8], ()>,
    waiting: Waiting,
    underway: VecDeque<PendingResponse<ipc::Service, [u8], (), [u8], ()>>,
}

pub fn exchange(o: &Options) -> Result<(), String> {
    let node = service::node()?;
    let requests = service::requests(&node, o)?;
    let waiting = Waiting::new(&node, o, "responses", "requests")?;
    let client = requests.client_builder().initial_max_slice_len(o.size).create().map_err(said("making a client"))?;
    println!("{}", measure(o, &mut Measured { o, client, waiting, underway: VecDeque::new() })?);
    Ok(())
}

impl Exchange for Measured<'_> {
    fn send(&mut self, n: u64) -> Result<(), String> {
        let mut request = self.client.loan_slice_uninit(self.o.size).map_err(said("loaning a request"))?;
        work::fill(request.payload_mut(), n, self.o.touch);
        // SAFETY: shared memory is mapped with zeros; what fill leaves is that or an earlier request.
        let request = unsafe { request.assume_init() };
        self.underway.push_back(request.send().map_err(said("sending a request"))?);
        self.waiting.wake()
    }

    fn receive(&mut self, n: u64) -> Result<(), String> {
        let pending = self.underway.pop_front().ok_or("no request is on its way")?;
        let mut deadline = None;
        let mut looks: u32 = 0;
        loop {
            if let Some(response) = pending.receive().map_err(said("receiving a response"))? {
                let data = response.payload();
                if data.len() != self.o.answer_size() {
                    return Err(format!("frame {n} came back with {} bytes", data.len()));
                }
                let frame = if self.o.answer_changed { pending.payload() } else { data };
                return work::check(data, frame[frame.len() - 1], n, self.o.touch);
            }
            self.waiting.wait()?;
            looks = looks.wrapping_add(1);
            if !self.o.spin || looks % LOOKS_PER_CLOCK == 0 {
                let now = Instant::now();
                if now > *deadline.get_or_insert(now + TIMEOUT) {
                    return Err(format!("no response to frame {n} within {TIMEOUT:?}"));
                }
            }
        }
    }
}
