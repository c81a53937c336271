//! A loopback model server that does what a real one cannot be asked to do: stall, fail on every tenth
//! request, answer NaN. It speaks just enough of the V2 protocol; what a real server does is tested on MLServer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What the server does with one inference request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// 200 with this prediction.
    Predict(f64),
    /// 200 with this body, whatever it is.
    Body(String),
    /// This status with an error text.
    Fail(u16),
    /// The connection closes without an answer.
    Cut,
    /// From now on and for this long no request is answered, this one included; then 200 with this prediction.
    Stall(Duration, f64),
}

/// Decides by the running number of the inference request (from 0) and its body.
type Script = Box<dyn Fn(usize, &serde_json::Value) -> Reply + Send + Sync>;

struct State {
    script: Script,
    seen: AtomicUsize,
    stop: AtomicBool,
    /// Until then nothing is answered.
    stalled_until: Mutex<Option<Instant>>,
    delay: Duration,
}

/// The server. It stops when dropped.
pub struct ModelStub {
    address: SocketAddr,
    state: Arc<State>,
}

impl std::fmt::Debug for ModelStub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelStub")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl ModelStub {
    /// A server on a free loopback port that answers each request after `delay` as `script` says.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(
        delay: Duration,
        script: impl Fn(usize, &serde_json::Value) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            script: Box::new(script),
            seen: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            stalled_until: Mutex::new(None),
            delay,
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.stop.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(client) = client else { continue };
                let state = Arc::clone(&shared);
                // A client that goes away in the middle is its own affair.
                thread::spawn(move || drop(serve(client, &state)));
            }
        });
        Ok(Self { address, state })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Inference requests so far.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.state.seen.load(Ordering::SeqCst)
    }
}

impl Drop for ModelStub {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        // The listener wakes up for one more connection and sees the flag.
        drop(TcpStream::connect(self.address));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests of one kept-alive connection.
fn serve(client: TcpStream, state: &State) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut writer = client.try_clone()?;
    let mut reader = BufReader::new(client);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || state.stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        if !path.ends_with("/infer") {
            answer(&mut writer, 200, "{}")?;
            continue;
        }
        let number = state.seen.fetch_add(1, Ordering::SeqCst);
        let reply = (state.script)(number, &serde_json::from_slice(&body).unwrap_or_default());
        if let Reply::Stall(time, _) = reply {
            *lock(&state.stalled_until) = Some(Instant::now() + time);
        }
        thread::sleep(state.delay);
        let wake = *lock(&state.stalled_until);
        if let Some(left) = wake.and_then(|until| until.checked_duration_since(Instant::now())) {
            thread::sleep(left);
        }
        match reply {
            Reply::Predict(value) | Reply::Stall(_, value) => answer(
                &mut writer,
                200,
                &format!(
                    r#"{{"outputs":[{{"name":"predict","shape":[1,1],"datatype":"FP64","data":[{value}]}}]}}"#
                ),
            )?,
            Reply::Body(body) => answer(&mut writer, 200, &body)?,
            Reply::Fail(status) => answer(&mut writer, status, r#"{"error":"told to fail"}"#)?,
            Reply::Cut => return Ok(()),
        }
    }
}

fn answer(writer: &mut TcpStream, status: u16, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Stub\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    writer.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice())
}
