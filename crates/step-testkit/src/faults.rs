//! A loopback HTTP proxy that answers wrong for a while, then forwards. For what real servers
//! cannot be asked to do: 503, cut connections, a service that goes away in the middle.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What happens to a request instead of being forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status, with no body; `retry_after` seconds in the header when given.
    Status {
        /// The status, e.g. 503.
        status: u16,
        /// Seconds for `Retry-After`.
        retry_after: Option<u32>,
    },
    /// The connection closes without an answer.
    Cut,
    /// The answer of the real server is cut after this many bytes (head included).
    CutAfter(usize),
    /// The real server answers, and the answer never arrives: the connection stays open until the client closes it.
    Swallow,
}

impl Fault {
    /// 503 without `Retry-After`.
    pub const UNAVAILABLE: Self = Self::Status {
        status: 503,
        retry_after: None,
    };
}

type Matcher = Box<dyn Fn(&str) -> bool + Send + Sync>;

#[derive(Default)]
struct Plan {
    faults: Mutex<Vec<(Matcher, usize, Fault)>>,
    seen: Mutex<Vec<String>>,
    failed: AtomicUsize,
    swallowed: AtomicUsize,
    relayed: AtomicU64,
    stop: AtomicBool,
}

/// The proxy. It stops when dropped.
pub struct FaultProxy {
    address: SocketAddr,
    plan: Arc<Plan>,
}

impl std::fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultProxy")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl FaultProxy {
    /// A proxy on a free loopback port before `target` (`127.0.0.1:9000` or `http://…`).
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn before(target: &str) -> io::Result<Self> {
        Self::listening(Ipv4Addr::LOCALHOST, target)
    }

    /// The same on a free port of another address of this machine, for clients that are not on its loopback.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn listening(address: Ipv4Addr, target: &str) -> io::Result<Self> {
        let target = target
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind((address, 0))?;
        let address = listener.local_addr()?;
        let plan = Arc::new(Plan::default());
        let shared = Arc::clone(&plan);
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.stop.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(client), plan, target) = (client, Arc::clone(&shared), target.clone()) else {
                    continue;
                };
                thread::spawn(move || serve(client, &target, &plan));
            }
        });
        Ok(Self { address, plan })
    }

    /// `http://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next `times` requests get `fault`.
    pub fn fail(&self, times: usize, fault: Fault) {
        self.fail_when(|_| true, times, fault);
    }

    /// The next `times` requests whose first line (`GET /path HTTP/1.1`) `matches` get `fault`.
    pub fn fail_when(
        &self,
        matches: impl Fn(&str) -> bool + Send + Sync + 'static,
        times: usize,
        fault: Fault,
    ) {
        lock(&self.plan.faults).push((Box::new(matches), times, fault));
    }

    /// Forwards everything from now on.
    pub fn heal(&self) {
        lock(&self.plan.faults).clear();
    }

    /// How many requests were failed.
    pub fn failed(&self) -> usize {
        self.plan.failed.load(Ordering::SeqCst)
    }

    /// How many answers were swallowed: the real server has done what it was asked for.
    pub fn swallowed(&self) -> usize {
        self.plan.swallowed.load(Ordering::SeqCst)
    }

    /// How many bytes of answers, heads included, went to clients.
    pub fn relayed(&self) -> u64 {
        self.plan.relayed.load(Ordering::SeqCst)
    }

    /// The first line of every request that came, in order.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.plan.seen).clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.plan.stop.store(true, Ordering::SeqCst);
        // The listener wakes up for one more connection and sees the flag.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Plan {
    fn fault_for(&self, line: &str) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let hit = faults
            .iter_mut()
            .find(|(matches, left, _)| *left > 0 && matches(line))?;
        hit.1 = hit.1.saturating_sub(1);
        self.failed.fetch_add(1, Ordering::SeqCst);
        Some(hit.2)
    }
}

/// One connection carries one request: `Connection: close` is put in, so that bodies need no
/// parsing beyond the request's own length.
fn serve(mut client: TcpStream, target: &str, plan: &Plan) {
    let _ = client.set_read_timeout(Some(Duration::from_secs(30)));
    let Some((head, rest)) = read_head(&mut client) else {
        return;
    };
    let line = head.lines().next().unwrap_or_default().to_owned();
    lock(&plan.seen).push(line.clone());
    let fault = plan.fault_for(&line);
    match fault {
        Some(Fault::Status { status, retry_after }) => {
            drain(&mut client, &head, rest.len());
            let pause = retry_after
                .map(|s| format!("Retry-After: {s}\r\n"))
                .unwrap_or_default();
            let answer = format!(
                "HTTP/1.1 {status} Injected\r\n{pause}Content-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let _ = client.write_all(answer.as_bytes());
            return;
        }
        Some(Fault::Cut) => {
            let _ = client.shutdown(Shutdown::Both);
            return;
        }
        Some(Fault::CutAfter(_) | Fault::Swallow) | None => {}
    }
    let Ok(mut server) = TcpStream::connect(target) else {
        return;
    };
    let mut out = String::new();
    for (at, line) in head.split("\r\n").enumerate() {
        if at == 1 {
            out.push_str("Connection: close\r\n");
        }
        if !line.to_ascii_lowercase().starts_with("connection:") && !line.is_empty() {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out.push_str("\r\n");
    if server
        .write_all(out.as_bytes())
        .and_then(|()| server.write_all(&rest))
        .is_err()
    {
        return;
    }
    let up = if let (Ok(mut from), Ok(mut to)) = (client.try_clone(), server.try_clone()) {
        Some(thread::spawn(move || io::copy(&mut from, &mut to)))
    } else {
        None
    };
    let mut to_client = Counted(&client, &plan.relayed);
    let _ = match fault {
        Some(Fault::CutAfter(bytes)) => io::copy(&mut (&mut server).take(bytes as u64), &mut to_client),
        Some(Fault::Swallow) => {
            let swallowed = io::copy(&mut server, &mut io::sink());
            plan.swallowed.fetch_add(1, Ordering::SeqCst);
            // It ends when the client goes away, or after the time that it may be silent.
            let _ = up.map(thread::JoinHandle::join);
            swallowed
        }
        _ => io::copy(&mut server, &mut to_client),
    };
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

/// A connection whose bytes are counted as they go out: a client may leave before the last.
struct Counted<'a>(&'a TcpStream, &'a AtomicU64);

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.1.fetch_add(written as u64, Ordering::SeqCst);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The head of a request up to its empty line, and the bytes that came with it.
fn read_head(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    let mut buffer = [0_u8; 8192];
    loop {
        if let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
            let rest = seen.split_off(end + 4);
            return Some((String::from_utf8_lossy(&seen).into_owned(), rest));
        }
        match client.read(&mut buffer) {
            Ok(count) if count > 0 && seen.len() < 1 << 20 => {
                seen.extend_from_slice(buffer.get(..count)?);
            }
            _ => return None,
        }
    }
}

/// Reads the rest of the body, or the client may see its connection reset before the answer.
fn drain(client: &mut TcpStream, head: &str, have: usize) {
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    let left = length.saturating_sub(have) as u64;
    let _ = io::copy(&mut client.take(left), &mut io::sink());
}
