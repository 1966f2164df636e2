//! The services that both sides open: requests and responses, and an event for each direction where waiting sleeps.

use std::time::Duration;

use iceoryx2::node::Node;
use iceoryx2::port::listener::{Listener, ListenerWaitError};
use iceoryx2::port::notifier::Notifier;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::request_response::PortFactory;

use crate::options::Options;

pub type Requests = PortFactory<ipc::Service, [u8], (), [u8], ()>;

/// How long a sleeper sleeps before it looks whether to end. An event wakes it at once.
const LOOK_UP: Duration = Duration::from_millis(100);

pub fn node() -> Result<Node<ipc::Service>, String> {
    set_log_level(LogLevel::Error);
    NodeBuilder::new().signal_handling_mode(SignalHandlingMode::Disabled).create::<ipc::Service>().map_err(said("making a node"))
}

pub fn requests(node: &Node<ipc::Service>, o: &Options) -> Result<Requests, String> {
    let alignment = Alignment::new(64).expect("a power of two");
    node.service_builder(&name(o, "frames")?)
        .request_response::<[u8], [u8]>()
        .request_payload_alignment(alignment)
        .response_payload_alignment(alignment)
        .enable_safe_overflow_for_requests(false)
        .enable_safe_overflow_for_responses(false)
        .max_active_requests_per_client(o.inflight)
        .max_loaned_requests(1)
        .max_response_buffer_size(1)
        .max_borrowed_responses_per_pending_response(1)
        .max_servers(1)
        .max_clients(1)
        .open_or_create()
        .map_err(said("opening the service"))
}

fn name(o: &Options, what: &str) -> Result<ServiceName, String> {
    format!("zeroduplex-bench/{}/{what}", o.name).as_str().try_into().map_err(said("naming the service"))
}

/// One side's way to wait for the other: busily, or asleep until an event comes.
pub enum Waiting {
    Spin,
    Events { listener: Listener<ipc::Service>, notifier: Notifier<ipc::Service> },
}

impl Waiting {
    /// `mine` names the event that wakes this side, `theirs` the other's.
    pub fn new(node: &Node<ipc::Service>, o: &Options, mine: &str, theirs: &str) -> Result<Waiting, String> {
        if o.spin {
            return Ok(Waiting::Spin);
        }
        let event = |what| node.service_builder(&name(o, what)?).event().open_or_create().map_err(said("opening the event"));
        Ok(Waiting::Events {
            listener: event(mine)?.listener_builder().create().map_err(said("making a listener"))?,
            notifier: event(theirs)?.notifier_builder().create().map_err(said("making a notifier"))?,
        })
    }

    /// Returns when there may be something to look at.
    pub fn wait(&self) -> Result<(), String> {
        match self {
            Waiting::Spin => std::hint::spin_loop(),
            Waiting::Events { listener, .. } => {
                match listener.timed_wait(|_| {}, LOOK_UP) {
                    Ok(_) | Err(ListenerWaitError::InterruptSignal) => {} // the caller looks why
                    Err(error) => return Err(said("waiting for an event")(error)),
                }
            }
        }
        Ok(())
    }

    /// Wakes the other side.
    pub fn wake(&self) -> Result<(), String> {
        if let Waiting::Events { notifier, .. } = self {
            notifier.notify().map_err(said("sending an event"))?;
        }
        Ok(())
    }
}

pub fn said<E: std::fmt::Debug>(doing: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{doing}: {error:?}")
}
