//! The answering side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::options::Options;
use crate::service::{self, Waiting, said};
use crate::work::Handler;

pub fn serve(o: &Options) -> Result<(), String> {
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, stopped.clone()).map_err(said("catching a signal"))?;
    }
    let node = service::node()?;
    let requests = service::requests(&node, o)?;
    let waiting = Waiting::new(&node, o, "requests", "responses")?;
    let server = requests
        .server_builder()
        .max_loaned_responses_per_request(1)
        .initial_max_slice_len(o.size)
        .create()
        .map_err(said("making a server"))?;
    let mut handler = Handler::new(o);
    println!("ready");
    while !stopped.load(Ordering::Relaxed) {
        let Some(request) = server.receive().map_err(said("receiving a request"))? else {
            waiting.wait()?;
            continue;
        };
        let payload = request.payload();
        if payload.len() != o.size {
            return Err(format!("a request has {} bytes instead of {}", payload.len(), o.size));
        }
        let mut response = request.loan_slice_uninit(o.answer_size()).map_err(said("loaning a response"))?;
        handler.answer(payload, response.payload_mut());
        // SAFETY: shared memory is mapped with zeros; what the handler leaves is that or an earlier response.
        let response = unsafe { response.assume_init() };
        response.send().map_err(said("sending a response"))?;
        waiting.wake()?;
    }
    Ok(())
}
