//! The measuring loop and what is printed of it.

use std::time::Instant;

use crate::options::Options;

/// One client. Frames are numbered from 1 on.
pub trait Exchange {
    fn send(&mut self, n: u64) -> Result<(), String>;
    /// Awaits the response to frame n, the oldest one on its way, and checks it.
    fn receive(&mut self, n: u64) -> Result<(), String>;
}

/// Reads monotonic time and knows what one reading costs: the median of 1000 readings that follow each other at once.
struct Clock {
    epoch: Instant,
    cost: i64,
}

impl Clock {
    fn new() -> Clock {
        let mut clock = Clock { epoch: Instant::now(), cost: 0 };
        let readings: Vec<i64> = (0..1001).map(|_| clock.now()).collect();
        let mut gaps: Vec<i64> = readings.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable();
        clock.cost = gaps[gaps.len() / 2];
        clock
    }

    fn now(&self) -> i64 {
        self.epoch.elapsed().as_nanos() as i64
    }

    fn sample(&self, from: i64, to: i64) -> i64 {
        (to - from - self.cost).max(0)
    }
}

pub fn measure(o: &Options, client: &mut impl Exchange) -> Result<String, String> {
    let clock = Clock::new();
    let mut samples = Vec::with_capacity(o.count.max(o.warmup));
    let mut next = 1;
    block(client, &clock, o, o.warmup, &mut next, &mut samples)?;
    samples.clear();
    let begin = clock.now();
    block(client, &clock, o, o.count, &mut next, &mut samples)?;
    let elapsed = clock.now() - begin;
    samples.sort_unstable();
    let percentile = |q: f64| samples[((samples.len() as f64 * q) as usize).min(samples.len() - 1)];
    Ok(format!(
        "{{\"p50_ns\":{},\"p99_ns\":{},\"p999_ns\":{},\"samples\":{},\"cpu\":{},\"clock_ns\":{},\"limit_p50_ns\":0,\"elapsed_ns\":{elapsed}}}",
        percentile(0.50),
        percentile(0.99),
        percentile(0.999),
        samples.len(),
        o.cpu,
        clock.cost
    ))
}

/// With one frame on its way consecutive samples share a clock reading; of several the oldest is received first.
fn block(
    client: &mut impl Exchange,
    clock: &Clock,
    o: &Options,
    frames: usize,
    next: &mut u64,
    samples: &mut Vec<i64>,
) -> Result<(), String> {
    if o.inflight == 1 {
        let mut before = clock.now();
        for _ in 0..frames {
            client.send(*next)?;
            client.receive(*next)?;
            *next += 1;
            let now = clock.now();
            samples.push(clock.sample(before, now));
            before = now;
        }
        return Ok(());
    }
    let inflight = o.inflight as u64;
    let mut sent_at = vec![0; o.inflight];
    let (mut oldest, end) = (*next, *next + frames as u64);
    while oldest < end {
        while *next < end && *next < oldest + inflight {
            sent_at[(*next % inflight) as usize] = clock.now();
            client.send(*next)?;
            *next += 1;
        }
        client.receive(oldest)?;
        samples.push(clock.sample(sent_at[(oldest % inflight) as usize], clock.now()));
        oldest += 1;
    }
    Ok(())
}
